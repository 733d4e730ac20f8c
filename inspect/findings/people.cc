// Who published a release, and how: accounts, maintainers, attestations, signatures. Absent fields
// are unknown, never a change.
#include <algorithm>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

constexpr std::string_view kSource = "packument-field";
// How long an account counts as new to a package: as long as a dependency counts as fresh. A first
// clean release by a newcomer must not make the next one trusted.
constexpr Millis kNewcomer = std::chrono::hours{24 * 30};

std::set<std::string> names_of(const std::vector<Person>& people) {
  std::set<std::string> names;
  for (const Person& person : people) names.insert(person.name);
  return names;
}

json::value person_value(const Publisher& publisher) {
  json::object out{{"name", publisher.person.name}};
  if (!publisher.person.email.empty()) out["email"] = publisher.person.email;
  if (publisher.trusted_publisher) out["trusted_publisher"] = *publisher.trusted_publisher;
  if (publisher.approver) out["approver"] = *publisher.approver;
  return out;
}

// A machine of the project published, or a maintainer let a machine's build through: the account
// says nothing about who changed.
bool trust_kept(const Comparison& sides) {
  if (trusted(sides.release)) return true;
  return sides.before != nullptr && trusted(*sides.before) && sides.before->dist.attested() &&
         sides.release.dist.attested();
}

// An account whose first release of this package is younger than kNewcomer, while others published
// it before.
struct Newcomer {
  std::string first_version;
  Millis since{};
};
std::optional<Newcomer> newcomer(const Comparison& sides, const std::string& name) {
  if (sides.history == nullptr || !sides.history->times_real || !sides.release.published) {
    return std::nullopt;
  }
  const Time self = *sides.release.published;
  const PackageHistory::Entry* first = nullptr;
  for (const auto& entry : sides.history->entries) {
    if (!entry.published || *entry.published >= self || entry.publisher != name) continue;
    // Found at once for most accounts: this runs for every release of a packument.
    if (self - *entry.published > kNewcomer) return std::nullopt;
    if (first == nullptr || *entry.published < *first->published) first = &entry;
  }
  if (first == nullptr) return std::nullopt;
  const bool others = std::any_of(
      sides.history->entries.begin(), sides.history->entries.end(), [&](const auto& entry) {
        return entry.published && entry.publisher && *entry.publisher != name && !entry.trusted &&
               *entry.published < *first->published;
      });
  if (!others) return std::nullopt;
  return Newcomer{first->version, self - *first->published};
}

// The release whose trust this one is measured by: the baseline if it is of the same line, else
// the latest earlier one of this line, else (a line without earlier releases) the baseline.
struct Trust {
  std::string version;
  bool attested = false, trusted = false;
};
std::optional<Trust> trust_before(const Comparison& sides) {
  const auto self = Version::parse_loose(sides.release.manifest.version);
  if (!self) return std::nullopt;
  std::optional<Trust> of_baseline;
  if (sides.before != nullptr) {
    of_baseline = Trust{sides.before->manifest.version, sides.before->dist.attested(),
                        trusted(*sides.before)};
    const auto version = Version::parse_loose(of_baseline->version);
    if (version && release_line(*version) == release_line(*self)) return of_baseline;
  }
  if (sides.history == nullptr) return of_baseline;
  const auto& entries = sides.history->entries;
  const auto index = entry_index(*sides.history, sides.release.manifest.version);
  for (std::size_t i = index.value_or(entries.size()); i > 0; --i) {
    const auto version = Version::parse_loose(entries[i - 1].version);
    if (!version || !(*version < *self)) continue;
    if (release_line(*version) != release_line(*self)) break;
    if (version->is_prerelease() && !self->is_prerelease()) continue;
    return Trust{entries[i - 1].version, entries[i - 1].attested, entries[i - 1].trusted};
  }
  return of_baseline;
}

const ProvenanceEvidence* provenance_of(const Comparison& sides, const Release& release) {
  if (sides.history == nullptr) return nullptr;
  const auto it = sides.history->provenance.find(release.manifest.version);
  return it == sides.history->provenance.end() ? nullptr : &it->second;
}

json::object build_value(const ProvenanceEvidence& provenance) {
  const Provenance& stated = provenance.stated;
  json::object out;
  for (const auto& [key, text] : {std::pair{"repository", &stated.repository},
                                  {"workflow", &stated.workflow},
                                  {"ref", &stated.ref},
                                  {"commit", &stated.commit},
                                  {"builder", &stated.builder}}) {
    if (!text->empty()) out[key] = proof_text(*text);
  }
  return out;
}

// What the attestations say of the builds. The baseline is of the same line if the line has one
// that was let through, so that what a held release says is nothing to go by.
std::optional<Finding> built_elsewhere(const Comparison& sides) {
  const ProvenanceEvidence* now = provenance_of(sides, sides.release);
  if (now == nullptr || !now->invalid.empty()) return std::nullopt;
  if (!now->foreign.empty())
    return make("provenance-changed", Severity::kHigh, "provenance", now->foreign,
                {{"attestation", now->url}});
  const ProvenanceEvidence* was =
      sides.before != nullptr ? provenance_of(sides, *sides.before) : nullptr;
  if (was == nullptr || !was->foreign.empty() || !was->invalid.empty()) return std::nullopt;
  const auto finding = [&](Severity severity, std::string_view what, const std::string& after,
                           const std::string& before) {
    return make("provenance-changed", severity, "provenance",
                "built " + std::string(what) + " " + after + ", " + sides.before->manifest.version +
                    " " + std::string(what) + " " + before,
                {{"baseline", sides.before->manifest.version},
                 {"before", build_value(*was)},
                 {"after", build_value(*now)}});
  };
  const Provenance &after = now->stated, &before = was->stated;
  if (normal_repository(after.repository) != normal_repository(before.repository))
    return finding(Severity::kHigh, "from", after.repository, before.repository);
  if (after.workflow != before.workflow && !before.workflow.empty())
    return finding(Severity::kMedium, "by", after.workflow.empty() ? "no workflow" : after.workflow,
                   before.workflow);
  return std::nullopt;
}

}  // namespace

std::vector<Finding> new_maintainer_published(const Comparison& sides) {
  const auto& publisher = sides.release.publisher;
  if (sides.before == nullptr || !publisher || publisher->person.name.empty()) return {};
  if (trust_kept(sides)) return {};
  const std::string& name = publisher->person.name;
  const auto& maintainers = sides.before->maintainers;
  const bool published_baseline =
      sides.before->publisher && sides.before->publisher->person.name == name;
  if (maintainers && !maintainers->empty() && !published_baseline &&
      !names_of(*maintainers).contains(name)) {
    json::object proof{{"publisher", person_value(*publisher)}};
    put_list(proof, "baseline_maintainers", to_array(names_of(*maintainers)));
    return {make("new-maintainer-published", Severity::kMedium, kSource,
                 "published by " + name + ", who was not among the maintainers of " +
                     sides.before->manifest.version,
                 std::move(proof))};
  }
  const auto since = newcomer(sides, name);
  if (!since) return {};
  const auto days = std::chrono::floor<std::chrono::days>(since->since).count();
  return {make("new-maintainer-published", Severity::kMedium, kSource,
               "published by " + name + ", whose first release of this package is " +
                   std::to_string(days) + " days older (" + since->first_version + ")",
               {{"publisher", person_value(*publisher)},
                {"first_release", since->first_version},
                {"days_since", days}})};
}

std::vector<Finding> publisher_changed(const Comparison& sides) {
  if (sides.before == nullptr || !sides.release.publisher || !sides.before->publisher) return {};
  const Publisher& now = *sides.release.publisher;
  const Publisher& was = *sides.before->publisher;
  if (now.person.name.empty() || was.person.name.empty() || trust_kept(sides)) return {};
  json::object proof{{"before", person_value(was)}, {"after", person_value(now)}};
  if (now.person.name != was.person.name) {
    return {make("publisher-changed", Severity::kMedium, kSource,
                 "published by " + now.person.name + ", the baseline by " + was.person.name,
                 std::move(proof))};
  }
  if (trusted(*sides.before)) {
    return {
        make("publisher-changed", Severity::kMedium, kSource,
             "published by " + now.person.name + " directly, the baseline by a trusted publisher",
             std::move(proof))};
  }
  if (now.person.email.empty() || was.person.email.empty() ||
      lower_ascii(now.person.email) == lower_ascii(was.person.email)) {
    return {};
  }
  return {make("publisher-changed", Severity::kLow, kSource,
               "account " + now.person.name + " has another e-mail address than for the baseline",
               std::move(proof))};
}

std::vector<Finding> maintainers_changed(const Comparison& sides) {
  if (sides.before != nullptr && sides.release.maintainers && sides.before->maintainers &&
      sides.release.maintainers->empty() && !sides.before->maintainers->empty()) {
    return {make("maintainers-changed", Severity::kLow, kSource, "no maintainers any more",
                 {{"removed", to_array(names_of(*sides.before->maintainers))},
                  {"added", json::array()},
                  {"informs_only", true}})};
  }
  if (sides.before == nullptr || !sides.release.maintainers || !sides.before->maintainers ||
      sides.release.maintainers->empty() || sides.before->maintainers->empty()) {
    return {};
  }
  const std::set<std::string> now = names_of(*sides.release.maintainers);
  const std::set<std::string> was = names_of(*sides.before->maintainers);
  std::set<std::string> added, removed;
  std::set_difference(now.begin(), now.end(), was.begin(), was.end(),
                      std::inserter(added, added.end()));
  std::set_difference(was.begin(), was.end(), now.begin(), now.end(),
                      std::inserter(removed, removed.end()));
  if (added.empty() && removed.empty()) return {};
  json::object proof;
  put_list(proof, "added", to_array(added));
  put_list(proof, "removed", to_array(removed));
  std::vector<std::string> words;
  if (!added.empty()) words.push_back("added " + join({added.begin(), added.end()}, ", ", 4));
  if (!removed.empty()) {
    words.push_back("removed " + join({removed.begin(), removed.end()}, ", ", 4));
  }
  return {make("maintainers-changed", added.empty() ? Severity::kInfo : Severity::kLow, kSource,
               "maintainers changed: " + join(words, ", ", 2), std::move(proof))};
}

std::vector<Finding> provenance_invalid(const Comparison& sides) {
  const ProvenanceEvidence* now = provenance_of(sides, sides.release);
  if (now == nullptr || now->invalid.empty()) return {};
  return {make("provenance-invalid", Severity::kCritical, "provenance", now->invalid,
               {{"attestation", now->url}, {"reason", proof_text(now->invalid)}})};
}

std::vector<Finding> provenance_lost(const Comparison& sides) {
  // One that came after the release was accepted is among what was read.
  if (sides.release.dist.attested() || trusted(sides.release) ||
      provenance_of(sides, sides.release) != nullptr)
    return {};
  const auto before = trust_before(sides);
  if (!before || (!before->attested && !before->trusted)) return {};
  return {make("provenance-lost", Severity::kHigh, "provenance",
               before->version + " had " +
                   (before->attested ? "attestations" : "trusted publishing") +
                   ", this release has neither attestations nor trusted publishing",
               {{"before", before->version},
                {"attestations", {{"before", before->attested}, {"after", false}}},
                {"trusted_publishing", {{"before", before->trusted}, {"after", false}}}})};
}

std::vector<Finding> provenance_changed(const Comparison& sides) {
  if (auto built = built_elsewhere(sides)) return {std::move(*built)};
  const auto id = [](const Release& release) -> std::string {
    return release.publisher && release.publisher->trusted_publisher
               ? *release.publisher->trusted_publisher
               : std::string();
  };
  const auto before = trust_before(sides);
  if (!before) return {};
  const std::string now = id(sides.release);
  const bool same_line_baseline =
      sides.before != nullptr && sides.before->manifest.version == before->version;
  const std::string was = same_line_baseline ? id(*sides.before) : std::string();
  if (!now.empty() && !was.empty() && now != was) {
    return {make("provenance-changed", Severity::kMedium, "provenance",
                 "published by trusted publisher " + now + ", the baseline by " + was,
                 {{"trusted_publisher", {{"before", was}, {"after", now}}}})};
  }
  // Attestations without trusted publishing come from a workflow with a long-lived token.
  if (before->trusted && sides.release.dist.attested() && !trusted(sides.release)) {
    return {make("provenance-changed", Severity::kLow, "provenance",
                 before->version + " came by trusted publishing, this release with a token",
                 {{"before", before->version},
                  {"trusted_publishing", {{"before", true}, {"after", false}}}})};
  }
  return {};
}

std::vector<Finding> signature_missing(const Comparison& sides) {
  if (sides.history == nullptr || !sides.history->signs) return {};
  const auto& signatures = sides.release.dist.signatures;
  if (signatures && !signatures->empty()) return {};
  return {make("signature-missing", Severity::kMedium, "signature",
               "other releases carry the registry's signature, this one has none",
               {{"field", "dist.signatures"}, {"present", signatures.has_value()}})};
}

std::vector<Finding> signature_invalid(const Comparison& sides) {
  if (sides.history == nullptr || sides.history->signature_valid.value_or(true)) return {};
  json::array keys;
  if (sides.release.dist.signatures) {
    for (const auto& signature : *sides.release.dist.signatures) {
      keys.emplace_back(signature.keyid);
    }
  }
  json::object proof{{"integrity", sides.release.dist.integrity}};
  put_list(proof, "keyids", std::move(keys));
  return {make("signature-invalid", Severity::kCritical, "signature",
               "the registry's signature over name, version and integrity does not verify",
               std::move(proof))};
}

}  // namespace npmgate::detect
