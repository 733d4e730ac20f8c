// What kind of file a name and its first bytes make.
#include <algorithm>
#include <string>

#include "base/text.h"
#include "inspect/code/features.h"

namespace npmgate {
namespace {

constexpr std::string_view kScriptEndings[] = {"js", "cjs", "mjs", "jsx",
                                               "ts", "cts", "mts", "tsx"};
constexpr std::string_view kShellEndings[] = {"sh",  "bash", "zsh",     "fish",       "bat", "cmd",
                                              "ps1", "psm1", "py",      "rb",         "pl",  "php",
                                              "vbs", "wsf",  "command", "applescript"};
constexpr std::string_view kJsonEndings[] = {"json", "jsonc", "json5", "map", "webmanifest"};
// Run by node, the loader, the linker or the system; .jsc is V8 byte code.
constexpr std::string_view kNativeEndings[] = {"node",  "wasm", "dll", "exe", "so",
                                               "dylib", "jsc",  "com", "scr", "msi"};
// Texts that nothing executes, whatever their mode says.
constexpr std::string_view kTextEndings[] = {
    "md",  "markdown", "txt", "css",  "scss", "less", "sass", "html", "htm",
    "xml", "svg",      "yml", "yaml", "toml", "ini",  "flow", "gyp",  "gypi",
    "h",   "hpp",      "c",   "cc",   "cpp",  "lock", "csv"};

std::string ending_of(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  const bool none = dot == name.npos || dot == 0;
  std::string ending = lower_ascii(none ? std::string_view() : name.substr(dot + 1));
  // Declarations hold no code: x.d.ts, x.d.mts, x.d.css.ts stays a script.
  const bool typescript = ending == "ts" || ending == "mts" || ending == "cts";
  return typescript && name.substr(0, dot).ends_with(".d") ? "txt" : ending;
}

std::uint32_t big_endian(std::string_view body, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(body[at + i]);
  return value;
}

// Magic numbers: ELF (gABI), PE/DOS "MZ", Mach-O (loader.h), universal binaries (fat.h),
// WebAssembly, ar archives of object files.
bool has_native_magic(std::string_view body) {
  if (body.starts_with("\x7F"
                       "ELF") ||
      body.starts_with("!<arch>\n"))
    return true;
  if (body.size() >= 4 && body.substr(0, 4) == std::string_view("\0asm", 4)) return true;
  if (body.size() >= 64 && body.starts_with("MZ")) return body.find('\0') < 64;
  if (body.size() < 8) return false;
  switch (big_endian(body, 0)) {
    case 0xFEEDFACE:
    case 0xFEEDFACF:
    case 0xCEFAEDFE:
    case 0xCFFAEDFE:
      return true;
    // Java classes share the number; their next word is a version of 45 and more, here it counts
    // architectures.
    case 0xCAFEBABE:
    case 0xCAFEBABF:
      return big_endian(body, 4) < 45;
    default:
      return false;
  }
}

bool is_text(std::string_view body) {
  constexpr std::size_t kLooked = 8000;  // git's buffer_is_binary looks at as many bytes
  return body.substr(0, kLooked).find('\0') == body.npos;
}

}  // namespace

std::string_view to_string(FileKind kind) {
  switch (kind) {
    case FileKind::kOther:
      return "other";
    case FileKind::kScript:
      return "script";
    case FileKind::kShell:
      return "shell";
    case FileKind::kJson:
      return "json";
    case FileKind::kText:
      return "text";
    case FileKind::kNative:
      return "native";
  }
  return "other";
}

FileKind classify(std::string_view path, std::string_view body, std::uint32_t mode) {
  const auto ending = ending_of(path);
  if (has_native_magic(body) || one_of(ending, kNativeEndings)) return FileKind::kNative;
  if (one_of(ending, kScriptEndings)) return FileKind::kScript;
  if (one_of(ending, kShellEndings)) return FileKind::kShell;
  // Data may begin like a script (bun.lockb does). What of it is run is read as code all the same.
  if (body.starts_with("#!") && is_text(body))
    return syntax_of(path, body) == Syntax::kScript ? FileKind::kScript : FileKind::kShell;
  if (one_of(ending, kJsonEndings)) return FileKind::kJson;
  if (one_of(ending, kTextEndings)) return FileKind::kText;
  if (!is_text(body)) return FileKind::kOther;
  // Many packages are packed with every file executable: the mode says something only about a name
  // without a known ending.
  const bool executable = (mode & 0111) != 0;
  return executable && ending.empty() ? FileKind::kOther : FileKind::kText;
}

}  // namespace npmgate
