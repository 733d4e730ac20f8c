#include "inspect/hooks/reach.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"
#include "inspect/code/features.h"
#include "inspect/hooks/entries.h"
#include "inspect/hooks/package_json.h"
#include "inspect/hooks/reading_memo.h"
#include "inspect/syntax/capability_kinds.h"
#include "inspect/syntax/value.h"

namespace npmgate::code {
namespace {

constexpr std::size_t kMostEntryPoints = 512;
constexpr std::size_t kMostLoads = 1024;
constexpr std::size_t kMostInFolder = 64;
constexpr int kMostRounds = 4;

std::string containing_folder(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? std::string() : std::string(path.substr(0, slash));
}

std::string lower_ending(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  return lower_ascii(dot == name.npos ? std::string_view() : name.substr(dot));
}

bool is_text(std::string_view body) {
  return body.substr(0, 8000).find('\0') == body.npos;
}

// Text that no client runs as JavaScript whatever loads it.
bool is_data(std::string_view ending) {
  static constexpr auto kData = std::to_array<std::string_view>(
      {".json", ".json5", ".css",  ".scss", ".less",   ".sass",    ".styl",
       ".html", ".htm",   ".svg",  ".vue",  ".svelte", ".graphql", ".gql",
       ".yml",  ".yaml",  ".toml", ".xml",  ".proto",  ".wasm",    ".node"});
  return std::find(kData.begin(), kData.end(), ending) != kData.end();
}

// Names that node runs as JavaScript, whatever their first bytes say.
bool has_script_name(std::string_view ending) {
  return ending == ".js" || ending == ".cjs" || ending == ".mjs" || ending == ".ts";
}

class Reader {
 public:
  Reader(const SourceTree& sources, std::string_view package_json, Tree& tree,
         const ReachLimits& limits)
      : sources_(sources),
        tree_(tree),
        limits_(limits),
        object_(package_json_object(package_json)),
        seen_(tree.files.size(), Seen::kNo) {}

  void run() {
    find_entries();
    for (const auto& entry : tree_.entry_points) visit(entry.file, true);
    while (!open_.empty()) {
      const auto [file, code] = open_.back();
      open_.pop_back();
      read(file, code);
    }
    for (int round = 0; round < kMostRounds && read_called(); ++round) {
    }
    read_hidden();
  }

 private:
  void find_entries();
  void add_entry(const std::string& name, std::size_t file);
  void add_target(const std::string& name, std::string_view folder, std::string_view target);
  void add_folder(const std::string& folder, std::string_view body);
  void visit(std::size_t file, bool code);
  void read(std::size_t file, bool code);
  // Whether binary data that something loads as code is code.
  bool is_polyglot(const SourceFile& source);
  void read_script(std::size_t file);
  void read_other(std::size_t file, Syntax syntax);
  void read_hidden();
  // Reads files again of which others call something while they are loaded; false if none is left.
  bool read_called();
  void note_calls(std::size_t file, const std::vector<ExportCall>& calls);
  void follow(std::size_t file, const std::vector<Load>& loads);
  std::vector<std::size_t> found(std::size_t from, const Load& load) const;
  std::vector<std::size_t> found_module(const std::string& folder, std::string_view name) const;
  std::vector<std::size_t> found_by_map(std::string_view field, std::string_view name) const;
  // By "imports", or the own name and "exports", of a package.json in a sub-folder around `folder`.
  std::vector<std::size_t> found_in_scope(std::string folder, std::string_view name) const;
  std::vector<std::size_t> found_by_pattern(std::string_view folder, std::string_view name) const;
  // Reads what no reader takes for JavaScript by its name, if it is nothing else.
  void try_script(std::size_t file);
  std::shared_ptr<const FileReading> read_of(std::size_t file, const ParseLimits& limits,
                                             const std::set<std::string>& called) const;

  const SourceTree& sources_;
  Tree& tree_;
  const ReachLimits& limits_;
  std::optional<boost::json::object> object_;
  enum class Seen : std::uint8_t { kNo, kAsText, kAsCode };
  std::vector<Seen> seen_;
  std::vector<std::pair<std::size_t, bool>> open_;
  std::uint64_t parsed_ = 0;
  int tries_ = 0;
  std::map<std::size_t, std::set<std::string>> called_;  // exports, by file
  std::set<std::size_t> stale_;                          // of these, more are called than was known
  std::set<std::size_t> guessed_;  // may be loaded: only the beginning of the name is known
};

void Reader::add_entry(const std::string& name, std::size_t file) {
  if (tree_.entry_points.size() >= kMostEntryPoints) return;
  tree_.entry_points.push_back({shown(name, 120), static_cast<std::uint32_t>(file)});
}

void Reader::add_target(const std::string& name, std::string_view folder, std::string_view target) {
  const std::string inside = folder.empty() ? std::string() : std::string(folder) + "/";
  const auto star = target.find('*');
  if (star == target.npos) {
    if (const auto file = sources_.resolve(inside + std::string(target))) add_entry(name, *file);
    return;
  }
  const auto before = normal_path(inside + std::string(target.substr(0, star)) + "x");
  if (!before) return;
  const auto prefix = before->substr(0, before->size() - 1);
  const auto suffix = target.substr(target.rfind('*') + 1);
  for (std::size_t i = 0; i < tree_.files.size(); ++i) {
    const std::string_view path = tree_.files[i].path;
    if (path.starts_with(prefix) && path.ends_with(suffix) && !path.ends_with(".d.ts") &&
        (tree_.files[i].kind == FileKind::kScript || !suffix.empty()))
      add_entry(name, i);
  }
}

// A folder with a package.json of its own is a way in: require('widget/sub').
void Reader::add_folder(const std::string& folder, std::string_view body) {
  const auto object = package_json_object(body);
  if (!object) return;
  const auto entries = folder_entries(*object);
  const bool package = folder.find("node_modules/") != folder.npos;
  for (const auto& [field, target] : entries) add_target(folder + " " + field, folder, target);
  if (package && entries.empty()) add_target(folder, folder, "index");
}

void Reader::find_entries() {
  if (object_) {
    const auto entries = named_entries(*object_);
    bool main = false;
    for (const auto& [name, target] : entries) {
      add_target(name, "", target);
      main = main || name == "main";
    }
    const bool resolved = std::any_of(tree_.entry_points.begin(), tree_.entry_points.end(),
                                      [](const EntryPoint& entry) { return entry.name == "main"; });
    if (!main || !resolved) add_target("main", "", "index");
  }
  for (const auto& [name, command] : tree_.package_json.bin) add_target("bin " + name, "", command);
  const auto& commands = tree_.package_json.bin_directory;
  if (!commands.empty()) add_target("bin", "", commands == "." ? "*" : commands + "/*");
  for (const auto& hook : tree_.hooks)
    for (const auto& path : hook.files)
      if (const auto file = sources_.find(path)) add_entry("hook " + hook.hook, *file);
  for (const auto& source : sources_.files()) {
    if (!source.path.ends_with("/package.json") || tree_.entry_points.size() >= kMostEntryPoints)
      continue;
    add_folder(containing_folder(source.path), source.body);
  }
  auto& all = tree_.entry_points;
  std::sort(all.begin(), all.end(), [](const EntryPoint& a, const EntryPoint& b) {
    return std::tie(a.name, a.file) < std::tie(b.name, b.file);
  });
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

void Reader::visit(std::size_t file, bool code) {
  const auto how = code ? Seen::kAsCode : Seen::kAsText;
  if (seen_[file] >= how) return;
  seen_[file] = how;
  open_.emplace_back(file, code);
}

bool Reader::is_polyglot(const SourceFile& source) {
  constexpr int kMostTries = 16;                  // of pictures and fonts that bundlers import
  constexpr std::uint64_t kLongestTry = 200'000;  // microseconds
  if (has_script_name(lower_ending(source.path))) return true;
  const unsigned char first = source.body.empty() ? 0 : static_cast<unsigned char>(source.body[0]);
  const bool may_start = (first >= 0x20 && first < 0x7F) || first == '\n' || first == 0xEF;
  if (!may_start || ++tries_ > kMostTries) return false;
  ParseLimits limits = limits_.parse;
  limits.max_microseconds = std::min(limits.max_microseconds, kLongestTry);
  const auto index = static_cast<std::size_t>(&source - sources_.files().data());
  return read_of(index, limits, {})->reading.unread.empty();
}

void Reader::read(std::size_t file, bool code) {
  const auto& source = sources_.files()[file];
  auto& facts = tree_.files[file];
  // A NUL or the first bytes of a program, in a comment, keep node from nothing.
  const bool binary = facts.kind == FileKind::kNative || !is_text(source.body);
  if (binary && !(code && is_polyglot(source))) {
    if (facts.path.ends_with(".node"))
      facts.reading =
          CodeReading{"", {{std::string(kNativeCode), shown(facts.path, 100), 0, true, ""}}};
    return;
  }
  const auto ending = lower_ending(source.path);
  if (is_data(ending) || facts.path.ends_with(".d.ts")) {
    // require('./page.html') runs it.
    if (code && facts.kind != FileKind::kJson && !facts.path.ends_with(".ts")) try_script(file);
    return;
  }
  if (guessed_.contains(file) && facts.kind != FileKind::kScript) {
    try_script(file);
    return;
  }
  const auto syntax = syntax_of(source.path, source.body);
  if (syntax == Syntax::kShell || syntax == Syntax::kBatch) {
    if (code) read_other(file, syntax);
    return;
  }
  // A file that is only read as text is code if it can be read as code; prose cannot.
  if (code || facts.kind == FileKind::kScript) read_script(file);
}

void Reader::try_script(std::size_t file) {
  constexpr std::size_t kMostTried = 1u << 20;
  const auto& source = sources_.files()[file];
  if (source.body.size() > kMostTried || parsed_ + source.body.size() > limits_.max_bytes) return;
  const auto first = source.body.find_first_not_of(" \t\r\n");
  if (first == source.body.npos || source.body[first] == '<') return;
  parsed_ += source.body.size();
  const auto read = read_of(file, limits_.parse, {});
  if (read->reading.unread.empty() && !read->reading.capabilities.empty()) read_script(file);
}

std::shared_ptr<const FileReading> Reader::read_of(std::size_t file, const ParseLimits& limits,
                                                   const std::set<std::string>& called) const {
  const auto& source = sources_.files()[file];
  return ReadingMemo::of_thread().read(tree_.files[file].sha256, source.path, source.body, limits,
                                       called);
}

void Reader::read_other(std::size_t file, Syntax syntax) {
  auto& facts = tree_.files[file];
  if (!facts.code)
    facts.code =
        ReadingMemo::of_thread().measure(facts.sha256, sources_.files()[file].body, syntax);
  facts.reading = CodeReading{"other-language", lexed_capabilities(*facts.code)};
}

void Reader::read_script(std::size_t file) {
  const auto& source = sources_.files()[file];
  auto& facts = tree_.files[file];
  const bool budget = parsed_ + source.body.size() <= limits_.max_bytes;
  FileReading read;
  if (budget) {
    parsed_ += source.body.size();
    read = *read_of(file, limits_.parse, called_[file]);
    stale_.erase(file);
  } else {
    read.reading.unread = "too-large";
  }
  if (!facts.code)
    facts.code = ReadingMemo::of_thread().measure(facts.sha256, source.body, Syntax::kScript);
  if (!read.reading.unread.empty()) {
    read.reading.capabilities.push_back({std::string(kUnread), read.reading.unread, 0, true, ""});
    for (auto& lexed : lexed_capabilities(*facts.code))
      if (read.reading.capabilities.size() < 128)
        read.reading.capabilities.push_back(std::move(lexed));
    std::sort(read.reading.capabilities.begin(), read.reading.capabilities.end(),
              [](const Capability& a, const Capability& b) {
                return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
              });
  }
  facts.reading = std::move(read.reading);
  auto& endpoints = facts.code->endpoints;
  for (auto& host : read.hosts)
    if (endpoints.size() < 64) endpoints.push_back(std::move(host));
  std::sort(endpoints.begin(), endpoints.end());
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
  if (!budget)
    for (auto& name : relative_imports(source.body))
      read.loads.push_back({std::move(name), true, true});
  follow(file, read.loads);
  note_calls(file, read.calls);
}

void Reader::note_calls(std::size_t file, const std::vector<ExportCall>& calls) {
  for (const auto& call : calls)
    for (const auto target : found(file, {call.module, true, true}))
      if (target != file && called_[target].insert(call.name).second) stale_.insert(target);
}

bool Reader::read_called() {
  const auto stale = std::exchange(stale_, {});
  bool any = false;
  for (const auto file : stale) {
    const auto& reading = tree_.files[file].reading;
    if (seen_[file] == Seen::kNo || !reading || reading->unread == "other-language") continue;
    // What runs anyway cannot run sooner.
    const bool waits = std::any_of(reading->capabilities.begin(), reading->capabilities.end(),
                                   [](const Capability& one) { return !one.on_import; });
    if (!waits && !tree_.files[file].loads.size()) continue;
    read_script(file);
    any = true;
  }
  while (!open_.empty()) {
    const auto [file, code] = open_.back();
    open_.pop_back();
    read(file, code);
  }
  return any;
}

void Reader::follow(std::size_t file, const std::vector<Load>& loads) {
  std::set<std::uint32_t> targets;
  for (const auto& load : loads) {
    if (targets.size() >= kMostLoads) break;
    for (const auto target : found(file, load)) {
      if (target == file) continue;
      targets.insert(static_cast<std::uint32_t>(target));
      if (load.name.find(kHole) != std::string::npos && seen_[target] == Seen::kNo)
        guessed_.insert(target);
      visit(target, load.evaluated);
    }
  }
  tree_.files[file].loads.assign(targets.begin(), targets.end());
}

std::vector<std::size_t> Reader::found_by_map(std::string_view field, std::string_view name) const {
  if (!object_ || object_->if_contains(field) == nullptr) return {};
  std::vector<std::size_t> out;
  for (const auto& entry : tree_.entry_points) {
    // "imports #x default": every condition of it.
    const auto wanted = std::string(field) + " " + std::string(name);
    if (entry.name == wanted || entry.name.starts_with(wanted + " ")) out.push_back(entry.file);
  }
  return out;
}

std::vector<std::size_t> Reader::found_in_scope(std::string folder, std::string_view name) const {
  for (; !folder.empty(); folder = containing_folder(folder)) {
    const auto manifest = sources_.find(folder + "/package.json");
    if (!manifest) continue;
    const auto object = package_json_object(sources_.files()[*manifest].body);
    if (!object) continue;
    std::string wanted = "imports " + std::string(name);
    if (!name.starts_with('#')) {
      const auto* own = object->if_contains("name");
      if (own == nullptr || !own->is_string() || own->get_string().empty()) continue;
      const std::string_view self(own->get_string());
      if (!name.starts_with(self) || (name.size() > self.size() && name[self.size()] != '/'))
        continue;
      wanted = name.size() == self.size() ? "exports"
                                          : "exports ." + std::string(name.substr(self.size()));
    }
    std::vector<std::size_t> out;
    for (const auto& [entry, target] : named_entries(*object))
      if (entry == wanted || entry.starts_with(wanted + " "))
        if (const auto file = sources_.resolve(folder + "/" + target)) out.push_back(*file);
    if (!out.empty()) return out;
  }
  return {};
}

// "./locales/" kHole ".js": files whose paths begin and end so; not those that are only data.
std::vector<std::size_t> Reader::found_by_pattern(std::string_view folder,
                                                  std::string_view name) const {
  const auto hole = name.find(kHole);
  const auto head = normal_path((folder.empty() ? "" : std::string(folder) + "/") +
                                std::string(name.substr(0, hole)) + "x");
  if (!head || head->size() < 3) return {};
  const auto prefix = head->substr(0, head->size() - 1);
  const auto suffix = name.substr(name.rfind(kHole) + 1);
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < tree_.files.size() && out.size() < kMostInFolder; ++i) {
    const std::string_view path = tree_.files[i].path;
    if (!path.starts_with(prefix) || path.size() < prefix.size() + suffix.size()) continue;
    if (path.ends_with(suffix) && !path.ends_with(".d.ts") && !is_data(lower_ending(path)))
      out.push_back(i);
  }
  return out;
}

std::vector<std::size_t> Reader::found_module(const std::string& folder,
                                              std::string_view name) const {
  if (auto inner = found_in_scope(folder, name); !inner.empty()) return inner;
  if (name.starts_with('#')) return found_by_map("imports", name);
  const std::string_view own = tree_.package_json.name;
  if (!own.empty() && name.starts_with(own) &&
      (name.size() == own.size() || name[own.size()] == '/')) {
    const auto rest =
        name.size() == own.size() ? std::string(".") : "." + std::string(name.substr(own.size()));
    auto mapped = found_by_map("exports", rest);
    if (!mapped.empty()) return mapped;
    if (const auto file = sources_.resolve(rest)) return {*file};
  }
  for (std::string at = folder;; at = containing_folder(at)) {
    const auto inside = (at.empty() ? "" : at + "/") + "node_modules/" + std::string(name);
    if (const auto file = sources_.resolve(inside)) return {*file};
    if (at.empty()) return {};
  }
}

std::vector<std::size_t> Reader::found(std::size_t from, const Load& load) const {
  const auto folder = containing_folder(tree_.files[from].path);
  std::string_view name = load.name;
  if (name.starts_with("file:")) name.remove_prefix(5);
  name = name.substr(0, name.find('?'));
  if (name.find(kHole) != name.npos)
    return found_by_pattern(load.module ? folder : std::string(), name);
  if (load.module) {
    if (!name.starts_with('.')) return found_module(folder, name);
    // "./lib/a.js" in TypeScript sources stands for a.ts.
    const auto path = (folder.empty() ? "" : folder + "/") + std::string(name);
    if (const auto file = sources_.resolve(path)) return {*file};
    if (path.ends_with(".js"))
      if (const auto file = sources_.resolve(path.substr(0, path.size() - 3))) return {*file};
    return {};
  }
  const auto path = normal_path(name);
  if (!path || path->empty()) return {};
  if (const auto file = sources_.find(*path)) return {*file};
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < tree_.files.size() && out.size() < kMostInFolder; ++i)
    if (tree_.files[i].path.starts_with(*path + "/")) out.push_back(i);
  if (out.empty())
    if (const auto file = sources_.resolve(*path)) out.push_back(*file);
  return out;
}

// What nothing reaches and no client takes for code, and that is code with a way out all the same.
void Reader::read_hidden() {
  constexpr std::size_t kMostHidden = 1u << 20;
  for (std::size_t i = 0; i < tree_.files.size(); ++i) {
    auto& facts = tree_.files[i];
    const auto& body = sources_.files()[i].body;
    if (is_disguised(facts.path, body)) {
      auto reading = facts.reading.value_or(CodeReading{});
      reading.capabilities.push_back(
          {std::string(kDisguise), shown(facts.path, 100), 0, false, shown(body.substr(0, 80))});
      std::sort(reading.capabilities.begin(), reading.capabilities.end(),
                [](const Capability& a, const Capability& b) {
                  return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
                });
      facts.reading = std::move(reading);
    }
    if (seen_[i] != Seen::kNo || facts.code || facts.kind == FileKind::kNative ||
        facts.kind == FileKind::kJson)
      continue;
    if (body.size() > kMostHidden || parsed_ + body.size() > limits_.max_bytes || !is_text(body))
      continue;
    const auto ending = lower_ending(facts.path);
    if (is_data(ending) || ending == ".md" || ending == ".markdown" || ending == ".ts" ||
        ending == ".flow")
      continue;
    const bool sink = body.find("require(") != body.npos ||
                      body.find("child_process") != body.npos || body.find("eval(") != body.npos ||
                      body.find("process.env") != body.npos;
    if (!sink) continue;
    parsed_ += body.size();
    const auto read = read_of(i, limits_.parse, {});
    if (!read->reading.unread.empty() || read->reading.capabilities.empty()) continue;
    facts.code = ReadingMemo::of_thread().measure(facts.sha256, body, Syntax::kScript);
    facts.reading = read->reading;
  }
}

}  // namespace

std::vector<Capability> lexed_capabilities(const CodeFeatures& code) {
  struct Row {
    std::string_view trait, kind, name;
  };
  constexpr Row kRows[] = {
      {"ci-secrets", kSecrets, "CI secrets"},
      {"credential-paths", kSecrets, "credential files"},
      {"decoded-eval", kDynamicCode, "decoded"},
      {"destructive", kDestroy, ""},
      {"env-bulk", kEnvironment, ""},
      {"eval", kDynamicCode, "built"},
      {"network-fetch", kNetwork, ""},
      {"npm-publish", kPublish, ""},
      {"persistence", kPersist, ""},
      {"shell", kProcess, ""},
      {"wallet", kPatching, "wallet"},
      {"workflow-write", kAutorun, ".github/workflows"},
  };
  std::vector<Capability> out;
  for (const auto& row : kRows) {
    if (std::find(code.traits.begin(), code.traits.end(), row.trait) == code.traits.end()) continue;
    out.push_back({std::string(row.kind), std::string(row.name), 0, true, "by the lexer"});
    if (row.kind == kNetwork)
      for (const auto& host : code.endpoints)
        if (out.size() < 64)
          out.push_back({std::string(kNetwork), shown(host, 100), 0, true, "by the lexer"});
  }
  std::sort(out.begin(), out.end(), [](const Capability& a, const Capability& b) {
    return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
  });
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool is_disguised(std::string_view path, std::string_view body) {
  static constexpr auto kMedia = std::to_array<std::string_view>(
      {".png",   ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".bmp",  ".avif", ".woff",
       ".woff2", ".ttf", ".otf",  ".eot", ".mp3",  ".mp4", ".wav",  ".ogg",  ".webm",
       ".flac",  ".mov", ".pdf",  ".zip", ".gz",   ".tgz", ".wasm", ".7z",   ".rar"});
  const auto ending = lower_ending(path);
  if (std::find(kMedia.begin(), kMedia.end(), ending) == kMedia.end()) return false;
  if (body.size() < 16 || body.starts_with("version https://git-lfs") || body.starts_with("%PDF"))
    return false;
  const auto head = body.substr(0, 4096);
  std::size_t strange = 0;
  for (const char c : head) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0 || byte == 0x7F || (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t'))
      ++strange;
  }
  // SVG under another name, and placeholders that a build writes.
  if (head.find("<svg") != head.npos || head.starts_with("<?xml") || head.starts_with("<!DOCTYPE"))
    return false;
  return strange == 0;
}

void read_reached(const SourceTree& sources, std::string_view package_json, Tree& tree,
                  const ReachLimits& limits) {
  Reader(sources, package_json, tree, limits).run();
}

}  // namespace npmgate::code
