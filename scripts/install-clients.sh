#!/usr/bin/env bash
# Installs the pinned package managers that the end-to-end tests drive, with a node new enough for all of them:
# install-clients.sh [DIR], default build/clients. Versions: tests/e2e/clients/package.json and its lock file, from the
# registry that npm is configured with. Does nothing if DIR already holds them and each of them runs.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pins=$root/tests/e2e/clients
dir=${1:-$root/build/clients}
stamp=$dir/.installed

# Another reader of JavaScript, which tests/differential holds the lexer against.
"$root/scripts/fetch-pinned.sh" acorn 8.19.0 \
  a09940dd78919bb0b293aa850f6267f1a93d07b8d2cb4ab2d340033b7fbc7694f42d28c58a1418bf80b4d8b142498255dd0dfbc58c30472e66f88a48894cea5b \
  "$root/build/pinned/acorn-8.19.0"

wanted=$(cat "$pins/package.json" "$pins/package-lock.json" | sha256sum)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

echo "installing the package managers under test into $dir" >&2
mkdir -p "$dir"
rm -rf "$stamp" "$dir/node_modules"
cp "$pins/package.json" "$pins/package-lock.json" "$dir/"
# No scripts: every binary comes in a platform package, and which one is used is looked up by tests/support/clients.py.
if ! npm ci --prefix "$dir" --ignore-scripts --no-audit --no-fund --loglevel=error >"$dir/install.log" 2>&1; then
  cat "$dir/install.log" >&2
  echo "install-clients.sh: npm could not install the clients; is a registry configured (npm config get registry)?" >&2
  exit 3
fi
python3 "$root/tests/support/clients.py" --versions "$dir"
printf '%s\n' "$wanted" >"$stamp"
