// One load of a policy from text to compiled rules. Internal to policy/.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "policy/condition.h"
#include "policy/policy.h"

namespace npmgate {

// Reads the main file with what it includes, then compiles lists, rules and waivers in this order,
// since any file may use another's.
class PolicyLoader {
 public:
  PolicyLoader(const FileReader& read, Time now);
  PolicyResult load(std::string_view text, const std::string& file);

 private:
  struct File {
    std::string path;
    YamlDocument document;
    bool main = false;
    bool monitor =
        false;  // `mode: monitor`: of the main file for all, of an included one for its rules
    const YamlNode* rules = nullptr;
    const YamlNode* waivers = nullptr;
    const YamlNode* break_glass = nullptr;
    const YamlNode* freeze = nullptr;
  };

  // policy_files.cc
  void open(std::string_view text, const std::string& path, bool main);
  void top_level(File& file);
  void includes(const YamlNode& node, const File& from);
  void include(const YamlNode& item, const File& from);
  void lists(const YamlNode& node, const File& from);
  std::shared_ptr<const NameSet> list(const YamlNode& node, const std::string& name,
                                      const File& from);
  void list_file(const YamlNode& node, NameSet& names, const File& from);
  bool monitor_mode(YamlReader& reader);
  bool tells_clients(YamlReader& reader);

  // policy_rules.cc
  void rules(const File& file);
  void rule(const YamlNode& node, const File& file);
  std::string rule_id(YamlReader& reader);
  Action action(YamlReader& reader);
  void freeze(const YamlNode& node);

  // policy_waivers.cc
  void waivers(const File& file);
  void waiver(const YamlNode& node);
  void waiver_package(YamlReader& reader, Waiver& waiver);
  void waiver_rules(YamlReader& reader, Waiver& waiver);
  void waiver_findings(YamlReader& reader, Waiver& waiver);
  void break_glass(const YamlNode& node);
  void break_glass_entry(const YamlNode& node);
  std::string sentence(YamlReader& reader, std::string_view key);
  std::optional<Time> date(YamlReader& reader, std::string_view key);

  void unused_lists();
  void problem(const Position& at, std::string message) {
    problems_.push_back({at, std::move(message)});
  }
  void sort_problems(std::vector<Problem>& problems) const;

  const FileReader& read_;
  Time now_;
  std::list<File> files_;  // addresses stay: nodes are pointed at until the load ends
  std::vector<std::string>
      open_;              // files being read, outermost first: what an include may not name again
  std::string all_text_;  // what the hash covers
  std::size_t files_read_ = 0;
  std::vector<std::string> paths_;  // asked for, whether they could be read or not
  NamedLists lists_;
  std::shared_ptr<Policy> policy_;
  std::vector<Problem> problems_;
  ConditionCompiler compiler_;
};

// Text shown to people in messages of policies: one line, at most this long.
inline constexpr std::size_t kMaxSentence = 300;

// What a file says, quoted for a problem; cut at `limit` bytes.
std::string shown(std::string_view text, std::size_t limit = 60);

}  // namespace npmgate
