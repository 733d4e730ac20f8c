#include "inspect/syntax/scopes.h"

#include <algorithm>

#include "inspect/syntax/value.h"

namespace npmgate::code {
namespace {

constexpr std::size_t kMostDefiners = 24;
constexpr std::size_t kMostSites = 256;

bool opens_scope(Kind kind) {
  return kind == Kind::kProgram || is_function(kind) || kind == Kind::kBlock ||
         kind == Kind::kLoop || kind == Kind::kForIn || kind == Kind::kCatch ||
         kind == Kind::kStaticBlock || kind == Kind::kClass;
}

// A function or class that stands as a statement declares its name around itself.
bool is_declaration(const SyntaxTree& tree, NodeId id) {
  const auto& node = tree[id];
  if (node.parent == kNoNode) return false;
  const auto kind = tree[node.parent].kind;
  return kind == Kind::kProgram || kind == Kind::kBlock || kind == Kind::kExport ||
         kind == Kind::kStaticBlock || (kind == Kind::kOther && node.field != Field::kRight);
}

}  // namespace

std::string literal_text(const SyntaxTree& tree, NodeId id) {
  auto text = tree.text(id);
  if (tree[id].kind != Kind::kString) return unescape(text);
  if (text.size() >= 2) text = text.substr(1, text.size() - 2);
  return unescape(text);
}

NodeId unwrapped(const SyntaxTree& tree, NodeId id) {
  while (id != kNoNode && (tree[id].kind == Kind::kParenthesized || tree[id].kind == Kind::kCast) &&
         tree[id].first != kNoNode)
    id = tree[id].first;
  return id;
}

Scopes::Scopes(const SyntaxTree& tree) : tree_(tree) {
  if (tree.nodes().empty()) return;
  find_scopes();
  declare_all();
  assign_all();
}

void Scopes::find_scopes() {
  const auto& nodes = tree_.nodes();
  scope_of_.resize(nodes.size());
  for (NodeId id = 0; id < nodes.size(); ++id) {
    const auto& node = nodes[id];
    const auto outer = node.parent == kNoNode ? 0 : scope_of_[node.parent];
    if (id > 0 && !opens_scope(node.kind)) {
      scope_of_[id] = outer;
      continue;
    }
    scope_of_[id] = static_cast<std::uint32_t>(scopes_.size());
    scopes_.push_back({outer,
                       node.kind == Kind::kProgram || is_function(node.kind) ||
                           node.kind == Kind::kStaticBlock || id == 0,
                       {}});
  }
}

std::uint32_t Scopes::function_scope(std::uint32_t scope) const {
  while (!scopes_[scope].function) scope = scopes_[scope].parent;
  return scope;
}

std::uint32_t Scopes::scope_around(NodeId id) const {
  const auto parent = tree_[id].parent;
  return parent == kNoNode ? 0 : scope_of_[parent];
}

void Scopes::add(std::string_view name, std::uint32_t scope, Definer definer) {
  const auto [it, is_new] =
      scopes_[scope].names.try_emplace(name, static_cast<BindingId>(bindings_.size()));
  if (is_new) bindings_.push_back({name, {}, false, {}, scope});
  auto& definers = bindings_[it->second].definers;
  if (definer.node == kNoNode && definer.how != Definer::How::kModule) return;
  if (definers.size() < kMostDefiners) definers.push_back(std::move(definer));
}

void Scopes::declare_all() {
  for (NodeId id = 0; id < tree_.nodes().size(); ++id) declare_node(id);
}

void Scopes::declare_node(NodeId id) {
  const auto& node = tree_[id];
  switch (node.kind) {
    case Kind::kDeclarator: {
      const auto name = tree_.child(id, Field::kName);
      if (name == kNoNode || node.parent == kNoNode) return;
      const bool var = tree_[node.parent].kind == Kind::kVarDeclaration;
      const auto scope = scope_around(id);
      declare_pattern(name, var ? function_scope(scope) : scope,
                      {Definer::How::kValue, tree_.child(id, Field::kValue), 0, {}, {}});
      return;
    }
    case Kind::kFunction:
    case Kind::kArrow:
    case Kind::kMethod:
    case Kind::kClass: {
      const auto name = tree_.child(id, Field::kName);
      if (name != kNoNode && node.kind != Kind::kMethod)
        add(tree_.text(name), is_declaration(tree_, id) ? scope_around(id) : scope_of_[id],
            {Definer::How::kFunction, id, 0, {}, {}});
      if (node.kind != Kind::kClass) declare_parameters(id);
      return;
    }
    case Kind::kCatch: {
      const auto parameter = tree_.child(id, Field::kParameter);
      if (parameter != kNoNode) declare_pattern(parameter, scope_of_[id], {});
      return;
    }
    case Kind::kForIn: {
      if (tree_.child(id, Field::kKind) == kNoNode) return;
      const auto word = tree_.child(id, Field::kOperator);
      const bool of = word != kNoNode && tree_.text(word) == "of";
      declare_pattern(
          tree_.child(id, Field::kLeft), scope_of_[id],
          {Definer::How::kElement, of ? tree_.child(id, Field::kRight) : kNoNode, 0, {}, {}});
      return;
    }
    case Kind::kImport:
      declare_import(id);
      return;
    case Kind::kField: {
      auto name = tree_.child(id, Field::kProperty);
      if (name == kNoNode) name = tree_.child(id, Field::kName);
      const auto value = tree_.child(id, Field::kValue);
      if (name != kNoNode && value != kNoNode) note_field(tree_.text(name), value);
      return;
    }
    default:
      return;
  }
}

void Scopes::note_field(std::string_view property, NodeId value) {
  constexpr std::size_t kMostFields = 8;
  auto& list = fields_[std::string(property)];
  if (list.size() < kMostFields) list.push_back(value);
}

const std::vector<NodeId>& Scopes::fields(std::string_view property) const {
  static const std::vector<NodeId> kNone;
  const auto it = fields_.find(std::string(property));
  return it == fields_.end() ? kNone : it->second;
}

bool Scopes::repeats(NodeId id, BindingId binding) const {
  const auto home = bindings_[binding].scope;
  for (auto at = tree_[id].parent; at != kNoNode; at = tree_[at].parent) {
    if (scope_of_[at] == home) return false;
    const auto kind = tree_[at].kind;
    if (kind == Kind::kLoop || kind == Kind::kForIn) return true;
    if (!is_function(kind)) continue;
    // (() => { … })() runs once.
    auto called = at;
    while (tree_[called].parent != kNoNode &&
           tree_[tree_[called].parent].kind == Kind::kParenthesized)
      called = tree_[called].parent;
    const auto up = tree_[called].parent;
    if (up == kNoNode || tree_[up].kind != Kind::kCall || tree_[called].field != Field::kFunction)
      return true;
  }
  return false;
}

void Scopes::declare_parameters(NodeId function) {
  const auto list = tree_.child(function, Field::kParameters);
  const auto scope = scope_of_[function];
  if (list == kNoNode) {
    const auto one = tree_.child(function, Field::kParameter);
    if (one != kNoNode)
      declare_pattern(one, scope, {Definer::How::kParameter, function, 0, {}, {}});
    return;
  }
  std::uint32_t index = 0;
  for (auto at = tree_[list].first; at != kNoNode; at = tree_[at].next, ++index) {
    Definer base{Definer::How::kParameter, function, index, {}, {}};
    auto pattern = at;
    if (tree_[at].kind == Kind::kParameter) {
      pattern = tree_.child(at, Field::kPattern);
      if (pattern == kNoNode) continue;
    }
    declare_pattern(pattern, scope, std::move(base));
  }
}

void Scopes::declare_import(NodeId id) {
  const auto source = tree_.child(id, Field::kSource);
  Definer base{Definer::How::kModule, kNoNode, 0, {}, {}};
  if (source != kNoNode) base.module = literal_text(tree_, source);
  for (auto at = tree_[id].first; at != kNoNode; at = tree_[at].next) {
    if (tree_[at].kind == Kind::kImportRequire) {
      const auto name = tree_[at].first;
      const auto text = tree_.child(at, Field::kSource);
      if (name == kNoNode || text == kNoNode) continue;
      base.module = literal_text(tree_, text);
      add(tree_.text(name), 0, base);
    }
    if (tree_[at].kind != Kind::kImportClause) continue;
    for (auto part = tree_[at].first; part != kNoNode; part = tree_[part].next) {
      if (tree_[part].kind == Kind::kIdentifier) add(tree_.text(part), 0, base);
      if (tree_[part].kind == Kind::kNamespaceImport && tree_[part].first != kNoNode)
        add(tree_.text(tree_[part].first), 0, base);
      if (tree_[part].kind != Kind::kNamedImports) continue;
      for (auto one = tree_[part].first; one != kNoNode; one = tree_[one].next) {
        const auto name = tree_.child(one, Field::kName);
        if (name == kNoNode) continue;
        const auto alias = tree_.child(one, Field::kAlias);
        auto named = base;
        named.path.push_back(literal_text(tree_, name));
        add(tree_.text(alias == kNoNode ? name : alias), 0, std::move(named));
      }
    }
  }
}

void Scopes::declare_pattern(NodeId pattern, std::uint32_t scope, Definer base) {
  if (pattern == kNoNode || base.path.size() > 8) return;
  switch (tree_[pattern].kind) {
    case Kind::kIdentifier:
    case Kind::kShorthandPattern:
      if (tree_[pattern].kind == Kind::kShorthandPattern)
        base.path.emplace_back(tree_.text(pattern));
      add(tree_.text(pattern), scope, std::move(base));
      return;
    case Kind::kObjectPattern:
      for (auto at = tree_[pattern].first; at != kNoNode; at = tree_[at].next) {
        auto inner = base;
        auto target = at;
        if (tree_[at].kind == Kind::kPairPattern) {
          const auto key = tree_.child(at, Field::kKey);
          target = tree_.child(at, Field::kValue);
          if (key == kNoNode) continue;
          const bool computed = tree_[key].kind == Kind::kComputedKey;
          const auto literal = computed ? tree_[key].first : key;
          if (computed && (literal == kNoNode || tree_[literal].kind != Kind::kString)) continue;
          inner.path.push_back(literal_text(tree_, literal));
        }
        declare_pattern(target, scope, std::move(inner));
      }
      return;
    case Kind::kArrayPattern: {
      std::size_t index = 0;
      for (auto at = tree_[pattern].first; at != kNoNode; at = tree_[at].next, ++index) {
        auto inner = base;
        inner.path.push_back(std::to_string(index));
        declare_pattern(at, scope, std::move(inner));
      }
      return;
    }
    case Kind::kAssignmentPattern: {
      const auto left = tree_.child(pattern, Field::kLeft);
      declare_pattern(left, scope, base);
      declare_pattern(left, scope,
                      {Definer::How::kValue, tree_.child(pattern, Field::kRight), 0, {}, {}});
      return;
    }
    case Kind::kRestPattern:
      if (base.how == Definer::How::kParameter && base.path.empty()) base.how = Definer::How::kRest;
      declare_pattern(tree_[pattern].first, scope, std::move(base));
      return;
    default:
      return;
  }
}

void Scopes::assign_all() {
  for (NodeId id = 0; id < tree_.nodes().size(); ++id) {
    const auto kind = tree_[id].kind;
    if (kind == Kind::kAssignment || kind == Kind::kAugmentedAssignment) assign(id);
    if (kind == Kind::kUpdate) mark_counted(unwrapped(tree_, tree_.child(id, Field::kArgument)));
  }
  for (NodeId id = 0; id < tree_.nodes().size(); ++id) {
    const auto kind = tree_[id].kind;
    if (kind == Kind::kCall || kind == Kind::kNew) note_call(id);
  }
}

void Scopes::assign(NodeId id) {
  const auto left = unwrapped(tree_, tree_.child(id, Field::kLeft));
  const auto right = tree_.child(id, Field::kRight);
  if (left == kNoNode || right == kNoNode) return;
  auto how = Definer::How::kValue;
  if (tree_[id].kind == Kind::kAugmentedAssignment) {
    const auto word = tree_.child(id, Field::kOperator);
    const auto sign = word == kNoNode ? std::string_view() : tree_.text(word);
    if (sign == "+=")
      how = Definer::How::kAppended;
    else if (!sign.starts_with("||") && !sign.starts_with("&&") && !sign.starts_with("\?\?"))
      how = Definer::How::kCounted;
  }
  const auto kind = tree_[left].kind;
  if (kind == Kind::kSubscript) {
    mark_changed(tree_.child(left, Field::kObject), right);
    const auto index = unwrapped(tree_, tree_.child(left, Field::kIndex));
    if (index != kNoNode && tree_[index].kind == Kind::kString)
      note_field(literal_text(tree_, index), right);
    else if (index != kNoNode && tree_[index].kind == Kind::kNumber)
      note_field(tree_.text(index), right);
    return;
  }
  if (kind == Kind::kMember) {
    const auto object = unwrapped(tree_, tree_.child(left, Field::kObject));
    const auto property = tree_.child(left, Field::kProperty);
    if (object == kNoNode || property == kNoNode) return;
    if (tree_[object].kind != Kind::kIdentifier) {
      note_field(tree_.text(property), right);
      return;
    }
    const auto binding = resolve(tree_.text(object), object);
    if (binding == kNoBinding) return;
    auto& list = assigned_[std::to_string(binding) + "." + std::string(tree_.text(property))];
    if (list.size() < kMostDefiners) list.push_back(right);
    return;
  }
  if (kind != Kind::kIdentifier) {
    if (kind == Kind::kObjectPattern || kind == Kind::kArrayPattern)
      declare_pattern(left, scope_of_[left], {how, right, 0, {}, {}});
    return;
  }
  const auto binding = resolve(tree_.text(left), left);
  if (binding == kNoBinding) {
    add(tree_.text(left), 0, {how, right, 0, {}, {}});
    return;
  }
  if (how == Definer::How::kAppended && repeats(id, binding)) how = Definer::How::kGrown;
  auto& definers = bindings_[binding].definers;
  if (definers.size() < kMostDefiners) definers.push_back({how, right, 0, {}, {}});
}

void Scopes::mark_changed(NodeId object, NodeId added) {
  object = unwrapped(tree_, object);
  if (object == kNoNode || tree_[object].kind != Kind::kIdentifier) return;
  const auto binding = resolve(tree_.text(object), object);
  if (binding == kNoBinding) return;
  auto& changed = bindings_[binding];
  changed.changed = true;
  if (added != kNoNode && changed.added.size() < kMostDefiners) changed.added.push_back(added);
}

void Scopes::mark_counted(NodeId target) {
  if (target == kNoNode || tree_[target].kind != Kind::kIdentifier) return;
  const auto binding = resolve(tree_.text(target), target);
  if (binding == kNoBinding) return;
  auto& definers = bindings_[binding].definers;
  const auto counted = [](const Definer& one) { return one.how == Definer::How::kCounted; };
  if (std::none_of(definers.begin(), definers.end(), counted))
    definers.push_back({Definer::How::kCounted, target, 0, {}, {}});
}

void Scopes::note(NodeId function, CallSite site) {
  auto& sites = calls_[function];
  if (sites.size() < kMostSites) sites.push_back(site);
}

// map.set('x', value)
void Scopes::note_set(NodeId callee, NodeId arguments) {
  if (tree_[callee].kind != Kind::kMember) return;
  const auto property = tree_.child(callee, Field::kProperty);
  const auto key = tree_[arguments].first;
  if (property == kNoNode || tree_.text(property) != "set" || key == kNoNode) return;
  if (tree_[key].kind == Kind::kString && tree_[key].next != kNoNode)
    note_field(literal_text(tree_, key), tree_[key].next);
}

void Scopes::note_call(NodeId id) {
  const bool is_new = tree_[id].kind == Kind::kNew;
  auto callee = unwrapped(tree_, tree_.child(id, is_new ? Field::kConstructor : Field::kFunction));
  if (callee == kNoNode) return;
  if (tree_[callee].kind == Kind::kMember) {
    const auto property = tree_.child(callee, Field::kProperty);
    const auto name = property == kNoNode ? std::string_view() : tree_.text(property);
    if (name == "push" || name == "unshift" || name == "splice" || name == "shift" ||
        name == "pop" || name == "sort" || name == "fill" || name == "copyWithin") {
      const auto object = tree_.child(callee, Field::kObject);
      mark_changed(object);
      const auto given = tree_.child(id, Field::kArguments);
      const bool adds = name == "push" || name == "unshift" || name == "splice" || name == "fill";
      if (adds && given != kNoNode && tree_[given].kind == Kind::kArguments)
        for (auto at = tree_[given].first; at != kNoNode; at = tree_[at].next)
          mark_changed(object, at);
    }
  }
  // (function () { … }).call(this, …)
  if (tree_[callee].kind == Kind::kMember) {
    const auto object = unwrapped(tree_, tree_.child(callee, Field::kObject));
    const auto property = tree_.child(callee, Field::kProperty);
    if (object != kNoNode && property != kNoNode && is_function(tree_[object].kind))
      note(object, {id, 0, false});
  }
  if (tree_[callee].kind == Kind::kIdentifier) {
    const auto binding = resolve(tree_.text(callee), callee);
    if (binding != kNoBinding) {
      for (const auto& definer : bindings_[binding].definers) {
        const auto function = unwrapped(tree_, definer.node);
        if (!definer.path.empty() || function == kNoNode) continue;
        if (is_function(tree_[function].kind) || tree_[function].kind == Kind::kClass)
          if (definer.how == Definer::How::kFunction || definer.how == Definer::How::kValue)
            note(function, {id, 0, false});
      }
    }
  } else if (is_function(tree_[callee].kind) || tree_[callee].kind == Kind::kClass) {
    note(callee, {id, 0, false});
  }
  const auto arguments = tree_.child(id, Field::kArguments);
  if (arguments == kNoNode || tree_[arguments].kind != Kind::kArguments) return;
  note_set(callee, arguments);
  std::uint32_t index = 0;
  for (auto at = tree_[arguments].first; at != kNoNode; at = tree_[at].next, ++index) {
    const auto argument = unwrapped(tree_, at);
    if (is_function(tree_[argument].kind)) note(argument, {id, index, true});
    if (tree_[argument].kind != Kind::kIdentifier) continue;
    const auto binding = resolve(tree_.text(argument), argument);
    if (binding == kNoBinding) continue;
    for (const auto& definer : bindings_[binding].definers)
      if (definer.path.empty() && definer.node != kNoNode &&
          is_function(tree_[unwrapped(tree_, definer.node)].kind) &&
          definer.how != Definer::How::kParameter)
        note(unwrapped(tree_, definer.node), {id, index, true});
  }
}

BindingId Scopes::resolve(std::string_view name, NodeId at) const {
  if (scopes_.empty()) return kNoBinding;
  for (auto scope = scope_of_[at];; scope = scopes_[scope].parent) {
    const auto it = scopes_[scope].names.find(name);
    if (it != scopes_[scope].names.end()) return it->second;
    if (scope == 0) return kNoBinding;
  }
}

const std::vector<CallSite>& Scopes::calls_of(NodeId function) const {
  static const std::vector<CallSite> kNone;
  const auto it = calls_.find(function);
  return it == calls_.end() ? kNone : it->second;
}

const std::vector<NodeId>& Scopes::assigned(BindingId id, std::string_view property) const {
  static const std::vector<NodeId> kNone;
  const auto it = assigned_.find(std::to_string(id) + "." + std::string(property));
  return it == assigned_.end() ? kNone : it->second;
}

}  // namespace npmgate::code
