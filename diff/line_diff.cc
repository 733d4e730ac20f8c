#include "diff/line_diff.h"

#include <git2/diff.h>
#include <git2/errors.h>
#include <git2/global.h>
#include <git2/patch.h>

#include <memory>

#include "base/hex.h"
#include "base/text.h"

namespace npmgate {
namespace {

struct PatchFree {
  void operator()(git_patch* patch) const { git_patch_free(patch); }
};
using PatchPtr = std::unique_ptr<git_patch, PatchFree>;

Error git_failure(const std::string& what) {
  const git_error* const last = git_error_last();
  return fail(Code::kTooLarge, Origin::kSelf,
              what + (last != nullptr ? ": " + std::string(last->message) : std::string()));
}

std::uint32_t line_number(int number) {
  return number > 0 ? static_cast<std::uint32_t>(number) : 0;
}

bool is_line(char origin) {
  return origin == GIT_DIFF_LINE_CONTEXT || origin == GIT_DIFF_LINE_ADDITION ||
         origin == GIT_DIFF_LINE_DELETION;
}

Result<Hunk> read_hunk(git_patch* patch, std::size_t index, std::size_t room,
                       const LineDiffLimits& limits) {
  Hunk hunk;
  const int count = git_patch_num_lines_in_hunk(patch, index);
  for (int i = 0; i < count && hunk.lines.size() < room; ++i) {
    const git_diff_line* line = nullptr;
    if (git_patch_get_line_in_hunk(&line, patch, index, static_cast<std::size_t>(i)) != 0)
      return git_failure("a line of the difference cannot be read");
    if (!is_line(line->origin)) continue;  // "\ No newline at end of file"
    std::string_view text(line->content, line->content_len);
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    hunk.lines.push_back({static_cast<LineKind>(line->origin), line_number(line->old_lineno),
                          line_number(line->new_lineno), valid_text(text, limits.max_line_bytes)});
  }
  return hunk;
}

}  // namespace

Result<void> prepare_line_diff() {
  if (git_libgit2_init() < 0) return git_failure("libgit2 cannot be used");
  const auto tried = line_diff("a\n", "b\n", {});
  if (!tried) return tried.error();
  return {};
}

std::string valid_text(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    std::string piece(text.substr(0, point.size));
    if (!point.valid) {
      piece = "\\x";
      append_hex(piece, text.front());
    }
    text.remove_prefix(point.size);
    if (out.size() + piece.size() > limit) return out + "…";
    out += piece;
  }
  return out;
}

Result<LineDiff> line_diff(std::string_view before, std::string_view after,
                           const LineDiffLimits& limits) {
  git_diff_options options;
  git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
  options.flags = GIT_DIFF_FORCE_TEXT | GIT_DIFF_INDENT_HEURISTIC;
  options.context_lines = limits.context;
  git_patch* raw = nullptr;
  if (git_patch_from_buffers(&raw, before.data(), before.size(), "file", after.data(), after.size(),
                             "file", &options) != 0)
    return git_failure("the difference cannot be made");
  const PatchPtr patch(raw);
  LineDiff diff;
  std::size_t context = 0, added = 0, removed = 0;
  if (git_patch_line_stats(&context, &added, &removed, patch.get()) != 0)
    return git_failure("the difference cannot be counted");
  diff.added = static_cast<std::uint32_t>(added);
  diff.removed = static_cast<std::uint32_t>(removed);
  std::size_t room = limits.max_lines;
  const std::size_t hunks = git_patch_num_hunks(patch.get());
  for (std::size_t i = 0; i < hunks && room > 0; ++i) {
    auto hunk = read_hunk(patch.get(), i, room, limits);
    if (!hunk) return hunk.error();
    room -= hunk->lines.size();
    diff.hunks.push_back(std::move(*hunk));
  }
  diff.cut = context + added + removed > limits.max_lines;
  return diff;
}

}  // namespace npmgate
