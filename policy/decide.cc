#include "policy/decide.h"

#include <algorithm>
#include <tuple>

#include "policy/evaluate.h"
#include "policy/policy_facts.h"
#include "registry/name.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// SPEC section 4, "The floor". evidence-unavailable counts for the tarball alone.
struct FloorRow {
  std::string_view finding;
  Action action;
};
constexpr std::string_view kNeverWaived = "integrity-mismatch";
constexpr FloorRow kFloor[] = {
    {kNeverWaived, Action::kBlock},           {"archive-refused", Action::kBlock},
    {"package-json-refused", Action::kBlock}, {"archive-over-limit", Action::kBlock},
    {"release-republished", Action::kBlock},  {"evidence-unavailable", Action::kQuarantine},
};

bool is_missing_tarball(const Finding& finding) {
  return finding.id == "evidence-unavailable" && finding.source == "tarball";
}

// Why; other evidence that was not available holds nothing and is not the reason.
std::string missing_tarball(std::span<const Finding> findings) {
  const auto found = std::find_if(findings.begin(), findings.end(), is_missing_tarball);
  return found == findings.end() ? std::string() : found->message;
}

constexpr std::size_t kUnknown = static_cast<std::size_t>(-1);

// One reason on its way to the verdict.
struct Draft {
  Reason reason;
  const Rule* rule = nullptr;  // null: the floor or a rejection
  bool by_hand = false;        // a rejection, or the floor's first row: nothing lifts it
  bool stands = true;          // neither waived nor approved
  bool counts = true;          // stands, and neither monitored nor under broken glass
};

class Decider {
 public:
  Decider(const Policy& policy, const Subject& subject, std::span<const Finding> findings,
          std::span<const Decision> decisions, Time now)
      : policy_(policy), subject_(subject), findings_(findings), decisions_(decisions), now_(now) {}

  Verdict run() {
    drafts_.reserve(8);
    sort_findings();
    collect_waivers();
    floor();
    not_compared();
    for (const Rule& rule : policy_.rules) judge(rule);
    rejections();
    approvals();
    lift_for_monitor();
    lift_for_break_glass();
    return finish();
  }

 private:
  void sort_findings();
  void collect_waivers();
  bool waiver_covers(const Waiver& waiver) const;
  void floor();
  void not_compared();
  void judge(const Rule& rule);
  void rejections();
  void approvals();
  bool approval_fits(const Decision& decision) const;
  bool covers_findings(const Decision& decision) const;
  void lift_for_monitor();
  void lift_for_break_glass();
  Verdict finish();
  std::optional<Time> hold_ends() const;

  const SeenFindings& evidence_for(const Rule& rule) const {
    return rule.then == Action::kWarn ? all_ : holding_;
  }
  std::string first_message(const FindingSet& used) const;
  std::string waiver_of_findings(const FindingSet& used) const;
  const Waiver* waiver_of_rule(const std::string& id) const;
  bool lets_through(const Rule& rule) const { return rule.fixes_sooner && !subject_.again.empty(); }

  const Policy& policy_;
  const Subject& subject_;
  std::span<const Finding> findings_;
  std::span<const Decision> decisions_;
  const Time now_;
  std::vector<std::size_t>
      indexes_;           // of findings_, in finding_kinds(); kUnknown for ids it does not have
  SeenFindings all_;      // every finding
  SeenFindings holding_;  // those that may hold or block (inspect/findings/findings.h, may_hold)
  FindingSet waived_;
  std::vector<const Waiver*> waivers_;  // those in force for this release
  bool tarball_missing_ = false;
  std::vector<Draft> drafts_;
  std::string approved_by_;
  std::optional<Time> valid_until_;
};

std::string describe(const Waiver& waiver) {
  return "waiver at " + waiver.at.str() + " (" + waiver.reason + ")";
}

void Decider::sort_findings() {
  indexes_.reserve(findings_.size());
  for (const Finding& finding : findings_) {
    const auto index = finding_index(finding.id);
    indexes_.push_back(index.value_or(kUnknown));
    if (!index) continue;
    all_.add(*index, finding);
    if (may_hold(finding)) holding_.add(*index, finding);
    tarball_missing_ = tarball_missing_ || is_missing_tarball(finding);
  }
}

// "1.2.0+b" and "v1.2.0" are versions of their own, although semver ranks them as 1.2.0.
bool is_meant(const Waiver& waiver, const std::string& version) {
  if (version == waiver.versions_text) return true;
  const bool plain = waiver.versions_text.find('+') == std::string::npos;
  return plain && version == waiver.versions->exact()->str();
}

bool Decider::waiver_covers(const Waiver& waiver) const {
  if (waiver.expires <= now_) return false;
  if (waiver.is_glob ? !glob_match(waiver.package, subject_.name)
                     : waiver.package != subject_.name) {
    return false;
  }
  // Old trust does not cover a release of another publisher or with other hooks.
  if (!waiver.exact && !subject_.same_publisher_and_hooks) return false;
  if (!waiver.versions) return true;
  if (waiver.exact) return is_meant(waiver, subject_.version);
  return subject_.semver && waiver.versions->matches(*subject_.semver);
}

void Decider::collect_waivers() {
  for (const Waiver& waiver : policy_.waivers) {
    if (!waiver_covers(waiver)) continue;
    waivers_.push_back(&waiver);
    waived_ |= waiver.finding_set;
    valid_until_ = earliest(valid_until_, waiver.expires);
  }
  if (waived_.none()) return;
  if (const auto never = finding_index(kNeverWaived)) waived_.reset(*never);
}

const Waiver* Decider::waiver_of_rule(const std::string& id) const {
  for (const Waiver* waiver : waivers_) {
    if (!waiver->exact) continue;
    if (std::find(waiver->rules.begin(), waiver->rules.end(), id) != waiver->rules.end()) {
      return waiver;
    }
  }
  return nullptr;
}

std::string Decider::waiver_of_findings(const FindingSet& used) const {
  for (const Waiver* waiver : waivers_) {
    if ((waiver->finding_set & used).any()) return describe(*waiver);
  }
  return {};
}

std::string Decider::first_message(const FindingSet& used) const {
  // By table, then by text: the order in which findings are handed in does not matter.
  std::pair<std::size_t, std::string_view> least(kUnknown, "");
  for (std::size_t i = 0; i < findings_.size(); ++i) {
    if (indexes_[i] == kUnknown || !used.test(indexes_[i])) continue;
    least = std::min(least, {indexes_[i], findings_[i].message});
  }
  return std::string(least.second);
}

void Decider::floor() {
  if (all_.ids().none()) return;
  for (const FloorRow& row : kFloor) {
    const auto index = finding_index(row.finding);
    if (!index || !all_.ids().test(*index)) continue;
    if (row.action == Action::kQuarantine && !tarball_missing_) continue;
    Draft draft;
    FindingSet used;
    used.set(*index);
    draft.reason.rule = "floor:" + std::string(row.finding);
    // Links in an old archive are the one case of a floor finding that only informs.
    draft.reason.action = holding_.ids().test(*index) ? row.action : Action::kWarn;
    draft.reason.findings.emplace_back(row.finding);
    draft.reason.message =
        row.action == Action::kQuarantine ? missing_tarball(findings_) : first_message(used);
    draft.by_hand = row.finding == kNeverWaived;
    if (waived_.test(*index)) {
      draft.reason.waived_by = waiver_of_findings(used);
      draft.stands = draft.counts = false;
    }
    drafts_.push_back(std::move(draft));
  }
}

void Decider::not_compared() {
  for (const Finding& finding : findings_) {
    if (finding.id != "evidence-unavailable") continue;
    const json::value* until = finding.proof.if_contains(kHoldsUntil);
    if (until == nullptr || !until->is_string()) continue;
    const bool sibling = finding.proof.contains(kWaitsFor);
    if (!sibling && !asks_for_comparison(policy_)) continue;
    const auto ends = parse_time(std::string_view(until->get_string()));
    if (ends && *ends <= now_) continue;
    Draft& draft = drafts_.emplace_back();
    draft.reason.rule = sibling ? kWaitsForSibling : kNotCompared;
    draft.reason.cooldown = sibling;
    draft.reason.action = Action::kQuarantine;
    draft.reason.findings.push_back(finding.id);
    draft.reason.message = finding.message;
    draft.reason.ends = ends;
    valid_until_ = earliest(valid_until_, ends);
    const auto index = finding_index(finding.id);
    if (index && waived_.test(*index)) {
      FindingSet used;
      used.set(*index);
      draft.reason.waived_by = waiver_of_findings(used);
      draft.stands = draft.counts = false;
    }
  }
}

// For a rule without message and findings: nearly always an age.
std::string age_message(const Condition& when, const std::string& rule, bool untimed) {
  if (when.kind == Condition::Kind::kYoungerThan && untimed) {
    return "first seen here less than " + format_duration(when.duration) +
           " ago; its registry states no publish times";
  }
  if (when.kind == Condition::Kind::kYoungerThan) {
    return "appeared less than " + format_duration(when.duration) + " ago";
  }
  if (when.kind == Condition::Kind::kAll) {
    for (const ConditionPtr& child : when.children) {
      if (child->kind == Condition::Kind::kYoungerThan) return age_message(*child, rule, untimed);
    }
  }
  return "matches the rule " + rule;
}

void Decider::judge(const Rule& rule) {
  const SeenFindings& seen = evidence_for(rule);
  const SeenFindings left = seen.without(waived_);
  const ConditionTimeline with_all = course(*rule.when, subject_, seen, now_);
  valid_until_ = earliest(valid_until_, with_all.changes);
  if (!with_all.value) return;
  const ConditionTimeline with_left =
      left == seen ? with_all : course(*rule.when, subject_, left, now_);
  valid_until_ = earliest(valid_until_, with_left.changes);
  const bool without_waived = with_left.value;
  Draft& draft = drafts_.emplace_back();
  draft.rule = &rule;
  Reason& reason = draft.reason;
  const FindingSet used = grounds(*rule.when, subject_, without_waived ? left : seen, now_).used;
  reason.rule = rule.id;
  reason.action = rule.then;
  reason.findings = finding_ids(used);
  reason.message = !rule.message.empty() ? rule.message : first_message(used);
  if (reason.message.empty()) reason.message = age_message(*rule.when, rule.id, subject_.untimed);
  reason.at = rule.at;
  reason.cooldown = rule.cooldown;
  reason.ends = without_waived ? with_left.flips : with_all.flips;
  if (const Waiver* waiver = waiver_of_rule(rule.id)) {
    reason.waived_by = describe(*waiver);
  } else if (!without_waived) {
    reason.waived_by = waiver_of_findings(used);
  } else if (lets_through(rule)) {
    reason.waived_by = "fixes: sooner (the same as " + subject_.again + " but for its version)";
  }
  draft.stands = draft.counts = reason.waived_by.empty();
}

bool rejects(const Decision& decision, const Subject& subject) {
  if (decision.versions == subject.version) return true;
  if (!subject.semver) return decision.versions == "*";
  const auto range = Range::parse(decision.versions);
  return range && range->matches(*subject.semver, true);
}

void Decider::rejections() {
  for (const Decision& decision : decisions_) {
    if (decision.kind != Decision::Kind::kReject || decision.reopened) continue;
    if (decision.name != subject_.name || !rejects(decision, subject_)) continue;
    if (decision.expires && *decision.expires <= now_) continue;
    valid_until_ = earliest(valid_until_, decision.expires);
    Draft draft;
    draft.reason.rule = "rejection";
    draft.reason.action = Action::kBlock;
    draft.reason.message = "rejected: " + decision.reason;
    draft.reason.ends = decision.expires;
    draft.by_hand = true;
    drafts_.push_back(std::move(draft));
  }
}

bool Decider::approval_fits(const Decision& decision) const {
  if (decision.kind != Decision::Kind::kApprove || decision.reopened) return false;
  if (decision.name != subject_.name || decision.versions != subject_.version) return false;
  if (decision.expires && *decision.expires <= now_) return false;
  // A content id without bytes (":<manifest>") would cover whatever comes.
  return !subject_.content_id.empty() && subject_.content_id.front() != ':' &&
         decision.content_id == subject_.content_id;
}

// Told, but no reason to hold again: facts of severity info (a later deprecation), and a source
// other than the tarball that could not be asked this time. They count like all others if they
// made a rule hold.
bool is_background(const Finding& finding) {
  const FindingKind* kind = find_kind(finding.id);
  if (kind == nullptr) return false;
  if (finding.id == "evidence-unavailable") return finding.source != "tarball";
  return kind->severity == Severity::kInfo;
}

bool Decider::covers_findings(const Decision& decision) const {
  const auto holds = [&](const std::string& id) {
    return std::any_of(drafts_.begin(), drafts_.end(), [&](const Draft& draft) {
      const auto& ids = draft.reason.findings;
      return draft.stands && draft.reason.action == Action::kQuarantine &&
             std::find(ids.begin(), ids.end(), id) != ids.end();
    });
  };
  return std::all_of(findings_.begin(), findings_.end(), [&](const Finding& finding) {
    if (is_background(finding) && !holds(finding.id)) return true;
    if (finding.proof.contains(kSinceSettled)) {
      return std::any_of(
          decision.findings.begin(), decision.findings.end(),
          [&](const std::string& each) { return each.starts_with(finding.id + ":"); });
    }
    const std::string shown = finding.id + ":" + finding.digest();
    return std::find(decision.findings.begin(), decision.findings.end(), shown) !=
           decision.findings.end();
  });
}

void Decider::approvals() {
  const auto standing = [&](Action action, bool recording_too) {
    return std::any_of(drafts_.begin(), drafts_.end(), [&](const Draft& draft) {
      const bool records = draft.rule != nullptr && draft.rule->monitor;
      return draft.stands && draft.reason.action == action && (recording_too || !records);
    });
  };
  // A block cannot be approved; one that is only recorded stops nothing, an approval neither.
  if (!standing(Action::kQuarantine, true) || standing(Action::kBlock, false)) return;
  for (const Decision& decision : decisions_) {
    if (!approval_fits(decision) || !covers_findings(decision)) continue;
    valid_until_ = earliest(valid_until_, decision.expires);
    approved_by_ = decision.actor;
    for (Draft& draft : drafts_) {
      if (!draft.stands || draft.reason.action != Action::kQuarantine) continue;
      draft.stands = draft.counts = false;
      draft.reason.waived_by = "approval by " + decision.actor + " (" + decision.reason + ")";
    }
    return;
  }
}

void Decider::lift_for_monitor() {
  for (Draft& draft : drafts_) {
    if (!draft.counts || draft.by_hand) continue;
    if (draft.rule != nullptr && draft.rule->monitor) {
      draft.reason.waived_by = "monitor: this rule only records";
      draft.counts = false;
    } else if (policy_.monitor && draft.reason.action >= Action::kQuarantine) {
      draft.reason.waived_by = "monitor mode";
      draft.counts = false;
    }
  }
}

void Decider::lift_for_break_glass() {
  for (const BreakGlass& break_glass : policy_.break_glass) {
    if (break_glass.until <= now_) continue;
    if (!break_glass.packages.empty() && !break_glass.names.matches(subject_.name)) continue;
    valid_until_ = earliest(valid_until_, break_glass.until);
    for (Draft& draft : drafts_) {
      if (!draft.counts || draft.by_hand || draft.reason.action < Action::kQuarantine) continue;
      draft.reason.waived_by = "break glass by " + break_glass.by + " (" + break_glass.reason + ")";
      draft.counts = false;
    }
  }
}

// The last of the counting holds to end, unless another rule has begun to hold by then.
std::optional<Time> Decider::hold_ends() const {
  std::optional<Time> end;
  for (const Draft& draft : drafts_) {
    if (!draft.counts || draft.reason.action != Action::kQuarantine) continue;
    if (!draft.reason.ends) return std::nullopt;
    if (!end || *draft.reason.ends > *end) end = draft.reason.ends;
  }
  for (std::size_t i = 0; end && i < policy_.rules.size();) {
    const Rule& rule = policy_.rules[i++];
    if (rule.then < Action::kQuarantine || rule.monitor || waiver_of_rule(rule.id) ||
        lets_through(rule))
      continue;
    const SeenFindings left = evidence_for(rule).without(waived_);
    const ConditionTimeline then = course(*rule.when, subject_, left, *end);
    if (!then.value) continue;
    if (rule.then == Action::kBlock) return std::nullopt;
    end = then.flips;
    i = 0;  // times only grow, and each rule has few boundaries
  }
  return end;
}

Verdict Decider::finish() {
  const auto key = [](const Draft* draft) {
    const Reason& reason = draft->reason;
    return std::tuple(!draft->counts, -static_cast<int>(reason.action), draft->rule != nullptr,
                      reason.cooldown, std::string_view(reason.rule),
                      std::string_view(reason.message), reason.ends);
  };
  std::vector<Draft*> order;
  order.reserve(drafts_.size());
  for (Draft& draft : drafts_) order.push_back(&draft);
  std::sort(order.begin(), order.end(),
            [&](const Draft* a, const Draft* b) { return key(a) < key(b); });
  Verdict verdict;
  verdict.reasons.reserve(drafts_.size());
  for (Draft& draft : drafts_) {
    const Action action = draft.reason.action;
    if (draft.stands) verdict.would = std::max(verdict.would, action);
    if (draft.counts) {
      verdict.action = std::max(verdict.action, action);
      const bool tells =
          policy_.tell_clients || (draft.rule != nullptr && draft.rule->tell_clients);
      verdict.warn_clients = verdict.warn_clients || (action == Action::kWarn && tells);
    }
    if (draft.stands && action >= Action::kQuarantine && !draft.reason.cooldown) {
      verdict.baseline_fit = false;
    }
  }
  if (verdict.action == Action::kQuarantine) verdict.ends = hold_ends();
  for (Draft* draft : order) verdict.reasons.push_back(std::move(draft->reason));
  verdict.valid_until = valid_until_;
  verdict.approved_by = std::move(approved_by_);
  return verdict;
}

}  // namespace

bool is_floor_finding(std::string_view id) {
  return std::any_of(std::begin(kFloor), std::end(kFloor),
                     [&](const FloorRow& row) { return row.finding == id; });
}

Verdict decide(const Policy& policy, const Subject& subject, std::span<const Finding> findings,
               std::span<const Decision> decisions, Time now) {
  return Decider(policy, subject, findings, decisions, now).run();
}

}  // namespace npmgate
