#include "judge/judge.h"

#include <algorithm>

#include "base/text.h"
#include "inspect/evidence/restored_baseline.h"
#include "judge/comparison.h"
#include "judge/exact_pin.h"
#include "judge/lowest_risk.h"
#include "judge/policy_prefilter.h"
#include "policy/policy_facts.h"
#include "registry/render.h"

namespace npmgate {
namespace {

// Verdicts that wait for each other's at a time; beyond, they are made in order.
constexpr unsigned kDeepest = 128;

StringMap install_hooks(const Release& release, const Evidence* evidence) {
  StringMap hooks;
  for (const std::string_view hook : kInstallHooks) {
    if (const auto it = release.manifest.scripts.find(hook); it != release.manifest.scripts.end()) {
      hooks.emplace("packument:" + it->first, it->second);
    }
    if (evidence == nullptr) continue;
    const StringMap& scripts = evidence->tree.package_json.scripts;
    if (const auto it = scripts.find(hook); it != scripts.end()) {
      hooks.emplace("tarball:" + it->first, it->second);
    }
  }
  return hooks;
}

std::string publisher_of(const Release& release) {
  return release.publisher ? release.publisher->person.name : std::string();
}

// What clients run of a tarball on install: the hooks with their texts and the bytes of every file
// that they reach, those of bundled packages as a whole. nullopt if a hook reads package.json
// and nobody compared that.
std::optional<StringMap> install_closure(const Evidence& evidence) {
  StringMap closure;
  const Tree& tree = evidence.tree;
  const auto add_file = [&](const FileFacts& file) { closure["file " + file.path] = file.sha256; };
  for (const HookReach& reach : tree.hooks) {
    const bool prepares = std::find(std::begin(kPrepareHooks), std::end(kPrepareHooks),
                                    reach.hook) != std::end(kPrepareHooks);
    if (prepares) continue;
    closure.emplace("hook " + reach.hook + " " + reach.command, "");
    for (const std::string& path : reach.missing) closure["file " + path] = "missing";
    for (const std::string& path : reach.files) {
      const FileFacts* file = tree.find(path);
      if (path != "package.json") {
        if (file != nullptr) add_file(*file);
        continue;
      }
      if (tree.package_json_rest.empty()) return std::nullopt;
      closure["file " + path] = tree.package_json_rest;
    }
  }
  for (const BundledPackage& bundled : tree.bundled) {
    const bool runs =
        bundled.has_binding_gyp || bundled.refusal ||
        std::any_of(std::begin(kInstallHooks), std::end(kInstallHooks),
                    [&](auto hook) { return bundled.manifest.scripts.contains(hook); });
    if (!runs) continue;
    closure.emplace("bundled " + bundled.path, "");
    for (const FileFacts& file : tree.files) {
      if (file.path.starts_with(bundled.path + "/")) add_file(file);
    }
  }
  return closure;
}

// Waivers by glob or range apply only while the release is made by the same publisher and runs the
// same hooks, to the byte, as its baseline. What is unknown is not the same.
bool same_publisher_and_hooks(const Judged& judged, const Release* baseline,
                              const Evidence* baseline_evidence) {
  if (baseline == nullptr) return false;
  const std::string now = publisher_of(*judged.release);
  if (now.empty() || now != publisher_of(*baseline)) return false;
  if (!judged.evidence)
    return install_hooks(*judged.release, nullptr) == install_hooks(*baseline, nullptr);
  const auto closure = install_closure(*judged.evidence);
  if (!closure) return false;
  // Runs nothing on install: there is nothing that could have changed for the worse.
  if (closure->empty() && install_hooks(*judged.release, judged.evidence.get()).empty())
    return true;
  if (baseline_evidence == nullptr) return false;
  return install_hooks(*judged.release, judged.evidence.get()) ==
             install_hooks(*baseline, baseline_evidence) &&
         closure == install_closure(*baseline_evidence);
}

// Whether a file stands in the tree that node finds under the name of an entry.
bool has_entry(const Tree& tree, std::string path) {
  while (path.starts_with("./")) path.erase(0, 2);
  while (path.ends_with('/')) path.pop_back();
  static constexpr std::string_view kEndings[] = {
      "",      ".js",       ".cjs",       ".mjs",        ".json",
      ".node", "/index.js", "/index.cjs", "/index.json", "/index.node"};
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&](std::string_view ending) {
    return tree.find(path + std::string(ending)) != nullptr;
  });
}

bool has_code(const Tree& tree) {
  return std::any_of(tree.files.begin(), tree.files.end(),
                     [](const FileFacts& file) { return file.code.has_value(); });
}

// What was found out about an accepted release is lost (a damaged row, one of a later inspector):
// it is judged again, but as what was accepted and as nothing else.
void hold_to_pin(const PackageSnapshot& snapshot, const PackumentVersion& version, const Pin& pin,
                 Judged& judged) {
  judged.raw_manifest = pin.raw_manifest;
  const EvidencePtr other = current_evidence(snapshot, version);
  judged.upstream_replaced = manifest_digest(version.raw) != manifest_digest(pin.raw_manifest) ||
                             (other && other->content_id() != pin.content_id);
}

// If the digests are the same the findings do not show that another manifest came in the place
// of the accepted one.
void note_replaced(std::vector<Finding>& findings) {
  const auto known = [](const Finding& finding) { return finding.id == "release-republished"; };
  if (std::any_of(findings.begin(), findings.end(), known)) return;
  findings.push_back({"release-republished",
                      Severity::kCritical,
                      "the upstream now states another release than the one accepted here",
                      {{"accepted", "another manifest or other bytes"}},
                      "packument-field"});
}

// Of a manifest that no document can hold, although a policy would serve it.
std::string unservable_sentence(const std::string& name, const PackumentVersion& version) {
  const std::string rule = version.refusal ? version.refusal->rule : "version";
  return name + "@" + version.version + " is left out: its manifest cannot be served (" + rule +
         ")";
}

bool says_links_only(const Finding& finding) {
  const auto* rule = finding.id == "archive-refused" ? finding.proof.if_contains("rule") : nullptr;
  return rule != nullptr && rule->is_string() && rule->get_string() == kLinkRule;
}

bool has_links_only(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(), says_links_only);
}

// Old packers wrote links, and nobody attacks with a release of years before: told, and a warning.
bool let_old_links_be(std::vector<Finding>& findings) {
  const auto found = std::find_if(findings.begin(), findings.end(), says_links_only);
  if (found == findings.end()) return false;
  found->proof["informs_only"] = true;
  return true;
}

}  // namespace

std::string why_uncompared(std::span<const Finding> findings) {
  for (const Finding& finding : findings) {
    if (finding.id == "first-release" && finding.message.starts_with("none of "))
      return finding.message.substr(0, finding.message.find(':'));
  }
  return "there is no earlier release to compare with";
}

std::string why_absent(const PackageSnapshot& snapshot, std::string_view version) {
  const std::string shown = printable(version, 60);
  const auto seen = snapshot.record.versions.find(version);
  if (seen == snapshot.record.versions.end() || !seen->second.withdrawn)
    return snapshot.name + " has no version " + shown;
  return snapshot.name + "@" + shown + " was withdrawn: its registry lists it no longer since " +
         format_minute(*seen->second.withdrawn) + "; it was first seen " +
         format_minute(seen->second.first_seen);
}

std::vector<Finding> findings_now(const ReleaseRow& row, const Feed* feed) {
  std::vector<Finding> findings;
  if (feed != nullptr)
    findings = malware_findings(feed->find(row.name, row.version), row.subject.published);
  std::copy_if(row.findings.begin(), row.findings.end(), std::back_inserter(findings),
               [](const Finding& finding) { return finding.id != "known-malware"; });
  return findings;
}

Judge::Judge(std::shared_ptr<const PackageSnapshot> snapshot, std::shared_ptr<const Policy> policy,
             std::vector<Decision> decisions, JudgeOptions options, Time now)
    : snapshot_(std::move(snapshot)),
      policy_(std::move(policy)),
      decisions_(std::move(decisions)),
      options_(options),
      now_(now),
      listed_(options_.feed != nullptr && options_.feed->names(snapshot_->name)),
      ages_(*snapshot_),
      stable_(snapshot_->packument ? snapshot_->packument->versions().size() : 0),
      prereleases_(stable_),
      longest_hold_(longest_hold(*policy_)),
      settles_after_(settles_after(*policy_)),
      sooner_after_(sooner_after(*policy_)),
      born_(snapshot_->packument ? snapshot_->packument->versions().size() : 0) {
  if (snapshot_->packument) read_releases();
}

void Judge::read_releases() {
  history_.times_real = snapshot_->times_real;
  history_.entries.reserve(snapshot_->packument->versions().size());
  for (const PackumentVersion& version : snapshot_->packument->versions()) {
    const bool usable = !version.refusal && version.semver;
    const std::size_t position = position_of(version);
    if (!usable || version.semver->is_prerelease()) stable_.take_out(position);
    if (!usable || !version.semver->is_prerelease()) prereleases_.take_out(position);
    if (!usable) continue;
    const Release& release = version.release;
    history_.signs =
        history_.signs || (release.dist.signatures && !release.dist.signatures->empty());
    history_.entries.push_back(
        {version.version, release.published,
         release.publisher ? std::optional(release.publisher->person.name) : std::nullopt,
         release.dist.attested(),
         release.publisher && release.publisher->trusted_publisher.has_value(),
         release.dist.unpacked_size.value_or(0)});
  }
}

std::size_t Judge::position_of(const PackumentVersion& version) const {
  return static_cast<std::size_t>(&version - snapshot_->packument->versions().data());
}

Time Judge::age_start_of(const PackumentVersion& version) {
  std::optional<Time>& age_start = born_[position_of(version)];
  if (age_start) return *age_start;
  age_start = ages_.age_start(version, now_);
  if (options_.as_published.empty()) return *age_start;
  const Millis long_ago = std::max(options_.recent, longest_hold_);
  age_start = version.version == options_.as_published
                  ? now_
                  : std::min(*age_start, now_ - long_ago - std::chrono::hours{24});
  return *age_start;
}

bool Judge::published_before(const PackumentVersion& a, const PackumentVersion& b) const {
  // Publish order counts only if publish times are real.
  if (!snapshot_->times_real || !a.release.published || !b.release.published) return true;
  return *a.release.published <= *b.release.published;
}

bool Judge::fits_as_baseline(const PackumentVersion& candidate) {
  const Judged* judged = of(candidate.version);
  if (judged == nullptr || is_incomplete_upload(*judged)) return false;
  const bool old = now_ - judged->subject.age_start > options_.recent;
  if (!judged->evidence) return old && judged->verdict.baseline_fit;
  if (old || !judged->verdict.approved_by.empty()) return judged->verdict.baseline_fit;
  // A hold that merely ran out does not make a baseline yet: judge it as on the day it appeared.
  const Verdict at_birth = decide(*policy_, judged->subject, judged->findings, decisions_,
                                  std::min(judged->subject.age_start, now_));
  return judged->verdict.baseline_fit && at_birth.baseline_fit;
}

template <class InReach>
const PackumentVersion* Judge::highest_fit(CandidateIndex& candidates, const PackumentVersion& self,
                                           InReach in_reach) {
  const auto& all = snapshot_->packument->versions();
  for (auto at = candidates.below(position_of(self)); at; at = candidates.below(*at)) {
    const PackumentVersion& candidate = all[*at];
    if (!in_reach(*candidate.semver)) return nullptr;
    if (!(*candidate.semver < *self.semver) || !published_before(candidate, self)) continue;
    if (fits_as_baseline(candidate)) return &candidate;
    candidates.take_out(*at);
  }
  return nullptr;
}

std::string Judge::baseline_of(std::string_view version) {
  if (!snapshot_->packument) return {};
  const PackumentVersion* self = snapshot_->packument->find(version);
  if (self == nullptr || !self->semver) return {};
  if (version == options_.compare.first) return options_.compare.second;
  const PackumentVersion* found = nullptr;
  if (self->semver->is_prerelease()) {
    found = highest_fit(prereleases_, *self, [&](const Version& other) {
      return other.major() == self->semver->major() && other.minor() == self->semver->minor() &&
             other.patch() == self->semver->patch();
    });
  }
  if (found == nullptr) found = highest_fit(stable_, *self, [](const Version&) { return true; });
  return found == nullptr ? std::string() : found->version;
}

// A script that is as it was, and of which files that it loads are gone: it cannot run.
bool lacks_loads(const Tree& tree, const Tree& before) {
  return std::any_of(before.files.begin(), before.files.end(), [&](const FileFacts& was) {
    if (was.loads.empty()) return false;
    const FileFacts* now = tree.find(was.path);
    if (now == nullptr || now->sha256 != was.sha256 || !now->reading ||
        now->loads.size() >= was.loads.size())
      return false;
    return std::any_of(was.loads.begin(), was.loads.end(), [&](std::uint32_t load) {
      const FileFacts& file = before.files[load];
      return file.kind == FileKind::kScript && tree.find(file.path) == nullptr;
    });
  });
}

// Published without what its package.json calls its entry, without files that unchanged code loads,
// or without any code, if its own baseline has them: the next release only puts back what was
// forgotten.
bool Judge::is_incomplete_upload(const Judged& judged) {
  if (!judged.evidence || !judged.baseline_evidence) return false;
  const Tree& tree = judged.evidence->tree;
  const Tree& before = judged.baseline_evidence->tree;
  if (tree.files.empty() || before.files.empty()) return false;
  if (!has_code(tree) && has_code(before)) return true;
  if (lacks_loads(tree, before)) return true;
  const auto lost = [&](const std::string& entry) {
    return !entry.empty() && !has_entry(tree, entry) && has_entry(before, entry);
  };
  const StringMap& bin = tree.package_json.bin;
  return lost(tree.package_json.main) ||
         std::any_of(bin.begin(), bin.end(), [&](const auto& each) { return lost(each.second); });
}

// SPEC, section 1: settled is what was approved or is older than the longest hold of the policy,
// counted when `self` appeared: so what a release is compared with does not drift while it is
// young.
std::string Judge::settled_before(const PackumentVersion& self, const std::string& baseline) {
  const PackumentVersion* from = snapshot_->packument->find(baseline);
  if (from == nullptr || !from->semver) return {};
  const auto& all = snapshot_->packument->versions();
  CandidateIndex& candidates = from->semver->is_prerelease() ? prereleases_ : stable_;
  const Time age_start = age_start_of(self);
  const auto is_settled = [&](const PackumentVersion& candidate) {
    if (age_start - age_start_of(candidate) >= settles_after_) return true;
    const Judged* judged = of(candidate.version);
    return judged != nullptr && !judged->verdict.approved_by.empty();
  };
  for (std::optional<std::size_t> at = position_of(*from); at; at = candidates.below(*at)) {
    const PackumentVersion& candidate = all[*at];
    if (!(*candidate.semver < *self.semver) || !published_before(candidate, self)) continue;
    if (is_settled(candidate) && fits_as_baseline(candidate)) return candidate.version;
  }
  // A first prerelease of a line is compared with stable ones before it.
  if (&candidates == &prereleases_) {
    for (auto at = stable_.below(position_of(*from)); at; at = stable_.below(*at)) {
      if (is_settled(all[*at]) && fits_as_baseline(all[*at])) return all[*at].version;
    }
  }
  return {};
}

// Findings of the comparison with the last settled release that the one with the baseline does not
// show, so that small steps add up.
void Judge::add_settled(Judged& judged, FindingInput input) {
  if (judged.settled == judged.baseline) return;
  input.baseline = nullptr;
  input.baseline_evidence = nullptr;
  EvidencePtr before_evidence;
  if (const Judged* before = judged.settled.empty() ? nullptr : of(judged.settled)) {
    input.baseline = before->release;
    before_evidence = before->evidence;
    input.baseline_evidence = before_evidence.get();
  }
  add_since_settled(judged.findings, derive_findings(input), judged.settled);
}

// From the bottom up each one finds the verdicts below it made: a chain of releases that hang on
// each other must not become one of calls.
void Judge::judge_below(std::size_t position) {
  const auto& all = snapshot_->packument->versions();
  for (; judged_below_ < position; ++judged_below_) of(all[judged_below_].version);
}

const Judged* Judge::of(std::string_view version) {
  if (const auto it = memo_.find(version); it != memo_.end()) return &it->second;
  const PackumentVersion* found =
      snapshot_->packument ? snapshot_->packument->find(version) : nullptr;
  const auto pin = snapshot_->pins.find(version);
  if (found != nullptr && found->semver) {
    return &memo_.emplace(std::string(version), judge(*found)).first->second;
  }
  if (pin == snapshot_->pins.end()) return nullptr;
  Judged judged = judge_withdrawn_pin(pin->second);
  if (judged.release == nullptr) return nullptr;
  return &memo_.emplace(std::string(version), std::move(judged)).first->second;
}

const Judged* Judge::for_asker(std::string_view version) {
  const Judged* const judged = of(version);
  if (judged == nullptr || options_.approvals.empty() || judged->verdict.served()) return judged;
  if (const auto it = approved_for_asker_.find(version); it != approved_for_asker_.end())
    return &it->second;
  std::vector<Decision> decisions = decisions_;
  decisions.insert(decisions.end(), options_.approvals.begin(), options_.approvals.end());
  Verdict verdict = decide(*policy_, judged->subject, judged->findings, decisions, now_);
  verdict.valid_until = earliest(verdict.valid_until, judged->verdict.valid_until);
  Judged own = *judged;
  own.verdict = std::move(verdict);
  return &approved_for_asker_.emplace(std::string(version), std::move(own)).first->second;
}

Judged Judge::judge(const PackumentVersion& version) {
  Judged judged;
  judged.version = version.version;
  judged.release = &version.release;
  judged.raw_manifest = version.raw;
  judged.servable = version.servable || snapshot_->pins.contains(version.version);
  if (const auto pin = snapshot_->pins.find(version.version); pin != snapshot_->pins.end()) {
    judged.evidence = pinned_evidence(*snapshot_, pin->second);
    if (judged.evidence) {
      judged.pinned = true;
      judged.release = &judged.evidence->release;
      judged.raw_manifest = pin->second.raw_manifest;
      judged.upstream_replaced = manifest_digest(version.raw) != judged.evidence->manifest_sha256;
    } else {
      hold_to_pin(*snapshot_, version, pin->second, judged);
    }
  }
  judged.subject.age_start = age_start_of(version);
  const Millis age = now_ - judged.subject.age_start;
  const bool half_known = options_.observed_only && age <= options_.recent &&
                          !snapshot_->observations.contains(version.version);
  if (!judged.pinned && !half_known) judged.evidence = current_evidence(*snapshot_, version);
  const bool replaced = judged.upstream_replaced && !judged.pinned;
  const bool old = age > options_.recent && !judged.evidence && !judged.pinned && !replaced &&
                   kept_comparison(judged) == nullptr;
  if (old && advisories_of(version.version).empty() &&
      !policy_can_reach(*policy_, *snapshot_, version, age)) {
    describe(judged, &version, nullptr);
    judged.verdict = decide(*policy_, judged.subject, {}, decisions_, now_);
    return judged;
  }
  if (++depth_ > kDeepest) judge_below(position_of(version));
  judged.baseline = baseline_of(version.version);
  judged.settled = judged.baseline;
  if (!judged.baseline.empty() && version.version != options_.compare.first && judged.evidence &&
      age <= std::max(options_.recent, longest_hold_))
    judged.settled = settled_before(version, judged.baseline);
  finish(judged, &version);
  --depth_;
  return judged;
}

std::optional<Time> Judge::valid_until() const {
  std::optional<Time> first;
  for (const auto* const made : {&memo_, &approved_for_asker_}) {
    for (const auto& [version, judged] : *made) first = earliest(first, judged.verdict.valid_until);
  }
  return first;
}

// The upstream no longer lists a release that we have served: it is judged on what we kept, so that
// the lockfiles of those who have it get an answer (and the finding release-withdrawn).
Judged Judge::judge_withdrawn_pin(const Pin& pin) {
  Judged judged;
  judged.version = pin.version;
  judged.evidence = pinned_evidence(*snapshot_, pin);
  if (!judged.evidence) return judged;
  judged.pinned = true;
  judged.release = &judged.evidence->release;
  judged.raw_manifest = pin.raw_manifest;
  judged.subject.age_start = judged.release->published.value_or(pin.accepted);
  finish(judged, nullptr);
  return judged;
}

// The parts of the history that belong to one release; the list of all releases is the same for
// each and stays.
const PackageHistory& Judge::history_for(const Judged& judged) {
  history_.first_seen.reset();
  history_.first_seen_integrity.reset();
  history_.withdrawn = false;
  if (const auto seen = snapshot_->record.versions.find(judged.version);
      seen != snapshot_->record.versions.end()) {
    history_.first_seen = seen->second.first_seen;
    history_.withdrawn = seen->second.withdrawn.has_value();
    if (!seen->second.integrity.empty() && !judged.pinned) {
      history_.first_seen_integrity = seen->second.integrity;
    }
  }
  history_.tags.clear();
  for (const auto& [tag, target] : snapshot_->packument->dist_tags())
    if (target == judged.version) history_.tags.push_back(tag);
  const auto it = snapshot_->observations.find(judged.version);
  const ExternalEvidence observed =
      it != snapshot_->observations.end() ? it->second : ExternalEvidence{};
  history_.tag = observed.tag;
  history_.signature_valid = observed.signature_valid;
  history_.dependency_ages = observed.dependency_ages;
  history_.provenance = observed.provenance;
  history_.sources = observed.sources;
  history_.branch = observed.branch;
  history_.baseline_branch.reset();
  // The baseline may be another one than when the release was asked about.
  const auto before = snapshot_->observations.find(judged.baseline);
  if (before != snapshot_->observations.end()) {
    history_.provenance.insert(before->second.provenance.begin(), before->second.provenance.end());
    history_.sources.insert(before->second.sources.begin(), before->second.sources.end());
    history_.baseline_branch = before->second.branch;
  }
  // A dependency that came with a release since the last settled one was asked about then.
  if (judged.settled != judged.baseline) {
    for (const auto& [version, other] : snapshot_->observations)
      history_.dependency_ages.insert(other.dependency_ages.begin(), other.dependency_ages.end());
  }
  history_.unavailable = observed.unavailable;
  history_.advisories = advisories_of(judged.version);
  return history_;
}

std::vector<PackageHistory::Advisory> Judge::advisories_of(std::string_view version) const {
  if (!listed_) return {};
  return options_.feed->find(snapshot_->name, version);
}

void Judge::finish(Judged& judged, const PackumentVersion* version) {
  const Release* baseline = nullptr;
  if (!judged.baseline.empty()) {
    if (const Judged* before = of(judged.baseline)) {
      baseline = before->release;
      judged.baseline_evidence = before->evidence;
    }
  }
  FindingInput input;
  input.release = judged.release;
  input.evidence = judged.evidence.get();
  input.baseline = baseline;
  input.baseline_evidence = judged.baseline_evidence.get();
  input.history = &history_for(judged);
  input.popular = options_.popular;
  judged.findings = derive_findings(input);
  add_settled(judged, input);
  if (judged.upstream_replaced && !judged.pinned) note_replaced(judged.findings);
  keep_strictest(judged, input);
  const Time old_from = judged.subject.age_start + options_.recent;
  const bool linked =
      now_ <= old_from ? has_links_only(judged.findings) : let_old_links_be(judged.findings);
  describe(judged, version, baseline);
  judged.verdict = decide(*policy_, judged.subject, judged.findings, decisions_, now_);
  if (linked && now_ <= old_from)
    judged.verdict.valid_until = earliest(judged.verdict.valid_until, old_from + Millis(1));
  // As if just published: waits by age alone are set aside.
  const bool may_wait = options_.sibling && options_.as_published.empty();
  if (version != nullptr && may_wait && judged.recent && judged.verdict.served())
    wait_for_siblings(judged);
}

// A parent that leaves its hold before the parts that it pins exactly would be installed without
// them (optional ones) or not at all: it waits, and comes with them.
void Judge::wait_for_siblings(Judged& judged) {
  constexpr std::size_t kAsked = 200;  // each may be a read from disk
  std::size_t asked = 0;
  std::string first;
  std::optional<Time> until;
  for (const auto& [name, version] : exact_pins(judged.release->manifest)) {
    if (name == snapshot_->name || ++asked > kAsked) continue;
    const auto state = options_.sibling(*judged.release, name, version);
    if (!state || state->served) continue;
    const Time ends = state->ends.value_or(judged.subject.age_start + options_.recent);
    if (!until || ends > *until) until = ends;
    if (first.empty()) first = name + "@" + version;
  }
  if (first.empty()) return;
  add_kept(judged.findings, {wait_for_sibling(first, *until)}, false);
  judged.verdict = decide(*policy_, judged.subject, judged.findings, decisions_, now_);
  // The sibling may be let through at any moment.
  judged.verdict.valid_until = earliest(judged.verdict.valid_until, now_ + std::chrono::minutes(1));
}

// Of this very release: another one under the same version was never compared.
const KeptComparison* Judge::kept_comparison(const Judged& judged) const {
  const auto it = snapshot_->comparisons.find(judged.version);
  if (it == snapshot_->comparisons.end()) return nullptr;
  const std::string& content = it->second.content_id;
  const bool same = judged.evidence ? content == judged.evidence->content_id()
                                    : content.ends_with(":" + manifest_digest(judged.raw_manifest));
  return same ? &it->second : nullptr;
}

// Whether the release was compared with another one that is none any more for want of evidence
// alone: nobody decided anything about it.
bool Judge::lost_baseline(const KeptComparison& kept, const Judged& judged) {
  if (kept.baseline.empty() || kept.baseline == judged.baseline) return false;
  const Judged* before = of(kept.baseline);
  return before == nullptr || (!before->evidence && before->recent && before->verdict.baseline_fit);
}

// SPEC, section 1: evidence that is missing is never absence. While something is unknown that was
// known when the release was compared last, what was found then stands; a recent release that was
// never compared with its baseline is held by the floor.
void Judge::keep_strictest(Judged& judged, const FindingInput& input) {
  judged.missing = missing_sources(input, judged.findings, options_.feed != nullptr);
  const KeptComparison* kept = kept_comparison(judged);
  if (kept != nullptr && lost_baseline(*kept, judged)) {
    judged.missing.emplace_back("the baseline's inspection");
    std::sort(judged.missing.begin(), judged.missing.end());
  }
  if (kept != nullptr && !std::includes(kept->missing.begin(), kept->missing.end(),
                                        judged.missing.begin(), judged.missing.end())) {
    std::vector<Finding> stand = kept->findings;
    if (lacks_source_alone(kept->missing, judged.missing)) keep_of_source(stand);
    judged.carried = !stand.empty();
    // Whether it waits for a comparison is known if the release itself was inspected.
    if (judged.evidence)
      std::erase_if(stand, [](const Finding& finding) { return is_hold_for_comparison(finding); });
    add_kept(judged.findings, stand, options_.feed != nullptr);
  }
  note_lacking(judged, input, kept);
}

void Judge::note_lacking(Judged& judged, const FindingInput& input, const KeptComparison* kept) {
  if (lacks_baseline(input)) judged.lacking.push_back(judged.baseline);
  if (judged.settled != judged.baseline && !judged.settled.empty()) {
    const Judged* settled = of(judged.settled);
    FindingInput other = input;
    other.baseline = settled->release;
    other.baseline_evidence = settled->evidence.get();
    if (lacks_baseline(other)) judged.lacking.push_back(judged.settled);
  }
  if (judged.lacking.empty()) return;
  const bool compared = kept != nullptr && kept->baseline == judged.baseline &&
                        kept->settled == judged.settled &&
                        !std::binary_search(kept->missing.begin(), kept->missing.end(), "baseline");
  if (compared) return;
  if (std::find(judged.missing.begin(), judged.missing.end(), "baseline") == judged.missing.end()) {
    judged.missing.emplace_back("baseline");
    std::sort(judged.missing.begin(), judged.missing.end());
  }
  if (now_ - judged.subject.age_start > options_.recent) return;
  const ComparisonRetry retry = options_.retry ? options_.retry(judged.version) : ComparisonRetry();
  hold_until_compared(judged.findings, judged.lacking.front(), retry.reason,
                      judged.subject.age_start + options_.recent);
}

std::optional<KeptComparison> Judge::comparison_of(std::string_view version) {
  const Judged* judged = of(version);
  if (judged == nullptr || !judged->evidence) return std::nullopt;
  const KeptComparison* kept = kept_comparison(*judged);
  KeptComparison next{judged->evidence->content_id(), judged->baseline, judged->settled,
                      judged->missing, judged->findings};
  if (judged->carried) {
    next.baseline = kept->baseline;
    next.settled = kept->settled;
    next.missing = kept->missing;
  }
  std::erase_if(next.findings, [](const Finding& finding) { return is_wait_for_sibling(finding); });
  if (kept != nullptr && *kept == next) return std::nullopt;
  return next;
}

bool Judge::comparison_due(const Judged& judged) const {
  if (!judged.recent || judged.lacking.empty() || !judged.evidence) return false;
  return !options_.retry || options_.retry(judged.version).due;
}

void Judge::describe(Judged& judged, const PackumentVersion* version, const Release* baseline) {
  Subject& subject = judged.subject;
  subject.name = snapshot_->name;
  subject.version = judged.version;
  subject.semver = version != nullptr ? version->semver : Version::parse_loose(judged.version);
  subject.upstream = snapshot_->upstream;
  subject.popular =
      std::binary_search(options_.popular.begin(), options_.popular.end(), subject.name);
  subject.has_install_script = runs_on_install(*judged.release, judged.evidence.get());
  if (judged.release->publisher) subject.publisher = judged.release->publisher->person.name;
  subject.license = judged.release->manifest.license;
  const auto built = history_.provenance.find(judged.version);
  if (built != history_.provenance.end() && built->second.verified && judged.evidence &&
      built->second.verified->sha512 == judged.evidence->tarball_sha512)
    subject.provenance = Subject::Proven{
        built->second.verified->issuer, built->second.verified->runner,
        built->second.stated.repository, built->second.stated.workflow, built->second.stated.ref};
  subject.published = judged.release->published;
  subject.untimed = snapshot_->packument && !snapshot_->packument->has_times();
  subject.inspected = judged.evidence != nullptr;
  if (judged.evidence) subject.content_id = judged.evidence->content_id();
  subject.same_publisher_and_hooks =
      same_publisher_and_hooks(judged, baseline, judged.baseline_evidence.get());
  judged.recent = now_ - subject.age_start <= options_.recent;
  if (judged.recent) {
    subject.risk_left = risk_left(judged, history_);
    subject.lowest_risk = subject.risk_left.empty();
  }
  if (version != nullptr && judged.recent) subject.again = restored(judged);
}

// Served on its own merits, and for longer than any cooldown that it could shorten holds: neither
// bad content published twice nor what an admin let through an hour ago frees the next release.
bool Judge::is_served_and_aged(const Judged& judged) const {
  return judged.served() && judged.verdict.would <= Action::kWarn &&
         now_ - judged.subject.age_start >= *sooner_after_;
}

// The highest earlier release that this one is again; "" if there is none.
std::string Judge::restored(const Judged& judged) {
  if (!sooner_after_ || !judged.evidence || !judged.subject.semver) return {};
  const std::string& rest = judged.evidence->tree.package_json_rest;
  if (rest.empty()) return {};
  const PackumentVersion* best = nullptr;
  for (const EvidencePtr& evidence : snapshot_->evidence) {
    if (evidence->version == judged.version || evidence->tree.package_json_rest != rest) continue;
    const PackumentVersion* other = snapshot_->packument->find(evidence->version);
    if (other == nullptr || !other->semver || !(*other->semver < *judged.subject.semver)) continue;
    if (best != nullptr && *other->semver < *best->semver) continue;
    const Judged* before = of(other->version);
    if (before == nullptr || !before->evidence || !is_served_and_aged(*before)) continue;
    if (restored_baseline(*judged.release, *judged.evidence, *before->release, *before->evidence))
      best = other;
  }
  return best == nullptr ? std::string() : best->version;
}

std::string Judge::may_restore(const Judged& judged) {
  constexpr int kLookedAt = 20;  // a restoration comes soon after what it replaces
  const PackumentVersion* self = snapshot_->packument->find(judged.version);
  if (!sooner_after_ || !judged.subject.again.empty() || judged.verdict.served() ||
      self == nullptr || !self->semver)
    return {};
  Manifest wanted = judged.release->manifest;
  std::size_t at = position_of(*self);
  for (int looked = 0; at-- > 0 && looked < kLookedAt; ++looked) {
    const PackumentVersion& other = snapshot_->packument->versions()[at];
    const Judged* before = other.semver ? of(other.version) : nullptr;
    if (before == nullptr || !is_served_and_aged(*before)) continue;
    wanted.version = before->release->manifest.version;
    wanted.deprecated = before->release->manifest.deprecated;
    if (wanted == before->release->manifest) return before->evidence ? "" : other.version;
  }
  return {};
}

Judge::Listing Judge::listing(const std::set<std::string, std::less<>>& undecided) {
  Listing listing;
  std::set<std::string_view> kept;
  for (const PackumentVersion& version : snapshot_->packument->versions()) {
    const Judged* judged = for_asker(version.version);
    if (judged != nullptr)
      listing.valid_until = earliest(listing.valid_until, judged->verdict.valid_until);
    if (!left_out(judged, undecided)) {
      listing.kept.push_back(judged);
      kept.insert(version.version);
      continue;
    }
    Hidden hidden{version.version, {}, judged != nullptr ? judged->subject.age_start : Time{}};
    if (judged == nullptr || (judged->verdict.served() && !judged->servable)) {
      hidden.sentence = unservable_sentence(snapshot_->name, version);
    } else if (judged->verdict.served()) {
      hidden.sentence = snapshot_->name + "@" + version.version +
                        " is left out for now: its inspection has not ended; ask again shortly";
    } else {
      hidden.sentence = refusal_sentence(judged->subject, judged->verdict, judged->findings);
    }
    listing.hidden.push_back(std::move(hidden));
  }
  std::reverse(listing.hidden.begin(), listing.hidden.end());
  listing.dist_tags = move_dist_tags(
      *snapshot_->packument, [&](std::string_view version) { return kept.contains(version); },
      snapshot_->record.tag_history);
  return listing;
}

}  // namespace npmgate
