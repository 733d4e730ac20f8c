#include "policy/evaluate.h"

#include <algorithm>

namespace npmgate {
namespace {

using Kind = Condition::Kind;

// `all` looks for the first false, `any` for the first true: a child that has that value for good
// decides for good.
ConditionValue combine(const Condition& condition, const Subject& subject,
                       const SeenFindings& findings, Time at) {
  const bool decisive = condition.kind == Kind::kAny;
  ConditionValue out{!decisive, std::nullopt};
  for (const ConditionPtr& child : condition.children) {
    const ConditionValue part = evaluate(*child, subject, findings, at);
    if (part.value == decisive) {
      if (!part.next) return part;
      out.value = decisive;
    }
    out.next = earliest(out.next, part.next);
  }
  return out;
}

// Time only runs forward, so past its boundary an age never changes again.
ConditionValue age(const Condition& condition, const Subject& subject, Time at) {
  const Time boundary = subject.age_start + condition.duration;
  const bool young = at < boundary;
  return {young == (condition.kind == Kind::kYoungerThan),
          young ? std::optional(boundary) : std::nullopt};
}

bool version_matches(const Condition& condition, const Subject& subject) {
  if (!condition.range) return false;
  std::optional<Version> version = subject.semver;
  if (!version) version = Version::parse_loose(subject.version);
  // A version that no client could order: held by rules that ask for one, excepted by none.
  if (!version) return !condition.negated;
  return condition.range->matches(*version, !condition.negated);
}

// Without verified provenance nothing of it holds; a mistake in the policy leaves a condition
// without fields, which nothing matches.
bool proven(const Condition& condition, const Subject& subject) {
  if (!subject.provenance) return false;
  if (!condition.children.empty())
    return std::all_of(condition.children.begin(), condition.children.end(),
                       [&](const ConditionPtr& child) { return proven(*child, subject); });
  const std::string& field = condition.range_text;
  if (field.empty()) return condition.flag && !condition.names;
  if (!condition.names) return false;
  if (field == "builder")
    return condition.names->matches(subject.provenance->issuer) ||
           condition.names->matches(subject.provenance->runner);
  const std::string& text = field == "repository" ? subject.provenance->repository
                            : field == "workflow" ? subject.provenance->workflow
                                                  : subject.provenance->ref;
  return condition.names->matches(text);
}

}  // namespace

void SeenFindings::add(std::size_t index, const Finding& finding) {
  const auto* is_new = finding.proof.if_contains("new");
  const bool old = is_new != nullptr && is_new->is_bool() && !is_new->get_bool();
  for (std::size_t level = 0; level <= static_cast<std::size_t>(finding.severity); ++level) {
    sets_[level][0].set(index);
    if (!old) sets_[level][1].set(index);
  }
}

FindingSet SeenFindings::matching(const Condition& condition) const {
  return condition.findings &
         sets_[static_cast<std::size_t>(condition.severity)][condition.only_new ? 1 : 0];
}

SeenFindings SeenFindings::without(const FindingSet& waived) const {
  SeenFindings out = *this;
  for (auto& level : out.sets_)
    for (FindingSet& set : level) set &= ~waived;
  return out;
}

ConditionValue evaluate(const Condition& condition, const Subject& subject,
                        const SeenFindings& findings, Time at) {
  const auto named = [&](const std::string& text) {
    return condition.names && condition.names->matches(text);
  };
  switch (condition.kind) {
    case Kind::kAll:
    case Kind::kAny:
      return combine(condition, subject, findings, at);
    case Kind::kNot: {
      ConditionValue out = evaluate(*condition.children.front(), subject, findings, at);
      out.value = !out.value;
      return out;
    }
    case Kind::kFinding:
      return {findings.matching(condition).any(), std::nullopt};
    case Kind::kPackage:
      return {named(subject.name), std::nullopt};
    case Kind::kVersion:
      return {version_matches(condition, subject), std::nullopt};
    case Kind::kYoungerThan:
    case Kind::kOlderThan:
      return age(condition, subject, at);
    case Kind::kHasInstallScript:
      return {subject.has_install_script == condition.flag, std::nullopt};
    case Kind::kPublisher:
      return {named(subject.publisher), std::nullopt};
    case Kind::kLicense:
      return {named(subject.license), std::nullopt};
    case Kind::kProvenance:
      return {proven(condition, subject), std::nullopt};
    case Kind::kLowestRisk:
      return {subject.lowest_risk, std::nullopt};
    case Kind::kUpstream:
      return {named(subject.upstream), std::nullopt};
    case Kind::kPopular:
      return {subject.popular == condition.flag, std::nullopt};
    case Kind::kPublishedAfter:
      return {subject.age_start >= condition.time, std::nullopt};
  }
  return {};
}

MatchedFindings grounds(const Condition& condition, const Subject& subject,
                        const SeenFindings& findings, Time at) {
  MatchedFindings out;
  if (condition.kind == Kind::kFinding) {
    out.used = findings.matching(condition);
  } else if (condition.kind == Kind::kAll || condition.kind == Kind::kAny) {
    for (const ConditionPtr& child : condition.children) {
      const ConditionValue part = evaluate(*child, subject, findings, at);
      out.next = earliest(out.next, part.next);
      if (!part.value) continue;
      const MatchedFindings below = grounds(*child, subject, findings, at);
      out.used |= below.used;
      out.next = earliest(out.next, below.next);
    }
  }
  return out;
}

ConditionTimeline course(const Condition& condition, const Subject& subject,
                         const SeenFindings& findings, Time from) {
  ConditionValue now = evaluate(condition, subject, findings, from);
  ConditionTimeline out{now.value, std::nullopt, std::nullopt};
  while (now.next && !out.flips) {
    const Time at = *now.next;
    now = evaluate(condition, subject, findings, at);
    if (now.value != out.value) out.flips = at;
  }
  out.changes = out.flips;
  if (!out.value) return out;
  const MatchedFindings first = grounds(condition, subject, findings, from);
  for (auto next = first.next; next && (!out.changes || *next < *out.changes);) {
    const MatchedFindings then = grounds(condition, subject, findings, *next);
    if (then.used != first.used) out.changes = next;
    next = then.used != first.used ? std::nullopt : then.next;
  }
  return out;
}

}  // namespace npmgate
