#include <algorithm>

#include "base/log.h"
#include "policy/policy_loader.h"

namespace npmgate {
namespace {

// What other reasons of a verdict are called (decide.h, Reason::rule).
constexpr std::string_view kReserved[] = {"rejection", "not-inspected", "floor"};

bool well_formed_id(std::string_view id) {
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !id.empty() && id.size() <= 64 && word(id.front()) &&
         std::all_of(id.begin(), id.end(),
                     [&](char c) { return word(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_cooldown(const Condition& when) {
  return !contains_kind(when, Condition::Kind::kFinding) &&
         (contains_kind(when, Condition::Kind::kYoungerThan) ||
          contains_kind(when, Condition::Kind::kOlderThan) ||
          contains_kind(when, Condition::Kind::kPublishedAfter));
}

// `fixes: sooner` may soften a wait and nothing else.
bool only_waits(const Rule& rule) {
  using Kind = Condition::Kind;
  return is_cooldown(*rule.when) && rule.then == Action::kQuarantine &&
         !contains_kind(*rule.when, Kind::kHasInstallScript) &&
         !contains_kind(*rule.when, Kind::kPublisher) && !contains_kind(*rule.when, Kind::kLicense);
}

}  // namespace

void PolicyLoader::rules(const File& file) {
  if (file.rules == nullptr || file.rules->kind == YamlNode::Kind::kNull) return;
  if (file.rules->kind != YamlNode::Kind::kSequence) {
    return problem(file.rules->at, "rules: expected a list of rules, each with id, when and then");
  }
  for (const YamlNode& node : file.rules->items) rule(node, file);
}

void PolicyLoader::rule(const YamlNode& node, const File& file) {
  Rule rule;
  rule.at = node.at;
  YamlReader reader(node, "rule", problems_);
  rule.id = rule_id(reader);
  reader.require("when");
  reader.require("then");
  const std::string where = rule.id.empty() ? "rule" : "rule " + rule.id;
  if (const YamlNode* when = reader.node("when")) rule.when = compiler_.compile(*when, where);
  rule.then = action(reader);
  if (reader.has("message")) rule.message = sentence(reader, "message");
  const bool own_monitor = monitor_mode(reader);
  rule.monitor = own_monitor || (file.monitor && !file.main);
  rule.tell_clients = tells_clients(reader);
  const YamlNode* fixes = reader.node("fixes");
  rule.fixes_sooner = reader.text("fixes") == "sooner";
  reader.finish();
  if (!rule.when) return;
  rule.cooldown = is_cooldown(*rule.when);
  if (fixes != nullptr && !rule.fixes_sooner) problem(fixes->at, "fixes: expected sooner");
  if (rule.fixes_sooner && !only_waits(rule))
    problem(
        fixes->at,
        "fixes: sooner may stand at a rule that waits and nothing else: an age under when, with "
        "package, version, upstream or popular beside it, and then: quarantine");
  policy_->rules.push_back(std::move(rule));
}

std::string PolicyLoader::rule_id(YamlReader& reader) {
  reader.require("id");
  const YamlNode* written = reader.node("id");
  std::string id = reader.text("id");
  if (written == nullptr || written->kind != YamlNode::Kind::kScalar) return {};
  if (!well_formed_id(id)) {
    problem(written->at,
            "rule: the id " + shown(id) +
                " must be 1 to 64 letters, digits, '-', '_' or '.', the first a letter or digit");
    return {};
  }
  if (std::find(std::begin(kReserved), std::end(kReserved), id) != std::end(kReserved)) {
    problem(written->at, "rule: the id " + shown(id) + " is npm-gate's own; choose another");
  }
  for (const Rule& other : policy_->rules) {
    if (other.id != id) continue;
    problem(written->at,
            "rule: the id " + shown(id) + " is taken by the rule at " + other.at.str());
    break;
  }
  return id;
}

Action PolicyLoader::action(YamlReader& reader) {
  const YamlNode* node = reader.node("then");
  const std::string text = reader.text("then");
  if (text == "warn") return Action::kWarn;
  if (text == "quarantine") return Action::kQuarantine;
  if (text == "block") return Action::kBlock;
  if (node == nullptr || node->kind != YamlNode::Kind::kScalar) return Action::kWarn;
  if (text == "allow") {
    problem(node->at,
            "then: allow is no action: what no rule matches is allowed, and an exception from a "
            "rule is written under waivers, with reason and expiry");
  } else {
    const std::string near = nearest(text, {"warn", "quarantine", "block"});
    problem(node->at, "then: expected warn, quarantine or block, found " + shown(text) +
                          (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  return Action::kWarn;
}

// `freeze: 2026-12-01` or `freeze: { date: ..., except: [globs] }`: what appeared from that moment
// on is held until approved.
void PolicyLoader::freeze(const YamlNode& node) {
  std::optional<Time> from;
  auto except = std::make_shared<NameSet>();
  std::vector<std::string> values;
  if (node.kind == YamlNode::Kind::kMap) {
    YamlReader reader(node, "freeze", problems_);
    reader.require("date");
    from = date(reader, "date");
    if (const YamlNode* names = reader.node("except")) {
      compiler_.read_names(*names, "freeze", "except", *except, values);
    }
    reader.finish();
  } else {
    if (node.kind == YamlNode::Kind::kScalar) from = parse_time(node.scalar);
    if (!from)
      problem(node.at,
              "freeze: expected a date such as 2026-12-01, or { date: ..., except: [globs] }");
  }
  for (const Rule& other : policy_->rules) {
    if (other.id == "freeze")
      problem(node.at, "freeze: the id is taken by the rule at " + other.at.str());
  }
  if (!from) return;
  except->seal();
  auto after = std::make_shared<Condition>();
  after->kind = Condition::Kind::kPublishedAfter;
  after->time = *from;
  after->at = node.at;
  auto all = std::make_shared<Condition>();
  all->at = node.at;
  all->children.push_back(std::move(after));
  if (!except->empty()) {
    auto package = std::make_shared<Condition>();
    package->kind = Condition::Kind::kPackage;
    package->values = std::move(values);
    package->names = std::move(except);
    package->at = node.at;
    auto no = std::make_shared<Condition>();
    no->kind = Condition::Kind::kNot;
    no->at = node.at;
    no->children.push_back(std::move(package));
    all->children.push_back(std::move(no));
  }
  Rule rule;
  rule.id = "freeze";
  rule.when = std::move(all);
  rule.then = Action::kQuarantine;
  rule.message = "Published after the freeze of " + format_minute(*from);
  rule.cooldown = true;
  rule.at = node.at;
  policy_->rules.push_back(std::move(rule));
}

}  // namespace npmgate
