#include "policy/condition.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "policy/strict_range.h"

namespace npmgate {
namespace {

using Kind = Condition::Kind;

constexpr std::string_view kFindingKey = "finding", kSeverity = "severity", kNew = "new";

constexpr ConditionKey kKeys[] = {
    {"all", Kind::kAll, true, "every condition of the list"},
    {"any", Kind::kAny, true, "at least one condition of the list"},
    {"not", Kind::kNot, true,
     "the opposite; takes package, version, upstream, popular, provenance, lowest_risk and ages "
     "only"},
    {kFindingKey, Kind::kFinding, false, "one of these findings is there"},
    {kSeverity, Kind::kFinding, false,
     "the finding of this map, or any, is at least so severe: info, low, medium, high, critical"},
    {kNew, Kind::kFinding, false,
     "the finding of this map, or any, is new: not told as one that the baseline had too"},
    {"package", Kind::kPackage, true, "the name is one of these names, globs or lists"},
    {"version", Kind::kVersion, true, "the version is in this range"},
    {"younger_than", Kind::kYoungerThan, true, "less time has passed since it appeared"},
    {"older_than", Kind::kOlderThan, true, "at least this time has passed since it appeared"},
    {"has_install_script", Kind::kHasInstallScript, false, "installing it runs code of it"},
    {"publisher", Kind::kPublisher, false, "published by one of these accounts"},
    {"license", Kind::kLicense, false, "its license text is one of these, or matches the glob"},
    {"provenance", Kind::kProvenance, true,
     "it was proven to be built so: verified: true, and builder, repository, workflow, ref"},
    {"lowest_risk", Kind::kLowestRisk, true,
     "true: proven to be built as the release before, its files are the source's, and it gained "
     "nothing; under not only"},
    {"upstream", Kind::kUpstream, true, "it comes from one of these upstreams"},
    {"popular", Kind::kPopular, true, "whether it is on the shipped list of popular packages"},
};

std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  return "'" + log::printable(node.scalar, 60) + "'";
}

// A scalar as a list of one.
std::vector<const YamlNode*> one_or_many(const YamlNode& node) {
  std::vector<const YamlNode*> items;
  if (node.kind != YamlNode::Kind::kSequence) return {&node};
  for (const YamlNode& item : node.items) items.push_back(&item);
  return items;
}

std::vector<std::string> allowed_keys(bool negated) {
  std::vector<std::string> keys;
  for (const ConditionKey& row : kKeys) {
    if (!negated || row.under_not) keys.emplace_back(row.key);
  }
  return keys;
}

ConditionPtr nothing_matches(const Position& at) {
  auto condition = std::make_shared<Condition>();
  condition->kind = Kind::kAny;
  condition->at = at;
  return condition;
}

const YamlNode* value_of(const YamlNode& map, std::string_view key) {
  for (const auto& [name, value] : map.members)
    if (name.scalar == key) return &value;
  return nullptr;
}

std::optional<Severity> severity_of(std::string_view word) {
  for (const auto level :
       {Severity::kInfo, Severity::kLow, Severity::kMedium, Severity::kHigh, Severity::kCritical})
    if (to_string(level) == word) return level;
  return std::nullopt;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? std::string() : "; did you mean '" + near + "'?";
}

}  // namespace

std::span<const ConditionKey> condition_keys() {
  return kKeys;
}

bool contains_kind(const Condition& condition, Condition::Kind kind) {
  return condition.kind == kind ||
         std::any_of(condition.children.begin(), condition.children.end(),
                     [&](const ConditionPtr& child) { return contains_kind(*child, kind); });
}

void ConditionCompiler::problem(const Position& at, std::string message) {
  problems_.push_back({at, where_ + ": " + std::move(message)});
}

ConditionPtr ConditionCompiler::compile(const YamlNode& when, const std::string& where) {
  where_ = where;
  return map(when, false);
}

ConditionPtr ConditionCompiler::map(const YamlNode& node, bool negated) {
  if (node.kind != YamlNode::Kind::kMap) {
    problem(node.at,
            "expected a condition such as { finding: known-malware }, found " + shown(node));
    return nothing_matches(node.at);
  }
  if (node.members.empty()) {
    problem(node.at, "an empty condition would match every release; name at least one");
    return nothing_matches(node.at);
  }
  auto all = std::make_shared<Condition>();
  all->at = node.at;
  // `finding`, `severity` and `new` are one condition: the first of them stands for all.
  const bool names_one = value_of(node, kFindingKey) != nullptr;
  bool narrowed = false;
  for (const auto& [key, value] : node.members) {
    const bool narrows = !negated && (key.scalar == kSeverity || key.scalar == kNew);
    if (narrows && (names_one || narrowed)) continue;
    narrowed = narrowed || narrows;
    all->children.push_back(member(key, value, node, negated));
  }
  return all->children.size() == 1 ? all->children.front() : all;
}

ConditionPtr ConditionCompiler::member(const YamlNode& key, const YamlNode& value,
                                       const YamlNode& whole, bool negated) {
  const auto* row = std::find_if(std::begin(kKeys), std::end(kKeys),
                                 [&](const ConditionKey& k) { return k.key == key.scalar; });
  if (row == std::end(kKeys)) {
    problem(key.at,
            "unknown condition " + shown(key) + did_you_mean(key.scalar, allowed_keys(negated)));
    return nothing_matches(key.at);
  }
  if (negated && !row->under_not) {
    problem(key.at,
            "'" + key.scalar +
                "' cannot stand under 'not': one more finding must never make a verdict milder; "
                "'not' takes package, version, upstream, popular, provenance, lowest_risk, "
                "younger_than and older_than");
    return nothing_matches(key.at);
  }
  auto out = std::make_shared<Condition>();
  out->kind = row->kind;
  out->at = key.at;
  out->negated = negated;
  switch (row->kind) {
    case Kind::kAll:
    case Kind::kAny:
      combine(value, negated, *out);
      break;
    case Kind::kNot:
      opposite(value, *out);
      break;
    case Kind::kFinding:
      if (key.scalar == kFindingKey) finding(value, *out);
      narrow(whole, *out);
      break;
    case Kind::kPackage: {
      auto set = std::make_shared<NameSet>();
      names(value, "package", *set, out->values);
      set->seal();
      out->names = std::move(set);
      break;
    }
    case Kind::kVersion:
      version(value, *out);
      break;
    case Kind::kYoungerThan:
    case Kind::kOlderThan:
      age(value, key.scalar, *out);
      break;
    case Kind::kHasInstallScript:
    case Kind::kPopular:
      boolean(value, key.scalar, *out);
      break;
    case Kind::kPublisher:
    case Kind::kLicense:
    case Kind::kUpstream:
      patterns(value, key.scalar, *out);
      break;
    case Kind::kProvenance:
      provenance(value, *out);
      break;
    case Kind::kLowestRisk:
      boolean(value, key.scalar, *out);
      if (!opposite_ || !out->flag)
        problem(key.at,
                "'lowest_risk' stands under 'not' only, as not: { lowest_risk: true }: one more "
                "finding must never make a verdict milder");
      break;
    case Kind::kPublishedAfter:
      break;  // written as `freeze`, no key of a condition
  }
  return out;
}

void ConditionCompiler::opposite(const YamlNode& value, Condition& out) {
  opposite_ = !opposite_;
  out.children.push_back(map(value, true));
  opposite_ = !opposite_;
}

void ConditionCompiler::combine(const YamlNode& value, bool negated, Condition& out) {
  const std::string key = out.kind == Kind::kAll ? "all" : "any";
  if (value.kind != YamlNode::Kind::kSequence || value.items.empty()) {
    problem(value.at,
            key + ": expected a list of conditions, found " +
                (value.kind == YamlNode::Kind::kSequence ? "an empty one" : shown(value)));
    return;
  }
  for (const YamlNode& item : value.items) out.children.push_back(map(item, negated));
}

void ConditionCompiler::finding(const YamlNode& value, Condition& out) {
  const auto items = one_or_many(value);
  if (items.empty()) problem(value.at, "finding: the list is empty, so nothing would match");
  for (const YamlNode* item : items) {
    if (item->kind != YamlNode::Kind::kScalar) {
      problem(item->at, "finding: expected a finding's id, found " + shown(*item));
      continue;
    }
    const auto index = finding_index(item->scalar);
    if (!index) {
      std::vector<std::string> ids;
      for (const FindingKind& kind : finding_kinds()) ids.emplace_back(kind.id);
      problem(item->at, "unknown finding " + shown(*item) + did_you_mean(item->scalar, ids));
      continue;
    }
    out.values.push_back(item->scalar);
    out.findings.set(*index);
  }
}

void ConditionCompiler::narrow(const YamlNode& whole, Condition& out) {
  if (const YamlNode* severity = value_of(whole, kSeverity)) {
    const auto level =
        severity->kind == YamlNode::Kind::kScalar ? severity_of(severity->scalar) : std::nullopt;
    if (!level)
      problem(severity->at,
              "severity: expected info, low, medium, high or critical, found " + shown(*severity));
    out.severity = level.value_or(Severity::kCritical);
  }
  if (const YamlNode* only = value_of(whole, kNew)) {
    if (only->kind != YamlNode::Kind::kScalar || only->quoted || only->scalar != "true")
      problem(only->at, "new: only true is a condition, found " + shown(*only));
    out.only_new = true;
  }
  if (value_of(whole, kFindingKey) != nullptr) return;
  for (const FindingKind& kind : finding_kinds()) {
    out.values.emplace_back(kind.id);
    out.findings.set(*finding_index(kind.id));
  }
}

void ConditionCompiler::list_reference(const YamlNode& node, NameSet& names,
                                       std::vector<std::string>& values) {
  YamlReader reader(node, where_ + ": package", problems_);
  reader.require("in");
  const YamlNode* list = reader.node("in");
  const std::string name = reader.text("in");
  reader.finish();
  if (list == nullptr || name.empty()) return;
  const auto found = lists_.find(name);
  if (found == lists_.end()) {
    std::vector<std::string> known;
    for (const auto& [key, unused] : lists_) known.push_back(key);
    problem(list->at, "unknown list " + shown(*list) + did_you_mean(name, known));
    return;
  }
  found->second.used = true;
  names.add_set(found->second.names);
  values.push_back("in: " + name);
}

void ConditionCompiler::read_names(const YamlNode& node, const std::string& where,
                                   const std::string& key, NameSet& names,
                                   std::vector<std::string>& values) {
  where_ = where;
  this->names(node, key, names, values);
}

void ConditionCompiler::names(const YamlNode& node, const std::string& key, NameSet& names,
                              std::vector<std::string>& values) {
  const auto items = one_or_many(node);
  if (items.empty()) problem(node.at, key + ": the list is empty, so nothing would match");
  for (const YamlNode* item : items) {
    if (item->kind == YamlNode::Kind::kMap) {
      list_reference(*item, names, values);
      continue;
    }
    if (item->kind != YamlNode::Kind::kScalar) {
      problem(item->at, key + ": expected a name, a glob or { in: list }, found " + shown(*item));
      continue;
    }
    if (const std::string wrong = check_name_or_glob(item->scalar); !wrong.empty()) {
      problem(item->at, key + ": " + shown(*item) + " " + wrong);
      continue;
    }
    names.add(item->scalar);
    values.push_back(item->scalar);
  }
}

void ConditionCompiler::version(const YamlNode& value, Condition& out) {
  if (value.kind == YamlNode::Kind::kScalar && !value.scalar.empty()) {
    out.range_text = value.scalar;
    const std::string wrong = check_range(value.scalar);
    out.range = Range::parse(value.scalar);
    if (out.range && wrong.empty()) return;
    if (out.range)
      return problem(value.at, "version: expected a range such as \">=2.0.0 <3\", found " +
                                   shown(value) + ": " + wrong);
  }
  problem(value.at, "version: expected a range such as \">=2.0.0 <3\", found " + shown(value));
}

void ConditionCompiler::age(const YamlNode& value, const std::string& key, Condition& out) {
  if (value.kind == YamlNode::Kind::kScalar) {
    const auto duration = parse_duration(value.scalar);
    if (duration && duration->count() > 0) {
      out.duration = *duration;
      return;
    }
    if (duration) {
      problem(value.at,
              key + ": no time at all says nothing; expected a duration such as 24h or 14d");
      return;
    }
  }
  problem(value.at,
          key + ": expected a duration such as 30m, 24h, 14d or 2w, found " + shown(value));
}

void ConditionCompiler::boolean(const YamlNode& value, const std::string& key, Condition& out) {
  const bool plain = value.kind == YamlNode::Kind::kScalar && !value.quoted;
  if (!plain || (value.scalar != "true" && value.scalar != "false")) {
    problem(value.at, key + ": expected true or false, found " + shown(value));
    return;
  }
  out.flag = value.scalar == "true";
  if (out.kind == Kind::kHasInstallScript && !out.flag) {
    problem(value.at, key +
                          ": only true is a condition; a rule for releases without scripts would "
                          "let one with a script go");
  }
}

// Every field of the map is a child; each holds only for provenance that was verified, so that what
// an unproven attestation says opens nothing.
void ConditionCompiler::provenance(const YamlNode& value, Condition& out) {
  if (value.kind != YamlNode::Kind::kMap || value.members.empty()) {
    problem(value.at, "provenance: expected a map such as { verified: true, repository: ... }");
    return;
  }
  YamlReader reader(value, where_ + ": provenance", problems_);
  if (const YamlNode* verified = reader.node("verified")) {
    auto child = std::make_shared<Condition>();
    child->kind = Kind::kProvenance;
    child->at = verified->at;
    boolean(*verified, "verified", *child);
    if (!child->flag)
      problem(verified->at,
              "verified: only true is a condition; a rule for what is not proven is written with "
              "not: { provenance: { verified: true } }");
    out.children.push_back(std::move(child));
  }
  for (const char* key : {"builder", "repository", "workflow", "ref"}) {
    const YamlNode* node = reader.node(key);
    if (node == nullptr) continue;
    auto child = std::make_shared<Condition>();
    child->kind = Kind::kProvenance;
    child->at = node->at;
    child->range_text = key;
    patterns(*node, key, *child);
    out.children.push_back(std::move(child));
  }
  reader.finish();
}

void ConditionCompiler::patterns(const YamlNode& value, const std::string& key, Condition& out) {
  auto set = std::make_shared<NameSet>();
  const auto items = one_or_many(value);
  if (items.empty()) problem(value.at, key + ": the list is empty, so nothing would match");
  for (const YamlNode* item : items) {
    if (item->kind != YamlNode::Kind::kScalar || item->scalar.empty()) {
      problem(item->at, key + ": expected text, found " + shown(*item));
      continue;
    }
    set->add(item->scalar);
    out.values.push_back(item->scalar);
  }
  set->seal();
  out.names = std::move(set);
}

}  // namespace npmgate
