#include "diff/content_diff_json.h"

#include <algorithm>

#include "inspect/evidence/manifest_json.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// "…" and one code point may follow the limit on a line.
constexpr std::size_t kSlack = 8;

Error malformed(const char* what) {
  return fail(Code::kMalformed, Origin::kSelf, std::string("no difference of contents: ") + what);
}

// A line is [kind, before, after, text].
json::array to_json(const DiffLine& line) {
  return {std::string(1, static_cast<char>(line.kind)), line.before, line.after, line.text};
}

json::object to_json(const FileDiff& file) {
  json::array hunks;
  for (const Hunk& hunk : file.lines.hunks) {
    json::array lines;
    for (const DiffLine& line : hunk.lines) lines.push_back(to_json(line));
    hunks.push_back(std::move(lines));
  }
  json::object out{{"path", file.path},
                   {"in_before", file.in_before},
                   {"in_after", file.in_after},
                   {"before_size", file.before_size},
                   {"after_size", file.after_size},
                   {"shown", to_string(file.shown)},
                   {"added", file.lines.added},
                   {"removed", file.lines.removed},
                   {"cut", file.lines.cut},
                   {"hunks", std::move(hunks)}};
  if (file.shown == Shown::kBinary) {
    out["before_kind"] = file.before_kind;
    out["kind"] = file.kind;
    out["strings"] = to_json_array(file.strings);
  }
  return out;
}

DiffLine line_from(const json::value& value, bool& ok) {
  DiffLine line;
  const json::array* const parts = value.if_array();
  ok = ok && parts != nullptr && parts->size() == 4;
  if (!ok) return line;
  const std::string kind = json_text((*parts)[0], ok);
  ok = ok && kind.size() == 1 && std::string_view(" +-").find(kind[0]) != std::string_view::npos;
  if (!ok) return line;
  line.kind = static_cast<LineKind>(kind[0]);
  line.before = static_cast<std::uint32_t>(json_number((*parts)[1], ok));
  line.after = static_cast<std::uint32_t>(json_number((*parts)[2], ok));
  line.text = json_text((*parts)[3], ok);
  return line;
}

Hunk hunk_from(const json::value& value, bool& ok) {
  Hunk hunk;
  const json::array* const lines = value.if_array();
  ok = ok && lines != nullptr;
  if (!ok) return hunk;
  for (const json::value& line : *lines) hunk.lines.push_back(line_from(line, ok));
  return hunk;
}

Shown shown_from(const std::string& text, bool& ok) {
  for (const Shown shown : {Shown::kLines, Shown::kReadable, Shown::kBinary, Shown::kNothing}) {
    if (to_string(shown) == text) return shown;
  }
  ok = false;
  return Shown::kNothing;
}

FileDiff file_from(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  FileDiff file;
  file.path = fields.text("path");
  file.in_before = fields.flag("in_before");
  file.in_after = fields.flag("in_after");
  file.before_size = fields.number("before_size");
  file.after_size = fields.number("after_size");
  file.shown = shown_from(fields.text("shown"), ok);
  file.lines.added = static_cast<std::uint32_t>(fields.number("added"));
  file.lines.removed = static_cast<std::uint32_t>(fields.number("removed"));
  file.lines.cut = fields.flag("cut");
  for (const json::value& hunk : fields.array("hunks"))
    file.lines.hunks.push_back(hunk_from(hunk, ok));
  if (file.shown == Shown::kBinary) {
    file.before_kind = fields.text("before_kind");
    file.kind = fields.text("kind");
    file.strings = fields.texts("strings");
  }
  return file;
}

// What the limits do not allow; null if nothing is wrong.
const char* implausible(const ContentDiff& diff, const std::vector<std::string>& paths,
                        const DiffLimits& limits) {
  std::size_t at = 0, lines = 0;
  for (const FileDiff& file : diff.files) {
    while (at < paths.size() && paths[at] != file.path) ++at;
    if (at++ == paths.size()) return "a file that was not asked for";
    for (const Hunk& hunk : file.lines.hunks) {
      lines += hunk.lines.size();
      for (const DiffLine& line : hunk.lines) {
        if (line.text.size() > limits.lines.max_line_bytes + kSlack) return "a line too long";
        if (line.text.find('\n') != std::string::npos) return "a line of two";
      }
    }
  }
  return lines > limits.max_lines ? "more lines than allowed" : nullptr;
}

}  // namespace

json::value to_json(const ContentDiff& diff) {
  json::array files;
  for (const FileDiff& file : diff.files) files.push_back(to_json(file));
  return json::object{{"files", std::move(files)}};
}

Result<ContentDiff> content_diff_from_json(const json::value& value,
                                           const std::vector<std::string>& paths,
                                           const DiffLimits& limits) {
  bool ok = true;
  const JsonFields fields(value, ok);
  ContentDiff diff;
  for (const json::value& file : fields.array("files")) diff.files.push_back(file_from(file, ok));
  if (!ok || to_json(diff) != value) return malformed("another shape");
  if (const char* const why = implausible(diff, paths, limits)) return malformed(why);
  return diff;
}

}  // namespace npmgate
