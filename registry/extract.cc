#include "registry/extract.h"

#include <algorithm>
#include <array>

namespace npmgate::json {
namespace {

using Type = simdjson::dom::element_type;

std::string text_or_empty(const Element& element) {
  const auto text = as_string(element);
  return text ? std::string(*text) : std::string();
}

std::optional<bool> as_bool(const Element& element) {
  bool value = false;
  if (element.get_bool().get(value)) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> as_size(const Element& element) {
  std::uint64_t value = 0;
  if (element.get_uint64().get(value)) return std::nullopt;
  return value;
}

// As JavaScript's Boolean() takes it, which is how npm looks at `_hasShrinkwrap`.
bool is_truthy(const Element& element) {
  switch (element.type()) {
    case Type::NULL_VALUE:
      return false;
    case Type::BOOL:
      return element.get_bool().value_unsafe();
    case Type::STRING:
      return element.get_string().value_unsafe() != "";
    case Type::INT64:
    case Type::UINT64:
    case Type::DOUBLE:
      return element.get_double().value_unsafe() != 0;
    default:
      return true;
  }
}

// null, false, "" and [] in place of a map: old packuments hold them, and there is nothing in them
// to act on.
bool says_nothing(const Element& element) {
  return !is_truthy(element) ||
         (element.type() == Type::ARRAY &&
          element.get_array().value_unsafe().begin() == element.get_array().value_unsafe().end());
}

// Appends in key order if the text is in key order (npm sorts dependency maps): then without
// searching.
void put(StringMap& map, std::string_view key, std::string_view value) {
  map.insert_or_assign(map.end(), std::string(key), std::string(value));
}

// The string values of an object; false if there are others, or if it is no object.
bool read_strings(const Element& element, StringMap& map) {
  Object object;
  if (element.get_object().get(object)) return false;
  bool all = true;
  for (const auto field : object) {
    if (const auto value = as_string(field.value)) {
      put(map, field.key, *value);
    } else {
      all = false;
    }
  }
  return all;
}

// What some client runs for a registry dependency, or by the name of it: the hooks and their pre
// and post. A value that is no string is skipped by some clients and stops others there.
bool is_install_hook(std::string_view script) {
  for (const std::string_view hook : kInstallHooks) {
    if (script == hook) return true;
    for (const std::string_view around : {"pre", "post"}) {
      if (script.starts_with(around) && script.substr(around.size()) == hook) return true;
    }
  }
  return false;
}

void read_list(const Element& element, std::vector<std::string>& list) {
  if (const auto text = as_string(element)) {
    list.emplace_back(*text);
    return;
  }
  Array array;
  if (element.get_array().get(array)) return;
  for (const Element item : array) {
    if (const auto text = as_string(item)) list.emplace_back(*text);
  }
}

// `engines` of old packages: ["node >= 0.6", …] or "node >= 0.6".
void read_engine_text(std::string_view text, StringMap& engines) {
  const std::size_t blank = text.find(' ');
  const std::string_view range =
      blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  put(engines, text.substr(0, blank), range);
}

void read_engines(const Element& element, StringMap& engines) {
  std::vector<std::string> texts;
  read_list(element, texts);
  for (const auto& text : texts) read_engine_text(text, engines);
  if (texts.empty()) read_strings(element, engines);
}

// The value of `key` in an object, the last one as in JSON.parse; nullopt if it is no object or
// has no such key.
std::optional<Element> member(const Element& element, std::string_view key) {
  Object object;
  if (element.get_object().get(object)) return std::nullopt;
  std::optional<Element> found;
  for (const auto field : object) {
    if (field.key == key) found = field.value;
  }
  return found;
}

std::string member_text(const Element& element, std::string_view key) {
  const auto value = member(element, key);
  return value ? text_or_empty(*value) : std::string();
}

std::optional<Element> first_of_array(const Element& element) {
  Array array;
  if (element.get_array().get(array) || array.begin() == array.end()) return std::nullopt;
  return *array.begin();
}

std::optional<Element> runtime_named(const Element& runtimes, std::string_view name) {
  Array array;
  if (runtimes.get_array().get(array)) {
    return member_text(runtimes, "name") == name ? std::optional(runtimes) : std::nullopt;
  }
  for (const Element item : array) {
    if (member_text(item, "name") == name) return item;
  }
  return std::nullopt;
}

// pnpm 10 and 12 turn `engines.runtime` with `onFail: download` into a dependency that they fetch
// from the runtime's own site.
void add_runtimes(const Element& engines, StringMap& dependencies) {
  const auto runtimes = member(engines, "runtime");
  if (!runtimes) return;
  for (const std::string_view name : {"node", "deno", "bun"}) {
    const auto runtime = runtime_named(*runtimes, name);
    if (!runtime || member_text(*runtime, "onFail") != "download") continue;
    dependencies.try_emplace(std::string(name), "runtime:" + member_text(*runtime, "version"));
  }
}

std::optional<Repository> read_repository(const Element& element) {
  if (const auto text = as_string(element)) return Repository{std::string(*text), ""};
  if (const auto first = first_of_array(element)) {
    if (!first->is_array()) return read_repository(*first);
    return std::nullopt;
  }
  const auto url = member(element, "url");
  if (!url || !as_string(*url)) return std::nullopt;
  return Repository{text_or_empty(*url), member_text(element, "directory")};
}

std::string license_text(const Element& element) {
  if (const auto text = as_string(element)) return std::string(*text);
  std::string type = member_text(element, "type");
  return type.empty() ? member_text(element, "name") : type;
}

// Several entries are a choice (npm's documentation of the old `licenses`): written as the SPDX
// expression for that.
std::string read_license(const Element& element) {
  Array array;
  if (element.get_array().get(array)) return license_text(element);
  std::string joined;
  std::size_t count = 0;
  for (const Element item : array) {
    const std::string text = license_text(item);
    if (text.empty()) continue;
    if (count++ > 0) joined += " OR ";
    joined += text;
  }
  return count > 1 ? "(" + joined + ")" : joined;
}

// path.join("/", text).slice(1) of Node, separators unified: no "..", no leading "/", no "."
// segments.
std::string rooted_path(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t slash = text.find_first_of("/\\");
    const std::string_view part = text.substr(0, slash);
    text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string path;
  for (const auto part : parts) {
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

// The command a bin key or path makes: its last segment, ':' separating too
// (npm-normalize-package-bin).
std::string command_name(std::string_view text) {
  while (!text.empty() && std::string_view("/\\:").find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  const std::size_t cut = text.find_last_of("/\\:");
  if (cut != std::string_view::npos) text.remove_prefix(cut + 1);
  return text == "." || text == ".." ? std::string() : std::string(text);
}

void put_bin(StringMap& bin, std::string_view name, std::string_view path) {
  std::string command = command_name(name);
  std::string target = rooted_path(path);
  if (!command.empty() && !target.empty()) {
    bin.insert_or_assign(std::move(command), std::move(target));
  }
}

void read_bin(const Element& element, Manifest& manifest) {
  if (const auto path = as_string(element)) {
    put_bin(manifest.bin, manifest.name, *path);
    return;
  }
  Object object;
  if (!element.get_object().get(object)) {
    for (const auto field : object) {
      if (const auto path = as_string(field.value)) put_bin(manifest.bin, field.key, *path);
    }
    return;
  }
  std::vector<std::string> paths;
  read_list(element, paths);
  for (const auto& path : paths) put_bin(manifest.bin, path, path);
}

void read_bin_directory(const Element& directories, Manifest& manifest) {
  const std::string path = member_text(directories, "bin");
  if (path.empty()) return;
  manifest.bin_directory = rooted_path(path);
  if (manifest.bin_directory.empty()) manifest.bin_directory = ".";
}

// Whether a dependency stays below node_modules. An alias ("npm:other@1") is never asked for by its
// own name, so that no door meets one that climbs out.
bool stays_inside(std::string_view name) {
  if (name.starts_with('/') || name.find('\\') != std::string_view::npos) return false;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    if (part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

// npm: `true` means every dependency, a map means its keys. Both spellings count, so that neither
// hides a bundled package.
void read_bundled(const Element& element, Manifest& manifest) {
  std::vector<std::string> names;
  Object object;
  if (as_bool(element).value_or(false)) {
    for (const auto& [name, range] : manifest.dependencies) names.push_back(name);
  } else if (!element.get_object().get(object)) {
    for (const auto field : object) names.emplace_back(field.key);
  } else if (element.is_array()) {
    read_list(element, names);
  }
  manifest.bundled.insert(manifest.bundled.end(), std::make_move_iterator(names.begin()),
                          std::make_move_iterator(names.end()));
}

// `deprecated: true` is shown by npm as that word; false and "" mean not deprecated.
std::optional<std::string> read_deprecated(const Element& element) {
  if (as_bool(element).value_or(false)) return "true";
  const auto text = as_string(element);
  if (!text || text->empty()) return std::nullopt;
  return std::string(*text);
}

// One pass over the top level; the last of harmless duplicates counts, as in JSON.parse.
class ManifestReader {
 public:
  ManifestReader(Source source, Manifest& manifest) : source_(source), manifest_(manifest) {}

  std::optional<JsonRefusal> read(const Object& object) {
    for (const auto field : object) take(field.key, field.value);
    if (engines_) add_runtimes(*engines_, manifest_.dependencies);
    // What depends on the name or the dependencies comes last.
    if (bin_) read_bin(*bin_, manifest_);
    if (directories_ && manifest_.bin.empty()) read_bin_directory(*directories_, manifest_);
    if (bundle_) read_bundled(*bundle_, manifest_);
    if (bundled_) read_bundled(*bundled_, manifest_);
    drop_repeated_bundled();
    if (manifest_.license.empty() && licenses_) manifest_.license = read_license(*licenses_);
    return std::move(refusal_);
  }

 private:
  using Action = void (ManifestReader::*)(const Element&);
  struct Row {
    std::string_view key;
    Action action;
  };
  static const std::array<Row, 23> kRows;

  void take(std::string_view key, const Element& value) {
    const auto row = std::lower_bound(kRows.begin(), kRows.end(), key,
                                      [](const Row& a, std::string_view b) { return a.key < b; });
    if (row != kRows.end() && row->key == key) (this->*row->action)(value);
  }

  void take_strings(const Element& value, StringMap& map, const char* rule, const char* field) {
    map.clear();
    if (says_nothing(value) || read_strings(value, map) || refusal_) return;
    refusal_ = JsonRefusal{rule, std::string(field) + " is not an object of strings"};
  }
  void take_dependencies(const Element& value, StringMap& map, const char* field) {
    if (source_ == Source::kPackument) {
      take_strings(value, map, "dependencies-not-strings", field);
      check_names(map, field);
    } else {
      map.clear();
      read_strings(value, map);
    }
  }

  void check_names(const StringMap& map, const char* field) {
    const bool good = std::all_of(map.begin(), map.end(),
                                  [](const auto& entry) { return stays_inside(entry.first); });
    if (good || refusal_) return;
    refusal_ = JsonRefusal{"dependency-name", std::string(field) + " has a name that is a path"};
  }

  void name(const Element& v) { manifest_.name = text_or_empty(v); }
  void version(const Element& v) { manifest_.version = text_or_empty(v); }
  void scripts(const Element& v) {
    manifest_.scripts.clear();
    if (says_nothing(v) || refusal_) return;
    Object object;
    if (v.get_object().get(object)) {
      refusal_ = JsonRefusal{"scripts-not-strings", "scripts is not an object"};
      return;
    }
    read_strings(v, manifest_.scripts);
    for (const auto field : object) {
      if (!field.value.is_string() && is_install_hook(field.key) && !refusal_)
        refusal_ = JsonRefusal{"scripts-not-strings",
                               "the script " + std::string(field.key) + " is not a string"};
    }
  }
  void dependencies(const Element& v) {
    take_dependencies(v, manifest_.dependencies, "dependencies");
  }
  void optional(const Element& v) {
    take_dependencies(v, manifest_.optional_dependencies, "optionalDependencies");
  }
  void peer(const Element& v) {
    take_dependencies(v, manifest_.peer_dependencies, "peerDependencies");
  }
  void peer_meta(const Element& v) {
    Object object;
    manifest_.optional_peers.clear();
    if (v.get_object().get(object)) return;
    for (const auto field : object) {
      const auto optional = member(field.value, "optional");
      if (optional && as_bool(*optional).value_or(false))
        manifest_.optional_peers.emplace_back(field.key);
    }
    auto& names = manifest_.optional_peers;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }
  // Nobody installs a published package's devDependencies; in a packument of 2,600 versions they
  // would be half a million entries.
  void dev(const Element& v) {
    if (source_ == Source::kPackageJson) read_strings(v, manifest_.dev_dependencies);
  }
  void bin(const Element& v) { bin_ = v; }
  void directories(const Element& v) { directories_ = v; }
  void bundle(const Element& v) { bundle_ = v; }
  void bundled(const Element& v) { bundled_ = v; }
  void gypfile(const Element& v) { manifest_.gypfile = as_bool(v); }
  void repository(const Element& v) { manifest_.repository = read_repository(v); }
  void license(const Element& v) { manifest_.license = read_license(v); }
  void licenses(const Element& v) { licenses_ = v; }
  void deprecated(const Element& v) { manifest_.deprecated = read_deprecated(v); }
  void main(const Element& v) { manifest_.main = text_or_empty(v); }
  void description(const Element& v) { manifest_.description = text_or_empty(v); }
  void engines(const Element& v) {
    engines_ = v;
    read_engines(v, manifest_.engines);
  }
  void os(const Element& v) { read_list(v, manifest_.os); }
  void cpu(const Element& v) { read_list(v, manifest_.cpu); }
  void libc(const Element& v) { read_list(v, manifest_.libc); }

  void drop_repeated_bundled() {
    std::vector<std::string> kept;
    std::map<std::string_view, bool> seen;
    for (const auto& name : manifest_.bundled) {
      if (seen.emplace(name, true).second) kept.push_back(name);
    }
    manifest_.bundled = std::move(kept);
  }

  Source source_;
  Manifest& manifest_;
  std::optional<JsonRefusal> refusal_;
  std::optional<Element> bin_, bundle_, bundled_, directories_, engines_, licenses_;
};

using Reader = ManifestReader;
// Sorted by key.
const std::array<Reader::Row, 23> Reader::kRows = {{
    {"bin", &Reader::bin},
    {"bundleDependencies", &Reader::bundle},
    {"bundledDependencies", &Reader::bundled},
    {"cpu", &Reader::cpu},
    {"dependencies", &Reader::dependencies},
    {"deprecated", &Reader::deprecated},
    {"description", &Reader::description},
    {"devDependencies", &Reader::dev},
    {"directories", &Reader::directories},
    {"engines", &Reader::engines},
    {"gypfile", &Reader::gypfile},
    {"libc", &Reader::libc},
    {"license", &Reader::license},
    {"licenses", &Reader::licenses},
    {"main", &Reader::main},
    {"name", &Reader::name},
    {"optionalDependencies", &Reader::optional},
    {"os", &Reader::os},
    {"peerDependencies", &Reader::peer},
    {"peerDependenciesMeta", &Reader::peer_meta},
    {"repository", &Reader::repository},
    {"scripts", &Reader::scripts},
    {"version", &Reader::version},
}};

JsonRefusal dist_refusal(std::string_view field) {
  return {"dist", std::string(field) + " has a type that clients do not expect"};
}

std::vector<Dist::Signature> read_signatures(const Element& element) {
  std::vector<Dist::Signature> signatures;
  Array array;
  if (element.get_array().get(array)) return signatures;
  for (const Element item : array) {
    Dist::Signature signature{member_text(item, "keyid"), member_text(item, "sig")};
    if (!signature.keyid.empty() && !signature.sig.empty()) {
      signatures.push_back(std::move(signature));
    }
  }
  return signatures;
}

void read_attestations(const Element& element, Dist& dist) {
  if (const auto url = member(element, "url")) {
    if (const auto text = as_string(*url)) dist.attestations_url = std::string(*text);
  }
  const auto provenance = member(element, "provenance");
  const auto predicate = provenance ? member(*provenance, "predicateType") : std::nullopt;
  const auto text = predicate ? as_string(*predicate) : std::nullopt;
  if (text) dist.provenance_predicate = std::string(*text);
}

// A text that clients resolve or compare: another type than string would be read differently by
// each.
bool read_dist_text(const Element& value, std::string& text) {
  text = text_or_empty(value);
  return value.is_string() || value.is_null();
}

std::optional<JsonRefusal> read_dist(const Element& element, Dist& dist) {
  Object object;
  if (element.get_object().get(object)) return dist_refusal("dist");
  for (const auto field : object) {
    if (field.key == "tarball") {
      if (!read_dist_text(field.value, dist.tarball)) return dist_refusal("dist.tarball");
    } else if (field.key == "integrity") {
      if (!read_dist_text(field.value, dist.integrity)) return dist_refusal("dist.integrity");
    } else if (field.key == "shasum") {
      if (!read_dist_text(field.value, dist.shasum)) return dist_refusal("dist.shasum");
    } else if (field.key == "unpackedSize") {
      dist.unpacked_size = as_size(field.value);
    } else if (field.key == "fileCount") {
      dist.file_count = as_size(field.value);
    } else if (field.key == "signatures") {
      dist.signatures = read_signatures(field.value);
    } else if (field.key == "attestations") {
      read_attestations(field.value, dist);
    }
  }
  return std::nullopt;
}

std::optional<Publisher> read_publisher(const Element& element) {
  if (!element.is_object() && !element.is_string()) return std::nullopt;
  Publisher publisher;
  publisher.person = as_person(element);
  if (const auto trusted = member(element, "trustedPublisher")) {
    std::string id = member_text(*trusted, "id");
    if (!id.empty()) publisher.trusted_publisher = std::move(id);
  }
  if (const auto approver = member(element, "approver")) {
    std::string name = as_person(*approver).name;
    if (!name.empty()) publisher.approver = std::move(name);
  }
  return publisher;
}

}  // namespace

std::optional<std::string_view> as_string(const Element& element) {
  std::string_view text;
  if (element.get_string().get(text)) return std::nullopt;
  return text;
}

Person as_person(const Element& element) {
  const auto text = as_string(element);
  if (!text) return {member_text(element, "name"), member_text(element, "email")};
  const std::size_t open = text->find('<');
  const std::size_t close = text->find('>', open == std::string_view::npos ? 0 : open);
  Person person;
  std::string_view name = text->substr(0, std::min(open, text->find('(')));
  while (name.ends_with(' ')) name.remove_suffix(1);
  person.name = std::string(name);
  if (open != std::string_view::npos && close != std::string_view::npos) {
    person.email = std::string(text->substr(open + 1, close - open - 1));
  }
  return person;
}

std::optional<std::vector<Person>> as_persons(const Element& element) {
  std::vector<Person> persons;
  Array array;
  if (!element.get_array().get(array)) {
    for (const Element item : array) {
      if (item.is_object() || item.is_string()) persons.push_back(as_person(item));
    }
    return persons;
  }
  if (!element.is_object() && !element.is_string()) return std::nullopt;
  persons.push_back(as_person(element));
  return persons;
}

std::optional<JsonRefusal> extract_manifest(const Object& object, Source source,
                                            Manifest& manifest) {
  return ManifestReader(source, manifest).read(object);
}

std::optional<JsonRefusal> extract_release(const Object& object, Release& release) {
  auto refusal = extract_manifest(object, Source::kPackument, release.manifest);
  for (const auto field : object) {
    if (field.key == "dist") {
      release.dist = Dist();
      auto odd = read_dist(field.value, release.dist);
      if (!refusal) refusal = std::move(odd);
    } else if (field.key == "_npmUser") {
      release.publisher = read_publisher(field.value);
    } else if (field.key == "maintainers") {
      release.maintainers = as_persons(field.value);
    } else if (field.key == "gitHead") {
      const auto text = as_string(field.value);
      if (text) release.git_head = std::string(*text);
    } else if (field.key == "hasInstallScript") {
      if (!field.value.is_null()) release.has_install_script = is_truthy(field.value);
    } else if (field.key == "_hasShrinkwrap") {
      release.has_shrinkwrap = is_truthy(field.value);
    }
  }
  return refusal;
}

}  // namespace npmgate::json
