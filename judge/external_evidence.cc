#include "judge/external_evidence.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "inspect/evidence/manifest_json.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr int kFoundFactor = 6;

TagEvidence without_time(TagEvidence tag) {
  tag.asked = {};
  return tag;
}

bool same_provenance(const ExternalEvidence& a, const ExternalEvidence& b) {
  const auto same = [](const auto& x, const auto& y) {
    ProvenanceEvidence without_time = x.second;
    without_time.asked = y.second.asked;
    return x.first == y.first && without_time == y.second;
  };
  return std::equal(a.provenance.begin(), a.provenance.end(), b.provenance.begin(),
                    b.provenance.end(), same);
}

bool same_sources(const ExternalEvidence& a, const ExternalEvidence& b) {
  const auto same = [](const auto& x, const auto& y) {
    SourceEvidence without_time = x.second;
    without_time.asked = y.second.asked;
    without_time.again = y.second.again;
    return x.first == y.first && without_time == y.second;
  };
  return std::equal(a.sources.begin(), a.sources.end(), b.sources.begin(), b.sources.end(), same);
}

bool same_branch(const ExternalEvidence& a, const ExternalEvidence& b) {
  if (!a.branch || !b.branch) return a.branch.has_value() == b.branch.has_value();
  BranchEvidence without_time = *a.branch;
  without_time.asked = b.branch->asked;
  without_time.again = b.branch->again;
  return without_time == *b.branch;
}

// A branch that has the commit may come, as a late tag may.
bool lacks_a_branch(const ExternalEvidence& observations) {
  if (!observations.branch) return false;
  const BranchEvidence& branch = *observations.branch;
  return branch.state == BranchEvidence::State::kOnNone ||
         (branch.state == BranchEvidence::State::kUnknown && branch.again <= branch.asked);
}

// Not compared for a reason that may be gone by now.
bool lacks_a_source(const ExternalEvidence& observations) {
  return std::any_of(
      observations.sources.begin(), observations.sources.end(), [](const auto& each) {
        const SourceEvidence& source = each.second;
        return source.state == SourceEvidence::State::kUnavailable && source.again <= source.asked;
      });
}

}  // namespace

bool same_facts(const ExternalEvidence& a, const ExternalEvidence& b) {
  if (a.tag.has_value() != b.tag.has_value()) return false;
  if (a.tag && !(without_time(*a.tag) == without_time(*b.tag))) return false;
  return a.signature_valid == b.signature_valid && same_provenance(a, b) && same_sources(a, b) &&
         same_branch(a, b) && a.dependency_ages == b.dependency_ages &&
         a.unavailable == b.unavailable;
}

std::string observations_to_text(const ExternalEvidence& observations) {
  json::object out{{"asked", time_to_json(observations.asked)}};
  if (observations.signature_valid) out["signature_valid"] = *observations.signature_valid;
  if (!observations.provenance.empty()) {
    json::object read;
    for (const auto& [version, evidence] : observations.provenance)
      read[version] = to_json(evidence);
    out["provenance"] = std::move(read);
  }
  if (!observations.sources.empty()) {
    json::object compared;
    for (const auto& [version, evidence] : observations.sources)
      compared[version] = to_json(evidence);
    out["sources"] = std::move(compared);
  }
  if (observations.branch) out["branch"] = to_json(*observations.branch);
  json::object ages;
  for (const auto& [name, age] : observations.dependency_ages) {
    json::object entry{{"resolved", age.resolved}, {"same_owner", age.same_owner}};
    if (age.first_published) entry["first_published"] = time_to_json(*age.first_published);
    if (age.resolved_published) entry["resolved_published"] = time_to_json(*age.resolved_published);
    if (!age.unknown.empty()) entry["unknown"] = age.unknown;
    ages[name] = std::move(entry);
  }
  out["dependency_ages"] = std::move(ages);
  json::array missing;
  for (const Unavailable& each : observations.unavailable)
    missing.push_back({{"source", each.source}, {"reason", each.reason}});
  out["unavailable"] = std::move(missing);
  return json::serialize(out);
}

Result<ExternalEvidence> observations_from_text(std::string_view text) {
  boost::system::error_code ec;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), ec);
  bool ok = !ec && value.is_object();
  const JsonFields fields(value, ok);
  ExternalEvidence out;
  const auto asked = fields.time("asked");
  ok = ok && asked;
  out.asked = asked.value_or(Time{});
  out.signature_valid = fields.optional_flag("signature_valid");
  const json::value* read = fields.find("provenance");
  ok = ok && (read == nullptr || read->is_object());
  if (ok && read != nullptr) {
    for (const auto& [version, entry] : read->get_object())
      out.provenance[version] = provenance_from_json(entry, ok);
  }
  const json::value* compared = fields.find("sources");
  ok = ok && (compared == nullptr || compared->is_object());
  if (ok && compared != nullptr) {
    for (const auto& [version, entry] : compared->get_object())
      out.sources[version] = source_evidence_from_json(entry, ok);
  }
  if (const json::value* branch = fields.find("branch"); ok && branch != nullptr)
    out.branch = branch_evidence_from_json(*branch, ok);
  const json::value* ages = fields.find("dependency_ages");
  ok = ok && ages != nullptr && ages->is_object();
  if (ok) {
    for (const auto& [name, entry] : ages->get_object()) {
      const JsonFields age(entry, ok);
      out.dependency_ages[name] = {age.time("first_published"), age.time("resolved_published"),
                                   age.text("resolved"), age.flag("same_owner"),
                                   age.text("unknown")};
    }
  }
  for (const json::value& entry : fields.array("unavailable")) {
    const JsonFields missing(entry, ok);
    out.unavailable.push_back({missing.text("source"), missing.text("reason")});
  }
  if (!ok || observations_to_text(out) != text)
    return fail(Code::kCorrupt, Origin::kDisk, "stored observations are not readable");
  return out;
}

bool has_unread_attestation(const ExternalEvidence& observations, const Release& release) {
  const auto read = observations.provenance.find(release.manifest.version);
  const bool found = read != observations.provenance.end() && read->second.foreign.empty() &&
                     read->second.invalid.empty();
  return release.dist.attested() && !found;
}

std::optional<Time> ask_again_at(const ExternalEvidence& observations, const Release& release,
                                 Time age_start, Millis recent, Millis cache) {
  const bool found = observations.unavailable.empty() &&
                     !has_unread_attestation(observations, release) &&
                     !lacks_a_source(observations) && !lacks_a_branch(observations) &&
                     (!observations.tag || observations.tag->state == TagEvidence::State::kFound);
  const Time at = observations.asked + (found ? cache * kFoundFactor : cache);
  if (at - age_start > recent) return std::nullopt;
  return at;
}

}  // namespace npmgate
