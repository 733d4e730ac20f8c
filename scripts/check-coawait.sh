#!/usr/bin/env bash
# Finds the statements that g++ 12 gets wrong: an aggregate or a capturing lambda made as a temporary beside a co_await is destroyed
# twice (docs/ARCHITECTURE.md, section 5). Parses the sources with coroutines with clang; exit 1 on a match, 77 without clang-query-14.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
query=$root/scripts/coawait-check.query
if ! command -v clang-query-14 >/dev/null; then
  echo "clang-query-14 is not installed: not checked"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check_file FILE [MORE FLAGS]: the matches in a file, and what clang could not parse.
check_file() {
  clang-query-14 -f "$query" "$1" -- -x c++ -std=c++20 -w -I"$root" -DNPM_GATE_VERSION=\"0\" "${@:2}" 2>&1 |
    grep -vE '^(Match #|0 matches|$)' || true
}
export -f check_file
export query root

# First a sample with both mistakes: a query that finds nothing there finds nothing anywhere.
cat >"$work/sample.cc" <<'SAMPLE'
#include <coroutine>
#include <string>
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};
struct Aggregate { std::string text; };
Task takes(Aggregate) { co_return; }
template <class F> Task runs(F) { co_return; }
Task mistake_one() { co_await takes(Aggregate{"a"}); }
Task mistake_two(std::string text) { co_await runs([text] {}); }
Task right(std::string text) { Aggregate named{text}; co_await takes(static_cast<Aggregate&&>(named)); }
SAMPLE
sample=$(check_file "$work/sample.cc")
if [ "$(grep -c '"root" binds here' <<<"$sample")" -ne 2 ] || grep -q 'error:' <<<"$sample"; then
  printf 'the check itself is broken; on its sample it says:\n%s\n' "$sample"
  exit 1
fi

# The sources of a folder are parsed in one go: the headers, Asio's above all, are nearly all of the time. Names in unnamed namespaces
# are unique within a folder (release builds rely on it as well).
cd "$root"
mapfile -t files < <(grep -rlE 'co_await' --include='*.cc' --include='*.h' proxy app | sort)
if [ ${#files[@]} -eq 0 ]; then
  echo "no file with coroutines found"
  exit 1
fi
for file in "${files[@]}"; do
  printf '#include "%s"\n' "$root/$file" >>"$work/$(dirname "$file" | tr / _).all.cc"
done
printf '%s\0' "$work"/*.all.cc | xargs -0 -P "$(nproc)" -I{} bash -c 'check_file "$1" >"$1.out"' _ {}
if cat "$work"/*.out | grep -q .; then
  cat "$work"/*.out
  echo "name the temporary and move it in (docs/ARCHITECTURE.md, section 5)"
  exit 1
fi
echo "${#files[@]} files with coroutines, no match"
