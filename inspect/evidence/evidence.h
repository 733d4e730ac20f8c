// Facts about one release with source and time of gathering: what is stored. Findings and verdicts
// are derived from it.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/time.h"
#include "inspect/archive/archive.h"
#include "inspect/code/tree.h"
#include "registry/manifest.h"

namespace npmgate {

// Raised when inspection learns new facts; older evidence stays valid until replaced.
inline constexpr int kInspectorVersion = 5;

struct IntegrityFact {
  bool checked = false;  // false: the packument names no digest at all
  bool matches = true;
  std::string algorithm;  // "sha512", "sha1"
  std::string expected;   // SRI text
  std::string actual;
  friend bool operator==(const IntegrityFact&, const IntegrityFact&) = default;
};

struct Unavailable {
  std::string source;  // packument-field, tarball, baseline, git-tags, signature, provenance, feed
  std::string reason;
  friend bool operator==(const Unavailable&, const Unavailable&) = default;
};

// What inspecting one tarball together with its manifest yields. Independent of every other release
// and of the present time.
struct Evidence {
  int inspector = kInspectorVersion;
  std::string name, version;
  std::string tarball_sha512;   // hex; "" if the bytes were not available
  std::string manifest_sha256;  // manifest_identity
  std::uint64_t tarball_size = 0;
  Time gathered{};
  Release release;  // as the packument stated it then
  IntegrityFact integrity;
  std::optional<ArchiveRefusal> archive_refusal;
  std::optional<JsonRefusal> package_json_refusal;
  std::vector<Unavailable> unavailable;
  Tree tree;  // empty if refused or unavailable
  friend bool operator==(const Evidence&, const Evidence&) = default;

  // The release's identity (SPEC, section 1): "<sha512 hex>:<sha256 hex>".
  std::string content_id() const { return tarball_sha512 + ":" + manifest_sha256; }
};
using EvidencePtr = std::shared_ptr<const Evidence>;

// Versioned JSON and back; from_json is kCorrupt on anything it did not write. Round trip is exact.
boost::json::value to_json(const Evidence& evidence);
Result<Evidence> evidence_from_json(const boost::json::value& value);
boost::json::value to_json(const Manifest& manifest);
boost::json::value to_json(const Release& release);

struct InspectionInput {
  std::string raw_manifest;  // the packument's version manifest, or "" for a bare .tgz file
  Release release;
  std::span<const std::byte> tarball;
  ArchiveLimits limits;
  Time now{};
  std::vector<Digest>
      digests;  // of `tarball`, computed while it came in; missing ones are computed
};

// An inspection has two halves. The first says which release this is: digests over bytes as a
// whole and values the caller has; nothing in the tarball is read, so it runs in the gate.
Evidence identify_release(const InspectionInput& input);
// False if the bytes are missing or not the release's: then they say nothing about it.
bool wants_contents(const Evidence& identified);

// The second half says what the tarball holds: inflating, walking and parsing hostile bytes. It
// needs nothing but the bytes, and can run in a process that has nothing but them (sandbox/).
struct Contents {
  std::optional<ArchiveRefusal> archive_refusal;
  std::optional<JsonRefusal> package_json_refusal;
  Tree tree;  // empty if refused
  friend bool operator==(const Contents&, const Contents&) = default;
};
// `stated` is the packument's manifest, of which name and scripts count. Pure; CPU-bound.
Contents read_contents(std::span<const std::byte> tarball, const Manifest& stated,
                       const ArchiveLimits& limits);
Evidence with_contents(Evidence identified, Contents contents);
boost::json::value to_json(const Contents& contents);
Result<Contents> contents_from_json(const boost::json::value& value);

// Both halves, one after the other, where the caller stands. Everything that goes wrong is in the
// evidence.
Evidence inspect_tarball(const InspectionInput& input);

}  // namespace npmgate
