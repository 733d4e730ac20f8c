// What calls and names mean: the walk itself.
#include "inspect/syntax/analysis.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "inspect/code/features.h"
#include "inspect/syntax/capability_kinds.h"
#include "inspect/syntax/capability_rules.h"
#include "inspect/syntax/path_calls.h"
#include "inspect/syntax/triggers.h"

namespace npmgate::code {
namespace {

using VK = Value::Kind;

constexpr std::size_t kMostCapabilities = 128;
constexpr int kDeepestNesting = 3;  // of constant text that is evaluated by constant text

}  // namespace

void Analysis::add(std::string_view kind, NodeId id, std::string_view name, std::string_view text) {
  Capability found{
      std::string(kind), shown(name, 100), outer_line_ > 0 ? outer_line_ : tree_.line(id),
      outer_import_ && import_time_.runs(id), shown(text.empty() ? tree_.text(id) : text)};
  auto& list = out_.reading.capabilities;
  for (auto& known : list) {
    if (known.kind != found.kind || known.name != found.name) continue;
    if (known.on_import || !found.on_import) return;
    known = std::move(found);
    return;
  }
  if (list.size() < kMostCapabilities) list.push_back(std::move(found));
}

void Analysis::visit(NodeId id) {
  switch (tree_[id].kind) {
    case Kind::kCall:
      on_call(id, false);
      return;
    case Kind::kNew:
      on_call(id, true);
      return;
    case Kind::kImport:
    case Kind::kExport:
      on_import(id);
      return;
    case Kind::kAssignment:
      on_assignment(id);
      return;
    case Kind::kMember:
    case Kind::kSubscript:
      on_member(id);
      return;
    case Kind::kIdentifier:
    case Kind::kShorthand:
    case Kind::kShorthandPattern:
      on_identifier(id);
      return;
    case Kind::kBinary:
    case Kind::kTemplate:
    case Kind::kString:
      on_text(id);
      return;
    case Kind::kPair:
      on_pair(id);
      return;
    default:
      return;
  }
}

// .then(eval): what the promise gives is run.
void Analysis::on_callback(NodeId id) {
  const auto function = unwrapped(tree_, tree_.child(id, Field::kFunction));
  if (function == kNoNode || tree_[function].kind != Kind::kMember) return;
  for (const auto& argument : eval_.arguments(id)) {
    if (!argument.is(VK::kPath)) continue;
    const auto sink = sink_of(argument.text);
    if (sink != Sink::kEvaluate && sink != Sink::kEvaluateLast) continue;
    const auto object = eval_.evaluate(tree_.child(function, Field::kObject));
    auto origins = object.origins;
    if (object.is(VK::kPath)) origins |= origins_of_path(object.text);
    on_evaluate(id, object.is(VK::kList) ? object : unknown(origins));
  }
}

void Analysis::on_call(NodeId id, bool is_new) {
  const auto callee = eval_.callee(id);
  if (!is_new) on_callback(id);
  bool found = false;
  for (const auto& choice : choices_of(callee)) {
    if (!choice.is(VK::kPath)) continue;
    found = true;
    if (choice.text.starts_with("file:")) on_export_call(id, choice.text);
    on_path_call(id, choice.text, eval_.arguments(id));
  }
  if (found || is_new) return;
  if (const auto called = unwrapped(tree_, tree_.child(id, Field::kFunction)); called != kNoNode)
    on_hidden_member(id, called);
  // Of a module object that node hands to an extension's loader.
  const auto function = unwrapped(tree_, tree_.child(id, Field::kFunction));
  if (function != kNoNode && tree_[function].kind == Kind::kMember) {
    const auto property = tree_.child(function, Field::kProperty);
    const auto given = eval_.arguments(id);
    if (tree_.text(function).ends_with("clipboardData.setData")) add(kPatching, id, "clipboard");
    if (property != kNoNode && tree_.text(property) == "_compile" && !given.empty())
      on_evaluate(id, given[0]);
  }
  // A require that could not be followed to node's: r("child_process") names it all the same.
  const auto value = eval_.evaluate(id);
  if (value.is(VK::kPath) && value.text.starts_with("file:") && value.text.ends_with(kFileEnd))
    on_load(id, text_value(value.text.substr(5, value.text.size() - 6)));
}

void Analysis::on_export_call(NodeId id, const std::string& path) {
  const auto end = path.find(kFileEnd);
  if (end == path.npos || !import_time_.runs(id) || out_.calls.size() >= 1024) return;
  auto name = path.substr(end + 1);
  if (name.starts_with('.')) name.erase(0, 1);
  name = name.substr(0, name.find_first_of(".("));
  out_.calls.push_back({path.substr(5, end - 5), std::move(name)});
}

void Analysis::on_path_call(NodeId id, const std::string& path, const std::vector<Value>& given) {
  if (loads_module(path)) {
    if (!given.empty()) on_load(id, given[0]);
    return;
  }
  // f.bind(object, 'x') is f('x') at some time.
  if (path.ends_with(".bind") && given.size() > 1) {
    on_path_call(id, path.substr(0, path.size() - 5), {given.begin() + 1, given.end()});
    return;
  }
  on_sink(id, path, given);
  on_signs(id, path, given);
}

void Analysis::on_sink(NodeId id, const std::string& path, const std::vector<Value>& given) {
  const auto first = given.empty() ? unknown() : given[0];
  switch (sink_of(path)) {
    case Sink::kNetwork:
      on_network(id, given);
      note_concealed(id, kNetwork, given);
      break;
    case Sink::kDns:
      on_dns(id, given);
      note_concealed(id, kDns, given);
      break;
    case Sink::kProcess:
      on_process(id, path, given);
      note_concealed(id, kProcess, given);
      break;
    case Sink::kEvaluate:
      on_evaluate(id, first);
      break;
    case Sink::kEvaluateLast:
      on_last_code(id, given);
      break;
    case Sink::kRunFile:
      on_run_file(id, path, given);
      break;
    case Sink::kSpread:
      on_members(id, given);
      break;
    case Sink::kObserve:
      add(kPatching, id, path);
      break;
    case Sink::kMarkup:
      for (const auto& text : given) on_markup(id, text);
      break;
    case Sink::kWorker:
      on_worker(id, given);
      break;
    case Sink::kTimer:
      on_timer(id, given);
      break;
    case Sink::kNative:
      add(kNativeCode, id,
          path == "process.dlopen" ? to_text(given.size() > 1 ? given[1] : unknown()) : path);
      break;
    case Sink::kWrite:
      on_write(id, first, path);
      break;
    case Sink::kWriteSecond:
      on_read(id, first);
      if (given.size() > 1) on_write(id, given[1], path);
      break;
    case Sink::kRead:
      on_read_call(id, path, given);
      break;
    case Sink::kRemove:
      on_remove(id, given);
      break;
    case Sink::kIdentity:
      add(kMachine, id, path);
      break;
    case Sink::kSpy:
      add(kSpying, id, path);
      break;
    case Sink::kDefine:
      on_define(id, path, given);
      break;
    case Sink::kNone:
      break;
  }
}

void Analysis::on_last_code(NodeId id, const std::vector<Value>& given) {
  if (given.empty()) {
    on_evaluate(id, text_value(""));
    return;
  }
  const auto* code = given.back().find("expression");  // of an inspector's session
  on_evaluate(id, code != nullptr ? *code : given.back());
}

void Analysis::on_read_call(NodeId id, const std::string& path, const std::vector<Value>& given) {
  const auto first = given.empty() ? unknown() : given[0];
  on_read(id, first);
  if (path.find("readdir") != path.npos || path.find("opendir") != path.npos) on_listing(id, first);
  // open(…, 'w')
  const bool opens = path.ends_with(".open") || path.ends_with(".openSync");
  if (opens && given.size() > 1 && text_of(given[1]).find_first_of("wa+") != std::string::npos)
    on_write(id, first, path);
}

// define(x, 'name', …) or x.__defineGetter__('name', …)
void Analysis::on_define(NodeId id, const std::string& path, const std::vector<Value>& given) {
  if (given.empty()) return;
  const bool method = path.ends_with("__defineGetter__");
  const auto dot = path.rfind('.');
  const auto whole = dot == path.npos ? std::string("globalThis") : path.substr(0, dot);
  const auto object = method ? path_value(whole) : given[0];
  const auto& key = method || given.size() < 2 ? given[0] : given[1];
  if (!object.is(VK::kPath)) return;
  for (const auto& name : texts_of(key)) {
    const auto target = eval_.member(object, name);
    if (target.is(VK::kPath) && is_shared(target.text)) add(kPatching, id, target.text);
  }
}

// What some calls tell beside what they do.
void Analysis::on_signs(NodeId id, const std::string& path, const std::vector<Value>& given) {
  const auto first = given.empty() ? unknown() : given[0];
  if (path.starts_with("path.") || path == "require.resolve")
    for (const auto& text : texts_of(eval_.evaluate(id))) note_path(id, text);
  if (path == "JSON.stringify" || path.starts_with("Object.") || path == "Buffer.from")
    for (const auto& value : given)
      if (value.is(VK::kPath) && value.text == "process.env") add(kEnvironment, id, "process.env");
  // Whoever looks for a member of process by going over all of them hides which.
  const bool lists = path == "Object.entries" || path == "Object.values" || path == "Object.keys" ||
                     path == "Object.getOwnPropertyNames" || path == "Reflect.ownKeys" ||
                     path == "Object.getOwnPropertyDescriptors";
  if (lists && first.is(VK::kPath) && first.text == "process") add(kEnvironment, id, "process");
  if (path.starts_with("Deno.env.")) {
    const auto value = eval_.evaluate(id);
    if (value.is(VK::kPath)) on_environment(id, value);
  }
  if (const auto trigger = trigger_of_path(path); !trigger.empty())
    add(kTrigger, id, trigger, path);
  if (path == "require.context")
    for (const auto& folder : texts_of(first)) on_folder_load(folder + "/" + kHole);
  if (path.starts_with("import.meta.glob"))
    for (auto pattern : texts_of(first)) {
      std::replace(pattern.begin(), pattern.end(), '*', kHole);
      on_folder_load(pattern);
    }
}

// Nobody who has nothing to hide decodes what he asks for by himself.
void Analysis::note_concealed(NodeId id, std::string_view kind, const std::vector<Value>& given) {
  for (const auto& argument : given)
    for (const auto& choice : choices_of(argument))
      if (choice.origins == kDecoded &&
          ((choice.is(VK::kText) && is_whole(choice.text)) || !choice.known()))
        add(kConcealed, id, kind);
}

// What loads a file as code: named in one of the arguments, or as a member of one.
void Analysis::on_run_file(NodeId id, const std::string& path, const std::vector<Value>& given) {
  for (const auto& argument : given) {
    std::vector<Value> named{argument};
    for (const auto key : {"exec", "files"})
      if (const auto* member = argument.find(key)) named.push_back(*member);
    for (const auto& value : named) {
      if (value.is(VK::kList))
        for (const auto& [key, item] : *value.members) on_load(id, item);
      else if (value.is(VK::kText) || value.is(VK::kAny))
        on_load(id, value);
    }
  }
  if (path.starts_with("cluster.")) add(kProcess, id, "node");
  if (path.starts_with("module.register")) add(kPatching, id, path);
}

// Object.assign(http, { request: … }), Object.setPrototypeOf(fs, …)
void Analysis::on_members(NodeId id, const std::vector<Value>& given) {
  if (given.size() < 2 || !given[0].is(VK::kPath)) return;
  for (std::size_t i = 1; i < given.size(); ++i) {
    if (!given[i].is(VK::kRecord)) continue;
    for (const auto& [name, value] : *given[i].members) {
      const auto target = eval_.member(given[0], name);
      if (target.is(VK::kPath) && is_shared(target.text)) add(kPatching, id, target.text);
    }
  }
}

// Markup that runs something: a script, a handler.
void Analysis::on_markup(NodeId id, const Value& text) {
  for (const auto& markup : texts_of(text, true)) {
    const auto low = lower_ascii(markup);
    bool runs = low.find("<script") != low.npos || low.find("javascript:") != low.npos;
    for (auto at = low.find(" on"); !runs && at != low.npos; at = low.find(" on", at + 1)) {
      const auto sign = low.find('=', at);
      runs = sign != low.npos && sign - at < 20 &&
             low.substr(at + 1, sign - at - 1).find_first_of(" \"'<>") == low.npos &&
             low.rfind('<', at) != low.npos;
    }
    if (runs) add(kDynamicCode, id, "markup", markup);
  }
}

// require('https')[x](…), process[x](…) with a name that is not known.
void Analysis::on_hidden_member(NodeId id, NodeId function) {
  if (tree_[function].kind != Kind::kSubscript) return;
  const auto object = eval_.evaluate(tree_.child(function, Field::kObject));
  const auto index = eval_.evaluate(tree_.child(function, Field::kIndex));
  if (!object.is(VK::kPath) || !texts_of(index).empty()) return;
  static constexpr std::pair<std::string_view, std::string_view> kDoes[] = {
      {"child_process", kProcess}, {"http", kNetwork},   {"https", kNetwork},
      {"http2", kNetwork},         {"net", kNetwork},    {"tls", kNetwork},
      {"dgram", kNetwork},         {"vm", kDynamicCode}, {"dns", kDns}};
  for (const auto& [module, kind] : kDoes)
    if (object.text == module) add(kind, id, kind == kDynamicCode ? "built" : "");
  if (index.origins != kDecoded) return;
  const bool whole = object.text == "globalThis" || object.text == "process";
  if (whole) add(kDynamicCode, id, "decoded");
  if (whole || sink_of(object.text + ".exec") != Sink::kNone ||
      sink_of(object.text + ".get") != Sink::kNone || object.text == "fs")
    add(kConcealed, id, object.text);
}

void Analysis::on_import(NodeId id) {
  const auto source = tree_.child(id, Field::kSource);
  if (source != kNoNode) on_load(id, text_value(literal_text(tree_, source)));
  for (auto at = tree_[id].first; at != kNoNode; at = tree_[at].next)
    if (tree_[at].kind == Kind::kImportRequire)
      if (const auto text = tree_.child(at, Field::kSource); text != kNoNode)
        on_load(id, text_value(literal_text(tree_, text)));
}

void Analysis::on_assignment(NodeId id) {
  const auto left = unwrapped(tree_, tree_.child(id, Field::kLeft));
  if (left == kNoNode) return;
  const auto kind = tree_[left].kind;
  if (kind == Kind::kIdentifier) {
    if (scopes_.resolve(tree_.text(left), left) == kNoBinding && is_shared(tree_.text(left)))
      add(kPatching, id, tree_.text(left));
    return;
  }
  if (kind != Kind::kMember && kind != Kind::kSubscript) return;
  on_source(id, left);
  on_page_text(id, left);
  if (kind == Kind::kSubscript) {
    const auto object = eval_.evaluate(tree_.child(left, Field::kObject));
    if (object.is(VK::kPath) && is_shared(object.text) && object.text.ends_with("cache"))
      add(kPatching, id, object.text);
  }
  const auto target = eval_.evaluate(left);
  for (const auto& choice : choices_of(target)) {
    if (!choice.is(VK::kPath)) continue;
    if (is_shared(choice.text)) add(kPatching, id, choice.text);
    if (choice.text == "process.env.LD_PRELOAD" || choice.text == "process.env.NODE_OPTIONS")
      add(kNativeCode, id, choice.text);
  }
}

// script.text = …, element.innerHTML = …
void Analysis::on_page_text(NodeId id, NodeId left) {
  const auto property = tree_.child(left, Field::kProperty);
  const auto name = property == kNoNode ? std::string_view() : tree_.text(property);
  const bool markup = name == "innerHTML" || name == "outerHTML" || name == "srcdoc";
  if (!markup && name != "text" && name != "textContent" && name != "innerText") return;
  const auto right = eval_.evaluate(tree_.child(id, Field::kRight));
  if (markup) on_markup(id, right);
  const auto object = eval_.evaluate(tree_.child(left, Field::kObject));
  if (object.is(VK::kPath) && object.text == "document.createElement().script")
    on_evaluate(id, right);
}

// script.src = …, image.src = …
void Analysis::on_source(NodeId id, NodeId left) {
  const auto property = tree_.child(left, Field::kProperty);
  if (property == kNoNode || (tree_.text(property) != "src" && tree_.text(property) != "href"))
    return;
  const auto object = eval_.evaluate(tree_.child(left, Field::kObject));
  if (!object.is(VK::kPath) ||
      (object.text != "Image" && !object.text.starts_with("document.createElement()")))
    return;
  for (const auto& text : texts_of(eval_.evaluate(tree_.child(id, Field::kRight)), true))
    if (const auto host = url_host(text); !host.empty()) add(kNetwork, id, host, text);
}

void Analysis::on_member(NodeId id) {
  // Of a.b.c only what is reached of it as far as it is known.
  const auto value = eval_.evaluate(id);
  if (value.is(VK::kPath) && value.text.starts_with("process.env")) on_environment(id, value);
  if (value.is(VK::kPath))
    if (const auto trigger = trigger_of_path(value.text); !trigger.empty())
      add(kTrigger, id, trigger, value.text);
  if (tree_[id].kind == Kind::kMember) {
    const auto property = tree_.child(id, Field::kProperty);
    if (property != kNoNode && tree_.text(property) == "getTimezoneOffset")
      add(kTrigger, id, "locale");
    return;
  }
  // process[x], process.env[x] with a name that was decoded.
  if (value.known()) return;
  const auto object = eval_.evaluate(tree_.child(id, Field::kObject));
  const auto index = eval_.evaluate(tree_.child(id, Field::kIndex));
  if (!object.is(VK::kPath) || index.known() || index.origins != kDecoded) return;
  if (object.text == "process") add(kEnvironment, id, "process");
  if (object.text == "process.env") add(kSecrets, id, "");
}

void Analysis::on_identifier(NodeId id) {
  const auto name = tree_.text(id);
  const auto parent = tree_[id].parent;
  if (parent != kNoNode && tree_[parent].kind == Kind::kDeclarator &&
      tree_[id].field == Field::kName)
    return;
  const auto binding = scopes_.resolve(name, id);
  if (binding == kNoBinding) return;
  const auto value = eval_.evaluate(id);
  if (value.is(VK::kPath) && value.text.starts_with("process.env")) on_environment(id, value);
}

void Analysis::on_environment(NodeId id, const Value& value) {
  if (value.text.starts_with("process.env.")) {
    const auto name = std::string_view(value.text).substr(12);
    if (is_secret_variable(name)) add(kSecrets, id, name);
    if (const auto trigger = trigger_of_variable(name); !trigger.empty())
      add(kTrigger, id, trigger, name);
    return;
  }
  // As a whole: where it goes decides. Handing it to a program or keeping a name for it is
  // ordinary.
  auto at = id;
  auto parent = tree_[at].parent;
  while (parent != kNoNode &&
         (tree_[parent].kind == Kind::kParenthesized || tree_[parent].kind == Kind::kCast ||
          tree_[parent].kind == Kind::kBinary || tree_[parent].kind == Kind::kTernary)) {
    at = parent;
    parent = tree_[at].parent;
  }
  if (parent == kNoNode) return;
  bool whole = false;
  switch (tree_[parent].kind) {
    case Kind::kShorthand:
    case Kind::kObject:
      whole = tree_[id].kind == Kind::kShorthand;
      break;
    case Kind::kPair:
      whole = tree_[at].field == Field::kValue;
      break;
    case Kind::kSpread:
      whole = true;
      break;
    case Kind::kForIn:
      whole = tree_[at].field == Field::kRight;
      break;
    case Kind::kArguments: {
      const auto callee = eval_.callee(tree_[parent].parent);
      whole = callee.is(VK::kPath) &&
              (callee.text == "JSON.stringify" || callee.text.starts_with("Object."));
      break;
    }
    default:
      break;
  }
  if (!whole) return;
  // In options of something that is started, the environment is handed down, not read.
  for (auto up = parent; up != kNoNode; up = tree_[up].parent) {
    if (is_function(tree_[up].kind)) break;
    if (tree_[up].kind == Kind::kPair && up != parent) {
      const auto key = tree_.child(up, Field::kKey);
      if (key != kNoNode && literal_text(tree_, key) == "env") return;
    }
    if (tree_[up].kind != Kind::kCall && tree_[up].kind != Kind::kNew) continue;
    const auto callee = eval_.callee(up);
    if (callee.is(VK::kPath) &&
        (sink_of(callee.text) == Sink::kProcess || callee.text == "Object.assign"))
      return;
    break;
  }
  add(kEnvironment, id, "process.env");
}

void Analysis::on_text(NodeId id) {
  const auto parent = tree_[id].parent;
  if (tree_[id].kind == Kind::kBinary) {
    if (compares_date(tree_, id, eval_)) add(kTrigger, id, "date");
    // The top of a chain only; its parts are in it.
    const auto op = tree_.child(id, Field::kOperator);
    if (op == kNoNode || tree_.text(op) != "+") return;
    if (parent != kNoNode && tree_[parent].kind == Kind::kBinary) return;
  }
  if (tree_[id].kind == Kind::kString) {
    if (tree_[id].end - tree_[id].begin > 4096) return;
    const auto text = tree_.text(id);
    if (text.find("stratum+") != text.npos) add(kMining, id, "stratum", literal_text(tree_, id));
    if (text.find("LD_PRELOAD") != text.npos) add(kNativeCode, id, "LD_PRELOAD", text);
    return;
  }
  for (const auto& text : texts_of(eval_.evaluate(id))) {
    if (auto host = url_host(text);
        !host.empty() && !host.starts_with('*') && out_.hosts.size() < 64)
      out_.hosts.push_back(std::move(host));
  }
}

void Analysis::on_pair(NodeId id) {
  const auto key = tree_.child(id, Field::kKey);
  const auto value = tree_.child(id, Field::kValue);
  if (key == kNoNode || value == kNoNode) return;
  const std::string name = lower_ascii(literal_text(tree_, key));
  if (name != "bcc" && name != "cc") return;
  for (const auto& text : texts_of(eval_.evaluate(value)))
    if (text.find('@') != text.npos && text.size() < 100) add(kMail, id, text);
}

void Analysis::nested(NodeId id, const std::string& text) {
  if (depth_ >= kDeepestNesting || text.size() < 8) return;
  auto tree = SyntaxTree::parse(text, Grammar::kJavaScript);
  std::string wrapped;
  if (tree.state() == ParseState::kErrors) {
    // The inside of a function may return.
    wrapped = "(async function(){" + text + "\n})()";
    tree = SyntaxTree::parse(wrapped, Grammar::kJavaScript);
  }
  if (tree.nodes().empty()) return;
  AnalysedText inside;
  inside.path = path_;
  inside.depth = depth_ + 1;
  inside.on_import = outer_import_ && import_time_.runs(id);
  inside.line = outer_line_ > 0 ? outer_line_ : tree_.line(id);
  analyse(tree, inside, out_);
}

void analyse(const SyntaxTree& tree, const AnalysedText& of, FileReading& out) {
  Analysis(tree, of.path, of.depth, of.called, out).run(of.on_import, of.line);
}

}  // namespace npmgate::code
