#!/usr/bin/env bash
# Fetches one npm package, pinned by its tarball's SHA-512, unpacked into DIR: fetch-pinned.sh NAME VERSION SHA512 DIR. From the registry
# that NPM_CONFIG_REGISTRY names or npm is configured with. Does nothing if DIR is there; any number of builds may share it.
set -euo pipefail
name=$1 version=$2 digest=$3 dir=$4
[ -d "$dir" ] && exit 0
mkdir -p "$(dirname "$dir")"
work=$(mktemp -d "$(dirname "$dir")/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
registry=${NPM_CONFIG_REGISTRY:-${npm_config_registry:-}}
file=$work/package.tgz
if [ -n "$registry" ]; then
  curl -fsSL --retry 2 --max-time 120 -o "$file" "${registry%/}/$name/-/${name##*/}-$version.tgz" || rm -f "$file"
elif command -v npm >/dev/null; then
  # npm brings its own settings along: proxy, certificates, credentials.
  (cd "$work" && npm pack --silent --ignore-scripts "$name@$version" >npm.log 2>&1 && mv ./*.tgz package.tgz) || cat "$work/npm.log" >&2
fi
if [ ! -f "$file" ]; then
  echo "fetch-pinned.sh: $name@$version is not available: the build needs a registry once (NPM_CONFIG_REGISTRY, or npm config get registry)" >&2
  exit 3
fi
if ! printf '%s  %s\n' "$digest" "$file" | sha512sum --check --status; then
  echo "fetch-pinned.sh: $name@$version from the registry is not the pinned one (SHA-512 differs)" >&2
  exit 3
fi
mkdir "$work/tree"
tar -xzf "$file" -C "$work/tree" --strip-components=1 --no-same-owner
mv -T "$work/tree" "$dir" 2>/dev/null || [ -d "$dir" ]  # another build may have been first
