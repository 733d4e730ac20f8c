#include <boost/json/array.hpp>

#include "app/report/report.h"
#include "app/report/report_diff.h"
#include "inspect/evidence/evidence.h"
#include "inspect/evidence/manifest_json.h"

namespace npmgate {
namespace {

namespace json = boost::json;

json::array to_json(const std::vector<Change>& changes) {
  json::array out;
  for (const Change& change : changes) {
    json::object row{{"change", to_string(change.kind)}};
    if (!change.field.empty()) row["field"] = change.field;
    row["key"] = change.key;
    row["before"] = change.before;
    row["after"] = change.after;
    out.push_back(std::move(row));
  }
  return out;
}

json::value facts(const FileFacts* file) {
  if (file == nullptr) return nullptr;
  return json::object{
      {"kind", to_string(file->kind)}, {"size", file->size}, {"sha256", file->sha256}};
}

json::array to_json(const std::vector<FileChange>& changes) {
  json::array out;
  for (const FileChange& change : changes) {
    json::array traits;
    for (const std::string& trait : change.new_traits) traits.emplace_back(trait);
    out.push_back(json::object{{"change", to_string(change.kind)},
                               {"path", change.path()},
                               {"before", facts(change.before)},
                               {"after", facts(change.after)},
                               {"on_install", change.on_install},
                               {"new_traits", std::move(traits)}});
  }
  return out;
}

json::object publisher_json(const Publisher& publisher) {
  const auto or_null = [](const std::optional<std::string>& text) {
    return text ? json::value(*text) : json::value(nullptr);
  };
  return {{"name", publisher.person.name},
          {"trusted_publisher", or_null(publisher.trusted_publisher)},
          {"approver", or_null(publisher.approver)}};
}

json::value outside_json(const ExternalEvidence* observed, const Judged& judged) {
  if (observed == nullptr) return nullptr;
  json::object out;
  if (observed->tag) {
    constexpr std::string_view kStates[] = {"found", "missing", "unknown", "not-applicable"};
    const TagEvidence& tag = *observed->tag;
    out["git_tag"] = json::object{{"state", kStates[static_cast<std::size_t>(tag.state)]},
                                  {"repository", tag.repository},
                                  {"tag", tag.tag},
                                  {"commit", tag.commit},
                                  {"habit", tag.habit},
                                  {"reason", tag.reason}};
  }
  out["signature_valid"] =
      observed->signature_valid ? json::value(*observed->signature_valid) : json::value(nullptr);
  json::object attestations;
  for (const auto& [version, evidence] : observed->provenance) {
    attestations[version] = npmgate::to_json(evidence);
    attestations[version].get_object()["signature_verified"] = evidence.verified.has_value();
  }
  out["attestations"] = std::move(attestations);
  json::object sources;
  for (const auto& [version, evidence] : observed->sources)
    sources[version] = npmgate::to_json(evidence);
  out["sources"] = std::move(sources);
  const auto& publisher = judged.release->publisher;
  out["publisher"] = publisher ? json::value(publisher_json(*publisher)) : json::value(nullptr);
  out["branch"] =
      observed->branch ? json::value(npmgate::to_json(*observed->branch)) : json::value(nullptr);
  return out;
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

json::object report_json(const ReportInput& input) {
  const Judged& judged = *input.judged;
  json::array findings;
  for (const Finding& finding : judged.findings) findings.push_back(to_json(finding));
  const ReleaseDiff diff = diff_of(input);
  json::object changed{{"install_scripts", to_json(diff.hooks)},
                       {"bin", to_json(diff.bin)},
                       {"people", to_json(diff.people)},
                       {"dependencies", to_json(diff.dependencies)}};
  changed["files"] = diff.files_known ? json::value(to_json(diff.files)) : json::value(nullptr);
  json::object out{{"name", judged.subject.name},
                   {"version", judged.version},
                   {"baseline", text_or_null(judged.baseline)},
                   {"content", text_or_null(judged.subject.content_id)},
                   {"inspected", judged.evidence != nullptr}};
  out["published"] = judged.subject.published ? json::value(format_time(*judged.subject.published))
                                              : json::value(nullptr);
  out["verdict"] = to_json(judged.verdict);
  out["lowest_risk"] = judged.subject.lowest_risk;
  out["risk_left"] = text_or_null(judged.subject.risk_left);
  out["findings"] = std::move(findings);
  out["diff"] = std::move(changed);
  out["outside"] = outside_json(input.observed, judged);
  out["feed_asked"] = input.feed_asked;
  out["evidence"] = judged.evidence ? to_json(*judged.evidence) : json::value(nullptr);
  return out;
}

}  // namespace npmgate
