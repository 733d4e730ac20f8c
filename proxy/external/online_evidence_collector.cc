#include "proxy/external/online_evidence_collector.h"

#include <algorithm>

#include "base/digest.h"
#include "proxy/external/attestations.h"
#include "proxy/runtime/routes.h"
#include "registry/repository.h"

namespace npmgate {
namespace {

constexpr auto kKeysFresh = std::chrono::hours(1);
constexpr auto kKeysRetry = std::chrono::minutes(1);  // if they were not available
// For everything that is asked about one release: below inspection.timeout's default, so that a
// release is judged on what came, and what did not come is said to be unknown.
constexpr auto kBudget = std::chrono::seconds(15);
constexpr auto kKeysLimit = std::chrono::seconds(5);
constexpr Millis kAttestationLimit = std::chrono::seconds(5);
// A tag that comes late names another commit than none, and is compared at once.
constexpr auto kNoCommitAgain = std::chrono::hours(1);
// A host that cannot be asked for branches will hardly learn it.
constexpr auto kNoBranchesAgain = std::chrono::hours(24);
// New dependencies whose age is looked up: a release that adds more at once is remarkable for that
// alone.

std::vector<std::string> earlier_versions(const PackageSnapshot& snapshot,
                                          std::string_view version) {
  std::vector<std::string> earlier;
  const auto& all = snapshot.packument->versions();
  const PackumentVersion* self = snapshot.packument->find(version);
  for (auto it = all.rbegin(); it != all.rend() && earlier.size() < 8; ++it) {
    if (it->refusal || !it->semver || it->semver->is_prerelease()) continue;
    if (self->semver && *it->semver < *self->semver) earlier.push_back(it->version);
  }
  return earlier;
}

bool share_an_owner(const std::optional<std::vector<Person>>& a,
                    const std::optional<std::vector<Person>>& b) {
  if (!a || !b) return false;
  return std::any_of(a->begin(), a->end(), [&](const Person& person) {
    return std::any_of(b->begin(), b->end(),
                       [&](const Person& other) { return person.name == other.name; });
  });
}

PackageHistory::DependencyAge age_of(const Packument& dependency, const std::string& range_text) {
  PackageHistory::DependencyAge age;
  const auto range = Range::parse(range_text);
  const auto tag = dependency.dist_tags().find(range_text);
  const Version* best = nullptr;
  for (const PackumentVersion& version : dependency.versions()) {
    if (version.refusal || !version.semver) continue;
    const auto published = version.release.published;
    if (published && (!age.first_published || *published < *age.first_published))
      age.first_published = published;
    const bool wanted = tag != dependency.dist_tags().end()
                            ? version.version == tag->second
                            : range && range->matches(*version.semver);
    if (!wanted || (best != nullptr && *version.semver < *best)) continue;
    best = &*version.semver;
    age.resolved = version.version;
    age.resolved_published = published;
  }
  return age;
}

// Hex; of the bytes if they were inspected, else what the packument says of them; "" if that
// is another digest.
std::string tarball_sha512(const PackageSnapshot& snapshot, const PackumentVersion& version) {
  if (const auto evidence = current_evidence(snapshot, version)) return evidence->tarball_sha512;
  for (const Digest& digest : parse_integrity(version.release.dist.integrity)) {
    if (digest.algorithm == Algorithm::kSha512) return digest.hex();
  }
  return {};
}

const ProvenanceEvidence* find_provenance(const ExternalEvidence& observations,
                                          const std::string& version) {
  const auto it = observations.provenance.find(version);
  return it == observations.provenance.end() ? nullptr : &it->second;
}

// What was read of a version's attestation before, for this release or for itself.
const ProvenanceEvidence* known_provenance(const PackageSnapshot& snapshot,
                                           const ExternalEvidence& own,
                                           const std::string& version) {
  if (const auto* found = find_provenance(own, version)) return found;
  const auto it = snapshot.observations.find(version);
  return it == snapshot.observations.end() ? nullptr : find_provenance(it->second, version);
}

// The commit that a release is said to be made from: its tag's, which people see; else that of its
// verified provenance; else what the packument says. Which says it, and "" if none does.
std::pair<std::string, std::string> commit_of(const Release& release,
                                              const std::optional<TagEvidence>& tag,
                                              const ProvenanceEvidence* provenance) {
  if (tag && tag->state == TagEvidence::State::kFound) return {tag->commit, "tag " + tag->tag};
  if (provenance != nullptr && provenance->verified && !provenance->stated.commit.empty())
    return {provenance->stated.commit, "provenance"};
  return {release.git_head.value_or(""), "gitHead"};
}

const SourceEvidence* find_source(const ExternalEvidence& observations,
                                  const std::string& version) {
  const auto it = observations.sources.find(version);
  return it == observations.sources.end() ? nullptr : &it->second;
}

// What was found of a version's source before, for this release or for itself.
const SourceEvidence* known_source(const PackageSnapshot& snapshot, const ExternalEvidence& own,
                                   const std::string& version) {
  if (const auto* found = find_source(own, version)) return found;
  const auto it = snapshot.observations.find(version);
  return it == snapshot.observations.end() ? nullptr : find_source(it->second, version);
}

// Version -> commit, of the releases before this one that let through as far as its baseline: later
// ones are of its own wave.
std::map<std::string, std::string> earlier_commits(const ExternalEvidence& own,
                                                   const PackumentVersion* before) {
  std::map<std::string, std::string> out;
  if (before == nullptr || !before->semver) return out;
  const TagEvidence& tag = *own.tag;
  for (std::size_t i = 0; i < tag.tagged_commits.size() && i < tag.tagged_versions.size(); ++i) {
    const auto version = Version::parse_loose(tag.tagged_versions[i]);
    if (version && !(*before->semver < *version))
      out[tag.tagged_versions[i]] = tag.tagged_commits[i];
  }
  // Without a tag its gitHead or provenance named one.
  const SourceEvidence* source = find_source(own, before->version);
  if (source != nullptr && !source->commit.empty()) out.emplace(before->version, source->commit);
  return out;
}

}  // namespace

Task<ExternalEvidence> OnlineEvidenceCollector::observe(SnapshotPtr snapshot, std::string version,
                                                        std::string baseline) {
  ExternalEvidence out;
  const PackumentVersion* found = snapshot->packument->find(version);
  if (found == nullptr) co_return out;
  const PackumentVersion* before = baseline.empty() ? nullptr : snapshot->packument->find(baseline);
  if (const auto old = snapshot->observations.find(version); old != snapshot->observations.end())
    out = old->second;
  const auto until = std::chrono::steady_clock::now() + kBudget;
  out.unavailable.clear();
  note_missing_fields(*snapshot, found->release);
  co_await ask_tag(snapshot, found->release, out);
  co_await check_signature(snapshot, found->release, out);
  co_await read_attestations(snapshot, *found, before, until, out);
  co_await compare_sources(snapshot, *found, before, until, out);
  co_await find_branch(*found, before, until, out);
  co_await age_dependencies(snapshot, found->release,
                            before != nullptr ? &before->release : nullptr, until, out);
  out.asked = clock_.now();
  co_return out;
}

// Said once per upstream: on a mirror that drops these fields nothing is known about people and
// signatures, of any package.
void OnlineEvidenceCollector::note_missing_fields(const PackageSnapshot& snapshot,
                                                  const Release& release) {
  if (release.publisher || release.maintainers || release.dist.signatures ||
      snapshot.packument->maintainers())
    return;
  const std::lock_guard lock(mutex_);
  if (!told_missing_.insert(snapshot.upstream).second) return;
  log::info("upstream-fields",
            "this upstream names no publishers, maintainers or signatures: what they would show is "
            "unknown",
            {{"upstream", snapshot.upstream}, {"first_seen_at", snapshot.name}});
}

Task<void> OnlineEvidenceCollector::ask_tag(SnapshotPtr snapshot, const Release& release,
                                            ExternalEvidence& out) {
  const std::string repository =
      release.manifest.repository ? release.manifest.repository->url : "";
  const std::string version = release.manifest.version;
  TagEvidence tag =
      co_await tags_.ask(repository, snapshot->name, version, earlier_versions(*snapshot, version));
  if (out.tag && tag.state == TagEvidence::State::kUnknown)
    co_return;  // what was known stays known
  if (out.tag && !out.tag->first_commit.empty()) tag.first_commit = out.tag->first_commit;
  std::function<Result<bool>()> keep = [this, snapshot, version, tag]() -> Result<bool> {
    if (auto done = store_.put_tag(snapshot->name, version, tag); !done) return done.error();
    return true;
  };
  co_await pool_.offload(std::move(keep));
  out.tag = std::move(tag);
}

Task<OnlineEvidenceCollector::Keys> OnlineEvidenceCollector::keys_of(
    const UpstreamConfig& upstream) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = keys_.find(upstream.name);
    if (it != keys_.end()) {
      const Millis fresh = it->second.problem.empty() ? Millis(kKeysFresh) : Millis(kKeysRetry);
      if (clock_.now() - it->second.asked < fresh) co_return it->second;
    }
  }
  FetchRequest request;
  request.url = upstream.url + "-/npm/v1/keys";
  request.limit = kKeysLimit;
  request.max_body = std::size_t{1} << 20;
  request.ca_file = upstream.ca;
  auto reply = co_await upstream_.fetch(std::move(request));
  Keys keys;
  keys.asked = clock_.now();
  if (!reply) {
    keys.problem = "the upstream's signing keys were not available: " + reply.error().context;
  } else if (reply->status == 200) {
    auto parsed = parse_keys(reply->body);
    if (parsed) keys.keys = std::move(*parsed);
    if (!parsed) keys.problem = parsed.error().context;
  } else if (reply->status != 404) {
    keys.problem =
        "the upstream answered " + std::to_string(reply->status) + " for its signing keys";
  }
  if (keys.keys.empty())
    log::info("signatures", "no signing keys of this upstream: signatures are unknown",
              {{"upstream", upstream.name}, {"problem", keys.problem}});
  const std::lock_guard lock(mutex_);
  keys_[upstream.name] = keys;
  co_return keys;
}

Task<void> OnlineEvidenceCollector::check_signature(SnapshotPtr snapshot, const Release& release,
                                                    ExternalEvidence& out) {
  if (!release.dist.signatures || release.dist.signatures->empty()) co_return;
  const auto name = PackageName::parse(snapshot->name);
  const Keys keys = co_await keys_of(*route(config_, *name));
  const auto valid = verify_signatures(release, keys.keys, snapshot->times_real);
  if (valid) {
    out.signature_valid = valid;
    co_return;
  }
  const std::string reason = !keys.problem.empty() ? keys.problem
                             : keys.keys.empty()
                                 ? "the upstream publishes no signing keys that can be used"
                                 : "signed by no key that the upstream publishes for its time";
  // What was verified once stays so: keys that are gone do not take it back.
  if (!out.signature_valid) out.unavailable.push_back({"signature", reason});
}

Task<void> OnlineEvidenceCollector::read_attestations(SnapshotPtr snapshot,
                                                      const PackumentVersion& release,
                                                      const PackumentVersion* before,
                                                      std::chrono::steady_clock::time_point until,
                                                      ExternalEvidence& out) {
  std::erase_if(out.provenance, [&](const auto& read) {
    return read.first != release.version && (before == nullptr || read.first != before->version);
  });
  if (!release.release.dist.attested()) {
    out.provenance.clear();
    co_return;
  }
  const std::string unknown = co_await read_attestation(snapshot, release, until, out);
  if (!unknown.empty()) out.unavailable.push_back({"provenance", unknown});
  if (before == nullptr || !before->release.dist.attested() || !unknown.empty()) co_return;
  const std::string older = co_await read_attestation(snapshot, *before, until, out);
  if (!older.empty())
    out.unavailable.push_back({"provenance", "of the baseline " + before->version + ": " + older});
}

// Why it is not known; "" if it is.
Task<std::string> OnlineEvidenceCollector::read_attestation(
    SnapshotPtr snapshot, const PackumentVersion& release,
    std::chrono::steady_clock::time_point until, ExternalEvidence& out) {
  const std::string version = release.version;
  const auto name = PackageName::parse(snapshot->name);
  const UpstreamConfig& upstream = *route(config_, *name);
  const std::string url = attestation_url(upstream, release.release);
  const ProvenanceEvidence* known = known_provenance(*snapshot, out, version);
  const std::shared_ptr<const TrustAnchors> anchors = trust_.current();
  const std::string sha512 = tarball_sha512(*snapshot, release);
  // What was proven stays proven, of the same bytes.
  const bool settled = known != nullptr && known->url == url && known->foreign.empty() &&
                       known->invalid.empty() &&
                       (anchors ? known->verified && known->verified->sha512 == sha512
                                : !known->verified.has_value());
  if (settled) {
    const ProvenanceEvidence kept = *known;  // it may lie in what is written to
    out.provenance[version] = kept;
    co_return std::string();
  }
  if (sha512.empty())
    co_return "the packument names no SHA-512 that the attestation could be about";
  const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
  if (left <= Millis(0)) co_return "no time was left to ask for the attestation";
  AttestationAnswer answer =
      co_await ask_attestation(upstream_, upstream, url, snapshot->name, version, sha512,
                               std::min(left, kAttestationLimit), clock_, anchors, pool_);
  if (!answer.evidence) co_return std::move(answer.unknown);
  out.provenance[version] = std::move(*answer.evidence);
  co_return std::string();
}

Task<void> OnlineEvidenceCollector::compare_sources(SnapshotPtr snapshot,
                                                    const PackumentVersion& release,
                                                    const PackumentVersion* before,
                                                    std::chrono::steady_clock::time_point until,
                                                    ExternalEvidence& out) {
  std::erase_if(out.sources, [&](const auto& each) {
    return each.first != release.version && (before == nullptr || each.first != before->version);
  });
  // A host that just now did not say its tags is not asked for more; what was known stays known.
  if (sources_ == nullptr || !out.tag || out.tag->state == TagEvidence::State::kUnknown) co_return;
  std::optional<TagEvidence> tag = out.tag;
  co_await compare_source(snapshot, release, std::move(tag), until, out);
  const SourceEvidence* own = find_source(out, release.version);
  if (before == nullptr || own == nullptr || own->state != SourceEvidence::State::kCompared)
    co_return;
  const auto observed = snapshot->observations.find(before->version);
  std::optional<TagEvidence> older;
  if (observed != snapshot->observations.end()) older = observed->second.tag;
  if (!older) {
    const std::string repository =
        before->release.manifest.repository ? before->release.manifest.repository->url : "";
    std::vector<std::string> none;
    TagEvidence asked =
        co_await tags_.ask(repository, snapshot->name, before->version, std::move(none));
    older = std::move(asked);
  }
  co_await compare_source(snapshot, *before, std::move(older), until, out);
}

Task<void> OnlineEvidenceCollector::compare_source(SnapshotPtr snapshot,
                                                   const PackumentVersion& release,
                                                   std::optional<TagEvidence> tag,
                                                   std::chrono::steady_clock::time_point until,
                                                   ExternalEvidence& out) {
  const std::string version = release.version;
  std::pair<std::string, std::string> named =
      commit_of(release.release, tag, find_provenance(out, version));
  const std::string commit = named.first;
  const auto evidence = current_evidence(*snapshot, release);
  if (!evidence || evidence->tarball_sha512.empty() || evidence->archive_refusal) co_return;
  if (const SourceEvidence* known = known_source(*snapshot, out, version)) {
    const bool same = known->commit == commit && known->sha512 == evidence->tarball_sha512;
    if (same && (known->state == SourceEvidence::State::kCompared || clock_.now() < known->again)) {
      const SourceEvidence kept = *known;  // it may lie in what is written to
      out.sources[version] = kept;
      co_return;
    }
  }
  if (commit.empty()) {
    SourceEvidence found;
    found.reason = "nothing names the commit that it was made from";
    found.asked = clock_.now();
    found.again = found.asked + kNoCommitAgain;
    found.sha512 = evidence->tarball_sha512;
    out.sources[version] = std::move(found);
    co_return;
  }
  SourceWanted wanted;
  wanted.name = snapshot->name;
  if (release.release.manifest.repository) {
    wanted.repository = release.release.manifest.repository->url;
    wanted.directory = release.release.manifest.repository->directory;
  }
  wanted.commit = commit;
  wanted.named_by = std::move(named.second);
  wanted.sha512 = evidence->tarball_sha512;
  wanted.until = until;
  SourceEvidence found = co_await sources_->compare(std::move(wanted));
  // What was compared with the same commit is not taken back by a host that is away.
  const SourceEvidence* before = find_source(out, version);
  if (found.state == SourceEvidence::State::kUnavailable && before != nullptr &&
      before->state == SourceEvidence::State::kCompared && before->commit == found.commit &&
      before->sha512 == found.sha512)
    co_return;
  out.sources[version] = std::move(found);
}

Task<void> OnlineEvidenceCollector::find_branch(const PackumentVersion& release,
                                                const PackumentVersion* before,
                                                std::chrono::steady_clock::time_point until,
                                                ExternalEvidence& out) {
  if (branches_ == nullptr || !out.tag || out.tag->state == TagEvidence::State::kUnknown) co_return;
  std::pair<std::string, std::string> named =
      commit_of(release.release, out.tag, find_provenance(out, release.version));
  const auto where = parse_repository(release.release.manifest.repository
                                          ? release.release.manifest.repository->url
                                          : std::string());
  if (!where || !is_object_id(named.first)) {
    out.branch.reset();
    co_return;
  }
  BranchEvidence wanted;
  wanted.repository = where->url();
  wanted.commit = std::move(named.first);
  wanted.named_by = std::move(named.second);
  wanted.asked = clock_.now();
  const bool same = out.branch && out.branch->repository == wanted.repository &&
                    out.branch->commit == wanted.commit;
  if (same &&
      (out.branch->state == BranchEvidence::State::kOnBranch || clock_.now() < out.branch->again))
    co_return;
  std::map<std::string, std::string> earlier = earlier_commits(out, before);
  co_await ask_branches(std::move(earlier), until, wanted);
  // What was told is not taken back by a host that is away.
  if (same && wanted.state == BranchEvidence::State::kUnknown &&
      out.branch->state == BranchEvidence::State::kOnNone)
    co_return;
  out.branch = std::move(wanted);
}

Task<void> OnlineEvidenceCollector::ask_branches(std::map<std::string, std::string> earlier,
                                                 std::chrono::steady_clock::time_point until,
                                                 BranchEvidence& branch) {
  branch.reason = branches_->trouble(branch.repository);
  if (!branch.reason.empty()) co_return;
  std::vector<std::string> own{branch.commit};
  const auto reached = co_await branches_->reach_all(branch.repository, std::move(own), until);
  if (!reached) {
    branch.reason = printable(reached.error().context, 300);
    if (reached.error().code == Code::kRefused) branch.again = branch.asked + kNoBranchesAgain;
    if (reached.error().code == Code::kNotFound) branch.again = branch.asked + kNoCommitAgain;
    co_return;
  }
  branch.state = *reached ? BranchEvidence::State::kOnBranch : BranchEvidence::State::kOnNone;
  if (*reached || earlier.empty()) co_return;
  std::vector<std::string> commits;
  for (const auto& [version, commit] : earlier) {
    branch.earlier.push_back(version);
    commits.push_back(commit);
  }
  const auto habit = co_await branches_->reach_all(branch.repository, std::move(commits), until);
  if (habit) {
    branch.earlier_on_branches = *habit;
    co_return;
  }
  branch.state = BranchEvidence::State::kUnknown;
  branch.earlier.clear();
  branch.reason = "it is on none, and those of earlier releases are unknown: " +
                  printable(habit.error().context, 200);
}

Task<void> OnlineEvidenceCollector::age_dependencies(SnapshotPtr snapshot, const Release& release,
                                                     const Release* before,
                                                     std::chrono::steady_clock::time_point until,
                                                     ExternalEvidence& out) {
  // A first release has no dependencies that are new to anybody; a mirror's stamps tell no ages.
  if (before == nullptr || !snapshot->times_real) co_return;
  for (const NewDependency& added : new_dependencies(release, *before)) {
    const auto name = PackageName::parse(added.package);
    if (!name || added.package == snapshot->name) continue;
    const std::string dependency = added.name;
    const std::string range = added.range;
    const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
    std::string unknown = left <= Millis(0) ? "no time was left" : "";
    PackageHistory::DependencyAge age;
    if (unknown.empty()) {
      auto other = co_await packuments_->get(*name, false, left);
      if (other) {
        age = age_of(*(*other)->packument, range);
        age.same_owner =
            share_an_owner(snapshot->packument->maintainers(), (*other)->packument->maintainers());
      } else {
        unknown = other.error().context;
      }
    }
    if (!unknown.empty()) {
      out.unavailable.push_back({"packument-field", "the age of the new dependency " + dependency +
                                                        " is unknown: " + unknown});
      age.unknown = std::move(unknown);
    }
    out.dependency_ages[dependency] = std::move(age);
  }
}

}  // namespace npmgate
