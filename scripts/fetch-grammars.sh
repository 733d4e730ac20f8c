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

for pin in "${pins[@]}"; do
  read -r name version digest <<<"$pin"
  "$(dirname "${BASH_SOURCE[0]}")/fetch-pinned.sh" "$name" "$version" "$digest" "$dir/$name-$version"
done
