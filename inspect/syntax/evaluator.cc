#include "inspect/syntax/evaluator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "inspect/syntax/path_calls.h"

namespace npmgate::code {
namespace {

using VK = Value::Kind;

Value rest_of(const std::vector<Value>& given, std::size_t from) {
  std::vector<Value> items;
  for (std::size_t i = from; i < given.size(); ++i) items.push_back(given[i]);
  return list_value(std::move(items));
}

bool is_index(std::string_view text) {
  return !text.empty() && text.size() < 8 && text.find_first_not_of("0123456789") == text.npos;
}

}  // namespace

Value concatenate(const Value& a, const Value& b) {
  const auto origins = static_cast<std::uint8_t>(a.origins | b.origins);
  if (!a.is(VK::kAny) && !b.is(VK::kAny)) return text_value(to_text(a) + to_text(b), origins);
  std::vector<Value> out;
  for (const auto& left : choices_of(a))
    for (const auto& right : choices_of(b))
      if (out.size() < 16) out.push_back(text_value(to_text(left) + to_text(right), origins));
  return any_value(std::move(out));
}

std::string module_folder(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? std::string() : std::string(path.substr(0, slash));
}

Evaluator::Evaluator(const SyntaxTree& tree, const Scopes& scopes, std::string_view path)
    : tree_(tree),
      scopes_(scopes),
      path_(path),
      most_steps_(kFewestSteps + kStepsANode * tree.nodes().size()),
      bound_(scopes.size()),
      busy_(scopes.size(), false),
      cut_bindings_(scopes.size(), 0) {
  find_returns();
  fold_all();
}

// Also what each numbered module of a bundle hands on: 93: e => { e.exports = require("net") }.
void Evaluator::find_returns() {
  const auto& nodes = tree_.nodes();
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (nodes[id].kind == Kind::kReturn) {
      auto at = nodes[id].parent;
      while (at != kNoNode && !is_function(nodes[at].kind)) at = nodes[at].parent;
      if (at != kNoNode && nodes[id].first != kNoNode) {
        auto& list = returns_[at];
        if (list.size() < 8) list.push_back(nodes[id].first);
      }
    }
    if (nodes[id].kind != Kind::kCall) continue;
    const auto function = tree_.child(id, Field::kFunction);
    if (function == kNoNode || tree_.text(function) != "require") continue;
    const auto list = tree_.child(id, Field::kArguments);
    if (list == kNoNode || nodes[list].first == kNoNode ||
        nodes[nodes[list].first].kind != Kind::kString)
      continue;
    auto at = nodes[id].parent;
    for (int up = 0; up < 5 && at != kNoNode && !is_function(nodes[at].kind); ++up)
      at = nodes[at].parent;
    if (at == kNoNode || !is_function(nodes[at].kind) || nodes[at].kind == Kind::kMethod) continue;
    const auto pair = nodes[at].parent;
    if (pair == kNoNode || nodes[pair].kind != Kind::kPair) continue;
    const auto key = tree_.child(pair, Field::kKey);
    if (key == kNoNode || nodes[at].end - nodes[at].begin > 200) continue;
    numbered_[literal_text(tree_, key)] = literal_text(tree_, nodes[list].first);
  }
}

void Evaluator::add_needs(const Needs& needs) {
  needs_.frames |= needs.frames;
  needs_.open.add(needs.open);
  needs_.limited = needs_.limited || needs.limited;
  needs_.cut = needs_.cut || needs.cut;
}

Value Evaluator::evaluate(NodeId id) {
  if (id == kNoNode || ++steps_ > most_steps_) return unknown();
  if (depth_ >= kDeepest) {
    needs_.limited = true;
    return unknown();
  }
  // Calls and members ask for their objects again and again: a chain of them would take for ever.
  const auto kind = tree_[id].kind;
  const bool kept = kind == Kind::kCall || kind == Kind::kMember || kind == Kind::kNew ||
                    kind == Kind::kSubscript || kind == Kind::kBinary || kind == Kind::kTernary;
  if (!kept) {
    ++depth_;
    auto value = fold(id);
    --depth_;
    return value;
  }
  if (const Value* known = find_folded(id)) return *known;
  const Needs before = begin_needs();
  ++depth_;
  auto value = fold(id);
  --depth_;
  // Names that are made of each other are asked for a few times only.
  if (!needs_.cut || value.known() || ++cut_nodes_[id] >= kMostAttempts)
    known_at(level()).nodes.emplace(id, kept_value(value));
  add_needs(before);
  return value;
}

// At the outside no place is better than this one.
Evaluator::Folded Evaluator::kept_value(const Value& value) const {
  Folded kept{value, needs_};
  if (frames_.empty()) kept.needs.cut = false;
  return kept;
}

std::size_t Evaluator::level() const {
  if (needs_.cut || needs_.limited) return frames_.size();
  return static_cast<std::size_t>(std::bit_width(needs_.frames));
}

bool Evaluator::holds(const Needs& needs, std::size_t level) const {
  for (auto at = level; at < frames_.size(); ++at)
    if (needs.open.has(frames_[at].function)) return false;
  return true;
}

const Value* Evaluator::find_folded(NodeId id) {
  for (auto level = frames_.size() + 1; level-- > 0;) {
    const auto& nodes = known_at(level).nodes;
    const auto it = nodes.find(id);
    if (it == nodes.end() || !holds(it->second.needs, level)) continue;
    add_needs(it->second.needs);
    return &it->second.value;
  }
  return nullptr;
}

const Value* Evaluator::find_bound(BindingId id) {
  const Folded* found = nullptr;
  if (const auto& kept = bound_[id]; kept && holds(kept->needs, 0)) found = &*kept;
  for (auto level = frames_.size(); found == nullptr && level > 0; --level) {
    const auto& bindings = known_at(level).bindings;
    const auto it = bindings.find(id);
    if (it != bindings.end() && holds(it->second.needs, level)) found = &it->second;
  }
  if (found == nullptr) return nullptr;
  add_needs(found->needs);
  return &found->value;
}

// From the inside out, so that no chain is walked from its far end.
void Evaluator::fold_all() {
  for (auto id = static_cast<NodeId>(tree_.nodes().size()); id-- > 0;) {
    const auto kind = tree_[id].kind;
    if (kind == Kind::kCall || kind == Kind::kMember) evaluate(id);
  }
}

Value Evaluator::fold(NodeId id) {
  const auto& node = tree_[id];
  switch (node.kind) {
    case Kind::kParenthesized:
    case Kind::kCast:
    case Kind::kAwait:
    case Kind::kSpread:
    case Kind::kComputedKey:
      return evaluate(node.first);
    case Kind::kSequence:
      return evaluate(tree_.last(id));
    case Kind::kString:
      return text_value(literal_text(tree_, id));
    case Kind::kTemplate:
      return fold_template(id);
    case Kind::kNumber:
      return number_value(parse_number(tree_.text(id)));
    case Kind::kRegex: {
      Value value = text_value(std::string(tree_.text(id)));
      value.kind = VK::kRegex;
      return value;
    }
    case Kind::kTrue:
      return bool_value(true);
    case Kind::kFalse:
      return bool_value(false);
    case Kind::kNull:
    case Kind::kUndefined: {
      Value value;
      value.kind = node.kind == Kind::kNull ? VK::kNull : VK::kUndefined;
      return value;
    }
    case Kind::kIdentifier:
    case Kind::kShorthand:
    case Kind::kShorthandPattern:
      return fold_identifier(id);
    case Kind::kMember:
    case Kind::kSubscript:
      return fold_member(id);
    case Kind::kThis:
      return in_function(id) ? unknown() : record_value({});
    case Kind::kMetaProperty:
      return tree_.text(id).starts_with("import") ? path_value("import.meta") : unknown();
    case Kind::kObject:
      return fold_object(id);
    case Kind::kArray:
      return fold_array(id);
    case Kind::kBinary:
      return fold_binary(id);
    case Kind::kUnary:
      return fold_unary(id);
    case Kind::kTernary:
      return fold_ternary(id);
    case Kind::kAssignment:
      return evaluate(tree_.child(id, Field::kRight));
    case Kind::kFunction:
    case Kind::kArrow:
    case Kind::kMethod:
    case Kind::kClass: {
      Value value;
      value.kind = VK::kFunction;
      value.node = id;
      return value;
    }
    case Kind::kCall:
      return fold_call(id);
    case Kind::kNew:
      return fold_new(id);
    default:
      return unknown();
  }
}

Value Evaluator::fold_identifier(NodeId id) {
  const auto name = tree_.text(id);
  const auto binding = scopes_.resolve(name, id);
  if (binding != kNoBinding) return binding_value(binding);
  if (name == "arguments" && !in_function(id)) {
    // node puts a file into function (exports, require, module, __filename, __dirname).
    return list_value({record_value({}), path_value("require"), path_value("module"),
                       global("__filename"), global("__dirname")});
  }
  return global(name);
}

bool Evaluator::in_function(NodeId id) const {
  for (auto at = tree_[id].parent; at != kNoNode; at = tree_[at].parent)
    if (tree_[at].kind == Kind::kFunction || tree_[at].kind == Kind::kMethod ||
        tree_[at].kind == Kind::kClass)
      return true;
  return false;
}

Value Evaluator::global(std::string_view name) {
  static constexpr auto kWhole = std::to_array<std::string_view>(
      {"globalThis", "global", "window", "self", "top", "GLOBAL", "root"});
  if (std::find(kWhole.begin(), kWhole.end(), name) != kWhole.end())
    return path_value("globalThis");
  if (name == "__filename") return text_value(std::string(kOwnRoot) + "/" + path_);
  if (name == "__dirname") {
    const std::string folder(module_folder(path_));
    return text_value(std::string(kOwnRoot) + (folder.empty() ? "" : "/" + folder));
  }
  if (name == "__non_webpack_require__") return path_value("require");
  if (name == "NaN") return number_value(std::nan(""));
  return path_value(std::string(name), origins_of_path(name));
}

Value Evaluator::binding_value(BindingId id) {
  if (const Value* known = find_bound(id)) return *known;
  if (busy_[id]) {
    needs_.cut = true;
    return unknown();
  }
  busy_[id] = true;
  const Needs before = begin_needs();
  const auto& binding = scopes_[id];
  std::vector<Value> values;
  bool counted = false;
  for (const auto& definer : binding.definers) {
    if (definer.how == Definer::How::kCounted) {
      counted = true;
      continue;
    }
    auto value = definer_value(definer);
    if (definer.how == Definer::How::kGrown) {
      auto origins =
          static_cast<std::uint8_t>(value.origins | (values.empty() ? 0 : values.back().origins));
      if (picks_characters(definer.node)) origins |= kDecoded;
      if (!values.empty()) values.pop_back();
      values.push_back(unknown(origins));
    } else if (definer.how == Definer::How::kAppended && !values.empty()) {
      const bool numbers = values.back().is(VK::kNumber) && value.is(VK::kNumber);
      values.back() = numbers ? unknown() : concatenate(values.back(), value);
    } else {
      values.push_back(std::move(value));
    }
  }
  // Whoever fills a parameter from outside the file is not seen.
  auto value = values.size() == 1 ? std::move(values[0]) : any_value(std::move(values));
  if (counted) value = unknown(value.origins);
  if (binding.changed && value.is(VK::kList)) {
    std::vector<Value> items;
    for (const auto& [key, item] : *value.members) items.push_back(item);
    for (const auto added : binding.added) items.push_back(evaluate(added));
    value = bag_value(std::move(items), value.origins);
  }
  busy_[id] = false;
  const bool keeps =
      !needs_.cut || (frames_.empty() && value.known()) || ++cut_bindings_[id] >= kMostAttempts;
  if (keeps && level() == 0)
    bound_[id] = kept_value(value);
  else if (keeps)
    known_at(level()).bindings.emplace(id, kept_value(value));
  add_needs(before);
  return value;
}

Value Evaluator::definer_value(const Definer& definer) {
  Value value;
  switch (definer.how) {
    case Definer::How::kModule:
      value = path_value(module_path(definer.module));
      break;
    case Definer::How::kParameter:
    case Definer::How::kRest:
      value = parameter_value(definer);
      break;
    case Definer::How::kFunction:
      value = fold(definer.node);
      break;
    case Definer::How::kElement: {
      const auto list = evaluate(definer.node);
      std::vector<Value> items;
      if (list.is(VK::kList))
        for (const auto& [key, item] : *list.members) items.push_back(item);
      value = items.empty() ? unknown(list.origins) : any_value(std::move(items));
      break;
    }
    default:
      value = evaluate(definer.node);
  }
  value.origins |= origins_of_path(value.is(VK::kPath) ? value.text : "");
  for (const auto& name : definer.path) value = member(value, name);
  return value;
}

bool Evaluator::picks_characters(NodeId id) const {
  id = unwrapped(tree_, id);
  if (id == kNoNode) return false;
  const auto kind = tree_[id].kind;
  if (kind == Kind::kSubscript) return true;
  if (kind == Kind::kBinary)
    return picks_characters(tree_.child(id, Field::kLeft)) ||
           picks_characters(tree_.child(id, Field::kRight));
  if (kind != Kind::kCall) return false;
  const auto function = unwrapped(tree_, tree_.child(id, Field::kFunction));
  if (function == kNoNode || tree_[function].kind != Kind::kMember) return false;
  const auto property = tree_.child(function, Field::kProperty);
  const auto name = property == kNoNode ? std::string_view() : tree_.text(property);
  return name == "charAt" || name == "at" || name == "fromCharCode" || name == "fromCodePoint";
}

Value Evaluator::field_value(std::string_view name) {
  const auto& nodes = scopes_.fields(name);
  if (nodes.empty()) return unknown();
  if (std::find(busy_fields_.begin(), busy_fields_.end(), name) != busy_fields_.end()) {
    needs_.cut = true;
    return unknown();
  }
  busy_fields_.emplace_back(name);
  std::vector<Value> values;
  for (const auto node : nodes)
    for (const auto& choice : choices_of(evaluate(node)))
      if (choice.is(VK::kPath) || choice.is(VK::kText)) values.push_back(choice);
  busy_fields_.pop_back();
  return any_value(std::move(values));
}

Value Evaluator::parameter_value(const Definer& definer) {
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
    if (frame->function != definer.node) continue;
    const auto index = static_cast<std::size_t>(frames_.rend() - frame) - 1;
    needs_.frames |= static_cast<std::uint8_t>(1U << index);
    if (definer.how == Definer::How::kRest) return rest_of(frame->arguments, definer.index);
    if (definer.index < frame->arguments.size()) return frame->arguments[definer.index];
    Value missing;
    missing.kind = VK::kUndefined;
    return missing;
  }
  needs_.open.add(definer.node);
  std::vector<Value> values;
  for (const auto& site : scopes_.calls_of(definer.node)) {
    if (values.size() >= 8) break;
    if (site.callback) {
      values.push_back(callback_parameter(definer.node, site, definer.index));
      continue;
    }
    auto given = arguments(site.call);
    if (definer.how == Definer::How::kRest)
      values.push_back(rest_of(given, definer.index));
    else if (definer.index < given.size())
      values.push_back(given[definer.index]);
  }
  if (values.empty()) return unknown(kFromCaller);
  return any_value(std::move(values));
}

Value Evaluator::callback_parameter(NodeId, const CallSite& site, std::uint32_t index) {
  const auto function = unwrapped(
      tree_, tree_.child(site.call, tree_[site.call].kind == Kind::kNew ? Field::kConstructor
                                                                        : Field::kFunction));
  if (function == kNoNode) return unknown();
  std::uint8_t origins = 0;
  if (tree_[function].kind == Kind::kMember || tree_[function].kind == Kind::kSubscript) {
    const auto name = member_name(function);
    const auto object = evaluate(tree_.child(function, Field::kObject));
    if ((name == "then" || name == "finally") && index == 0 && site.index == 0) return object;
    const bool each = name == "map" || name == "forEach" || name == "filter" || name == "some" ||
                      name == "every" || name == "find" || name == "flatMap" || name == "findIndex";
    if ((each && index == 0) || (name == "reduce" && index == 1)) {
      if (object.is(VK::kList)) {
        std::vector<Value> items;
        for (const auto& [key, item] : *object.members) items.push_back(item);
        return any_value(std::move(items));
      }
      return unknown(object.origins);
    }
    origins |= object.origins;
    if (object.is(VK::kPath)) origins |= origins_of_path(object.text);
  }
  const auto value = evaluate(function);
  origins |= value.origins;
  if (value.is(VK::kPath)) origins |= origins_of_path(value.text);
  return unknown(origins);
}

std::string Evaluator::member_name(NodeId id) {
  if (tree_[id].kind == Kind::kSubscript) return text_of(evaluate(tree_.child(id, Field::kIndex)));
  const auto property = tree_.child(id, Field::kProperty);
  return property == kNoNode ? std::string() : unescape(tree_.text(property));
}

Value Evaluator::fold_member(NodeId id) {
  const auto object_node = tree_.child(id, Field::kObject);
  const auto object = evaluate(object_node);
  if (tree_[id].kind == Kind::kSubscript) {
    const auto index = evaluate(tree_.child(id, Field::kIndex));
    if (index.is(VK::kAny)) {
      std::vector<Value> values;
      for (const auto& name : texts_of(index)) values.push_back(member(object, name));
      return any_value(std::move(values));
    }
    if (object.is(VK::kBag)) return member(object, "0");
    if (!index.is(VK::kText) && !index.is(VK::kNumber)) {
      if (object.is(VK::kList) && object.size() <= 16) {
        std::vector<Value> items;
        for (const auto& [key, item] : *object.members) items.push_back(item);
        return any_value(std::move(items));
      }
      return unknown(static_cast<std::uint8_t>(object.origins | index.origins));
    }
    const auto key = to_text(index);
    auto value = member(object, key);
    if (!value.known() && !object.is(VK::kText)) {
      value = any_value({field_value(key)});
      value.origins |= object.origins;
    }
    return value;
  }
  const auto name = member_name(id);
  const auto plain = unwrapped(tree_, object_node);
  auto value = member(object, name);
  if (plain != kNoNode && tree_[plain].kind == Kind::kIdentifier && !value.is(VK::kPath)) {
    const auto binding = scopes_.resolve(tree_.text(plain), plain);
    if (binding != kNoBinding && !busy_[binding]) {
      busy_[binding] = true;
      std::vector<Value> values{value};
      for (const auto right : scopes_.assigned(binding, name)) values.push_back(evaluate(right));
      busy_[binding] = false;
      if (values.size() > 1) value = any_value(std::move(values));
    }
  }
  if (value.known()) return value;
  auto field = field_value(name);
  field.origins |= value.origins;
  return field;
}

Value Evaluator::member(const Value& object, std::string_view name) {
  switch (object.kind) {
    case VK::kPath:
      return member_of_path(object, name, [this](std::string_view n) { return global(n); });
    case VK::kAny: {
      std::vector<Value> values;
      for (const auto& choice : choices_of(object)) values.push_back(member(choice, name));
      return any_value(std::move(values));
    }
    case VK::kRecord: {
      if (const auto* found = object.find(name)) return *found;
      if (name == "constructor") return path_value("Object");
      return unknown(object.origins);
    }
    case VK::kBag: {
      if (!is_index(name)) return unknown(object.origins);
      std::vector<Value> items;
      for (const auto& [key, item] : *object.members) items.push_back(item);
      return any_value(std::move(items), kMostInBag);
    }
    case VK::kRegex: {
      const auto close = object.text.rfind('/');
      if (name == "source" && close > 0 && close != std::string::npos)
        return text_value(object.text.substr(1, close - 1), object.origins);
      return name == "constructor" ? path_value("RegExp") : unknown(object.origins);
    }
    case VK::kList:
    case VK::kText: {
      const bool list = object.is(VK::kList);
      if (is_index(name)) {
        const auto i = static_cast<std::size_t>(std::stoul(std::string(name)));
        if (list) return i < object.size() ? (*object.members)[i].second : unknown(object.origins);
        return call_builtin(object, "charAt", {number_value(static_cast<double>(i))});
      }
      if (name == "length")
        return number_value(
            static_cast<double>(list ? object.size() : characters(object.text).size()));
      if (name == "constructor") return path_value(list ? "Array" : "String");
      // Of a URL that is known as its text.
      if (!list && (name == "href" || name == "pathname") &&
          (object.text.starts_with(kOwnRoot) || object.text.find("://") != object.text.npos))
        return object;
      return path_value((list ? "Array." : "String.") + std::string(name), object.origins);
    }
    case VK::kNumber:
    case VK::kBool:
      return path_value(name == "constructor" ? "Number" : "Number." + std::string(name));
    case VK::kFunction:
      if (name == "constructor") return path_value("Function");
      if (name == "__proto__" || name == "prototype") return object;
      if (name == "name") {
        const auto own = tree_.child(object.node, Field::kName);
        return own == kNoNode ? unknown() : text_value(std::string(tree_.text(own)));
      }
      return unknown();
    default:
      return unknown(object.origins);
  }
}

Value Evaluator::fold_template(NodeId id) {
  // Between the parts stands text.
  const auto& node = tree_[id];
  Value out = text_value("");
  auto at = node.begin + 1;
  const auto source = tree_.source();
  for (auto part = node.first; part != kNoNode; part = tree_[part].next) {
    if (tree_[part].kind != Kind::kTemplatePart) continue;
    out = concatenate(out, text_value(unescape(source.substr(at, tree_[part].begin - at))));
    out = concatenate(out, evaluate(tree_[part].first));
    at = tree_[part].end;
  }
  if (node.end > at)
    out = concatenate(out, text_value(unescape(source.substr(at, node.end - 1 - at))));
  return out;
}

Value Evaluator::fold_object(NodeId id) {
  Value::Members members;
  std::vector<Value> spread;
  for (auto at = tree_[id].first; at != kNoNode && members.size() < 512; at = tree_[at].next) {
    switch (tree_[at].kind) {
      case Kind::kPair: {
        const auto key = tree_.child(at, Field::kKey);
        if (key == kNoNode) break;
        const auto name = tree_[key].kind == Kind::kComputedKey
                              ? text_of(evaluate(tree_[key].first))
                              : literal_text(tree_, key);
        members.emplace_back(name, evaluate(tree_.child(at, Field::kValue)));
        break;
      }
      case Kind::kShorthand:
        members.emplace_back(std::string(tree_.text(at)), fold_identifier(at));
        break;
      case Kind::kMethod: {
        const auto name = tree_.child(at, Field::kName);
        if (name == kNoNode) break;
        const bool getter = tree_.text(at).starts_with("get ");
        members.emplace_back(literal_text(tree_, name), getter ? call_function(at, {}) : fold(at));
        break;
      }
      case Kind::kSpread: {
        const auto value = evaluate(tree_[at].first);
        if (value.is(VK::kRecord))
          for (const auto& member : *value.members) members.push_back(member);
        if (value.is(VK::kPath)) spread.push_back(value);
        break;
      }
      default:
        break;
    }
  }
  return object_with(std::move(spread), std::move(members));
}

// { ...module, more }: what is found in either.
Value Evaluator::object_with(std::vector<Value> spread, Value::Members members) {
  auto record = record_value(std::move(members));
  if (spread.empty()) return record;
  spread.push_back(std::move(record));
  return any_value(std::move(spread));
}

Value Evaluator::fold_array(NodeId id) {
  std::vector<Value> items;
  for (auto at = tree_[id].first; at != kNoNode; at = tree_[at].next) {
    if (items.size() > kLongestList) return unknown();
    if (tree_[at].kind != Kind::kSpread) {
      items.push_back(evaluate(at));
      continue;
    }
    const auto value = evaluate(tree_[at].first);
    if (value.is(VK::kText)) {
      for (auto& c : characters(value.text))
        items.push_back(text_value(std::move(c), value.origins));
    } else if (value.is(VK::kList)) {
      for (const auto& [key, item] : *value.members) items.push_back(item);
    } else {
      return unknown(value.origins);
    }
  }
  return list_value(std::move(items));
}

}  // namespace npmgate::code
