#include "inspect/evidence/manifest_json.h"

#include "inspect/evidence/outside_evidence.h"

namespace npmgate {
namespace {

namespace json = boost::json;

void put(json::object& out, std::string_view key, const std::string& text) {
  if (!text.empty()) out.emplace(key, text);
}
template <class T>
void put(json::object& out, std::string_view key, const std::optional<T>& value) {
  if (value) out.emplace(key, *value);
}
void put(json::object& out, std::string_view key, const std::vector<std::string>& texts) {
  if (!texts.empty()) out.emplace(key, to_json_array(texts));
}
void put(json::object& out, std::string_view key, const StringMap& map) {
  if (map.empty()) return;
  json::object members(out.storage());
  for (const auto& [name, text] : map) members.emplace(name, text);
  out.emplace(key, std::move(members));
}

json::object person_json(const Person& person) {
  json::object out;
  put(out, "name", person.name);
  put(out, "email", person.email);
  return out;
}
Person person_from(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  return {fields.text("name"), fields.text("email")};
}

json::object dist_json(const Dist& dist) {
  json::object out;
  put(out, "tarball", dist.tarball);
  put(out, "integrity", dist.integrity);
  put(out, "shasum", dist.shasum);
  put(out, "unpackedSize", dist.unpacked_size);
  put(out, "fileCount", dist.file_count);
  if (dist.signatures) {
    json::array signatures;
    for (const auto& [keyid, sig] : *dist.signatures)
      signatures.push_back(json::object{{"keyid", keyid}, {"sig", sig}});
    out.emplace("signatures", std::move(signatures));
  }
  put(out, "attestations", dist.attestations_url);
  put(out, "predicate", dist.provenance_predicate);
  return out;
}
Dist dist_from(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  Dist dist{.tarball = fields.text("tarball"),
            .integrity = fields.text("integrity"),
            .shasum = fields.text("shasum"),
            .unpacked_size = fields.optional_number("unpackedSize"),
            .file_count = fields.optional_number("fileCount"),
            .signatures = std::nullopt,
            .attestations_url = fields.optional_text("attestations"),
            .provenance_predicate = fields.optional_text("predicate")};
  if (fields.has("signatures")) {
    dist.signatures.emplace();
    for (const auto& element : fields.array("signatures")) {
      const JsonFields signature(element, ok);
      dist.signatures->push_back({signature.text("keyid"), signature.text("sig")});
    }
  }
  return dist;
}

json::object publisher_json(const Publisher& publisher) {
  auto out = person_json(publisher.person);
  put(out, "trustedPublisher", publisher.trusted_publisher);
  put(out, "approver", publisher.approver);
  return out;
}

}  // namespace

JsonFields::JsonFields(const json::value& value, bool& ok) : object_(value.if_object()), ok_(ok) {
  if (object_ == nullptr) ok_ = false;
}

const json::value* JsonFields::find(std::string_view key) const {
  return object_ == nullptr ? nullptr : object_->if_contains(key);
}
std::string JsonFields::text(std::string_view key) const {
  return optional_text(key).value_or("");
}
std::optional<std::string> JsonFields::optional_text(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  return json_text(*value, ok_);
}
bool JsonFields::flag(std::string_view key) const {
  return optional_flag(key).value_or(false);
}
std::optional<bool> JsonFields::optional_flag(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* flag = value->if_bool();
  if (flag == nullptr) ok_ = false;
  return flag != nullptr && *flag;
}
std::uint64_t JsonFields::number(std::string_view key) const {
  return optional_number(key).value_or(0);
}
std::optional<std::uint64_t> JsonFields::optional_number(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  return json_number(*value, ok_);
}
std::optional<Time> JsonFields::time(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* since = value->if_int64()) return Time(Millis(*since));
  const auto parsed = parse_time(json_text(*value, ok_));
  if (!parsed) ok_ = false;
  return parsed;
}
std::vector<std::string> JsonFields::texts(std::string_view key) const {
  const auto* value = find(key);
  return value == nullptr ? std::vector<std::string>() : json_texts(*value, ok_);
}
StringMap JsonFields::map(std::string_view key) const {
  StringMap out;
  const auto* value = find(key);
  if (value == nullptr) return out;
  const auto* members = value->if_object();
  if (members == nullptr) {
    ok_ = false;
    return out;
  }
  for (const auto& member : *members) out.emplace(member.key(), json_text(member.value(), ok_));
  return out;
}
const json::array& JsonFields::array(std::string_view key) const {
  static const json::array kEmpty;
  const auto* value = find(key);
  if (value == nullptr) return kEmpty;
  const auto* elements = value->if_array();
  if (elements == nullptr) ok_ = false;
  return elements == nullptr ? kEmpty : *elements;
}

std::string json_text(const json::value& value, bool& ok) {
  if (const auto* text = value.if_string()) return std::string(text->data(), text->size());
  ok = false;
  return {};
}
std::uint64_t json_number(const json::value& value, bool& ok) {
  if (const auto* number = value.if_uint64()) return *number;
  if (const auto* number = value.if_int64(); number != nullptr && *number >= 0)
    return static_cast<std::uint64_t>(*number);
  ok = false;
  return 0;
}
std::vector<std::string> json_texts(const json::value& value, bool& ok) {
  std::vector<std::string> out;
  const auto* elements = value.if_array();
  if (elements == nullptr) {
    ok = false;
    return out;
  }
  for (const auto& element : *elements) out.push_back(json_text(element, ok));
  return out;
}
json::array to_json_array(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::value time_to_json(Time time) {
  // format_time knows the years that ISO 8601 writes with four digits.
  constexpr std::chrono::year_month_day kFirst{std::chrono::year{1}, std::chrono::January,
                                               std::chrono::day{1}};
  constexpr std::chrono::year_month_day kEnd{std::chrono::year{9999}, std::chrono::January,
                                             std::chrono::day{1}};
  if (time >= std::chrono::sys_days{kFirst} && time < std::chrono::sys_days{kEnd}) {
    const auto text = format_time(time);
    if (parse_time(text) == time) return json::value(text);
  }
  return time.time_since_epoch().count();
}

json::value to_json(const Manifest& manifest) {
  json::object out;
  put(out, "name", manifest.name);
  put(out, "version", manifest.version);
  put(out, "scripts", manifest.scripts);
  put(out, "dependencies", manifest.dependencies);
  put(out, "optionalDependencies", manifest.optional_dependencies);
  put(out, "peerDependencies", manifest.peer_dependencies);
  put(out, "optionalPeers", manifest.optional_peers);
  put(out, "devDependencies", manifest.dev_dependencies);
  put(out, "bundleDependencies", manifest.bundled);
  put(out, "bin", manifest.bin);
  put(out, "binDirectory", manifest.bin_directory);
  put(out, "gypfile", manifest.gypfile);
  if (manifest.repository) {
    json::object repository{{"url", manifest.repository->url}};
    put(repository, "directory", manifest.repository->directory);
    out.emplace("repository", std::move(repository));
  }
  put(out, "license", manifest.license);
  put(out, "deprecated", manifest.deprecated);
  put(out, "main", manifest.main);
  put(out, "description", manifest.description);
  put(out, "engines", manifest.engines);
  put(out, "os", manifest.os);
  put(out, "cpu", manifest.cpu);
  put(out, "libc", manifest.libc);
  return out;
}

Manifest manifest_from_json(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  Manifest manifest;
  manifest.name = fields.text("name");
  manifest.version = fields.text("version");
  manifest.scripts = fields.map("scripts");
  manifest.dependencies = fields.map("dependencies");
  manifest.optional_dependencies = fields.map("optionalDependencies");
  manifest.peer_dependencies = fields.map("peerDependencies");
  manifest.optional_peers = fields.texts("optionalPeers");
  manifest.dev_dependencies = fields.map("devDependencies");
  manifest.bundled = fields.texts("bundleDependencies");
  manifest.bin = fields.map("bin");
  manifest.bin_directory = fields.text("binDirectory");
  manifest.gypfile = fields.optional_flag("gypfile");
  if (const auto* repository = fields.find("repository")) {
    const JsonFields inside(*repository, ok);
    manifest.repository = Repository{inside.text("url"), inside.text("directory")};
  }
  manifest.license = fields.text("license");
  manifest.deprecated = fields.optional_text("deprecated");
  manifest.main = fields.text("main");
  manifest.description = fields.text("description");
  manifest.engines = fields.map("engines");
  manifest.os = fields.texts("os");
  manifest.cpu = fields.texts("cpu");
  manifest.libc = fields.texts("libc");
  return manifest;
}

json::value to_json(const Release& release) {
  json::object out{{"manifest", to_json(release.manifest)}, {"dist", dist_json(release.dist)}};
  if (release.published) out.emplace("published", time_to_json(*release.published));
  if (release.publisher) out.emplace("publisher", publisher_json(*release.publisher));
  if (release.maintainers) {
    json::array people;
    for (const auto& person : *release.maintainers) people.push_back(person_json(person));
    out.emplace("maintainers", std::move(people));
  }
  put(out, "gitHead", release.git_head);
  put(out, "hasInstallScript", release.has_install_script);
  if (release.has_shrinkwrap) out.emplace("hasShrinkwrap", true);
  if (release.refusal)
    out.emplace("refusal",
                json::object{{"rule", release.refusal->rule}, {"detail", release.refusal->detail}});
  return out;
}

Release release_from_json(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  Release release;
  const auto* manifest = fields.find("manifest");
  const auto* dist = fields.find("dist");
  ok = ok && manifest != nullptr && dist != nullptr;
  if (!ok) return release;
  release.manifest = manifest_from_json(*manifest, ok);
  release.dist = dist_from(*dist, ok);
  release.published = fields.time("published");
  if (const auto* publisher = fields.find("publisher")) {
    const JsonFields inside(*publisher, ok);
    release.publisher =
        Publisher{person_from(*publisher, ok), inside.optional_text("trustedPublisher"),
                  inside.optional_text("approver")};
  }
  if (fields.has("maintainers")) {
    release.maintainers.emplace();
    for (const auto& person : fields.array("maintainers"))
      release.maintainers->push_back(person_from(person, ok));
  }
  release.git_head = fields.optional_text("gitHead");
  release.has_install_script = fields.optional_flag("hasInstallScript");
  release.has_shrinkwrap = fields.flag("hasShrinkwrap");
  if (const auto* refusal = fields.find("refusal")) {
    const JsonFields inside(*refusal, ok);
    release.refusal = JsonRefusal{inside.text("rule"), inside.text("detail")};
  }
  return release;
}

json::object to_json(const ProvenanceEvidence& evidence) {
  const Provenance& stated = evidence.stated;
  json::object out{{"predicate", stated.predicate},
                   {"repository", stated.repository},
                   {"workflow", stated.workflow},
                   {"ref", stated.ref},
                   {"commit", stated.commit},
                   {"builder", stated.builder},
                   {"foreign", evidence.foreign},
                   {"url", evidence.url},
                   {"asked", time_to_json(evidence.asked)}};
  if (!evidence.invalid.empty()) out["invalid"] = evidence.invalid;
  if (const auto& proven = evidence.verified)
    out["verified"] =
        json::object{{"issuer", proven->issuer}, {"workflow", proven->workflow},
                     {"run", proven->run},       {"runner", proven->runner},
                     {"sha512", proven->sha512}, {"signed_at", time_to_json(proven->signed_at)},
                     {"checks", proven->checks}, {"publish_attested", proven->publish_attested}};
  return out;
}

ProvenanceEvidence provenance_from_json(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  ProvenanceEvidence out;
  out.stated = {fields.text("predicate"), fields.text("repository"), fields.text("workflow"),
                fields.text("ref"),       fields.text("commit"),     fields.text("builder")};
  out.foreign = fields.text("foreign");
  out.url = fields.text("url");
  out.asked = fields.time("asked").value_or(Time{});
  out.invalid = fields.optional_text("invalid").value_or("");
  if (const json::value* proven = fields.find("verified")) {
    const JsonFields each(*proven, ok);
    out.verified = ProvenanceEvidence::Verified{each.text("issuer"),
                                                each.text("workflow"),
                                                each.text("run"),
                                                each.text("runner"),
                                                each.text("sha512"),
                                                each.time("signed_at").value_or(Time{}),
                                                each.optional_number("checks").value_or(0),
                                                each.flag("publish_attested")};
  }
  return out;
}

}  // namespace npmgate
