// Measured features of code text. Facts, not opinions: thresholds and meaning live in findings.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/code/lexer.h"
#include "inspect/code/tree.h"

namespace npmgate {

// Trait ids, stable (stored in evidence, shown in proofs):
//   network-fetch     http(s)/net/dns/tls modules, fetch(), XMLHttpRequest, curl, wget,
//   Invoke-WebRequest … shell             child_process, exec, spawn, sh -c, powershell, cmd /c
//   decoded-eval      eval/Function/vm/-e of text that was decoded (base64, hex, fromCharCode,
//   zlib) eval              eval( or new Function( at all credential-paths  .npmrc, .ssh, .aws,
//   .netrc, .git-credentials, wallets, browser profiles, cloud metadata address … env-bulk
//   process.env read as a whole (JSON.stringify, Object.keys/entries, spread), printenv, env |
//   ci-secrets        GITHUB_TOKEN, NPM_TOKEN, ACTIONS_ID_TOKEN_REQUEST … read by name
//   string-array      rotated string-array of javascript-obfuscator
//   char-codes        long String.fromCharCode runs
//   wallet            window.ethereum, provider request hooks, address replacement tables
//   persistence       crontab, systemd units, autostart, shell rc files
//   destructive       rm -rf of home or root, recursive overwrite
//   workflow-write    writes .github/workflows
//   npm-publish       calls npm publish, registry PUT with token
//   hidden-text       long runs of invisible or bidi characters
inline constexpr std::string_view kTraitCharCodes = "char-codes";
inline constexpr std::string_view kTraitCiSecrets = "ci-secrets";
inline constexpr std::string_view kTraitCredentialPaths = "credential-paths";
inline constexpr std::string_view kTraitDecodedEval = "decoded-eval";
inline constexpr std::string_view kTraitDestructive = "destructive";
inline constexpr std::string_view kTraitEnvBulk = "env-bulk";
inline constexpr std::string_view kTraitEval = "eval";
inline constexpr std::string_view kTraitHiddenText = "hidden-text";
inline constexpr std::string_view kTraitNetworkFetch = "network-fetch";
inline constexpr std::string_view kTraitNpmPublish = "npm-publish";
inline constexpr std::string_view kTraitPersistence = "persistence";
inline constexpr std::string_view kTraitShell = "shell";
inline constexpr std::string_view kTraitStringArray = "string-array";
inline constexpr std::string_view kTraitWallet = "wallet";
inline constexpr std::string_view kTraitWorkflowWrite = "workflow-write";
std::span<const std::string_view> trait_ids();  // all of them, sorted

std::vector<std::string> command_traits(std::string_view command);
std::vector<std::string> endpoints_in(std::string_view text);
// Linear time; the syntax is guessed from the shebang if it is not given.
CodeFeatures measure_code(std::string_view text);
CodeFeatures measure_code(std::string_view text, Syntax syntax);
FileKind classify(std::string_view path, std::string_view body, std::uint32_t mode);

// True for a hook that only prints or does nothing: `echo …`, `exit 0`, `true`, `node -e
// "console.log('…')"`; anything unsure is false.
bool is_banner(std::string_view command);

// Paths (below the package root) that a command runs, `npm run x`, `yarn x`, `run-s a b` chains
// resolved in `scripts`; relative requires and imports of a script file.
struct CommandFiles {
  std::vector<std::string>
      candidates;  // in order, as written, e.g. "./install.js", "scripts/postinstall"
  std::vector<std::string> arguments;  // further words that name files only if such files exist
  std::vector<std::string> programs;   // called by name and looked up in PATH, lower case: "node"
};
CommandFiles command_files(std::string_view command, const StringMap& scripts);
// Sorted and unique; beside imports every literal that can be a file's name, as in spawn('node',
// ['./run.js']) or path.join(__dirname, 'run.js'): the caller looks which of them exist.
std::vector<std::string> relative_imports(std::string_view script);
std::vector<std::string> relative_imports(const PlainCode& script);

}  // namespace npmgate
