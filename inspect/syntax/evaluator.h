// Folds the expressions of one file: what a name, a member or a call is known to be.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "inspect/syntax/scopes.h"
#include "inspect/syntax/value.h"

namespace npmgate::code {

// Not thread-safe: remembers what it found. Bounded: past its budget every value is unknown.
class Evaluator {
 public:
  // `path`: the file's, below the package root.
  Evaluator(const SyntaxTree& tree, const Scopes& scopes, std::string_view path);

  Value evaluate(NodeId id);
  // What a call calls: the value of its function, with call(), apply() and bind() taken off.
  Value callee(NodeId call);
  // The arguments as the function gets them (apply's list spread out).
  std::vector<Value> arguments(NodeId call);
  Value member(const Value& object, std::string_view name);
  bool exhausted() const { return steps_ > most_steps_; }
  const SyntaxTree& tree() const { return tree_; }
  const Scopes& scopes() const { return scopes_; }

 private:
  // A bundle of 800 KB takes 3 million; folding stays linear in what there is to fold.
  static constexpr std::uint64_t kFewestSteps = 3'000'000, kStepsANode = 6;
  static constexpr int kDeepest = 250;
  static constexpr std::size_t kMostFrames = 8;
  static constexpr std::uint32_t kMostCalls = 50'000;  // of functions, looked into

  // A set of functions that may say yes for one that is not in it.
  struct Functions {
    std::array<std::uint64_t, 4> bits{};
    void add(NodeId function) { bits[function % 4] |= std::uint64_t{1} << (function / 4 % 64); }
    void add(const Functions& other) {
      for (std::size_t i = 0; i < bits.size(); ++i) bits[i] |= other.bits[i];
    }
    bool has(NodeId function) const { return (bits[function % 4] >> (function / 4 % 64) & 1) != 0; }
  };
  // What a value depends on beside the text. It holds wherever none of `open` is being called.
  struct Needs {
    std::uint8_t frames = 0;  // those whose arguments it was made of, a bit each
    bool limited = false;     // unknown only because the limits of nesting were met
    bool cut = false;         // unknown only because of where it was asked for
    Functions open;           // functions that were not being called when theirs were wanted
  };
  struct Folded {
    Value value;
    Needs needs;
  };
  // What a call gave, for calls with the same arguments.
  struct Call {
    std::vector<Value> arguments;
    Value result;
    Needs needs;
    std::size_t frames = 0;  // around it, and how deep it was made: what met a limit there meets it
    int depth = 0;           // farther in as well
  };
  // What is known as long as one call lasts; of the whole file the same.
  struct Known {
    std::unordered_map<NodeId, Folded> nodes;
    std::unordered_map<BindingId, Folded> bindings;  // inside calls only: bound_ else
    std::unordered_map<NodeId, std::vector<Call>> calls;
  };
  struct Frame {
    NodeId function;
    std::vector<Value> arguments;
    Known known;
  };

  Needs begin_needs() { return std::exchange(needs_, Needs()); }
  void add_needs(const Needs& needs);
  // Whether what is known at `level` holds in the calls that were begun since.
  bool holds(const Needs& needs, std::size_t level) const;
  // Where what was found since begin_needs() holds: in the innermost call whose arguments it was
  // made of; 0: everywhere.
  std::size_t level() const;
  Folded kept_value(const Value& value) const;
  Known& known_at(std::size_t level) { return level == 0 ? known_ : frames_[level - 1].known; }
  const Value* find_folded(NodeId id);
  const Value* find_bound(BindingId id);
  const Call* find_call(NodeId function, const std::vector<Value>& arguments);
  void fold_all();
  Value fold(NodeId id);
  Value fold_identifier(NodeId id);
  Value fold_member(NodeId id);
  Value fold_template(NodeId id);
  Value fold_object(NodeId id);
  Value fold_array(NodeId id);
  Value fold_binary(NodeId id);
  Value fold_unary(NodeId id);
  Value fold_ternary(NodeId id);
  Value fold_call(NodeId id);
  Value fold_new(NodeId id);
  Value fold_method(NodeId id, const Value& object, const std::string& name);
  // Of an object that is not known: what the file puts into any field of that name.
  Value field_value(std::string_view name);
  // Whether the node's text goes over a text by its characters: s[i], s.charAt(i) …
  bool picks_characters(NodeId id) const;
  Value object_with(std::vector<Value> spread, Value::Members members);
  Value call_function(NodeId function, std::vector<Value> arguments);
  Value call_each(const Value& list, std::string_view name, const std::vector<Value>& given);
  Value call_path(const std::string& path, const std::vector<Value>& arguments,
                  std::uint8_t origins);
  Value binding_value(BindingId id);
  Value definer_value(const Definer& definer);
  Value parameter_value(const Definer& definer);
  Value callback_parameter(NodeId function, const CallSite& site, std::uint32_t index);
  Value global(std::string_view name);
  bool in_function(NodeId id) const;
  bool is_comparison(NodeId id) const;
  Value spelled(Value value) const;
  std::string member_name(NodeId id);
  std::vector<Value> raw_arguments(NodeId call);
  void find_returns();

  const SyntaxTree& tree_;
  const Scopes& scopes_;
  std::string path_;
  std::uint64_t steps_ = 0;
  const std::uint64_t most_steps_;
  int depth_ = 0;
  std::uint32_t calls_ = 0;
  std::vector<Frame> frames_;
  Needs needs_;
  std::vector<std::optional<Folded>> bound_;
  std::vector<bool> busy_;  // bindings being evaluated
  std::vector<std::string> busy_fields_;
  static constexpr std::uint8_t kMostAttempts =
      3;                                    // at what is unknown because of where it is asked for
  std::vector<std::uint8_t> cut_bindings_;  // attempts, by binding
  std::unordered_map<NodeId, std::uint8_t> cut_nodes_;
  std::unordered_map<NodeId, std::uint8_t> cut_calls_;  // by function
  Known known_;
  std::unordered_map<NodeId, std::vector<NodeId>> returns_;
  std::unordered_map<std::string, std::string>
      numbered_;  // bundlers' module ids -> what they require
};

// "lib" of "lib/a.js"; "" of a file in the root.
std::string module_folder(std::string_view path);
// "fs" for "node:fs", "npm:axios" for what is none of node's own, "file:./x" for one of the
// package.
std::string module_path(std::string_view name);
// Where what is reached by this path gets its data from.
std::uint8_t origins_of_path(std::string_view path);
Value concatenate(const Value& a, const Value& b);

}  // namespace npmgate::code
