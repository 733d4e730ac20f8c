#!/usr/bin/env bash
# clang-tidy over the product's sources, or over the files named: check-tidy.sh [FILE…]. Minutes for everything; not part of ./test.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
if ! command -v clang-tidy-14 >/dev/null; then
  echo "clang-tidy-14 is not installed: not checked"
  exit 77
fi
[ -f build/dev/compile_commands.json ] || cmake --preset dev >/dev/null
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(find base registry inspect sandbox feeds yaml policy lockfile store judge certs alert proxy app -name '*.cc' 2>/dev/null | sort)
# The compile commands are g++'s: clang does not know all of its warning switches.
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy-14 -p build/dev --quiet \
  --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-error
