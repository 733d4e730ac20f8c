#include "proxy/admin/diff_view.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <map>
#include <set>

#include "base/json_members.h"
#include "base/text.h"
#include "diff/visible.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// A hunk's line on a page; the worker keeps as many bytes.
constexpr std::size_t kLongestLine = 2'000;
constexpr std::size_t kMostMarks = 20;  // of one file

struct Mark {
  const Finding* finding;
  std::uint64_t line;
};
using Marks = std::map<std::string, std::vector<Mark>, std::less<>>;

const json::array& files_of(const json::object& report) {
  return list_member(object_member(report, "diff"), "files");
}

std::uint64_t number_of(const json::object& object, std::string_view key) {
  const json::value& value = member_of(object, key);
  return value.is_number() ? value.to_number<std::uint64_t>() : 0;
}

// Every {"file": PATH, "line": N} in a proof, however deep.
void collect(const json::value& proof, const Finding& finding, Marks& marks) {
  if (const json::array* const list = proof.if_array()) {
    for (const json::value& each : *list) collect(each, finding, marks);
  } else if (const json::object* const object = proof.if_object()) {
    for (const std::string_view key : {"file", "path"}) {
      const std::string path = text_member(*object, key);
      if (!path.empty()) marks[path].push_back({&finding, number_of(*object, "line")});
    }
    for (const auto& [key, value] : *object) {
      if (value.is_array() || value.is_object()) collect(value, finding, marks);
    }
    for (const json::value& file : list_member(*object, "files")) {
      if (file.is_string()) marks[std::string(file.get_string())].push_back({&finding, 0});
    }
  }
}

Marks marks_of(const std::vector<Finding>& findings) {
  Marks marks;
  for (const Finding& finding : findings) collect(finding.proof, finding, marks);
  return marks;
}

bool ends_with_any(std::string_view path, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return path.ends_with(ending); });
}

bool is_document(std::string_view path) {
  const std::string name = lower_ascii(path.substr(path.rfind('/') + 1));
  return ends_with_any(name, {".md", ".markdown", ".txt", ".rst"}) || name.starts_with("license") ||
         name.starts_with("licence") || name.starts_with("changelog") || name.starts_with("notice");
}

// package.json in which nothing but the version is another one.
bool is_version_bump(const FileDiff& file) {
  if (file.path != "package.json" || file.lines.cut || file.shown != Shown::kLines) return false;
  std::size_t changed = 0;
  for (const Hunk& hunk : file.lines.hunks) {
    for (const DiffLine& line : hunk.lines) {
      if (line.kind == LineKind::kContext) continue;
      const std::size_t start = line.text.find_first_not_of(" \t");
      if (start == std::string::npos || !line.text.substr(start).starts_with("\"version\":"))
        return false;
      // One field and nothing behind it on the line.
      if (std::count(line.text.begin(), line.text.end(), '"') != 4) return false;
      ++changed;
    }
  }
  return changed == 2;
}

std::string noise_of(const FileDiff& file, const json::object& known, bool marked) {
  if (marked) return {};
  if (is_version_bump(file)) return "only the version";
  if (flag_member(known, "on_install") || !list_member(known, "new_traits").empty()) return {};
  if (file.path.ends_with(".map")) return "source map";
  if (ends_with_any(file.path, {".d.ts", ".d.mts", ".d.cts"})) return "type declarations";
  if (is_document(file.path)) return "document";
  return {};
}

json::array lines_json(const Hunk& hunk) {
  json::array lines;
  for (const DiffLine& line : hunk.lines) {
    lines.push_back(json::array{std::string(1, static_cast<char>(line.kind)), line.before,
                                line.after, visible_code(line.text, kLongestLine)});
  }
  return lines;
}

json::array marks_json(const std::vector<Mark>& marks) {
  json::array out;
  for (const Mark& mark : marks) {
    if (out.size() == kMostMarks) break;
    out.push_back(json::object{{"finding", mark.finding->id},
                               {"severity", to_string(mark.finding->severity)},
                               {"message", printable(mark.finding->message)},
                               {"line", mark.line}});
  }
  return out;
}

const char* change_of(const FileDiff& file) {
  if (!file.in_before) return "added";
  return file.in_after ? "changed" : "removed";
}

json::object file_json(const FileDiff& file, const json::object& known, const Marks& marks) {
  const auto marked = marks.find(file.path);
  json::array hunks, strings;
  for (const Hunk& hunk : file.lines.hunks) hunks.push_back(lines_json(hunk));
  for (const std::string& text : file.strings) strings.emplace_back(printable(text));
  return {{"path", file.path},
          {"change", change_of(file)},
          {"on_install", flag_member(known, "on_install")},
          {"new_traits", list_member(known, "new_traits")},
          {"noise", noise_of(file, known, marked != marks.end())},
          {"before_size", file.before_size},
          {"after_size", file.after_size},
          {"shown", to_string(file.shown)},
          {"added", file.lines.added},
          {"removed", file.lines.removed},
          {"cut", file.lines.cut},
          {"hunks", std::move(hunks)},
          {"before_kind", file.before_kind},
          {"kind", file.kind},
          {"strings", std::move(strings)},
          {"marks", marked != marks.end() ? marks_json(marked->second) : json::array()}};
}

}  // namespace

std::vector<std::string> paths_to_show(const json::object& report,
                                       const std::vector<Finding>& findings) {
  std::vector<std::string> named, others;
  const Marks marks = marks_of(findings);
  for (const json::value& file : files_of(report)) {
    std::string path = text_member(object_in(file), "path");
    (marks.contains(path) ? named : others).push_back(std::move(path));
  }
  named.insert(named.end(), others.begin(), others.end());
  return named;
}

json::object diff_view(const ContentDiff& diff, const json::object& report,
                       const std::vector<Finding>& findings) {
  std::map<std::string, const json::object*, std::less<>> known;
  for (const json::value& file : files_of(report))
    known.emplace(text_member(object_in(file), "path"), &object_in(file));
  const json::object kUnknown;
  const Marks marks = marks_of(findings);
  json::array files;
  std::size_t not_shown = 0;
  for (const FileDiff& file : diff.files) {
    const auto facts = known.find(file.path);
    files.push_back(file_json(file, facts == known.end() ? kUnknown : *facts->second, marks));
    not_shown += file.shown == Shown::kNothing;
  }
  return {{"files", std::move(files)}, {"not_shown", not_shown}};
}

}  // namespace npmgate
