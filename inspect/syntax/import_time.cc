#include "inspect/syntax/import_time.h"

#include <algorithm>

namespace npmgate::code {
namespace {

constexpr std::size_t kMostCalls = 64;

bool is_static(const SyntaxTree& tree, NodeId member) {
  return tree.text(member).substr(0, 7) == "static ";
}

bool is_root(const SyntaxTree& tree, NodeId id) {
  const auto kind = tree[id].kind;
  return is_function(kind) || (kind == Kind::kField && !is_static(tree, id));
}

}  // namespace

ImportTime::ImportTime(const SyntaxTree& tree, const Scopes& scopes,
                       const std::set<std::string>& called)
    : tree_(tree), scopes_(scopes) {
  find_member_calls();
  for (NodeId id = 0; id < tree.nodes().size(); ++id)
    if (is_root(tree, id)) find_triggers(id);
  if (!called.empty()) add_exports(called);
  spread();
}

void ImportTime::find_member_calls() {
  for (NodeId id = 0; id < tree_.nodes().size(); ++id) {
    if (tree_[id].kind != Kind::kCall) continue;
    const auto function = unwrapped(tree_, tree_.child(id, Field::kFunction));
    if (function == kNoNode || tree_[function].kind != Kind::kMember) continue;
    const auto property = tree_.child(function, Field::kProperty);
    if (property == kNoNode) continue;
    auto& calls = member_calls_[tree_.text(property)];
    if (calls.size() < kMostCalls) calls.push_back(id);
  }
}

NodeId ImportTime::around(NodeId id) const {
  for (auto at = tree_[id].parent; at != kNoNode; at = tree_[at].parent)
    if (is_root(tree_, at)) return at;
  return kNoNode;
}

bool ImportTime::runs(NodeId id) const {
  const auto function = around(id);
  return function == kNoNode || running_.contains(function);
}

void ImportTime::add_trigger(NodeId function, NodeId trigger) {
  started_by_[around(trigger)].push_back(function);
}

void ImportTime::add_calls_by_name(NodeId function, std::string_view name) {
  const auto it = member_calls_.find(name);
  if (it == member_calls_.end()) return;
  for (const auto call : it->second) add_trigger(function, call);
}

bool ImportTime::calls_parameter(NodeId function, std::uint32_t index) const {
  const auto list = tree_.child(function, Field::kParameters);
  const auto parameter =
      list == kNoNode ? tree_.child(function, Field::kParameter) : tree_.nth(list, index);
  if (parameter == kNoNode || tree_[parameter].kind != Kind::kIdentifier) return true;  // unsure
  const auto name = tree_.text(parameter);
  const auto end = tree_[function].end;
  for (NodeId id = function + 1; id < tree_.nodes().size() && tree_[id].begin < end; ++id) {
    if (tree_[id].kind != Kind::kIdentifier || tree_.text(id) != name || id == parameter) continue;
    // Called, or handed on to something that may call it; not: only kept for later.
    const auto up = tree_[id].parent;
    const bool inside = around(id) == function;
    if (inside && up != kNoNode &&
        (tree_[id].field == Field::kFunction || tree_[up].kind == Kind::kArguments ||
         tree_[up].kind == Kind::kMember))
      return true;
  }
  return false;
}

bool ImportTime::starts(const CallSite& site) const {
  // f(function …); stands alone: it is there for what it does.
  auto at = site.call;
  auto up = tree_[at].parent;
  while (up != kNoNode &&
         (tree_[up].kind == Kind::kParenthesized || tree_[up].kind == Kind::kAwait ||
          tree_[up].kind == Kind::kUnary || tree_[up].kind == Kind::kSequence ||
          tree_[up].kind == Kind::kMember || tree_[at].field == Field::kFunction)) {
    at = up;
    up = tree_[at].parent;
  }
  if (up == kNoNode || tree_[up].kind == Kind::kStatement) return true;
  const bool is_new = tree_[site.call].kind == Kind::kNew;
  const auto callee =
      unwrapped(tree_, tree_.child(site.call, is_new ? Field::kConstructor : Field::kFunction));
  if (callee == kNoNode) return true;
  static constexpr std::string_view kRunners[] = {
      "Promise",    "setTimeout",   "setInterval", "setImmediate", "queueMicrotask",
      "nextTick",   "then",         "catch",       "finally",      "map",
      "forEach",    "filter",       "reduce",      "some",         "every",
      "find",       "flatMap",      "from",        "sort",         "replace",
      "get",        "request",      "on",          "once",         "exec",
      "execFile",   "spawn",        "lookup",      "connect",      "call",
      "apply",      "createServer", "readFile",    "all",          "findIndex",
      "reduceRight"};
  const auto listed = [](std::string_view name) {
    return std::find(std::begin(kRunners), std::end(kRunners), name) != std::end(kRunners);
  };
  if (tree_[callee].kind == Kind::kMember) {
    const auto property = tree_.child(callee, Field::kProperty);
    return property == kNoNode || listed(tree_.text(property));
  }
  if (is_function(tree_[callee].kind)) return calls_parameter(callee, site.index);
  if (tree_[callee].kind != Kind::kIdentifier) return true;
  const auto binding = scopes_.resolve(tree_.text(callee), callee);
  if (binding == kNoBinding) return listed(tree_.text(callee));
  for (const auto& definer : scopes_[binding].definers) {
    const auto function = unwrapped(tree_, definer.node);
    if (definer.how == Definer::How::kParameter || function == kNoNode) continue;
    if (is_function(tree_[function].kind) && calls_parameter(function, site.index)) return true;
  }
  return false;
}

void ImportTime::find_member_triggers(NodeId function, NodeId parent) {
  const bool method = tree_[function].kind == Kind::kMethod;
  const auto name_node = tree_.child(function, method ? Field::kName : Field::kProperty);
  const auto name = name_node == kNoNode ? std::string_view() : tree_.text(name_node);
  const auto owner = tree_[parent].kind == Kind::kClassBody ? tree_[parent].parent : kNoNode;
  if (owner != kNoNode && (!method || name == "constructor")) {
    for (const auto& site : scopes_.calls_of(owner)) add_trigger(function, site.call);
    return;
  }
  // The language calls these by itself, also of a class.
  const auto text = tree_.text(function).substr(0, 11);
  if (method && (text.starts_with("get ") || text.starts_with("set ") ||
                 text.starts_with("static get ") || text.starts_with("static set "))) {
    add_trigger(function, parent);
    return;
  }
  const bool silent = name == "toString" || name == "valueOf" || name == "toJSON" ||
                      name == "then" ||
                      (name_node != kNoNode && tree_[name_node].kind == Kind::kComputedKey);
  if (silent && owner == kNoNode) {
    add_trigger(function, parent);
    return;
  }
  // "./src/x.js"(exports, module) { … } in what a bundler writes.
  if (name_node != kNoNode && tree_[name_node].kind == Kind::kString)
    add_trigger(function, parent);
  else if (!name.empty())
    add_calls_by_name(function, name);
}

void ImportTime::find_triggers(NodeId function) {
  for (const auto& site : scopes_.calls_of(function))
    if (!site.callback || starts(site)) add_trigger(function, site.call);
  const auto parent = tree_[function].parent;
  if (parent == kNoNode) return;
  const auto kind = tree_[function].kind;
  if (kind == Kind::kMethod || kind == Kind::kField) {
    find_member_triggers(function, parent);
    return;
  }
  switch (tree_[parent].kind) {
    case Kind::kPair: {
      const auto key = tree_.child(parent, Field::kKey);
      if (key == kNoNode) return;
      const auto name = tree_.text(key);
      const bool bundled = tree_[key].kind == Kind::kNumber || tree_[key].kind == Kind::kString ||
                           tree_[key].kind == Kind::kComputedKey || name == "toString" ||
                           name == "valueOf" || name == "toJSON" || name == "then";
      if (bundled)
        add_trigger(function, parent);
      else
        add_calls_by_name(function, name);
      return;
    }
    case Kind::kAssignment: {
      const auto left = unwrapped(tree_, tree_.child(parent, Field::kLeft));
      if (left == kNoNode) return;
      // What loads files of an ending: require.extensions['.x'] = …
      if (tree_.text(left).find("xtensions") != std::string_view::npos)
        add_trigger(function, parent);
      if (tree_[left].kind != Kind::kMember) return;
      const auto property = tree_.child(left, Field::kProperty);
      if (property == kNoNode) return;
      const auto name = tree_.text(property);
      if (name.starts_with("on") && name.size() > 3)
        add_trigger(function, parent);  // onload = …
      else
        add_calls_by_name(function, name);
      return;
    }
    case Kind::kArray:
      // [function (e, t, n) { … }, …]: the modules of an older bundle.
      if (tree_[parent].parent != kNoNode && tree_[tree_[parent].parent].kind == Kind::kArguments)
        add_trigger(function, parent);
      return;
    default:
      return;
  }
}

// The function or class that is handed out, or the one its name stands for; of an object all.
void ImportTime::add_exported(NodeId value) {
  value = unwrapped(tree_, value);
  if (value == kNoNode) return;
  const auto kind = tree_[value].kind;
  if (is_function(kind)) {
    started_by_[kNoNode].push_back(value);
  } else if (kind == Kind::kClass) {
    for (NodeId id = value; id < tree_.nodes().size() && tree_[id].begin < tree_[value].end; ++id)
      if (is_root(tree_, id) && tree_[tree_[id].parent].kind == Kind::kClassBody)
        started_by_[kNoNode].push_back(id);
  } else if (kind == Kind::kIdentifier || kind == Kind::kShorthand) {
    const auto binding = scopes_.resolve(tree_.text(value), value);
    if (binding == kNoBinding) return;
    for (const auto& definer : scopes_[binding].definers) {
      const auto node = unwrapped(tree_, definer.node);
      if (node != kNoNode && definer.path.empty() &&
          (is_function(tree_[node].kind) || tree_[node].kind == Kind::kClass))
        add_exported(node);
    }
  }
}

void ImportTime::add_exports(const std::set<std::string>& called) {
  for (NodeId id = 0; id < tree_.nodes().size(); ++id) {
    const auto kind = tree_[id].kind;
    if (kind == Kind::kAssignment) {
      const auto left = tree_.child(id, Field::kLeft);
      const auto right = unwrapped(tree_, tree_.child(id, Field::kRight));
      if (left == kNoNode || right == kNoNode || tree_[left].kind != Kind::kMember) continue;
      auto name = tree_.text(left);
      if (name.starts_with("module.")) name.remove_prefix(7);
      if (name == "exports") {
        if (called.contains("")) add_exported(right);
        if (tree_[right].kind != Kind::kObject) continue;
        for (auto at = tree_[right].first; at != kNoNode; at = tree_[at].next) {
          const auto key =
              tree_.child(at, tree_[at].kind == Kind::kMethod ? Field::kName : Field::kKey);
          const auto word = key == kNoNode ? tree_.text(at) : tree_.text(key);
          if (!called.contains(std::string(word))) continue;
          add_exported(tree_[at].kind == Kind::kPair ? tree_.child(at, Field::kValue) : at);
        }
      } else if (name.starts_with("exports.")) {
        name.remove_prefix(8);
        if (called.contains(std::string(name)) || (name == "default" && called.contains("")))
          add_exported(right);
      }
    } else if (kind == Kind::kExport) {
      for (auto at = tree_[id].first; at != kNoNode; at = tree_[at].next) {
        if (tree_[at].kind == Kind::kFunction || tree_[at].kind == Kind::kClass) {
          const auto name = tree_.child(at, Field::kName);
          if (name == kNoNode || called.contains(std::string(tree_.text(name))) ||
              called.contains(""))
            add_exported(at);
        } else if (tree_[at].field == Field::kValue && called.contains("")) {
          add_exported(at);
        } else if (tree_[at].kind == Kind::kLexicalDeclaration ||
                   tree_[at].kind == Kind::kVarDeclaration) {
          for (auto one = tree_[at].first; one != kNoNode; one = tree_[one].next) {
            const auto name = tree_.child(one, Field::kName);
            if (name != kNoNode && called.contains(std::string(tree_.text(name))))
              add_exported(tree_.child(one, Field::kValue));
          }
        } else if (tree_[at].kind == Kind::kExportClause) {
          for (auto one = tree_[at].first; one != kNoNode; one = tree_[one].next) {
            const auto name = tree_.child(one, Field::kName);
            const auto alias = tree_.child(one, Field::kAlias);
            if (name == kNoNode) continue;
            const auto word = std::string(tree_.text(alias == kNoNode ? name : alias));
            if (called.contains(word) || (word == "default" && called.contains("")))
              add_exported(name);
          }
        }
      }
    }
  }
}

void ImportTime::spread() {
  std::vector<NodeId> open{kNoNode};
  while (!open.empty()) {
    const auto from = open.back();
    open.pop_back();
    const auto it = started_by_.find(from);
    if (it == started_by_.end()) continue;
    for (const auto function : it->second)
      if (running_.insert(function).second) open.push_back(function);
  }
}

}  // namespace npmgate::code
