// What a tarball holds: every file with digest and measured features, bodies already gone.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "registry/manifest.h"

namespace npmgate {

enum class FileKind {
  kOther,
  kScript /* js, cjs, mjs, ts */,
  kShell /* sh, bat, cmd, ps1, or a shebang */,
  kJson,
  kText,
  kNative /* ELF, PE, Mach-O, wasm, .node */
};
std::string_view to_string(FileKind kind);

// Measured on code files only (kScript, kShell, executables' text); features are facts, thresholds
// live in findings.
struct CodeFeatures {
  double entropy = 0;              // bits per byte over the whole file
  std::uint32_t longest_line = 0;  // bytes
  std::uint32_t lines = 0;
  std::uint32_t hex_escapes = 0;       // \xNN, \uNNNN of printable ASCII, and names like _0x3fa2
  std::uint32_t obfuscator_names = 0;  // identifiers of the _0x[0-9a-f]{4,} kind
  std::uint32_t longest_literal = 0;   // longest base64- or hex-looking string literal, bytes
  std::vector<std::string> traits;     // sorted, unique; ids of features.h (kTrait…)
  std::vector<std::string>
      endpoints;  // sorted, unique hosts and IP addresses named in the file, at most 64
  // hidden_text.h; all 0 in evidence of inspectors before 4.
  std::uint32_t hidden_blanks = 0, bigram_entropy = 0, odd_density = 0, mixed_names = 0,
                symbol_run = 0;
  friend bool operator==(const CodeFeatures&, const CodeFeatures&) = default;
};

// One thing that code can do, found on its syntax tree (inspect/code/): "network" to a host,
// "secrets" by file or variable …
struct Capability {
  std::string kind;  // inspect/syntax/capability_kinds.h
  std::string name;  // host, file, variable, program …; "" if it is put together at run time
  std::uint32_t line = 0;
  bool on_import = false;  // happens when the file is loaded, not when somebody calls it
  std::string text;        // the folded words, at most 160 bytes of printable ASCII
  friend bool operator==(const Capability&, const Capability&) = default;
};

// What a parser made of one file. Depends on the file's path and bytes only.
struct CodeReading {
  std::string
      unread;  // why the lexer alone measured it: "too-large", "too-long", "errors"; "" parsed
  std::vector<Capability> capabilities;  // sorted, at most 128
  friend bool operator==(const CodeReading&, const CodeReading&) = default;
};

struct FileFacts {
  std::string path;  // below the top directory, '/' separated
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::string sha256;  // hex
  FileKind kind = FileKind::kOther;
  std::optional<CodeFeatures> code;
  std::optional<CodeReading> reading{};  // of files that an entry reaches
  // Files of the package that this one loads, runs or reads: positions in Tree::files, ascending.
  std::vector<std::uint32_t> loads{};
  friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

// A way into the package: what a client, node, a bundler or a browser starts with.
struct EntryPoint {
  std::string name;        // "main", "exports ./cli import", "bin widget", "hook postinstall"
  std::uint32_t file = 0;  // position in Tree::files
  friend bool operator==(const EntryPoint&, const EntryPoint&) = default;
};

// A package.json below node_modules/.
struct BundledPackage {
  std::string path;  // its folder, "node_modules/foo"
  Manifest manifest;
  bool has_binding_gyp = false;
  std::optional<JsonRefusal> refusal;
  friend bool operator==(const BundledPackage&, const BundledPackage&) = default;
};

// A symbolic or hard link in the archive; both paths below the top directory. npm drops it, others
// make or follow it: what it leads to is among the files under both names.
struct TreeLink {
  std::string path;
  std::string target;
  friend bool operator==(const TreeLink&, const TreeLink&) = default;
};

// The files that one install hook reaches: those its command names, and what these require or
// import by relative path; and its inputs, data that those files, or the programs it calls, act on.
struct HookReach {
  std::string hook;  // "postinstall"; "node-gyp" for an implicit build
  std::string command;
  std::vector<std::string> files;    // paths in the tree, first the entry file
  std::vector<std::string> missing;  // named by the command, not in the tarball
  std::vector<std::string> traits;   // of the command text itself, and of its inputs
  std::vector<std::string> endpoints;
  // Empty in evidence of inspectors before 4. Paths in the tree that are not among `files`: JSON
  // and other data that they name, patches, sources and natives of a build.
  std::vector<std::string> inputs{};
  std::vector<std::string> urls{};  // in files and inputs, numbers as '#', "https://*" if the
                                    // rest is made at run time; sorted, unique, at most 64
  StringMap settings{};  // members of package.json that it acts on ("binary"), as compact JSON
  friend bool operator==(const HookReach&, const HookReach&) = default;
};

struct Tree {
  std::string top;                       // name of the one top directory ("package")
  std::vector<FileFacts> files;          // sorted by path
  std::vector<EntryPoint> entry_points;  // sorted, at most 512
  std::uint64_t unpacked_size = 0;
  std::uint64_t entries = 0;  // with what links lead to
  std::vector<TreeLink> links;
  Manifest package_json;
  std::string
      package_json_rest;  // restored_baseline.h; "" in evidence of inspectors that did not look
  std::vector<BundledPackage> bundled;
  std::vector<HookReach> hooks;  // of package_json, and of the packument's scripts if they differ
  bool has_binding_gyp = false;
  bool has_shrinkwrap = false;  // npm-shrinkwrap.json in the root
  const FileFacts* find(std::string_view path) const;
  friend bool operator==(const Tree&, const Tree&) = default;
};

}  // namespace npmgate
