#!/usr/bin/env bash
# Fetches the pinned grammars that inspect/code/ is built with into DIR (fetch-grammars.sh DIR): tree-sitter's JavaScript and
# TypeScript, C sources as their npm packages hold them, parser ABI 14 (what Debian 12's libtree-sitter reads). From the registry that
# NPM_CONFIG_REGISTRY names or npm is configured with; a tarball with another SHA-512 than the one below is refused. Does nothing
# if DIR already holds them; any number of builds may share DIR and run at once.
set -euo pipefail
dir=$1

# name, version, SHA-512 of the tarball (hex of the registry's `integrity`)
pins=(
  "tree-sitter-javascript 0.23.1 fdb9e16eb4c3f5fad46074138989cf731c87391230d79ec44416ba76acda2b1bd1ff1dcf0b863377e0f5a5920c4baccd836bf76bc059d282bb8c7aac428f5f58"
  "tree-sitter-typescript 0.23.2 7b4e095142b14d3e77ff1dd4ab5cc82f8e43a182957c71f8099ab081984f839a9844e9799d08d5fbce6bb85cc5199c6ef9078555b4533c3467a8bf546d4e1578"
)

fetch() {  # name version directory: leaves a .tgz there
  local name=$1 version=$2 to=$3 registry=${NPM_CONFIG_REGISTRY:-${npm_config_registry:-}}
  if [ -z "$registry" ] && command -v npm >/dev/null; then
    # npm brings its own settings along: proxy, certificates, credentials.
    (cd "$to" && npm pack --silent --ignore-scripts "$name@$version" >npm.log 2>&1) && return
    cat "$to/npm.log" >&2
    return 1
  fi
  [ -n "$registry" ] || { echo "fetch-grammars.sh: no registry: set NPM_CONFIG_REGISTRY or install npm" >&2; return 1; }
  curl -fsSL --retry 2 --max-time 120 -o "$to/$name-$version.tgz" "${registry%/}/$name/-/$name-$version.tgz"
}

mkdir -p "$dir"
for pin in "${pins[@]}"; do
  read -r name version digest <<<"$pin"
  wanted=$dir/$name-$version
  [ -d "$wanted" ] && continue
  work=$(mktemp -d "$dir/.fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  if ! fetch "$name" "$version" "$work"; then
    echo "fetch-grammars.sh: $name@$version is not available: the build needs a registry once (NPM_CONFIG_REGISTRY, or npm config get registry)" >&2
    exit 3
  fi
  if ! printf '%s  %s\n' "$digest" "$work/$name-$version.tgz" | sha512sum --check --status; then
    echo "fetch-grammars.sh: $name@$version from the registry is not the pinned one (SHA-512 differs)" >&2
    exit 3
  fi
  mkdir "$work/sources"
  tar -xzf "$work/$name-$version.tgz" -C "$work/sources" --strip-components=1 --no-same-owner
  mv -T "$work/sources" "$wanted" 2>/dev/null || [ -d "$wanted" ]  # another build may have been first
  rm -rf "$work"
  trap - EXIT
done
