#include "policy/lint.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "policy/name_set.h"

namespace npmgate {
namespace {

using Kind = Condition::Kind;

// '*' stops at a '/', and every name with a scope has one.
bool matches_no_name(std::string_view glob) {
  return glob.starts_with('@') && glob.find('/') == glob.npos && is_glob(glob) &&
         glob.find("**") == glob.npos;
}

bool is_everything(const Condition& condition) {
  const auto& values = condition.values;
  if (condition.kind == Kind::kPackage)
    return std::any_of(values.begin(), values.end(),
                       [](const std::string& each) { return each == "*" || each == "**"; });
  if (condition.kind == Kind::kVersion) return condition.range_text == "*";
  const auto& children = condition.children;
  if (condition.kind == Kind::kAny)
    return std::any_of(children.begin(), children.end(),
                       [](const ConditionPtr& child) { return is_everything(*child); });
  return false;
}

// What all of the conditions of one `all` ask for together.
struct Demand {
  std::optional<Millis> younger, older;
  bool popular = false, unpopular = false;
  std::vector<const Condition*> names;  // package conditions that name packages, no globs or lists
};

void gather(const Condition& condition, Demand& demand) {
  switch (condition.kind) {
    case Kind::kAll:
      for (const ConditionPtr& child : condition.children) gather(*child, demand);
      break;
    case Kind::kYoungerThan:
      demand.younger = std::min(demand.younger.value_or(condition.duration), condition.duration);
      break;
    case Kind::kOlderThan:
      demand.older = std::max(demand.older.value_or(condition.duration), condition.duration);
      break;
    case Kind::kPopular:
      (condition.flag ? demand.popular : demand.unpopular) = true;
      break;
    case Kind::kPackage: {
      const bool plain = std::all_of(
          condition.values.begin(), condition.values.end(),
          [](const std::string& each) { return !is_glob(each) && !each.starts_with("in: "); });
      if (plain) demand.names.push_back(&condition);
      break;
    }
    default:
      break;
  }
}

bool share_a_name(const Condition& a, const Condition& b) {
  return std::any_of(a.values.begin(), a.values.end(), [&](const std::string& name) {
    return std::find(b.values.begin(), b.values.end(), name) != b.values.end();
  });
}

class Linter {
 public:
  explicit Linter(const Policy& policy) : policy_(policy) {}

  std::vector<Problem> run() {
    if (policy_.rules.empty())
      say({policy_.file, 1, 1}, "no rules: whatever was inspected and passes the floor is served");
    for (const Rule& rule : policy_.rules) {
      demands(*rule.when, rule.id);
      visit(*rule.when, rule.id);
    }
    for (const Waiver& waiver : policy_.waivers) {
      if (matches_no_name(waiver.package)) glob(waiver.at, "waiver", waiver.package);
    }
    for (const BreakGlass& entry : policy_.break_glass) {
      for (const std::string& name : entry.packages) {
        if (matches_no_name(name)) glob(entry.at, "break_glass", name);
      }
    }
    return std::move(out_);
  }

 private:
  void say(const Position& at, std::string message) { out_.push_back({at, std::move(message)}); }
  void glob(const Position& at, const std::string& where, const std::string& text) {
    const std::size_t wild = text.find_first_of("*?");
    say(at, where + ": the glob '" + printable(text, 60) +
                "' matches no package, since names of a scope have a '/'; write '" +
                printable(text.substr(0, wild), 60) + "/*' for the scope");
  }
  void never(const Condition& when, const std::string& rule, const std::string& why) {
    say(when.at, "rule " + rule + " can never match: " + why);
  }

  void demands(const Condition& when, const std::string& rule) {
    Demand demand;
    gather(when, demand);
    if (demand.younger && demand.older && *demand.older >= *demand.younger)
      never(when, rule,
            "older than " + format_duration(*demand.older) + " and younger than " +
                format_duration(*demand.younger));
    if (demand.popular && demand.unpopular) never(when, rule, "popular and not popular");
    for (std::size_t i = 1; i < demand.names.size(); ++i) {
      if (!share_a_name(*demand.names[0], *demand.names[i])) {
        never(when, rule, "no package is in both lists of names");
        break;
      }
    }
  }

  void visit(const Condition& condition, const std::string& rule) {
    if (condition.kind == Kind::kNot && is_everything(*condition.children.front()))
      never(condition, rule, "`not` excepts everything");
    if (condition.kind == Kind::kPackage) {
      for (const std::string& value : condition.values) {
        if (matches_no_name(value)) glob(condition.at, "rule " + rule, value);
      }
    }
    for (const ConditionPtr& child : condition.children) visit(*child, rule);
  }

  const Policy& policy_;
  std::vector<Problem> out_;
};

}  // namespace

std::vector<Problem> lint(const Policy& policy) {
  return Linter(policy).run();
}

}  // namespace npmgate
