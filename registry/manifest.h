// What a package says about itself: the fields that package managers act on and that judgement
// needs. The same type for a packument's version manifest and for a tarball's package.json.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

using StringMap = std::map<std::string, std::string, std::less<>>;

struct Person {
  std::string name;
  std::string email;
  friend bool operator==(const Person&, const Person&) = default;
};

struct Repository {
  std::string url;        // as written: URL or shorthand
  std::string directory;  // monorepo sub-folder, or ""
  friend bool operator==(const Repository&, const Repository&) = default;
};

struct Manifest {
  std::string name;
  std::string version;
  StringMap scripts;
  StringMap dependencies;
  StringMap optional_dependencies;
  StringMap peer_dependencies;
  std::vector<std::string> optional_peers;  // names that peerDependenciesMeta marks so, sorted
  StringMap dev_dependencies;  // of a package.json only: in packuments nobody acts on them, and
                               // they are most of the text
  std::vector<std::string> bundled;  // bundleDependencies / bundledDependencies; all dependencies'
                                     // names if it is `true`
  StringMap bin;              // a string `bin` is {unscoped name: path}, as npm normalises it
  std::string bin_directory;  // `directories.bin` if there is no `bin`: each file below is a
                              // command of that name (pnpm, bun, yarn 1); "." is the package's root
  std::optional<bool> gypfile;
  std::optional<Repository> repository;
  std::string license;                    // SPDX text or the object's type; ""
  std::optional<std::string> deprecated;  // "" in the packument means not deprecated: nullopt
  std::string main;
  std::string description;
  StringMap engines;
  std::vector<std::string> os, cpu, libc;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

struct Dist {
  std::string tarball;    // URL as the upstream wrote it
  std::string integrity;  // SRI, or ""
  std::string shasum;     // sha1 hex, or ""
  std::optional<std::uint64_t> unpacked_size, file_count;
  struct Signature {
    std::string keyid, sig;
    friend bool operator==(const Signature&, const Signature&) = default;
  };
  std::optional<std::vector<Signature>> signatures;  // nullopt: the field is absent
  std::optional<std::string> attestations_url;       // nullopt: no attestations named
  std::optional<std::string> provenance_predicate;   // dist.attestations.provenance.predicateType
  bool attested() const { return attestations_url || provenance_predicate; }
  friend bool operator==(const Dist&, const Dist&) = default;
};

// Why a JSON document is not what every client reads alike (docs/threats.md); `rule` is stable,
// `detail` for people.
struct JsonRefusal {
  std::string rule;  // e.g. "not-json" "duplicate-key" "depth" "proto-key" "scripts-not-strings"
                     // "not-an-object" "invalid-utf8" "lone-surrogate" "nul" "size"
  std::string detail;
  friend bool operator==(const JsonRefusal&, const JsonRefusal&) = default;
};

// `_npmUser`: the account that published. trusted_publisher is its `trustedPublisher.id` ("github",
// "gitlab"), approver the human of staged publishing.
struct Publisher {
  Person person;
  std::optional<std::string> trusted_publisher;
  std::optional<std::string> approver;
  friend bool operator==(const Publisher&, const Publisher&) = default;
};

// One version of one package as its upstream's packument states it. Absent fields are nullopt:
// unknown, never "none".
struct Release {
  Manifest manifest;
  Dist dist;
  std::optional<Time> published;  // packument `time`
  std::optional<Publisher> publisher;
  std::optional<std::vector<Person>> maintainers;  // of this version's manifest
  std::optional<std::string> git_head;
  std::optional<bool> has_install_script;  // `hasInstallScript` as claimed
  bool has_shrinkwrap = false;             // `_hasShrinkwrap` as claimed
  // Clients read this version's manifest differently (or not at all): the finding
  // package-json-refused. What could be read is filled in, the last of repeated keys as in
  // JSON.parse.
  std::optional<JsonRefusal> refusal;
  friend bool operator==(const Release&, const Release&) = default;
};

// Lifecycle scripts that package managers run when a registry dependency is installed, in running
// order (measured: 34 names tried on eight clients, only these three ran).
inline constexpr std::string_view kInstallHooks[] = {"preinstall", "install", "postinstall"};
// Run for git and linked dependencies only.
inline constexpr std::string_view kPrepareHooks[] = {"prepublish", "preprepare", "prepare",
                                                     "postprepare"};

struct ParsedManifest {
  Manifest manifest;
  std::optional<JsonRefusal> refusal;  // set: manifest is empty
  bool harmless_duplicates =
      false;  // a repeated key that no client acts on (2 of 2,229 real files)
};

// Reads a tarball's package.json under the strict rules: UTF-8 (a BOM is allowed), strict JSON,
// depth <= 200, size <= 4 MiB, no duplicate among the keys clients act on (inside their objects
// too), `scripts` an object whose install hooks (and their pre/post) are strings, no `__proto__`
// key. Other scripts of another type are left out: nobody runs them for a dependency, and all
// stable releases of rollup from 1.20.3 to 2.31.0 have one. Never throws.
ParsedManifest parse_package_json(std::string_view text);

// The canonical manifest fields clients act on (SPEC, section 1), as compact JSON with sorted keys,
// from the raw text of one version manifest: scripts, dependency fields, bin, directories, engines,
// os, cpu, libc, gypfile, hasInstallScript, _hasShrinkwrap, dist.integrity and dist.shasum.
// Signatures and attestations are evidence, not identity: registries re-sign when keys rotate.
Result<std::string> canonical_manifest(std::string_view raw_manifest);

// What identifies a version manifest: SHA-256 hex of its canonical form, or of its whole text if
// it has none (a refused one); "" if there is no text.
std::string manifest_identity(std::string_view raw_manifest);

}  // namespace npmgate
