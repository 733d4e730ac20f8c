#include "inspect/syntax/capabilities.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "base/text.h"
#include "inspect/code/features.h"
#include "inspect/syntax/capability_kinds.h"
#include "inspect/syntax/capability_rules.h"
#include "inspect/syntax/evaluator.h"
#include "inspect/syntax/import_time.h"
#include "inspect/syntax/path_calls.h"
#include "inspect/syntax/source_variants.h"

namespace npmgate::code {
namespace {

using VK = Value::Kind;

constexpr std::size_t kMostCapabilities = 128;
constexpr int kDeepestNesting = 3;  // of constant text that is evaluated by constant text
constexpr double kFarTimer = 6 * 3600 * 1000.0;  // no test waits that long

class Analysis {
 public:
  Analysis(const SyntaxTree& tree, std::string_view path, int depth,
           const std::set<std::string>& called, FileReading& out)
      : tree_(tree),
        path_(path),
        depth_(depth),
        scopes_(tree),
        eval_(tree, scopes_, path),
        import_time_(tree, scopes_, called),
        out_(out) {}

  void run(bool on_import, std::uint32_t line) {
    outer_import_ = on_import;
    outer_line_ = line;
    for (NodeId id = 0; id < tree_.nodes().size(); ++id) visit(id);
    if (eval_.exhausted()) out_.reading.unread = "too-complex";
  }

 private:
  void visit(NodeId id);
  void on_call(NodeId id, bool is_new);
  void on_export_call(NodeId id, const std::string& path);
  void on_path_call(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_network(NodeId id, const std::vector<Value>& given);
  void on_dns(NodeId id, const std::vector<Value>& given);
  void on_process(NodeId id, const std::string& path, const std::vector<Value>& given);
  void on_command(NodeId id, const std::string& command);
  void on_evaluate(NodeId id, const Value& text);
  void on_worker(NodeId id, const std::vector<Value>& given);
  void on_timer(NodeId id, const std::vector<Value>& given);
  void on_write(NodeId id, const Value& target, std::string_view function);
  void on_read(NodeId id, const Value& target);
  void on_listing(NodeId id, const Value& target);
  void on_source(NodeId id, NodeId left);
  void on_remove(NodeId id, const std::vector<Value>& given);
  void on_load(NodeId id, const Value& name);
  void on_import(NodeId id);
  void on_assignment(NodeId id);
  void on_member(NodeId id);
  void on_identifier(NodeId id);
  void on_environment(NodeId id, const Value& value);
  void on_text(NodeId id);
  void on_pair(NodeId id);
  void note_path(NodeId id, const std::string& text);
  void note_own_file(const std::string& path, bool evaluated);
  void nested(NodeId id, const std::string& text);
  void add(std::string_view kind, NodeId id, std::string_view name, std::string_view text = {});

  const SyntaxTree& tree_;
  std::string path_;
  int depth_;
  Scopes scopes_;
  Evaluator eval_;
  ImportTime import_time_;
  FileReading& out_;
  bool outer_import_ = true;
  std::uint32_t outer_line_ = 0;
};

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

void Analysis::on_call(NodeId id, bool is_new) {
  const auto callee = eval_.callee(id);
  bool found = false;
  for (const auto& choice : choices_of(callee)) {
    if (!choice.is(VK::kPath)) continue;
    found = true;
    if (choice.text.starts_with("file:")) on_export_call(id, choice.text);
    on_path_call(id, choice.text, eval_.arguments(id));
  }
  if (found || is_new) return;
  // Of a module object that node hands to an extension's loader.
  const auto function = unwrapped(tree_, tree_.child(id, Field::kFunction));
  if (function != kNoNode && tree_[function].kind == Kind::kMember) {
    const auto property = tree_.child(function, Field::kProperty);
    const auto given = eval_.arguments(id);
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
  const auto first = given.empty() ? unknown() : given[0];
  switch (sink_of(path)) {
    case Sink::kNetwork:
      on_network(id, given);
      break;
    case Sink::kDns:
      on_dns(id, given);
      break;
    case Sink::kProcess:
      on_process(id, path, given);
      break;
    case Sink::kEvaluate:
      on_evaluate(id, first);
      break;
    case Sink::kEvaluateLast:
      on_evaluate(id, given.empty() ? text_value("") : given.back());
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
      on_read(id, first);
      if (path.find("readdir") != path.npos || path.find("opendir") != path.npos)
        on_listing(id, first);
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
      if (given.size() > 1 && first.is(VK::kPath))
        for (const auto& name : texts_of(given[1])) {
          const auto target = eval_.member(first, name);
          if (target.is(VK::kPath) && is_shared(target.text)) add(kPatching, id, target.text);
        }
      break;
    case Sink::kNone:
      break;
  }
  if (path.starts_with("path.") || path == "require.resolve")
    for (const auto& text : texts_of(eval_.evaluate(id))) note_path(id, text);
  if (path == "JSON.stringify" || path.starts_with("Object.") || path == "Buffer.from")
    for (const auto& value : given)
      if (value.is(VK::kPath) && value.text == "process.env") add(kEnvironment, id, "process.env");
}

namespace {

// Addresses that the arguments of a request name.
std::vector<std::string> hosts_in(const std::vector<Value>& given) {
  std::vector<std::string> out;
  for (const auto& argument : given) {
    for (const auto& choice : choices_of(argument)) {
      if (choice.is(VK::kText)) {
        if (auto host = host_of(choice.text); !host.empty()) out.push_back(std::move(host));
      }
      for (const auto key :
           {"hostname", "host", "url", "baseURL", "href", "uri", "origin", "prefixUrl"})
        if (const auto* member = choice.find(key))
          for (const auto& text : texts_of(*member))
            if (auto host = host_of(text); !host.empty()) out.push_back(std::move(host));
    }
  }
  return out;
}

std::string all_texts(const std::vector<Value>& given) {
  std::string out;
  for (const auto& argument : given) {
    if (argument.is(VK::kFunction)) continue;
    if (!out.empty()) out += ' ';
    if (argument.is(VK::kList)) {
      for (const auto& [key, item] : *argument.members) {
        if (!out.empty() && out.back() != ' ') out += ' ';
        out += to_text(item);
      }
    } else if (argument.is(VK::kText) || argument.is(VK::kPath)) {
      out += to_text(argument);
    }
  }
  return out;
}

}  // namespace

void Analysis::on_network(NodeId id, const std::vector<Value>& given) {
  auto hosts = hosts_in(given);
  if (hosts.empty()) {
    add(kNetwork, id, "");
    return;
  }
  for (auto& host : hosts) {
    add(kNetwork, id, host);
    // Where clouds hand a machine its keys (AWS, Azure, Google, Alibaba).
    if (host == "169.254.169.254" || host == "metadata.google.internal" ||
        host == "169.254.170.2" || host == "100.100.100.200" || host == "[fd00:ec2::254]")
      add(kSecrets, id, "cloud metadata");
    if (!host.starts_with('*') && out_.hosts.size() < 64) out_.hosts.push_back(std::move(host));
  }
}

void Analysis::on_dns(NodeId id, const std::vector<Value>& given) {
  const auto hosts = hosts_in(given);
  add(kDns, id, hosts.empty() ? std::string() : hosts[0]);
}

void Analysis::on_process(NodeId id, const std::string& path, const std::vector<Value>& given) {
  std::vector<std::string> commands;
  const auto rest =
      given.size() > 1 ? std::vector<Value>(given.begin() + 1, given.end()) : std::vector<Value>();
  if (!given.empty())
    for (const auto& program : texts_of(given[0], true))
      commands.push_back(program + (rest.empty() ? "" : " " + all_texts(rest)));
  if (commands.empty()) commands.emplace_back(1, kHole);
  for (const auto& command : commands) {
    auto program = command.substr(0, command.find_first_of(" \t"));
    if (path.ends_with("fork")) program = "node";
    if (program.find(kHole) != program.npos) program.clear();
    if (const auto slash = program.find_last_of("/\\");
        slash != program.npos && !program.starts_with(kOwnRoot))
      program.erase(0, slash + 1);
    add(kProcess, id, program, command);
    on_command(id, command);
  }
  for (const auto& argument : given) {
    const auto* detached = argument.find("detached");
    const auto* stdio = argument.find("stdio");
    const bool silent = stdio == nullptr || text_of(*stdio) == "ignore" || stdio->is(VK::kList);
    if (detached != nullptr && truth_of(*detached) == 1 && silent)
      add(kProcessHidden, id, "detached", commands[0]);
  }
}

// A command line as it is known: files of the package in it, and what it does.
void Analysis::on_command(NodeId id, const std::string& command) {
  for (auto& sign : command_signs(command)) add(sign.kind, id, sign.name, command);
  for (auto& host : endpoints_in(command)) {
    add(kNetwork, id, host, command);
    if (out_.hosts.size() < 64) out_.hosts.push_back(std::move(host));
  }
  for (std::size_t at = 0; (at = command.find(kOwnRoot, at)) != command.npos;) {
    const auto end = std::min(command.find_first_of(" \"';|&", at), command.size());
    note_own_file(command.substr(at, end - at), true);
    at = end;
  }
  auto words = command_files(command, {});
  for (auto& word : words.candidates)
    if (word.find(kHole) == word.npos && word.find(kOwnRoot) == word.npos)
      note_own_file(word, true);
  const auto flag = command.find(" -e ");
  if (flag != command.npos && command.starts_with("node")) nested(id, command.substr(flag + 4));
}

void Analysis::on_evaluate(NodeId id, const Value& value) {
  for (const auto& text : choices_of(value)) {
    if (text.is(VK::kText) && is_whole(text.text)) {
      if ((text.origins & (kDecoded | kFromNetwork)) != 0)
        add(kDynamicCode, id, "decoded", text.text);
      nested(id, text.text);
      continue;
    }
    if (text.is(VK::kFunction) || text.is(VK::kNumber)) continue;
    auto origins = text.origins;
    if (text.is(VK::kPath)) origins |= origins_of_path(text.text);
    const bool file = text.is(VK::kPath) && text.text.starts_with("file:");
    std::string_view name = "built";
    if ((origins & kFromNetwork) != 0)
      name = "fetched";
    else if ((origins & kFromEnvironment) != 0)
      name = "environment";
    else if ((origins & kFromFile) != 0 || file)
      name = "read";
    else if ((origins & kDecoded) != 0)
      name = "decoded";
    else if ((origins & kFromCaller) != 0)
      name = "given";
    add(kDynamicCode, id, name);
  }
}

void Analysis::on_worker(NodeId id, const std::vector<Value>& given) {
  if (given.empty()) return;
  const auto* eval = given.size() > 1 ? given[1].find("eval") : nullptr;
  if (eval != nullptr && truth_of(*eval) != 0) {
    on_evaluate(id, given[0]);
    return;
  }
  on_load(id, given[0]);
}

void Analysis::on_timer(NodeId id, const std::vector<Value>& given) {
  if (given.empty()) return;
  const bool made = !given[0].known() && (given[0].origins & kDecoded) != 0;
  if (given[0].is(VK::kText) || made) on_evaluate(id, given[0]);
  if (given.size() > 1 && given[1].is(VK::kNumber) && given[1].number >= kFarTimer)
    add(kTimer, id,
        std::to_string(static_cast<long>(std::min(given[1].number / 3600000, 1e6))) + " h");
}

void Analysis::note_own_file(const std::string& path, bool evaluated) {
  std::string name = path;
  if (name.starts_with(kOwnRoot)) {
    // In the root, __dirname + '/x' has two slashes.
    name.erase(0, std::min(name.find_first_not_of('/', kOwnRoot.size()), name.size()));
  } else if (name.starts_with('/') || name.starts_with('~')) {
    return;
  }
  if (!name.empty() && is_whole(name) && out_.loads.size() < 4096)
    out_.loads.push_back({std::move(name), false, evaluated});
}

void Analysis::note_path(NodeId id, const std::string& text) {
  if (text.starts_with(kOwnRoot)) {
    note_own_file(text, false);
    return;
  }
  if (const auto secret = secret_file(text); !secret.empty()) add(kSecrets, id, secret, text);
}

void Analysis::on_write(NodeId id, const Value& target, std::string_view function) {
  for (const auto& text : texts_of(target, true)) {
    if (const auto file = autorun_file(text); !file.empty()) add(kAutorun, id, file, text);
    if (const auto file = persistent_file(text); !file.empty()) add(kPersist, id, file, text);
    if (const auto file = secret_file(text); !file.empty()) add(kSecrets, id, file, text);
    if (text.starts_with(kOwnRoot) || text.starts_with(kHole) || text.empty()) continue;
    if (text.starts_with("/tmp") || function.ends_with("mkdir") || function.ends_with("mkdirSync"))
      continue;
    add(kOutsideWrite, id, text, text);
  }
}

void Analysis::on_read(NodeId id, const Value& target) {
  for (const auto& text : texts_of(target)) note_path(id, text);
}

void Analysis::on_listing(NodeId id, const Value& target) {
  for (const auto& text : texts_of(target))
    if (text == "~" || text == "/" || text == "/home" || text == "/Users" || text == "C:\\Users")
      add(kSecrets, id, "home folders", text);
}

void Analysis::on_remove(NodeId id, const std::vector<Value>& given) {
  if (given.empty()) return;
  const auto* recursive = given.size() > 1 ? given[1].find("recursive") : nullptr;
  for (const auto& text : texts_of(given[0])) {
    if (recursive == nullptr || truth_of(*recursive) != 1) continue;
    const bool whole =
        text == "~" || text == "/" || text == kWorkRoot || text == "C:\\" || text == "..";
    if (whole) add(kDestroy, id, text);
  }
}

void Analysis::on_load(NodeId id, const Value& name) {
  for (const auto& text : texts_of(name)) {
    if (!is_whole(text) || text.empty()) continue;
    if (text.starts_with("data:")) {
      add(kDynamicCode, id, "data:", text);
      const auto comma = text.find(',');
      if (comma == text.npos) continue;
      const auto body = text.substr(comma + 1);
      const bool base64 = text.substr(0, comma).ends_with("base64");
      nested(id, base64 ? base64_text(body) : percent_decode(body));
      continue;
    }
    if (text.find("://") != text.npos && !text.starts_with("file:")) {
      add(kDynamicCode, id, "fetched", text);
      add(kNetwork, id, url_host(text), text);
      continue;
    }
    const auto path = module_path(text);
    if (sink_of_module(path) == Sink::kSpy) add(kSpying, id, text);
    if (sink_of_module(path) == Sink::kNative || text.ends_with(".node"))
      add(kNativeCode, id, text.starts_with(kOwnRoot) ? text.substr(kOwnRoot.size()) : text);
    if (text.starts_with(kOwnRoot))
      note_own_file(text, true);
    else if (out_.loads.size() < 4096)
      out_.loads.push_back({text, true, true});
  }
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
  const auto target = eval_.evaluate(left);
  for (const auto& choice : choices_of(target)) {
    if (!choice.is(VK::kPath)) continue;
    if (is_shared(choice.text)) add(kPatching, id, choice.text);
    if (choice.text == "process.env.LD_PRELOAD" || choice.text == "process.env.NODE_OPTIONS")
      add(kNativeCode, id, choice.text);
  }
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
  Analysis(tree, path_, depth_ + 1, {}, out_)
      .run(outer_import_ && import_time_.runs(id), outer_line_ > 0 ? outer_line_ : tree_.line(id));
}

}  // namespace

std::string shown(std::string_view text, std::size_t limit) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < limit; ++i) {
    const auto rest = text.substr(i);
    if (rest.starts_with(kOwnRoot)) {
      out += '.';
      i += kOwnRoot.size() - 1;
    } else if (rest.starts_with(kWorkRoot)) {
      out += "<project>";
      i += kWorkRoot.size() - 1;
    } else if (text[i] == kHole) {
      if (!out.ends_with('*')) out += '*';
    } else if (text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
      if (!out.ends_with(' ')) out += ' ';
    } else {
      out += text[i] >= 0x20 && text[i] < 0x7F ? text[i] : '?';
    }
  }
  if (out.size() > limit) out.resize(limit);
  return out;
}

namespace {

template <class T>
void sort_unique(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

FileReading read_code(std::string_view path, std::string_view text, const ParseLimits& limits,
                      const std::set<std::string>& called) {
  FileReading out;
  // The grammar ends at a NUL, which engines take in comments and literals.
  std::string blank;
  if (text.find('\0') != text.npos) {
    blank = text;
    std::replace(blank.begin(), blank.end(), '\0', ' ');
    text = blank;
  }
  auto tree = SyntaxTree::parse(text, grammar_of(path), limits);
  const auto plain = without_name_escapes(tree);
  if (!plain.empty()) tree = SyntaxTree::parse(plain, grammar_of(path), limits);
  switch (tree.state()) {
    case ParseState::kTooLarge:
      out.reading.unread = "too-large";
      return out;
    case ParseState::kTooLong:
      out.reading.unread = "too-long";
      return out;
    case ParseState::kErrors:
      out.reading.unread = "errors";
      break;
    case ParseState::kParsed:
      break;
  }
  Analysis(tree, path, 0, called, out).run(true, 0);
  // Read both ways if engines and the grammar may take different text for a comment.
  std::string other;
  if (text.find("-->") != text.npos) other = without_arrow_comments(text);
  if (other.empty() && text.find("<!--") != text.npos && is_module(tree))
    other = without_html_comments(text);
  if (!other.empty()) {
    const auto again = SyntaxTree::parse(other, grammar_of(path), limits);
    if (!again.nodes().empty()) Analysis(again, path, 0, called, out).run(true, 0);
  }
  auto& list = out.reading.capabilities;
  std::sort(list.begin(), list.end(), [](const Capability& a, const Capability& b) {
    return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
  });
  sort_unique(out.loads);
  // One that is run and read is run.
  for (std::size_t i = 1; i < out.loads.size(); ++i)
    if (out.loads[i].name == out.loads[i - 1].name &&
        out.loads[i].module == out.loads[i - 1].module)
      out.loads[i - 1].evaluated = true;
  sort_unique(out.loads);
  sort_unique(out.calls);
  sort_unique(out.hosts);
  return out;
}

}  // namespace npmgate::code
