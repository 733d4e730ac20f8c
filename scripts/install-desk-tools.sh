#!/usr/bin/env bash
# Installs the OpenID provider and the accessibility checker that the desk's tests use: install-desk-tools.sh [DIR], default build/desk-tools.
# Versions and digests: tests/e2e/desk-tools. From the registry that npm is configured with. Does nothing where DIR already holds them.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pins=$root/tests/e2e/desk-tools
dir=${1:-$root/build/desk-tools}

wanted=$(cat "$pins/package.json" "$pins/package-lock.json" | sha256sum)
[ "$(cat "$dir/.installed" 2>/dev/null)" = "$wanted" ] && exit 0

echo "installing an OpenID provider and axe into $dir" >&2
mkdir -p "$dir"
rm -rf "$dir/.installed" "$dir/node_modules"
cp "$pins/package.json" "$pins/package-lock.json" "$dir/"
if ! npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --loglevel=error >"$dir/install.log" 2>&1; then
  cat "$dir/install.log" >&2
  echo "install-desk-tools.sh: npm could not install them; is a registry configured (npm config get registry)?" >&2
  exit 3
fi
printf '%s\n' "$wanted" >"$dir/.installed"
