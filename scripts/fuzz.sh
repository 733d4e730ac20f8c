#!/usr/bin/env bash
# Searches with one fuzz target for hours: fuzz.sh TARGET HOURS [libFuzzer options …]; fuzz.sh TARGET --merge puts what was learnt
# into the committed corpus, minimised. Targets: tests/fuzz/*_fuzzer.cc. New inputs, and those that break a promise, stay in
# build/fuzz/long/TARGET; exit 1 if one was found.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -lt 2 ] || [ "$1" = --help ]; then
  sed -n '2,4s/^# //p' "$0" >&2
  echo "targets: $(cd "$root/tests/fuzz" && ls ./*_fuzzer.cc | sed -E 's,^\./(.*)_fuzzer\.cc,\1,' | tr '\n' ' ')" >&2
  exit 2
fi
target=$1 hours=$2
shift 2
[ -f "$root/tests/fuzz/${target}_fuzzer.cc" ] || { echo "fuzz.sh: no target '$target' in tests/fuzz" >&2; exit 2; }
"$root/scripts/install-packages.sh" build test
"$root/scripts/build.sh" fuzz "fuzz_$target"
program=$root/build/fuzz/tests/fuzz/fuzz_$target
corpus=$root/tests/fuzz/corpus/$target
work=$root/build/fuzz/long/$target
limit=$(sed -nE "s/^npm_gate_fuzzer\($target .*MAX_LEN ([0-9]+).*/\1/p" "$root/tests/fuzz/CMakeLists.txt")
mkdir -p "$work/found" "$corpus"

if [ "$hours" = --merge ]; then
  rm -rf "$work/merged"
  mkdir "$work/merged"
  "$program" -merge=1 -max_len="$limit" "$work/merged" "$corpus" "$work/found" >"$work/merge.log" 2>&1 || { tail -20 "$work/merge.log" >&2; exit 1; }
  rm -f "$corpus"/*
  cp "$work/merged"/* "$corpus/"
  echo "$target: $(find "$corpus" -type f | wc -l) inputs, $(du -sb "$corpus" | cut -f1) bytes"
  exit 0
fi
python3 -B "$root/tests/fuzz/seeds.py" "$target" "$work/seeds"
seconds=$(awk -v h="$hours" 'BEGIN { printf "%d", h * 3600 }')
dictionary=()
[ ! -f "$root/tests/fuzz/$target.dict" ] || dictionary=("-dict=$root/tests/fuzz/$target.dict")
"$program" -max_total_time="$seconds" -max_len="$limit" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -print_funcs=0 \
  -artifact_prefix="$work/" "${dictionary[@]}" "$@" "$work/found" "$corpus" "$work/seeds" || exit 1
