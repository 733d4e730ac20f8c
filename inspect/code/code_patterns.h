// The fixed strings that code is searched for, and what each of them says. Pure data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace npmgate {

// In the order of their ids, which is alphabetical: features.h says what each means.
enum class Trait : std::uint8_t {
  kCharCodes,
  kCiSecrets,
  kCredentialPaths,
  kDecodedEval,
  kDestructive,
  kEnvBulk,
  kEval,
  kHiddenText,
  kNetworkFetch,
  kNpmPublish,
  kPersistence,
  kShell,
  kStringArray,
  kWallet,
  kWorkflowWrite,
};

// What a hit means; all but kTrait look at what stands around it (code_scan.cc).
enum class Mark : std::uint8_t {
  kTrait,         // the trait itself
  kModule,        // a module's name follows
  kFetch,         // fetch( as a function, not as somebody's method
  kCommand,       // a command's name in a shell text or at the start of one inside a literal
  kEvaluate,      // eval( Function( : of a constant or of something made
  kSink,          // other ways to run text
  kExec,          // child_process functions
  kDecode,        // text is decoded here
  kCharCode,      // fromCharCode
  kUrl,           // "://"
  kPacker,        // Dean Edwards' packer: words by their index
  kShift,         // .shift()) of a rotation
  kRotationLoop,  // loops that rotations stand in
  kParseInt,
  kObfuscated,   // _0x…
  kEnvironment,  // process.env
  kWorkflow,     // .github/workflows
  kWrite,        // writes a file or a repository's content
  kRemove,       // deletes files, from code
  kRemoveShell,  // "rm -"
  kRemoveDos,    // a whole Windows profile or drive
};

// Flags of a pattern.
inline constexpr std::uint8_t kFold = 1;   // case does not matter
inline constexpr std::uint8_t kStart = 2;  // no word character before
inline constexpr std::uint8_t kEnd = 4;    // no word character behind
inline constexpr std::uint8_t kText = 8;   // only inside literals and in shell texts

struct CodePattern {
  std::string_view text;
  Mark mark;
  Trait trait;
  std::uint8_t flags = 0;
};

std::span<const CodePattern> code_patterns();
// True for a module (as written behind require or import) that talks to the network.
bool is_network_module(std::string_view name);
// True for a module that runs programs.
bool is_process_module(std::string_view name);

}  // namespace npmgate
