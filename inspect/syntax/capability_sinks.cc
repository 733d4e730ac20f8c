// What each kind of call is to be told of: addresses, programs, files, text that is run.
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

constexpr double kFarTimer = 6 * 3600 * 1000.0;  // no test waits that long

}  // namespace

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
    } else {
      // binding.spawn({ file, args }), Deno.run({ cmd }), new Deno.Command(file, { args })
      for (const auto key : {"file", "cmd", "args"})
        if (const auto* member = argument.find(key)) out += " " + all_texts({*member});
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
  if (!given.empty() && given[0].is(VK::kRecord))
    commands.assign(1, std::string(trimmed(all_texts(given))));
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
  if (given[0].is(VK::kNumber) && given[0].number >= kFarTimer) {  // timers/promises
    add(kTimer, id,
        std::to_string(static_cast<long>(std::min(given[0].number / 3600000, 1e6))) + " h");
    return;
  }
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
  if (!name.empty() && out_.loads.size() < 4096)
    if (is_whole(name) || name.find(kHole) > 1)
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
    if (const auto file = persistent_file(text); !file.empty()) {
      add(kPersist, id, file, text);
      // Its code runs then wherever that package is loaded.
      if (file == "another package") add(kDynamicCode, id, "planted", text);
    }
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

// A name that is made at run time: of decoded text, or with a beginning that is known.
void Analysis::on_unknown_load(NodeId id, const Value& name) {
  const bool mine = (name.origins & (kFromCaller | kFromFile | kFromEnvironment)) == 0;
  if ((name.origins & kFromNetwork) != 0)
    add(kDynamicCode, id, "fetched");
  else if ((name.origins & kDecoded) != 0 && mine)
    add(kDynamicCode, id, "decoded");
}

// "./locales/" + x + ".js": all that fit.
void Analysis::on_folder_load(const std::string& pattern) {
  const auto hole = pattern.find(kHole);
  const bool own =
      pattern.starts_with("./") || pattern.starts_with("../") || pattern.starts_with(kOwnRoot);
  if (!own || hole < 3 || out_.loads.size() >= 4096) return;
  if (pattern.starts_with(kOwnRoot))
    note_own_file(pattern, true);
  else
    out_.loads.push_back({pattern, true, true});
}

void Analysis::on_load(NodeId id, const Value& name) {
  if (!name.known()) on_unknown_load(id, name);
  for (auto text : texts_of(name)) {
    const auto start = text.find_first_not_of(" \t\n");
    if (start != text.npos && lower_ascii(text.substr(start, 5)) == "data:")
      text = "data:" + text.substr(start + 5);
    if (!is_whole(text)) {
      if (text.starts_with("data:"))
        add(kDynamicCode, id, (name.origins & kFromNetwork) != 0 ? "fetched" : "data:", text);
      else
        on_folder_load(text);
      continue;
    }
    if (text.empty()) continue;
    if (text.starts_with("blob:")) {
      add(kDynamicCode, id, "data:", text);
      nested(id, text.substr(5));
      continue;
    }
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

}  // namespace npmgate::code
