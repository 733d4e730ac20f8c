// What of a file runs when it is loaded, and what only when somebody calls it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "inspect/syntax/scopes.h"

namespace npmgate::code {

// Errs towards "runs": a callback handed to something that runs does, unless the call only makes a
// value of it (`exports.load = wrap(function …)`), and a method does that is called by its name
// somewhere. Linear in the tree but for the bodies of functions that take callbacks.
class ImportTime {
 public:
  // `called`: names of exports that other files call while they are loaded; "" is the default.
  ImportTime(const SyntaxTree& tree, const Scopes& scopes,
             const std::set<std::string>& called = {});
  bool runs(NodeId id) const;

 private:
  void find_member_calls();
  // `function` runs if what stands at `trigger` does.
  void add_trigger(NodeId function, NodeId trigger);
  // Whether what the function is handed to calls it there and then.
  bool starts(const CallSite& site) const;
  bool calls_parameter(NodeId function, std::uint32_t index) const;
  void add_calls_by_name(NodeId function, std::string_view name);
  void find_triggers(NodeId function);
  void find_member_triggers(NodeId function, NodeId parent);
  void add_exports(const std::set<std::string>& called);
  void add_exported(NodeId value);
  void spread();
  // The function or class field around it; kNoNode at the top.
  NodeId around(NodeId id) const;

  const SyntaxTree& tree_;
  const Scopes& scopes_;
  std::unordered_map<std::string_view, std::vector<NodeId>> member_calls_;
  std::unordered_map<NodeId, std::vector<NodeId>> started_by_;  // around a trigger -> functions
  std::unordered_set<NodeId> running_;
};

}  // namespace npmgate::code
