// Findings: what the evidence of a release, beside that of its baseline, shows (SPEC, section 5).
// Pure functions in one table.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/evidence/evidence.h"
#include "inspect/evidence/outside_evidence.h"

namespace npmgate {

enum class Severity { kInfo, kLow, kMedium, kHigh, kCritical };
std::string_view to_string(Severity severity);

struct Finding {
  std::string id;  // SPEC section 5
  Severity severity = Severity::kInfo;
  std::string message;  // one sentence, ASCII-safe for a header, no trailing full stop
  boost::json::object proof;
  std::string source;  // packument-field, tarball, baseline, git-tags, source, signature,
                       // provenance, feed
  // SHA-256 of id and proof: what an approval covers.
  std::string digest() const;
  friend bool operator==(const Finding&, const Finding&) = default;
};

// Every finding id with severity and one-line description; the only list of ids (policy loading,
// docs and schema read it).
struct FindingKind {
  std::string_view id;
  Severity severity;
  std::string_view shows;
  bool needs_baseline_tree;  // cannot be judged without the baseline's tarball
};
std::span<const FindingKind> finding_kinds();
const FindingKind* find_kind(std::string_view id);

// False for a finding that is told but must not make a rule hold or block by itself (its proof says
// `informs_only`): hooks that run for git and linked installs only, exotic devDependencies that no
// client installs.
bool may_hold(const Finding& finding);

// The rule in the proof of an archive-refused that says no more than that there are links which do
// no harm whatever a client makes of them (archive_links.h).
inline constexpr std::string_view kLinkRule = "tar-link";

// What else is known of the package, gathered by the caller from the packument and the store.
// Everything optional: absent = unknown.
struct PackageHistory {
  struct Entry {
    std::string version;
    std::optional<Time> published;
    std::optional<std::string> publisher;
    bool attested = false;
    bool trusted = false;  // trusted publishing
    std::uint64_t unpacked_size = 0;
  };
  std::vector<Entry> entries;  // all releases of the packument, semver order
  bool times_real = true;      // false: `times: ingest`, publish-rhythm findings stay silent
  bool signs = false;          // the upstream signs releases (another version has dist.signatures)
  std::optional<std::string> first_seen_integrity;  // what we saw first for this name@version
  std::optional<Time> first_seen;
  bool withdrawn = false;         // upstream no longer lists it
  std::vector<std::string> tags;  // dist-tags that point to the release
  std::optional<TagEvidence> tag;
  std::optional<bool> signature_valid;  // nullopt: not checked
  // Attestations that were read, by version: the release's own and its baseline's.
  std::map<std::string, ProvenanceEvidence, std::less<>> provenance;
  SourceEvidences sources;                        // likewise
  std::optional<BranchEvidence> branch;           // of the release's commit
  std::optional<BranchEvidence> baseline_branch;  // as it was when the baseline was looked at
  struct DependencyAge {
    std::optional<Time> first_published;     // of the package
    std::optional<Time> resolved_published;  // of the version its range resolves to now
    std::string resolved;
    bool same_owner = false;
    std::string unknown;  // not empty: it was asked for and not found out, and why
    friend bool operator==(const DependencyAge&, const DependencyAge&) = default;
  };
  std::map<std::string, DependencyAge, std::less<>> dependency_ages;
  struct Advisory {
    std::string id, summary;
    std::optional<Time> published{};  // of the advisory
    // The advisory lists versions one by one and this is none of them: only its range over all
    // versions covers it.
    bool over_broad = false;
    friend bool operator==(const Advisory&, const Advisory&) = default;
  };
  std::vector<Unavailable> unavailable;  // outside facts that were not available
  std::vector<Advisory> advisories;      // of loaded feeds that name this very version
};

struct FindingInput {
  const Release* release = nullptr;             // never null
  const Evidence* evidence = nullptr;           // null: metadata only
  const Release* baseline = nullptr;            // null: first-release
  const Evidence* baseline_evidence = nullptr;  // null: not inspected
  const PackageHistory* history = nullptr;      // null: nothing known
  std::span<const std::string> popular;         // sorted names
};

// All findings, ordered as finding_kinds(). Deterministic; independent of the present time.
std::vector<Finding> derive_findings(const FindingInput& input);

// A package that clients install for one release and not for another, an alias taken apart.
struct NewDependency {
  std::string name;            // as the manifest has it
  std::string package, range;  // what it stands for
};
// Those of `release` that `before` did not have, or had as another package.
std::vector<NewDependency> new_dependencies(const Release& release, const Release& before);

// The known-malware findings alone, one per advisory: they change with the feed, all others do not.
std::vector<Finding> malware_findings(std::span<const PackageHistory::Advisory> advisories,
                                      std::optional<Time> published);

// True if a delta against the baseline's tarball could add findings: the caller then fetches it
// (if the release is recent).
bool wants_baseline_tree(const Evidence& evidence);
// Union of packument, tarball and implicit node-gyp: what hasInstallScript must say.
bool runs_on_install(const Release& release, const Evidence* evidence);

}  // namespace npmgate
