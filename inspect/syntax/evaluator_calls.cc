// What calls give: of functions of the file, of methods of known values, of node's own functions.
#include <algorithm>
#include <bit>

#include "inspect/syntax/evaluator.h"
#include "inspect/syntax/path_calls.h"

namespace npmgate::code {
namespace {

using VK = Value::Kind;

}  // namespace

std::vector<Value> Evaluator::raw_arguments(NodeId call) {
  std::vector<Value> out;
  const auto list = tree_.child(call, Field::kArguments);
  if (list == kNoNode) return out;
  if (tree_[list].kind == Kind::kTemplate) return {evaluate(list)};
  for (auto at = tree_[list].first; at != kNoNode && out.size() <= kLongestList;
       at = tree_[at].next) {
    auto value = evaluate(at);
    if (tree_[at].kind == Kind::kSpread && value.is(VK::kList)) {
      for (const auto& [key, item] : *value.members) out.push_back(item);
    } else if (tree_[at].kind == Kind::kSpread && value.is(VK::kText)) {
      for (auto& c : characters(value.text)) out.push_back(text_value(std::move(c), value.origins));
    } else {
      out.push_back(std::move(value));
    }
  }
  return out;
}

namespace {

enum class Indirect { kNone, kCall, kApply };

Indirect indirect(std::string_view name) {
  if (name == "call") return Indirect::kCall;
  if (name == "apply") return Indirect::kApply;
  return Indirect::kNone;
}

}  // namespace

Value Evaluator::callee(NodeId call) {
  auto function = unwrapped(
      tree_,
      tree_.child(call, tree_[call].kind == Kind::kNew ? Field::kConstructor : Field::kFunction));
  if (function == kNoNode) return unknown();
  if (tree_[function].kind == Kind::kImportCall) return path_value("import");
  const auto value = evaluate(function);
  if (value.is(VK::kPath) && (value.text == "Reflect.apply" || value.text == "Reflect.construct")) {
    const auto given = raw_arguments(call);
    if (!given.empty()) return given[0];
  }
  // Function.prototype.call.call(f, …)
  if (value.is(VK::kPath) &&
      (value.text == "Function.prototype.call.call" || value.text == "Function.call.call" ||
       value.text == "Function.prototype.apply.call" || value.text == "Function.apply.call")) {
    const auto given = raw_arguments(call);
    if (!given.empty()) return given[0];
  }
  const auto kind = tree_[function].kind;
  if ((kind == Kind::kMember || kind == Kind::kSubscript) &&
      indirect(member_name(function)) != Indirect::kNone) {
    auto object = evaluate(tree_.child(function, Field::kObject));
    if (object.is(VK::kPath) || object.is(VK::kFunction) || object.is(VK::kAny)) return object;
  }
  return value;
}

std::vector<Value> Evaluator::arguments(NodeId call) {
  auto given = raw_arguments(call);
  auto function = unwrapped(
      tree_,
      tree_.child(call, tree_[call].kind == Kind::kNew ? Field::kConstructor : Field::kFunction));
  if (function == kNoNode) return given;
  const auto spread = [](const Value& list) {
    std::vector<Value> out;
    if (list.is(VK::kList))
      for (const auto& [key, item] : *list.members) out.push_back(item);
    return out;
  };
  const auto kind = tree_[function].kind;
  if (kind != Kind::kMember && kind != Kind::kSubscript) return given;
  const auto name = member_name(function);
  if (name == "call" && !given.empty()) {
    const auto object = evaluate(tree_.child(function, Field::kObject));
    const bool twice = object.is(VK::kPath) && object.text.starts_with("Function.");
    if (twice && object.text.ends_with(".apply"))
      return given.size() > 2 ? spread(given[2]) : std::vector<Value>();
    if (twice && object.text.ends_with(".call") && given.size() > 1) given.erase(given.begin());
    given.erase(given.begin());
  } else if (name == "apply" && given.size() > 1) {
    const auto value = evaluate(function);
    if (value.is(VK::kPath) && value.text == "Reflect.apply")
      return given.size() > 2 ? spread(given[2]) : std::vector<Value>();
    return spread(given[1]);
  } else if (name == "construct" && given.size() > 1) {
    const auto value = evaluate(function);
    if (value.is(VK::kPath) && value.text == "Reflect.construct") return spread(given[1]);
  }
  return given;
}

Value Evaluator::fold_call(NodeId id) {
  auto function = unwrapped(tree_, tree_.child(id, Field::kFunction));
  if (function == kNoNode) return unknown();
  const auto kind = tree_[function].kind;
  if (kind == Kind::kMember || kind == Kind::kSubscript) {
    const auto object = evaluate(tree_.child(function, Field::kObject));
    const auto name = member_name(function);
    const bool index = !name.empty() && name.find_first_not_of("0123456789") == name.npos;
    if (!object.is(VK::kPath) && !object.is(VK::kRecord) && !object.is(VK::kFunction) &&
        indirect(name) == Indirect::kNone && !index)
      return fold_method(id, object, name);
    if (name == "bind" && (object.is(VK::kFunction) || object.is(VK::kPath))) {
      const auto given = raw_arguments(id);
      // require.bind(null, 'x'): what calling it gives is known.
      if (object.is(VK::kPath) && loads_module(object.text) && given.size() > 1)
        return returning(call_path(object.text, {given[1]}, object.origins));
      return object;
    }
    if (object.is(VK::kFunction) && name == "toString") return spelled(object);
    if (name == "get" && !object.is(VK::kPath) && object.find("get") == nullptr) {
      const auto given = raw_arguments(id);
      const auto key = given.empty() ? std::string() : text_of(given[0]);
      if (const auto* found = object.find(key)) return *found;
      auto field = key.empty() ? unknown() : field_value(key);
      if (field.known()) return field;
    }
    if (object.is(VK::kPath) && (name == "then" || name == "catch" || name == "finally") &&
        object.text.find("()") == std::string::npos)
      return unknown(object.origins);
  }
  const auto value = callee(id);
  if (kind == Kind::kIdentifier && !numbered_.empty() && !value.is(VK::kPath)) {
    const auto numbers = arguments(id);
    const auto numbered =
        numbers.size() == 1 && (numbers[0].is(VK::kText) || numbers[0].is(VK::kNumber))
            ? numbered_.find(to_text(numbers[0]))
            : numbered_.end();
    if (numbered != numbered_.end()) return path_value(module_path(numbered->second));
  }
  std::vector<Value> results;
  for (const auto& choice : choices_of(value)) {
    if (choice.is(VK::kFunction)) {
      results.push_back(call_function(choice.node, arguments(id)));
    } else if (choice.is(VK::kPath)) {
      const auto given = arguments(id);
      auto origins = static_cast<std::uint8_t>(choice.origins | origins_of_path(choice.text));
      for (const auto& argument : given) origins |= argument.origins;
      results.push_back(call_path(choice.text, given, origins));
    }
  }
  std::uint8_t origins = value.origins;
  if (!results.empty()) {
    auto result = any_value(std::move(results));
    if (result.known() || !value.is(VK::kFunction)) return result;
    origins |= result.origins;
  }
  // A bundle's own require, or a helper around an import, that could not be followed.
  const auto given = arguments(id);
  for (const auto& argument : given) origins |= argument.origins;
  if (given.size() == 1 && kind == Kind::kIdentifier) {
    const auto text = to_text(given[0]);
    if (given[0].is(VK::kText) && names_node_module(text)) return path_value(module_path(text));
  }
  if (!given.empty() && given[0].is(VK::kPath) && is_interop(tree_.text(function))) return given[0];
  return unknown(origins);
}

Value Evaluator::fold_method(NodeId id, const Value& object, const std::string& name) {
  const auto given = arguments(id);
  const bool list = object.is(VK::kList) || object.is(VK::kBag);
  if (list && !given.empty() && given[0].is(VK::kFunction)) {
    auto result = call_each(object, name, given);
    if (result.known()) return result;
  }
  auto origins = object.origins;
  for (const auto& argument : given) origins |= argument.origins;
  // A constant that a function goes over: what becomes of it is text that was hidden.
  if (object.is(VK::kText) && is_whole(object.text) && name.starts_with("replace") &&
      given.size() > 1 && given[1].is(VK::kFunction))
    return unknown(static_cast<std::uint8_t>(origins | kDecoded));
  if (object.is(VK::kList) && name == "map" && !given.empty() && given[0].is(VK::kPath)) {
    std::vector<Value> out;
    for (const auto& [key, item] : *object.members)
      out.push_back(call_path(given[0].text, {item}, origins));
    return list_value(std::move(out), origins);
  }
  auto result = call_builtin(object, name, given);
  result.origins |= origins;
  return result;
}

Value Evaluator::call_each(const Value& list, std::string_view name,
                           const std::vector<Value>& given) {
  constexpr std::size_t kMostItems = 2048;
  if (list.size() > kMostItems) return unknown(list.origins);
  const NodeId function = given[0].node;
  const bool bag = list.is(VK::kBag);  // nothing is known of the places in it
  if (name == "map" || name == "flatMap") {
    std::vector<Value> out;
    double index = 0;
    for (const auto& [key, item] : *list.members)
      out.push_back(call_function(function, {item, bag ? unknown() : number_value(index++), list}));
    return bag ? bag_value(std::move(out), list.origins) : list_value(std::move(out), list.origins);
  }
  if (name == "filter") {
    std::vector<Value> all, kept;
    bool sure = !bag;
    double index = 0;
    for (const auto& [key, item] : *list.members) {
      all.push_back(item);
      const int truth = truth_of(call_function(function, {item, number_value(index++), list}));
      sure = sure && truth >= 0;
      if (truth == 1) kept.push_back(item);
    }
    return sure ? list_value(std::move(kept), list.origins)
                : bag_value(std::move(all), list.origins);
  }
  if (bag || (name != "reduce" && name != "reduceRight")) return unknown(list.origins);
  std::vector<Value> items;
  for (const auto& [key, item] : *list.members) items.push_back(item);
  if (name == "reduceRight") std::reverse(items.begin(), items.end());
  const bool starts = given.size() > 1;
  if (items.empty()) return starts ? given[1] : unknown(list.origins);
  Value sum = starts ? given[1] : items[0];
  for (std::size_t i = starts ? 0 : 1; i < items.size(); ++i)
    sum = call_function(function, {sum, items[i], number_value(static_cast<double>(i)), list});
  return sum;
}

namespace {

bool same(const Value& a, const Value& b) {
  return a.kind == b.kind && a.origins == b.origins && a.node == b.node && a.text == b.text &&
         a.members == b.members && a.number == b.number;
}

}  // namespace

const Evaluator::Call* Evaluator::find_call(NodeId function, const std::vector<Value>& given) {
  for (auto level = frames_.size() + 1; level-- > 0;) {
    const auto& calls = known_at(level).calls;
    const auto it = calls.find(function);
    if (it == calls.end()) continue;
    for (const Call& call : it->second) {
      const bool deeper = frames_.size() >= call.frames && depth_ >= call.depth;
      if (std::ranges::equal(call.arguments, given, same) && holds(call.needs, level) &&
          (deeper || !call.needs.limited))
        return &call;
    }
  }
  return nullptr;
}

Value Evaluator::call_function(NodeId function, std::vector<Value> given) {
  constexpr std::size_t kMostResults = 8;  // kept of one function
  std::uint8_t origins = 0;
  for (const auto& argument : given) origins |= argument.origins;
  if (tree_[function].kind == Kind::kClass) return unknown(origins);
  const auto body = tree_.child(function, Field::kBody);
  if (body == kNoNode) return unknown(origins);
  if (const Call* known = find_call(function, given)) {
    add_needs(known->needs);
    return known->result;
  }
  if (frames_.size() >= kMostFrames || ++calls_ > kMostCalls) {
    needs_.limited = true;
    return unknown(origins);
  }
  std::vector<NodeId> results;
  if (tree_[body].kind != Kind::kBlock) {
    results.push_back(body);
  } else {
    const auto it = returns_.find(function);
    if (it != returns_.end()) results = it->second;
  }
  const Needs before = begin_needs();
  frames_.push_back({function, given, {}});
  std::vector<Value> values;
  for (const auto result : results) values.push_back(evaluate(result));
  frames_.pop_back();
  auto value = values.empty() ? unknown() : any_value(std::move(values));
  value.origins |= origins;
  // Its own arguments count no more.
  needs_.frames &= static_cast<std::uint8_t>((1U << frames_.size()) - 1);
  const bool tried = needs_.cut && !frames_.empty() && ++cut_calls_[function] >= kMostAttempts;
  if (!needs_.cut || tried) {
    const auto level =
        tried ? frames_.size() : static_cast<std::size_t>(std::bit_width(needs_.frames));
    auto& kept = known_at(level).calls[function];
    if (kept.size() < kMostResults)
      kept.push_back({std::move(given), value, needs_, frames_.size(), depth_});
  }
  add_needs(before);
  return value;
}

Value Evaluator::call_path(const std::string& path, const std::vector<Value>& given,
                           std::uint8_t origins) {
  return result_of_call(
      path, given, origins, module_folder(path_),
      [this](const Value& object, std::string_view name) { return member(object, name); });
}

Value Evaluator::fold_new(NodeId id) {
  const auto value = callee(id);
  const auto given = arguments(id);
  if (!value.is(VK::kPath)) return unknown(value.origins);
  auto origins = static_cast<std::uint8_t>(value.origins | origins_of_path(value.text));
  for (const auto& argument : given) origins |= argument.origins;
  return result_of_new(value.text, given, origins);
}

}  // namespace npmgate::code
