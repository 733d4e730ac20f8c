#include "store/row_json.h"

#include <boost/json.hpp>
#include <utility>

namespace npmgate {
namespace {

namespace json = boost::json;

// Proofs are shallow; the default of 32 is kept from refusing what was accepted on the way in.
constexpr std::size_t kMaxDepth = 250;

Error corrupt(std::string_view what) {
  return fail(Code::kCorrupt, Origin::kDisk, "state.db: unreadable " + std::string(what));
}

json::array to_array(const std::vector<std::string>& strings) {
  json::array out;
  out.reserve(strings.size());
  for (const std::string& text : strings) out.emplace_back(text);
  return out;
}

bool read(const json::value* value, std::string& out) {
  if (value == nullptr || !value->is_string()) return false;
  const json::string& text = value->get_string();
  out.assign(text.data(), text.size());
  return true;
}

bool read(const json::value* value, std::vector<std::string>& out) {
  if (value == nullptr || !value->is_array()) return false;
  for (const json::value& item : value->get_array()) {
    if (!read(&item, out.emplace_back())) return false;
  }
  return true;
}

bool read(const json::value* value, std::int64_t& out) {
  if (value == nullptr || !value->is_int64()) return false;
  out = value->get_int64();
  return true;
}

bool read_finding(json::value& value, Finding& out) {
  if (!value.is_array() || value.get_array().size() != 5) return false;
  json::array& fields = value.get_array();
  std::int64_t severity = 0;
  if (!read(&fields[0], out.id) || !read(&fields[1], severity) || !read(&fields[2], out.message) ||
      !read(&fields[3], out.source) || !fields[4].is_object()) {
    return false;
  }
  if (severity < 0 || severity > static_cast<std::int64_t>(Severity::kCritical)) return false;
  out.severity = static_cast<Severity>(severity);
  out.proof = std::move(fields[4].get_object());
  return true;
}

}  // namespace

Result<json::value> parse_row_json(std::string_view text, json::storage_ptr storage) {
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  json::value value = json::parse(text, error, std::move(storage), options);
  if (error) return corrupt("JSON: " + error.message());
  return value;
}

std::string strings_to_text(const std::vector<std::string>& strings) {
  return json::serialize(to_array(strings));
}

Result<std::vector<std::string>> strings_from_text(std::string_view text) {
  const auto value = parse_row_json(text);
  if (!value) return value.error();
  std::vector<std::string> out;
  if (!read(&*value, out)) return corrupt("list");
  return out;
}

std::string findings_to_text(const std::vector<Finding>& findings) {
  json::array out;
  out.reserve(findings.size());
  for (const Finding& finding : findings) {
    out.push_back(json::array{finding.id, static_cast<std::int64_t>(finding.severity),
                              finding.message, finding.source, finding.proof});
  }
  return json::serialize(out);
}

Result<std::vector<Finding>> findings_from_text(std::string_view text) {
  std::vector<Finding> out;
  if (text == "[]") return out;
  auto value = parse_row_json(text);
  if (!value) return value.error();
  if (!value->is_array()) return corrupt("findings");
  out.reserve(value->get_array().size());
  for (json::value& item : value->get_array()) {
    if (!read_finding(item, out.emplace_back())) return corrupt("finding");
  }
  return out;
}

std::string origin_to_text(const Subject& subject) {
  if (!subject.provenance && !subject.lowest_risk) return {};
  json::object out{{"lowest_risk", subject.lowest_risk}};
  if (subject.provenance) {
    const Subject::Proven& proven = *subject.provenance;
    out["provenance"] = json::object{{"issuer", proven.issuer},
                                     {"runner", proven.runner},
                                     {"repository", proven.repository},
                                     {"workflow", proven.workflow},
                                     {"ref", proven.ref}};
  }
  return json::serialize(out);
}

Result<void> origin_from_text(std::string_view text, Subject& subject) {
  subject.provenance.reset();
  subject.lowest_risk = false;
  if (text.empty()) return {};
  const auto value = parse_row_json(text);
  if (!value) return value.error();
  const json::object* const in = value->if_object();
  const json::value* const lowest = in == nullptr ? nullptr : in->if_contains("lowest_risk");
  if (lowest == nullptr || !lowest->is_bool()) return corrupt("origin");
  subject.lowest_risk = lowest->get_bool();
  const json::value* const proven = in->if_contains("provenance");
  if (proven == nullptr) return {};
  const json::object* const fields = proven->if_object();
  Subject::Proven out;
  const bool complete = fields != nullptr && read(fields->if_contains("issuer"), out.issuer) &&
                        read(fields->if_contains("runner"), out.runner) &&
                        read(fields->if_contains("repository"), out.repository) &&
                        read(fields->if_contains("workflow"), out.workflow) &&
                        read(fields->if_contains("ref"), out.ref);
  if (!complete) return corrupt("origin");
  subject.provenance = std::move(out);
  return {};
}

std::string tag_to_text(const TagEvidence& tag) {
  json::object out;
  out["state"] = static_cast<std::int64_t>(tag.state);
  out["reason"] = tag.reason;
  out["repository"] = tag.repository;
  out["tag"] = tag.tag;
  out["commit"] = tag.commit;
  out["first_commit"] = tag.first_commit;
  out["tagged"] = to_array(tag.tagged_versions);
  out["tagged_commits"] = to_array(tag.tagged_commits);
  out["untagged"] = to_array(tag.untagged_versions);
  out["habit"] = tag.habit;
  out["asked"] = std::int64_t{tag.asked.time_since_epoch().count()};
  return json::serialize(out);
}

Result<TagEvidence> tag_from_text(std::string_view text) {
  const auto value = parse_row_json(text);
  if (!value) return value.error();
  const json::object* const in = value->if_object();
  if (in == nullptr) return corrupt("git tag");
  TagEvidence tag;
  std::int64_t state = 0, asked = 0;
  const bool complete =
      read(in->if_contains("state"), state) && read(in->if_contains("reason"), tag.reason) &&
      read(in->if_contains("repository"), tag.repository) &&
      read(in->if_contains("tag"), tag.tag) && read(in->if_contains("commit"), tag.commit) &&
      read(in->if_contains("first_commit"), tag.first_commit) &&
      read(in->if_contains("tagged"), tag.tagged_versions) &&
      // Records of before 1.4 have none.
      (!in->contains("tagged_commits") ||
       read(in->if_contains("tagged_commits"), tag.tagged_commits)) &&
      read(in->if_contains("untagged"), tag.untagged_versions) &&
      read(in->if_contains("habit"), tag.habit) && read(in->if_contains("asked"), asked);
  if (!complete || state < 0 ||
      state > static_cast<std::int64_t>(TagEvidence::State::kNotApplicable)) {
    return corrupt("git tag");
  }
  tag.state = static_cast<TagEvidence::State>(state);
  tag.asked = Time(Millis(asked));
  return tag;
}

}  // namespace npmgate
