// The stored form of evidence: {"evidence": 1, …}. Files are arrays, a package may have thousands:
// [path, mode, size, sha256, kind] and, if measured, [entropy, longest line, lines, hex escapes,
// obfuscator names, longest literal, [traits], [endpoints], hidden blanks, bigram entropy, odd
// density, mixed names, symbol run].
// Files that an entry reaches have two more: what a parser found, [why not parsed, [[kind, name,
// line, on import, text] …]] or null, and the positions of the files they load; the measures are
// null if there are none.
#include "inspect/evidence/evidence.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>

#include "inspect/evidence/manifest_json.h"
#include "inspect/syntax/capability_kinds.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr int kFormat = 1;
constexpr std::size_t kFileFields = 5;
constexpr std::size_t kCodeFields = 8;
constexpr std::size_t kHiddenFields = 5;  // behind these; left out if all are 0

// Shortest text that reads back as the same number: JSON parsers may be off by a bit.
std::string exact(double number) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return {buffer.data(), end};
}
double exact_from(const json::value& value, bool& ok) {
  const auto text = json_text(value, ok);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  ok = ok && error == std::errc() && end == text.data() + text.size() && number >= 0 &&
       number <= 8;  // bits per byte
  return number;
}

template <class T>
T small(const json::value& value, bool& ok) {
  const auto number = json_number(value, ok);
  ok = ok && number <= std::numeric_limits<T>::max();
  return static_cast<T>(number);
}

json::array code_json(const CodeFeatures& code) {
  json::array out{exact(code.entropy),
                  code.longest_line,
                  code.lines,
                  code.hex_escapes,
                  code.obfuscator_names,
                  code.longest_literal,
                  to_json_array(code.traits),
                  to_json_array(code.endpoints)};
  const std::uint32_t hidden[kHiddenFields] = {code.hidden_blanks, code.bigram_entropy,
                                               code.odd_density, code.mixed_names, code.symbol_run};
  if (std::any_of(std::begin(hidden), std::end(hidden), [](auto n) { return n != 0; }))
    out.insert(out.end(), std::begin(hidden), std::end(hidden));
  return out;
}
CodeFeatures code_from(const json::value& value, bool& ok) {
  CodeFeatures code;
  const auto* fields = value.if_array();
  ok = ok && fields != nullptr &&
       (fields->size() == kCodeFields || fields->size() == kCodeFields + kHiddenFields);
  if (!ok) return code;
  code.entropy = exact_from((*fields)[0], ok);
  code.longest_line = small<std::uint32_t>((*fields)[1], ok);
  code.lines = small<std::uint32_t>((*fields)[2], ok);
  code.hex_escapes = small<std::uint32_t>((*fields)[3], ok);
  code.obfuscator_names = small<std::uint32_t>((*fields)[4], ok);
  code.longest_literal = small<std::uint32_t>((*fields)[5], ok);
  code.traits = json_texts((*fields)[6], ok);
  code.endpoints = json_texts((*fields)[7], ok);
  if (fields->size() == kCodeFields) return code;
  code.hidden_blanks = small<std::uint32_t>((*fields)[8], ok);
  code.bigram_entropy = small<std::uint32_t>((*fields)[9], ok);
  code.odd_density = small<std::uint32_t>((*fields)[10], ok);
  code.mixed_names = small<std::uint32_t>((*fields)[11], ok);
  code.symbol_run = small<std::uint32_t>((*fields)[12], ok);
  return code;
}

json::value reading_json(const std::optional<CodeReading>& reading) {
  if (!reading) return nullptr;
  json::array found;
  for (const auto& one : reading->capabilities)
    found.push_back(json::array{one.kind, one.name, one.line, one.on_import, one.text});
  return json::array{reading->unread, std::move(found)};
}

Capability capability_from(const json::value& value, bool& ok) {
  Capability out;
  const auto* fields = value.if_array();
  ok = ok && fields != nullptr && fields->size() == 5 && (*fields)[3].is_bool();
  if (!ok) return out;
  out.kind = json_text((*fields)[0], ok);
  out.name = json_text((*fields)[1], ok);
  out.line = small<std::uint32_t>((*fields)[2], ok);
  out.on_import = (*fields)[3].get_bool();
  out.text = json_text((*fields)[4], ok);
  ok = ok && out.name.size() <= 100 && out.text.size() <= 160 &&
       std::find(std::begin(kCapabilityKinds), std::end(kCapabilityKinds), out.kind) !=
           std::end(kCapabilityKinds);
  return out;
}
std::optional<CodeReading> reading_from(const json::value& value, bool& ok) {
  constexpr std::size_t kMostCapabilities = 256;
  if (value.is_null()) return std::nullopt;
  const auto* fields = value.if_array();
  ok = ok && fields != nullptr && fields->size() == 2 && (*fields)[1].is_array();
  if (!ok) return std::nullopt;
  CodeReading out;
  out.unread = json_text((*fields)[0], ok);
  const auto& found = (*fields)[1].get_array();
  ok = ok && out.unread.size() <= 40 && found.size() <= kMostCapabilities;
  if (!ok) return std::nullopt;
  for (const auto& one : found) out.capabilities.push_back(capability_from(one, ok));
  return out;
}

json::array file_json(const FileFacts& file) {
  json::array out{file.path, file.mode, file.size, file.sha256, json::string(to_string(file.kind))};
  const bool read = file.reading || !file.loads.empty();
  if (file.code)
    out.push_back(code_json(*file.code));
  else if (read)
    out.push_back(nullptr);
  if (!read) return out;
  out.push_back(reading_json(file.reading));
  json::array loads;
  for (const auto load : file.loads) loads.push_back(load);
  out.push_back(std::move(loads));
  return out;
}
FileKind kind_from(std::string_view text, bool& ok) {
  for (const auto kind : {FileKind::kOther, FileKind::kScript, FileKind::kShell, FileKind::kJson,
                          FileKind::kText, FileKind::kNative})
    if (to_string(kind) == text) return kind;
  ok = false;
  return FileKind::kOther;
}
FileFacts file_from(const json::value& value, bool& ok) {
  FileFacts file;
  const auto* fields = value.if_array();
  ok = ok && fields != nullptr &&
       (fields->size() == kFileFields || fields->size() == kFileFields + 1 ||
        fields->size() == kFileFields + 3);
  if (!ok) return file;
  file.path = json_text((*fields)[0], ok);
  file.mode = small<std::uint32_t>((*fields)[1], ok);
  file.size = json_number((*fields)[2], ok);
  file.sha256 = json_text((*fields)[3], ok);
  file.kind = kind_from(json_text((*fields)[4], ok), ok);
  if (fields->size() > kFileFields && !(*fields)[kFileFields].is_null())
    file.code = code_from((*fields)[kFileFields], ok);
  if (fields->size() < kFileFields + 3) return file;
  constexpr std::size_t kMostLoads = 4096;
  file.reading = reading_from((*fields)[kFileFields + 1], ok);
  const auto* loads = (*fields)[kFileFields + 2].if_array();
  ok = ok && loads != nullptr && loads->size() <= kMostLoads;
  if (!ok) return file;
  for (const auto& load : *loads) file.loads.push_back(small<std::uint32_t>(load, ok));
  return file;
}

template <class Refusal>
json::object refusal_json(const Refusal& refusal) {
  return {{"rule", refusal.rule}, {"detail", refusal.detail}};
}
std::optional<JsonRefusal> refusal_from(const JsonFields& fields, std::string_view key) {
  const auto* value = fields.find(key);
  if (value == nullptr) return std::nullopt;
  const JsonFields inside(*value, fields.ok());
  return JsonRefusal{inside.text("rule"), inside.text("detail")};
}

json::object bundled_json(const BundledPackage& package) {
  json::object out{{"path", package.path}, {"manifest", to_json(package.manifest)}};
  if (package.has_binding_gyp) out.emplace("bindingGyp", true);
  if (package.refusal) out.emplace("refusal", refusal_json(*package.refusal));
  return out;
}
BundledPackage bundled_from(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  BundledPackage package;
  package.path = fields.text("path");
  if (const auto* manifest = fields.find("manifest"))
    package.manifest = manifest_from_json(*manifest, ok);
  package.has_binding_gyp = fields.flag("bindingGyp");
  package.refusal = refusal_from(fields, "refusal");
  return package;
}

// Members that inspectors before 4 did not write are left out if empty: old evidence reads back as
// it was written.
json::object hook_json(const HookReach& hook) {
  json::object out{{"hook", hook.hook},
                   {"command", hook.command},
                   {"files", to_json_array(hook.files)},
                   {"missing", to_json_array(hook.missing)},
                   {"traits", to_json_array(hook.traits)},
                   {"endpoints", to_json_array(hook.endpoints)}};
  const auto put = [&](std::string_view key, const std::vector<std::string>& texts) {
    if (!texts.empty()) out.emplace(key, to_json_array(texts));
  };
  put("inputs", hook.inputs);
  put("urls", hook.urls);
  if (!hook.settings.empty()) {
    json::object settings;
    for (const auto& [key, text] : hook.settings) settings.emplace(key, text);
    out.emplace("settings", std::move(settings));
  }
  return out;
}
HookReach hook_from(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  return {.hook = fields.text("hook"),
          .command = fields.text("command"),
          .files = fields.texts("files"),
          .missing = fields.texts("missing"),
          .traits = fields.texts("traits"),
          .endpoints = fields.texts("endpoints"),
          .inputs = fields.texts("inputs"),
          .urls = fields.texts("urls"),
          .settings = fields.map("settings")};
}

json::object tree_json(const Tree& tree) {
  json::array files, bundled, hooks;
  files.reserve(tree.files.size());
  for (const auto& file : tree.files) files.push_back(file_json(file));
  for (const auto& package : tree.bundled) bundled.push_back(bundled_json(package));
  for (const auto& hook : tree.hooks) hooks.push_back(hook_json(hook));
  json::object out{{"top", tree.top},
                   {"unpackedSize", tree.unpacked_size},
                   {"entries", tree.entries},
                   {"packageJson", to_json(tree.package_json)},
                   {"bundled", std::move(bundled)},
                   {"hooks", std::move(hooks)},
                   {"bindingGyp", tree.has_binding_gyp},
                   {"shrinkwrap", tree.has_shrinkwrap},
                   {"files", std::move(files)}};
  json::array entry_points;
  for (const auto& entry : tree.entry_points)
    entry_points.push_back(json::array{entry.name, entry.file});
  if (!entry_points.empty()) out.emplace("entryPoints", std::move(entry_points));
  if (!tree.package_json_rest.empty()) out.emplace("packageJsonRest", tree.package_json_rest);
  if (!tree.links.empty()) {
    json::array links;
    for (const TreeLink& link : tree.links)
      links.push_back(json::object{{"path", link.path}, {"target", link.target}});
    out.emplace("links", std::move(links));
  }
  return out;
}
EntryPoint entry_from(const json::value& value, bool& ok) {
  EntryPoint out;
  const auto* fields = value.if_array();
  ok = ok && fields != nullptr && fields->size() == 2;
  if (!ok) return out;
  out.name = json_text((*fields)[0], ok);
  out.file = small<std::uint32_t>((*fields)[1], ok);
  return out;
}

// A worker may lie: positions must be those of files.
void check_positions(const Tree& tree, bool& ok) {
  constexpr std::size_t kMostEntryPoints = 512;
  ok = ok && tree.entry_points.size() <= kMostEntryPoints;
  for (const auto& entry : tree.entry_points) ok = ok && entry.file < tree.files.size();
  for (const auto& file : tree.files)
    for (const auto load : file.loads) ok = ok && load < tree.files.size();
}

Tree tree_from(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  Tree tree;
  tree.top = fields.text("top");
  tree.unpacked_size = fields.number("unpackedSize");
  tree.entries = fields.number("entries");
  if (const auto* manifest = fields.find("packageJson"))
    tree.package_json = manifest_from_json(*manifest, ok);
  tree.package_json_rest = fields.text("packageJsonRest");
  for (const auto& element : fields.array("bundled"))
    tree.bundled.push_back(bundled_from(element, ok));
  for (const auto& element : fields.array("hooks")) tree.hooks.push_back(hook_from(element, ok));
  tree.has_binding_gyp = fields.flag("bindingGyp");
  tree.has_shrinkwrap = fields.flag("shrinkwrap");
  for (const auto& element : fields.array("files")) tree.files.push_back(file_from(element, ok));
  for (const auto& element : fields.array("entryPoints"))
    tree.entry_points.push_back(entry_from(element, ok));
  check_positions(tree, ok);
  for (const auto& element : fields.array("links")) {
    const JsonFields link(element, ok);
    tree.links.push_back({link.text("path"), link.text("target")});
  }
  return tree;
}

json::object integrity_json(const IntegrityFact& fact) {
  return {{"checked", fact.checked},
          {"matches", fact.matches},
          {"algorithm", fact.algorithm},
          {"expected", fact.expected},
          {"actual", fact.actual}};
}
IntegrityFact integrity_from(const JsonFields& parent) {
  const auto* value = parent.find("integrity");
  if (value == nullptr) return {};
  const JsonFields fields(*value, parent.ok());
  return {fields.flag("checked"), fields.flag("matches"), fields.text("algorithm"),
          fields.text("expected"), fields.text("actual")};
}

json::object archive_refusal_json(const ArchiveRefusal& refusal) {
  auto out = refusal_json(refusal);
  out.emplace("overLimit", refusal.over_limit);
  return out;
}
std::optional<ArchiveRefusal> archive_refusal_from(const JsonFields& fields) {
  const auto refusal = refusal_from(fields, "archiveRefusal");
  if (!refusal) return std::nullopt;
  const JsonFields inside(*fields.find("archiveRefusal"), fields.ok());
  return ArchiveRefusal{inside.flag("overLimit"), refusal->rule, refusal->detail};
}

void read_outcome(const JsonFields& fields, Evidence& evidence, bool& ok) {
  evidence.integrity = integrity_from(fields);
  evidence.archive_refusal = archive_refusal_from(fields);
  evidence.package_json_refusal = refusal_from(fields, "packageJsonRefusal");
  for (const auto& element : fields.array("unavailable")) {
    const JsonFields inside(element, ok);
    evidence.unavailable.push_back({inside.text("source"), inside.text("reason")});
  }
}

// Members of another type, missing ones and numbers out of range clear `ok`; strange ones show when
// it is written again.
Evidence read_evidence(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  Evidence evidence;
  ok = ok && fields.number("evidence") == kFormat;
  const auto inspector = fields.number("inspector");
  ok = ok && inspector <= static_cast<std::uint64_t>(std::numeric_limits<int>::max());
  evidence.inspector = ok ? static_cast<int>(inspector) : 0;
  evidence.name = fields.text("name");
  evidence.version = fields.text("version");
  evidence.tarball_sha512 = fields.text("sha512");
  evidence.manifest_sha256 = fields.text("manifestSha256");
  evidence.tarball_size = fields.number("size");
  evidence.gathered = fields.time("gathered").value_or(Time{});
  if (const auto* release = fields.find("release"))
    evidence.release = release_from_json(*release, ok);
  read_outcome(fields, evidence, ok);
  if (const auto* tree = fields.find("tree")) evidence.tree = tree_from(*tree, ok);
  return evidence;
}

}  // namespace

json::value to_json(const Evidence& evidence) {
  json::object out{{"evidence", kFormat},
                   {"inspector", evidence.inspector},
                   {"name", evidence.name},
                   {"version", evidence.version},
                   {"sha512", evidence.tarball_sha512},
                   {"manifestSha256", evidence.manifest_sha256},
                   {"size", evidence.tarball_size},
                   {"gathered", time_to_json(evidence.gathered)},
                   {"release", to_json(evidence.release)},
                   {"integrity", integrity_json(evidence.integrity)}};
  if (evidence.archive_refusal)
    out.emplace("archiveRefusal", archive_refusal_json(*evidence.archive_refusal));
  if (evidence.package_json_refusal)
    out.emplace("packageJsonRefusal", refusal_json(*evidence.package_json_refusal));
  json::array unavailable;
  for (const auto& [source, reason] : evidence.unavailable)
    unavailable.push_back(json::object{{"source", source}, {"reason", reason}});
  if (!unavailable.empty()) out.emplace("unavailable", std::move(unavailable));
  out.emplace("tree", tree_json(evidence.tree));
  return out;
}

Result<Evidence> evidence_from_json(const json::value& value) {
  bool ok = true;
  auto evidence = read_evidence(value, ok);
  if (ok && to_json(evidence) == value) return evidence;
  return fail(Code::kCorrupt, Origin::kDisk,
              "evidence: not what this program writes as format " + std::to_string(kFormat));
}

json::value to_json(const Contents& contents) {
  json::object out{{"contents", kFormat}, {"tree", tree_json(contents.tree)}};
  if (contents.archive_refusal)
    out.emplace("archiveRefusal", archive_refusal_json(*contents.archive_refusal));
  if (contents.package_json_refusal)
    out.emplace("packageJsonRefusal", refusal_json(*contents.package_json_refusal));
  return out;
}

Result<Contents> contents_from_json(const json::value& value) {
  bool ok = true;
  const JsonFields fields(value, ok);
  ok = ok && fields.number("contents") == kFormat;
  Contents contents{archive_refusal_from(fields), refusal_from(fields, "packageJsonRefusal"), {}};
  if (const auto* tree = fields.find("tree")) contents.tree = tree_from(*tree, ok);
  if (ok && to_json(contents) == value) return contents;
  return fail(Code::kCorrupt, Origin::kSelf,
              "contents: not what this program writes as format " + std::to_string(kFormat));
}

}  // namespace npmgate
