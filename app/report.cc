#include "app/report.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/log.h"

namespace npmgate {
namespace {

// Rows shown of one list; the JSON form has all.
constexpr std::size_t kShownFiles = 12;

struct Change {
  char kind;  // '+' '-' '~'
  std::string key, before, after;
};

std::vector<Change> compare(const StringMap& before, const StringMap& after) {
  std::vector<Change> changes;
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    if (old == before.end()) changes.push_back({'+', key, "", value});
    if (old != before.end() && old->second != value)
      changes.push_back({'~', key, old->second, value});
  }
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) changes.push_back({'-', key, value, ""});
  }
  return changes;
}

StringMap hooks_of(const Release& release, const Evidence* evidence) {
  StringMap hooks;
  for (const std::string_view hook : kInstallHooks) {
    if (evidence != nullptr) {
      if (const auto it = evidence->tree.package_json.scripts.find(hook);
          it != evidence->tree.package_json.scripts.end())
        hooks[it->first] = it->second;
    }
    if (const auto it = release.manifest.scripts.find(hook); it != release.manifest.scripts.end()) {
      const auto known = hooks.find(hook);
      if (known != hooks.end() && known->second != it->second)
        hooks[std::string(hook) + " (packument)"] = it->second;
      if (known == hooks.end()) hooks[std::string(hook)] = it->second;
    }
  }
  if (evidence != nullptr && evidence->tree.has_binding_gyp)
    hooks["binding.gyp"] = "node-gyp rebuild (implicit)";
  return hooks;
}

std::vector<Change> file_changes(const Evidence* before, const Evidence* after) {
  StringMap old_files, new_files;
  const auto fill = [](const Evidence* evidence, StringMap& out) {
    if (evidence == nullptr) return;
    for (const FileFacts& file : evidence->tree.files)
      out[file.path] = std::string(to_string(file.kind)) + " " + human_bytes(file.size) + " " +
                       file.sha256.substr(0, 12);
  };
  fill(before, old_files);
  fill(after, new_files);
  return compare(old_files, new_files);
}

StringMap people_of(const Release& release) {
  StringMap people;
  if (release.publisher)
    people["publisher"] =
        release.publisher->person.name +
        (release.publisher->trusted_publisher
             ? " (trusted publishing: " + *release.publisher->trusted_publisher + ")"
             : "");
  if (release.maintainers) {
    std::string all;
    for (const Person& person : *release.maintainers)
      all += (all.empty() ? "" : ", ") + person.name;
    people["maintainers"] = all;
  }
  if (release.manifest.repository) people["repository"] = release.manifest.repository->url;
  if (!release.manifest.license.empty()) people["license"] = release.manifest.license;
  return people;
}

class Writer {
 public:
  explicit Writer(bool colour) : colour_(colour) {}
  void line(const std::string& text) { out_ += text + "\n"; }
  std::string paint(const char* code, const std::string& text) const {
    return colour_ ? "\x1b[" + std::string(code) + "m" + text + "\x1b[0m" : text;
  }

  void section(const std::string& title, const std::vector<Change>& changes, std::size_t limit) {
    if (changes.empty()) return;
    const auto count = [&](char kind) {
      return std::to_string(std::count_if(changes.begin(), changes.end(),
                                          [&](const Change& c) { return c.kind == kind; }));
    };
    line("\n" + paint("1", title) + "  +" + count('+') + " -" + count('-') + " ~" + count('~'));
    for (std::size_t i = 0; i < changes.size() && i < limit; ++i) change(changes[i]);
    if (changes.size() > limit)
      line("    … and " + std::to_string(changes.size() - limit) + " more (--json has all)");
  }

  void change(const Change& c) {
    const auto safe = [](const std::string& text) { return log::printable(text, 300); };
    if (c.kind == '+') line(paint("32", "  + " + safe(c.key) + ": " + safe(c.after)));
    if (c.kind == '-') line(paint("31", "  - " + safe(c.key) + ": " + safe(c.before)));
    if (c.kind == '~') {
      line(paint("33", "  ~ " + safe(c.key)));
      line(paint("31", "      - " + safe(c.before)));
      line(paint("32", "      + " + safe(c.after)));
    }
  }
  std::string take() { return std::move(out_); }

 private:
  bool colour_;
  std::string out_;
};

std::string coloured_action(const Writer& writer, Action action) {
  const std::string text(to_string(action));
  if (action == Action::kAllow) return writer.paint("1;32", text);
  return writer.paint(action == Action::kWarn ? "1;33" : "1;31", text);
}

void write_head(Writer& writer, const ReportInput& input) {
  const Judged& judged = *input.judged;
  writer.line(writer.paint("1", log::printable(judged.subject.name + "@" + judged.version)) + "  " +
              coloured_action(writer, judged.verdict.action));
  std::string facts =
      "  published " + (judged.subject.published
                            ? format_minute(*judged.subject.published) + " (" +
                                  human_duration(input.now - judged.subject.born) + " ago)"
                            : std::string("at an unknown time"));
  if (judged.evidence) {
    facts += ", " + human_bytes(judged.evidence->tarball_size) + " packed, " +
             human_bytes(judged.evidence->tree.unpacked_size) + " in " +
             std::to_string(judged.evidence->tree.files.size()) + " files";
  }
  writer.line(facts);
  writer.line("  compared with " +
              (judged.baseline.empty()
                   ? "nothing: no earlier release to compare with"
                   : log::printable(judged.baseline) +
                         (judged.baseline_evidence ? "" : " (its packument only)")));
  if (judged.evidence) writer.line("  content " + judged.evidence->content_id());
}

void write_findings(Writer& writer, const Judged& judged) {
  writer.line("\n" + writer.paint("1", "findings") + "  " + std::to_string(judged.findings.size()));
  for (const Finding& finding : judged.findings) {
    const char* code = finding.severity >= Severity::kHigh     ? "31"
                       : finding.severity >= Severity::kMedium ? "33"
                                                               : "2";
    writer.line("  " + writer.paint(code, std::string(to_string(finding.severity))) + "  " +
                finding.id + ": " + log::printable(finding.message, 400));
    if (!finding.proof.empty())
      writer.line(
          writer.paint("2", "      " + log::printable(boost::json::serialize(finding.proof), 600)));
  }
}

}  // namespace

std::string report_text(const ReportInput& input) {
  const Judged& judged = *input.judged;
  Writer writer(input.colour);
  write_head(writer, input);
  const Release none;
  const Release& before = input.baseline != nullptr ? *input.baseline : none;
  const Evidence* old_evidence = judged.baseline_evidence.get();
  const Evidence* evidence = judged.evidence.get();
  writer.section("install scripts",
                 compare(hooks_of(before, old_evidence), hooks_of(*judged.release, evidence)), 20);
  if (input.baseline != nullptr) {
    writer.section("people and origin", compare(people_of(before), people_of(*judged.release)), 20);
    writer.section("dependencies",
                   compare(before.manifest.dependencies, judged.release->manifest.dependencies),
                   40);
    writer.section("optional dependencies",
                   compare(before.manifest.optional_dependencies,
                           judged.release->manifest.optional_dependencies),
                   40);
  }
  if (old_evidence != nullptr)
    writer.section("files", file_changes(old_evidence, evidence), kShownFiles);
  write_findings(writer, judged);
  writer.line("\n" + writer.paint("1", "verdict"));
  writer.line(explain_text(judged.subject, judged.verdict, judged.findings, input.now));
  return writer.take();
}

boost::json::object report_json(const ReportInput& input) {
  const Judged& judged = *input.judged;
  boost::json::array findings;
  for (const Finding& finding : judged.findings) findings.push_back(to_json(finding));
  const auto changes = [](const std::vector<Change>& list) {
    boost::json::array out;
    for (const Change& c : list)
      out.push_back(boost::json::object{{"change", c.kind == '+'   ? "added"
                                                   : c.kind == '-' ? "removed"
                                                                   : "changed"},
                                        {"key", c.key},
                                        {"before", c.before},
                                        {"after", c.after}});
    return out;
  };
  const Release none;
  const Release& before = input.baseline != nullptr ? *input.baseline : none;
  boost::json::object diff;
  diff["install_scripts"] = changes(compare(hooks_of(before, judged.baseline_evidence.get()),
                                            hooks_of(*judged.release, judged.evidence.get())));
  diff["people"] = changes(compare(people_of(before), people_of(*judged.release)));
  diff["dependencies"] =
      changes(compare(before.manifest.dependencies, judged.release->manifest.dependencies));
  if (judged.baseline_evidence)
    diff["files"] = changes(file_changes(judged.baseline_evidence.get(), judged.evidence.get()));
  boost::json::object out{{"name", judged.subject.name},
                          {"version", judged.version},
                          {"content", judged.subject.content_id},
                          {"inspected", judged.evidence != nullptr}};
  out["baseline"] =
      judged.baseline.empty() ? boost::json::value() : boost::json::value(judged.baseline);
  out["verdict"] = to_json(judged.verdict);
  out["findings"] = std::move(findings);
  out["diff"] = std::move(diff);
  if (judged.evidence) out["evidence"] = to_json(*judged.evidence);
  return out;
}

}  // namespace npmgate
