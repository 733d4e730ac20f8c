#include "registry/provenance.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "base/digest.h"
#include "registry/json_check.h"

namespace npmgate {
namespace {

using json::Array;
using json::Element;

constexpr std::string_view kPredicates = "https://slsa.dev/provenance/";
constexpr std::string_view kPayloadType = "application/vnd.in-toto+json";
// Of one text that is kept: URLs, paths and refs of real statements stay below 200 bytes.
constexpr std::size_t kMaxText = 1024;

Error unreadable(std::string_view why) {
  return fail(Code::kMalformed, Origin::kUpstream,
              "the provenance attestation cannot be read: " + std::string(why));
}

using Path = std::initializer_list<std::string_view>;

std::optional<Element> value_at(const Element& root, Path path) {
  Element value = root;
  for (const std::string_view key : path) {
    if (value.at_key(key).get(value)) return std::nullopt;
  }
  return value;
}

// "" if there is no text; nullopt for one that is longer than any real one or holds control
// characters.
std::optional<std::string> text_at(const Element& root, Path path) {
  const auto value = value_at(root, path);
  std::string_view text;
  if (!value || value->get_string().get(text)) return std::string();
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!plain || text.size() > kMaxText) return std::nullopt;
  return std::string(text);
}

std::optional<Array> array_at(const Element& root, Path path) {
  const auto value = value_at(root, path);
  Array array;
  if (!value || value->get_array().get(array)) return std::nullopt;
  return array;
}

bool is_text(const Element& root, Path path, std::string_view expected) {
  const auto value = value_at(root, path);
  std::string_view text;
  return value && !value->get_string().get(text) && text == expected;
}

// "git+https://git.example/o/r@refs/heads/main" in its parts.
void split_source(std::string_view uri, Provenance& out) {
  if (uri.starts_with("git+")) uri.remove_prefix(4);
  const std::size_t at = uri.rfind("@refs/");
  out.repository = std::string(uri.substr(0, at));
  if (at != std::string_view::npos && out.ref.empty()) out.ref = std::string(uri.substr(at + 1));
}

// The one attestation with provenance.
Result<Element> provenance_of(const Element& answer) {
  const auto attestations = array_at(answer, {"attestations"});
  if (!attestations) return unreadable("the answer holds no attestations");
  std::optional<Element> found;
  for (const Element each : *attestations) {
    const auto predicate = text_at(each, {"predicateType"});
    if (!predicate || !predicate->starts_with(kPredicates)) continue;
    if (found) return unreadable("there are two");
    found = each;
  }
  if (!found)
    return fail(Code::kNotFound, Origin::kUpstream,
                "there is no provenance among the release's attestations");
  return *found;
}

Result<std::string> payload_of(const Element& attestation) {
  const auto envelope = value_at(attestation, {"bundle", "dsseEnvelope"});
  if (!envelope || !is_text(*envelope, {"payloadType"}, kPayloadType))
    return unreadable("it holds no in-toto statement");
  const auto signatures = array_at(*envelope, {"signatures"});
  if (!signatures || signatures->size() == 0) return unreadable("it is not signed");
  const auto payload = value_at(*envelope, {"payload"});
  std::string_view text;
  if (!payload || payload->get_string().get(text)) return unreadable("it has no payload");
  const auto bytes = base64_decode(text);
  if (!bytes) return unreadable("its payload is not base64");
  return std::string(bytes->begin(), bytes->end());
}

bool names(const Array& subjects, const AttestedRelease& release) {
  const std::string url = package_url(release);
  if (release.sha512.empty()) return false;
  return std::any_of(subjects.begin(), subjects.end(), [&](const Element& subject) {
    return is_text(subject, {"name"}, url) &&
           is_text(subject, {"digest", "sha512"}, release.sha512);
  });
}

// Texts of one value; `ok` turns false at one that is not kept.
class Texts {
 public:
  explicit Texts(const Element& root) : root_(root) {}
  std::string operator()(Path path) {
    auto text = text_at(root_, path);
    ok_ = ok_ && text.has_value();
    return text.value_or("");
  }
  bool ok() const { return ok_; }

 private:
  Element root_;
  bool ok_ = true;
};

// https://slsa.dev/spec/v1.0/provenance with GitHub's build type for workflows.
bool read_v1(const Element& predicate, Provenance& out) {
  Texts text(predicate);
  out.repository = text({"buildDefinition", "externalParameters", "workflow", "repository"});
  out.workflow = text({"buildDefinition", "externalParameters", "workflow", "path"});
  out.ref = text({"buildDefinition", "externalParameters", "workflow", "ref"});
  out.builder = text({"runDetails", "builder", "id"});
  const auto dependencies = array_at(predicate, {"buildDefinition", "resolvedDependencies"});
  Element source;
  if (!dependencies || dependencies->at(0).get(source)) return text.ok();
  Texts of_source(source);
  out.commit = of_source({"digest", "gitCommit"});
  if (out.repository.empty()) split_source(of_source({"uri"}), out);
  return text.ok() && of_source.ok();
}

// https://slsa.dev/spec/v0.2/provenance, as npm fills it for GitHub and GitLab.
bool read_v02(const Element& predicate, Provenance& out) {
  Texts text(predicate);
  out.workflow = text({"invocation", "configSource", "entryPoint"});
  out.commit = text({"invocation", "configSource", "digest", "sha1"});
  out.builder = text({"builder", "id"});
  split_source(text({"invocation", "configSource", "uri"}), out);
  return text.ok();
}

Result<Provenance> read_statement(const Element& statement, const AttestedRelease& release) {
  Provenance out;
  out.predicate = text_at(statement, {"predicateType"}).value_or("");
  const auto subjects = array_at(statement, {"subject"});
  if (!subjects) return unreadable("its statement has no subject");
  if (!names(*subjects, release))
    return fail(Code::kIntegrityMismatch, Origin::kUpstream,
                "the provenance attestation is about something else than " + package_url(release) +
                    " with this tarball's SHA-512");
  const auto predicate = value_at(statement, {"predicate"});
  const bool first = out.predicate == "https://slsa.dev/provenance/v0.2";
  if (!first && !out.predicate.starts_with("https://slsa.dev/provenance/v1"))
    return unreadable("its version of provenance is not known");
  if (!predicate || !(first ? read_v02(*predicate, out) : read_v1(*predicate, out)))
    return unreadable("its predicate holds what no build says");
  if (out.repository.empty()) return unreadable("it names no repository");
  return out;
}

}  // namespace

// npm's package URL: the scope's "@" is the one character of a name that is written differently.
std::string package_url(const AttestedRelease& release) {
  const bool scoped = release.name.starts_with('@');
  return "pkg:npm/" + (scoped ? "%40" + release.name.substr(1) : release.name) + "@" +
         release.version;
}

Result<Provenance> read_provenance_statement(std::string_view text,
                                             const AttestedRelease& release) {
  json::StrictParser parser;
  Element statement;
  if (const auto refusal = parser.parse_unambiguous(text, false, statement))
    return unreadable(refusal->detail);
  return read_statement(statement, release);
}

Result<Provenance> read_provenance(std::string_view answer, const AttestedRelease& release) {
  json::StrictParser outer;
  Element root;
  if (const auto refusal = outer.parse_unambiguous(answer, false, root))
    return unreadable(refusal->detail);
  const auto attestation = provenance_of(root);
  if (!attestation) return attestation.error();
  const auto payload = payload_of(*attestation);
  if (!payload) return payload.error();
  auto provenance = read_provenance_statement(*payload, release);
  if (provenance && !is_text(*attestation, {"predicateType"}, provenance->predicate))
    return unreadable("its statement is of another kind than it says");
  return provenance;
}

}  // namespace npmgate
