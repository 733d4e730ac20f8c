// Compiling a rule's `when`. Internal to policy/.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace npmgate {

struct NamedList {
  std::shared_ptr<const NameSet> names;
  Position at;
  bool used = false;
};
using NamedLists = std::map<std::string, NamedList, std::less<>>;

// Reads conditions; every mistake becomes a problem and the condition of it one that nothing
// matches.
class ConditionCompiler {
 public:
  ConditionCompiler(NamedLists& lists, std::vector<Problem>& problems)
      : lists_(lists), problems_(problems) {}

  // The map under `when`. `where` names the rule in messages. Never null.
  ConditionPtr compile(const YamlNode& when, const std::string& where);
  // Names, globs and `{in: list}` as `package` takes them, into `names` and, for people, `values`.
  // `where` and `key` begin messages.
  void read_names(const YamlNode& node, const std::string& where, const std::string& key,
                  NameSet& names, std::vector<std::string>& values);

 private:
  ConditionPtr map(const YamlNode& node, bool negated);
  void opposite(const YamlNode& value, Condition& out);
  // `whole` is the map that `key` stands in.
  ConditionPtr member(const YamlNode& key, const YamlNode& value, const YamlNode& whole,
                      bool negated);
  void names(const YamlNode& node, const std::string& key, NameSet& names,
             std::vector<std::string>& values);
  void combine(const YamlNode& value, bool negated, Condition& out);
  void finding(const YamlNode& value, Condition& out);
  // What `severity` and `new` of the same map ask of the finding. Without `finding` it is any.
  void narrow(const YamlNode& whole, Condition& out);
  void version(const YamlNode& value, Condition& out);
  void age(const YamlNode& value, const std::string& key, Condition& out);
  void boolean(const YamlNode& value, const std::string& key, Condition& out);
  void provenance(const YamlNode& value, Condition& out);
  void patterns(const YamlNode& value, const std::string& key, Condition& out);
  void list_reference(const YamlNode& node, NameSet& names, std::vector<std::string>& values);
  void problem(const Position& at, std::string message);

  NamedLists& lists_;
  std::vector<Problem>& problems_;
  std::string where_;
  bool opposite_ = false;  // under an odd number of `not`
};

// "finding", "package" …: the keys of a condition, in the order documented.
struct ConditionKey {
  std::string_view key;
  Condition::Kind kind;
  bool under_not;  // may stand under `not`
  std::string_view shows;
};
std::span<const ConditionKey> condition_keys();

// True if the condition or one below it is of `kind`.
bool contains_kind(const Condition& condition, Condition::Kind kind);

}  // namespace npmgate
