// Which calls, paths, variables and command lines are a capability. Pure tables and tests on words.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate::code {

enum class Sink {
  kNone,
  kNetwork,
  kDns,
  kProcess,
  kEvaluate,      // the first argument is code
  kEvaluateLast,  // the last one is (Function)
  kWorker,
  kRunFile,  // an argument is a file of code
  kTimer,
  kNative,
  kWrite,        // to the first argument
  kWriteSecond,  // to the second
  kRead,         // a file that the first argument names
  kRemove,
  kSpy,
  kIdentity,  // says whose machine it is
  kDefine,    // Object.defineProperty and the like
  kSpread,    // Object.assign and the like: members of the second argument
  kObserve,   // sees what others do: interceptors, diagnostics
  kMarkup,    // text that becomes a part of a page
};

// What calling `path` does: "child_process.exec" -> kProcess.
Sink sink_of(std::string_view path);
// Modules that are there to ask servers, as paths: "npm:axios".
std::span<const std::string_view> client_modules();
// A word that hidden lists of names are made for: a module of node's, a function that this table
// knows, a secret.
bool is_telling(std::string_view word);
// What loading the module does by itself: kSpy, kNative, kNone.
Sink sink_of_module(std::string_view path);
// True if assigning to this path changes what other code gets: "https.request", "fetch".
bool is_shared(std::string_view path);

// The kind of secret that a path names: the telling part (".npmrc"); "" for other paths.
std::string_view secret_file(std::string_view path);
// True for names of variables that hold tokens and keys.
bool is_secret_variable(std::string_view name);
// A file that makes an agent, an editor, git or CI run something, by its path; "" for others.
std::string_view autorun_file(std::string_view path);
// A file that a shell, a session or a boot runs.
std::string_view persistent_file(std::string_view path);

struct CommandSign {
  std::string_view kind;  // capability_kinds.h
  std::string name;
};
// What a command line does beyond being started.
std::vector<CommandSign> command_signs(std::string_view command);

// The host of a URL whose parts may be holes: "a.example"; "*.example" if its first labels are not
// known; "" if nothing is, or the text is no URL.
std::string url_host(std::string_view text);
// As url_host, also for "a.example" and "a.example:443" alone.
std::string host_of(std::string_view text);

}  // namespace npmgate::code
