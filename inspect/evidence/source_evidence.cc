#include "inspect/evidence/source_evidence.h"

#include <algorithm>

#include "inspect/evidence/manifest_json.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// In the order of BranchEvidence::State.
constexpr std::string_view kBranchStates[] = {"unknown", "on-branch", "on-none"};

bool covers(const std::vector<std::string>& sorted, std::string_view path) {
  const auto has = [&](std::string_view text) {
    return std::binary_search(sorted.begin(), sorted.end(), text, std::less<>());
  };
  if (has(path)) return true;
  for (std::size_t at = path.find('/'); at != path.npos; at = path.find('/', at + 1)) {
    if (has(path.substr(0, at + 1))) return true;
  }
  return false;
}

std::vector<std::string> list_from(const JsonFields& fields, const char* key) {
  std::vector<std::string> list = fields.texts(key);
  const bool fits = list.size() <= kMaxSourcePaths && std::is_sorted(list.begin(), list.end()) &&
                    std::all_of(list.begin(), list.end(), [](const std::string& text) {
                      return !text.empty() && text.size() <= kMaxSourcePath;
                    });
  fields.ok() = fields.ok() && fits;
  return list;
}

}  // namespace

SourceStatus SourceComparison::status_of(std::string_view path) const {
  if (covers(differs, path)) return SourceStatus::kDiffers;
  return covers(absent, path) ? SourceStatus::kAbsent : SourceStatus::kSame;
}

json::object to_json(const SourceComparison& comparison) {
  return {{"directory", comparison.directory},
          {"same", comparison.same},
          {"differs", to_json_array(comparison.differs)},
          {"absent", to_json_array(comparison.absent)},
          {"manifest_blob", comparison.manifest_blob},
          {"manifest_read", comparison.manifest_read},
          {"manifest_added", to_json_array(comparison.manifest_added)},
          {"manifest_changed", to_json_array(comparison.manifest_changed)}};
}

SourceComparison source_comparison_from_json(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  SourceComparison out;
  out.directory = fields.text("directory");
  out.same = fields.number("same");
  out.differs = list_from(fields, "differs");
  out.absent = list_from(fields, "absent");
  out.manifest_blob = fields.text("manifest_blob");
  out.manifest_read = fields.flag("manifest_read");
  out.manifest_added = list_from(fields, "manifest_added");
  out.manifest_changed = list_from(fields, "manifest_changed");
  ok = ok && out.directory.size() <= kMaxSourcePath && out.manifest_blob.size() <= 64;
  return out;
}

json::object to_json(const SourceEvidence& evidence) {
  const bool compared = evidence.state == SourceEvidence::State::kCompared;
  json::object out{{"state", compared ? "compared" : "unavailable"},
                   {"reason", evidence.reason},
                   {"repository", evidence.repository},
                   {"commit", evidence.commit},
                   {"named_by", evidence.named_by},
                   {"sha512", evidence.sha512},
                   {"asked", time_to_json(evidence.asked)},
                   {"again", time_to_json(evidence.again)}};
  if (compared) out["found"] = to_json(evidence.found);
  return out;
}

SourceEvidence source_evidence_from_json(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  SourceEvidence out;
  const std::string state = fields.text("state");
  ok = ok && (state == "compared" || state == "unavailable");
  out.reason = fields.text("reason");
  out.repository = fields.text("repository");
  out.commit = fields.text("commit");
  out.named_by = fields.text("named_by");
  out.sha512 = fields.text("sha512");
  out.asked = fields.time("asked").value_or(Time{});
  out.again = fields.time("again").value_or(Time{});
  if (state != "compared") return out;
  out.state = SourceEvidence::State::kCompared;
  const json::value* const found = fields.find("found");
  ok = ok && found != nullptr;
  if (ok) out.found = source_comparison_from_json(*found, ok);
  return out;
}

json::object to_json(const BranchEvidence& evidence) {
  return {{"state", kBranchStates[static_cast<std::size_t>(evidence.state)]},
          {"reason", evidence.reason},
          {"repository", evidence.repository},
          {"commit", evidence.commit},
          {"named_by", evidence.named_by},
          {"earlier", to_json_array(evidence.earlier)},
          {"earlier_on_branches", evidence.earlier_on_branches},
          {"asked", time_to_json(evidence.asked)},
          {"again", time_to_json(evidence.again)}};
}

BranchEvidence branch_evidence_from_json(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  BranchEvidence out;
  const std::string state = fields.text("state");
  const auto* const at = std::find(std::begin(kBranchStates), std::end(kBranchStates), state);
  ok = ok && at != std::end(kBranchStates);
  if (ok) out.state = static_cast<BranchEvidence::State>(at - std::begin(kBranchStates));
  out.reason = fields.text("reason");
  out.repository = fields.text("repository");
  out.commit = fields.text("commit");
  out.named_by = fields.text("named_by");
  out.earlier = fields.texts("earlier");
  out.earlier_on_branches = fields.flag("earlier_on_branches");
  out.asked = fields.time("asked").value_or(Time{});
  out.again = fields.time("again").value_or(Time{});
  return out;
}

}  // namespace npmgate
