// Names of one file: where each is declared, and what is put into it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "inspect/syntax/syntax_tree.h"

namespace npmgate::code {

// One way in which a name gets its value.
struct Definer {
  enum class How : std::uint8_t {
    kValue,      // of `node`
    kAppended,   // node's value is added to it (+=)
    kGrown,      // the same again and again: in a loop, or in a function that others call
    kCounted,    // it changes by arithmetic: i++, i -= 2
    kElement,    // one of the elements of `node`
    kFunction,   // `node` is the function or class
    kParameter,  // number `index` of the function `node`
    kRest,       // that parameter and all behind it
    kModule,     // `module`, as an import statement names it
  };
  How how = How::kValue;
  NodeId node = kNoNode;
  std::uint32_t index = 0;
  std::string module;
  // What is taken out of that value by a pattern: ["env"] for `const {env} = process`; an index as
  // its digits.
  std::vector<std::string> path;
};

struct Binding {
  std::string_view name;
  std::vector<Definer> definers;
  bool changed = false;  // elements are added or set after the value was made: x.push(…), x[i] = …
  std::vector<NodeId> added{};  // of a changed one: what is added or set, at most 24
  std::uint32_t scope = 0;      // that declares it
};

using BindingId = std::uint32_t;
inline constexpr BindingId kNoBinding = 0xFFFFFFFF;

// A place where a function of the file is called: as itself, or by what it is handed to.
struct CallSite {
  NodeId call = kNoNode;    // kCall or kNew
  std::uint32_t index = 0;  // of the argument that the function is, if `callback`
  bool callback = false;
};

// Linear in the tree. `tree` must outlive it.
class Scopes {
 public:
  explicit Scopes(const SyntaxTree& tree);

  // What the name means at `at`; kNoBinding for globals.
  BindingId resolve(std::string_view name, NodeId at) const;
  const Binding& operator[](BindingId id) const { return bindings_[id]; }
  std::size_t size() const { return bindings_.size(); }
  const std::vector<CallSite>& calls_of(NodeId function) const;
  // Values of fields and properties of that name whose object is no name of this file: `this.x =
  // …`, `a.b.x = …`, `o['x'] = …`, x in a class; at most 8.
  const std::vector<NodeId>& fields(std::string_view property) const;
  // Values assigned to `name.property` for a name of this file.
  const std::vector<NodeId>& assigned(BindingId id, std::string_view property) const;

 private:
  struct Scope {
    std::uint32_t parent = 0;
    bool function = false;
    std::unordered_map<std::string_view, BindingId> names;
  };

  void find_scopes();
  void declare_all();
  void declare_node(NodeId id);
  void declare_parameters(NodeId function);
  void declare_import(NodeId id);
  void declare_pattern(NodeId pattern, std::uint32_t scope, Definer base);
  void add(std::string_view name, std::uint32_t scope, Definer definer);
  void assign_all();
  void assign(NodeId id);
  void mark_changed(NodeId object, NodeId added = kNoNode);
  void mark_counted(NodeId target);
  void note_field(std::string_view property, NodeId value);
  // Whether what stands at `id` may run more often than the declaration of `binding`.
  bool repeats(NodeId id, BindingId binding) const;
  void note(NodeId function, CallSite site);
  void note_call(NodeId id);
  void note_set(NodeId callee, NodeId arguments);
  std::uint32_t function_scope(std::uint32_t scope) const;
  std::uint32_t scope_around(NodeId id) const;

  const SyntaxTree& tree_;
  std::vector<Scope> scopes_;
  std::vector<std::uint32_t> scope_of_;  // node -> innermost scope that holds it
  std::vector<Binding> bindings_;
  std::unordered_map<NodeId, std::vector<CallSite>> calls_;
  std::unordered_map<std::string, std::vector<NodeId>> assigned_;  // "id.property"
  std::unordered_map<std::string, std::vector<NodeId>> fields_;
};

// A string literal's value (quotes gone, escapes written out), or a property name as it stands.
std::string literal_text(const SyntaxTree& tree, NodeId id);
// Brackets and TypeScript's casts taken off.
NodeId unwrapped(const SyntaxTree& tree, NodeId id);

}  // namespace npmgate::code
