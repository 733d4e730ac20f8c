#!/usr/bin/env bash
# Every C++ file as .clang-format has it; exit 1 naming those that are not, 77 without clang-format-14. Mend with: check-format.sh --fix
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if ! command -v clang-format-14 >/dev/null; then
  echo "clang-format-14 is not installed: not checked"
  exit 77
fi
cd "$root"
mapfile -t files < <(find base registry sigstore inspect diff sandbox feeds yaml policy lockfile store judge certs alert proxy app tests bench -name '*.h' -o -name '*.cc' 2>/dev/null | sort)
if [ "${1:-}" = --fix ]; then
  clang-format-14 -i "${files[@]}"
  exit 0
fi
bad=$(printf '%s\0' "${files[@]}" | xargs -0 -n 16 -P "$(nproc)" clang-format-14 --dry-run --ferror-limit=1 2>&1 |
  sed -nE 's/^([^:]+):[0-9]+:[0-9]+: warning: code should be clang-formatted.*/\1/p' | sort -u)
if [ -n "$bad" ]; then
  printf '%s\n' "$bad"
  echo "$(wc -l <<<"$bad") of ${#files[@]} files are not formatted; scripts/check-format.sh --fix"
  exit 1
fi
echo "${#files[@]} files are formatted"
