#!/usr/bin/env bash
# Installs the pinned Verdaccio that tests/e2e/publishing_test.py publishes to: install-verdaccio.sh [DIR], default build/verdaccio.
# From the registry that npm is configured with. Does nothing if DIR already holds it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pins=$root/tests/e2e/verdaccio
dir=${1:-$root/build/verdaccio}

wanted=$(cat "$pins/package.json" "$pins/package-lock.json" | sha256sum)
[ "$(cat "$dir/.installed" 2>/dev/null)" = "$wanted" ] && exit 0

echo "installing the registry under test into $dir" >&2
mkdir -p "$dir"
rm -rf "$dir/.installed" "$dir/node_modules"
cp "$pins/package.json" "$pins/package-lock.json" "$dir/"
if ! npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --loglevel=error >"$dir/install.log" 2>&1; then
  cat "$dir/install.log" >&2
  echo "install-verdaccio.sh: npm could not install it; is a registry configured (npm config get registry)?" >&2
  exit 3
fi
printf '%s\n' "$wanted" >"$dir/.installed"
