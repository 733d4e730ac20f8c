#include "inspect/findings/findings.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate {
namespace {

using enum Severity;

// In the order of SPEC section 5, except that the most telling of a group stands first.
constexpr FindingKind kKinds[] = {
    {"known-malware", kCritical, "listed in a loaded advisory feed", false},
    {"integrity-mismatch", kCritical, "the bytes do not match the packument's integrity or shasum",
     false},
    {"archive-refused", kCritical,
     "the tarball breaks the strict profile: clients would disagree about its content", false},
    {"package-json-refused", kCritical, "its package.json is not what every client reads alike",
     false},
    {"archive-over-limit", kHigh, "the tarball is over a limit of size, ratio, entries or time",
     false},
    {"release-republished", kCritical, "same name and version, other integrity than first seen",
     false},
    {"release-withdrawn", kMedium, "the upstream removed a release that was served", false},
    {"install-script-added", kHigh, "a lifecycle script that the baseline does not have", false},
    {"install-script-changed", kHigh, "a lifecycle script with another text than the baseline's",
     false},
    {"install-script-target-changed", kHigh,
     "what an unchanged lifecycle script runs or acts on is new or has changed", true},
    {"implicit-install-added", kHigh,
     "a binding.gyp appears without an install script: clients run node-gyp", false},
    {"install-script-unresolved", kHigh,
     "a new or changed lifecycle script whose command cannot be followed to the end", false},
    {"install-script-suspicious", kHigh,
     "a lifecycle script or a file it runs fetches, spawns a shell, reads credentials or "
     "evaluates decoded text",
     false},
    {"bundled-install-script-added", kHigh, "a bundled package brings a new lifecycle script",
     true},
    {"bundled-package-changed", kHigh,
     "a bundled package has other files under the version that it had before, or is new", true},
    {"bin-shadows-command", kHigh, "a bin entry named like a command that installs use", false},
    {"missing-git-tag", kMedium, "the repository tags its releases, and this one has no tag",
     false},
    {"git-tag-mismatch", kMedium, "the tag's commit is not the release's, or the tag moved", false},
    {"commit-not-on-branch", kMedium,
     "its commit is on no branch of the repository, where those of earlier releases are", false},
    {"file-not-in-source", kHigh,
     "a file, script or dependency that the source does not have, where the baseline's were the "
     "source's",
     true},
    {"repository-changed", kMedium, "the repository URL points elsewhere or vanished", false},
    {"new-maintainer-published", kMedium,
     "published by an account that was not among the baseline's maintainers", false},
    {"publisher-changed", kMedium, "published by another account than the baseline", false},
    {"maintainers-changed", kLow, "other maintainers than the baseline's", false},
    {"provenance-invalid", kCritical,
     "an attestation is there, and its signatures, log proofs, times, subject or statement do not "
     "hold",
     false},
    {"provenance-lost", kHigh,
     "earlier releases of this line had attestations or trusted publishing, this one has none",
     false},
    {"provenance-changed", kMedium,
     "built from another repository or workflow, or published by another trusted publisher", false},
    {"signature-missing", kMedium, "the registry signs its releases, this one has no signature",
     false},
    {"signature-invalid", kCritical, "the registry's signature does not verify", false},
    {"manifest-mismatch", kHigh, "packument manifest and the tarball's package.json differ", false},
    {"dependency-added", kLow, "a runtime dependency that the baseline does not have", false},
    {"dependency-changed", kHigh,
     "a dependency became an alias, another package, or an older range", false},
    {"fresh-dependency", kHigh, "a new dependency first published less than 30 days before", false},
    {"exotic-dependency", kHigh, "a dependency from git, a URL or a file instead of a registry",
     false},
    {"shrinkwrap-included", kMedium, "an npm-shrinkwrap.json inside", false},
    {"native-binary-added", kHigh, "native code that the baseline does not have", true},
    {"obfuscated-code-added", kHigh, "new or changed code, packed or encoded beyond minification",
     true},
    {"network-endpoint-added", kMedium, "hosts in the code that the baseline does not name", true},
    {"sensitive-access-added", kHigh,
     "newly reads credentials, wallets, the environment in bulk or CI secrets", true},
    {"import-time-capabilities", kHigh,
     "loading it newly does two of: network, process, code from elsewhere, secrets", false},
    {"capability-added", kMedium, "an entry or a file can do what it could not do before", true},
    {"entry-changed", kLow, "an entry leads to another file, or a file became reachable", true},
    {"agent-autorun", kMedium, "files or code that make an agent, an editor or CI run something",
     true},
    {"disguised-file", kMedium, "text under the name of a picture, font or archive", false},
    {"size-jump", kMedium, "size or file count far beyond the package's own history", false},
    {"dormant-release", kLow, "first release after a silence long for this package", false},
    {"version-burst", kMedium, "several releases or release lines at once", false},
    {"old-line-release", kInfo, "not of the highest release line", false},
    {"dist-tag-moved", kLow, "latest points to it though a higher or stable release is listed",
     false},
    {"first-release", kInfo, "no baseline to compare with", false},
    {"typosquat-suspect", kHigh, "a name within a typing error of a popular package's", false},
    {"deprecated", kInfo, "deprecated by its maintainers", false},
    {"platform-changed", kInfo, "other engines, os, cpu or libc than the baseline's", false},
    {"license-changed", kInfo, "another license than the baseline's", false},
    {"evidence-unavailable", kMedium, "something that should have been inspected could not be",
     false},
};

struct DetectorRow {
  std::string_view id;
  detect::Detector run;
};

constexpr DetectorRow kDetectors[] = {
    {"known-malware", detect::known_malware},
    {"integrity-mismatch", detect::integrity_mismatch},
    {"archive-refused", detect::archive_refused},
    {"package-json-refused", detect::package_json_refused},
    {"archive-over-limit", detect::archive_over_limit},
    {"release-republished", detect::release_republished},
    {"release-withdrawn", detect::release_withdrawn},
    {"install-script-added", detect::install_script_added},
    {"install-script-changed", detect::install_script_changed},
    {"install-script-target-changed", detect::install_script_target_changed},
    {"implicit-install-added", detect::implicit_install_added},
    {"install-script-unresolved", detect::install_script_unresolved},
    {"install-script-suspicious", detect::install_script_suspicious},
    {"bundled-install-script-added", detect::bundled_install_script_added},
    {"bundled-package-changed", detect::bundled_package_changed},
    {"bin-shadows-command", detect::bin_shadows_command},
    {"missing-git-tag", detect::missing_git_tag},
    {"git-tag-mismatch", detect::git_tag_mismatch},
    {"commit-not-on-branch", detect::commit_not_on_branch},
    {"file-not-in-source", detect::file_not_in_source},
    {"repository-changed", detect::repository_changed},
    {"new-maintainer-published", detect::new_maintainer_published},
    {"publisher-changed", detect::publisher_changed},
    {"maintainers-changed", detect::maintainers_changed},
    {"provenance-invalid", detect::provenance_invalid},
    {"provenance-lost", detect::provenance_lost},
    {"provenance-changed", detect::provenance_changed},
    {"signature-missing", detect::signature_missing},
    {"signature-invalid", detect::signature_invalid},
    {"manifest-mismatch", detect::manifest_mismatch},
    {"dependency-added", detect::dependency_added},
    {"dependency-changed", detect::dependency_changed},
    {"fresh-dependency", detect::fresh_dependency},
    {"exotic-dependency", detect::exotic_dependency},
    {"shrinkwrap-included", detect::shrinkwrap_included},
    {"native-binary-added", detect::native_binary_added},
    {"obfuscated-code-added", detect::obfuscated_code_added},
    {"network-endpoint-added", detect::network_endpoint_added},
    {"sensitive-access-added", detect::sensitive_access_added},
    {"import-time-capabilities", detect::import_time_capabilities},
    {"capability-added", detect::capability_added},
    {"entry-changed", detect::entry_changed},
    {"agent-autorun", detect::agent_autorun},
    {"disguised-file", detect::disguised_file},
    {"size-jump", detect::size_jump},
    {"dormant-release", detect::dormant_release},
    {"version-burst", detect::version_burst},
    {"old-line-release", detect::old_line_release},
    {"dist-tag-moved", detect::dist_tag_moved},
    {"first-release", detect::first_release},
    {"typosquat-suspect", detect::typosquat_suspect},
    {"deprecated", detect::deprecated},
    {"platform-changed", detect::platform_changed},
    {"license-changed", detect::license_changed},
    {"evidence-unavailable", detect::evidence_unavailable},
};

consteval bool same_order() {
  if (std::size(kKinds) != std::size(kDetectors)) return false;
  for (std::size_t i = 0; i < std::size(kKinds); ++i) {
    if (kKinds[i].id != kDetectors[i].id) return false;
  }
  return true;
}
static_assert(same_order(), "every kind has its detector, in the same order");

// Keys sorted at every depth: the digest depends on what is said, not on the order it was written
// in.
boost::json::value sorted(const boost::json::value& value) {
  if (const auto* array = value.if_array()) {
    boost::json::array out;
    for (const auto& item : *array) out.push_back(sorted(item));
    return out;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  std::vector<const boost::json::key_value_pair*> members;
  for (const auto& member : *object) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const auto* a, const auto* b) { return a->key() < b->key(); });
  boost::json::object out;
  for (const auto* member : members) out.emplace(member->key(), sorted(member->value()));
  return out;
}

bool declares_install_hook(const Manifest& manifest) {
  return std::any_of(std::begin(kInstallHooks), std::end(kInstallHooks), [&](auto hook) {
    const auto it = manifest.scripts.find(hook);
    return it != manifest.scripts.end() && !trimmed(it->second).empty();
  });
}

}  // namespace

std::string_view to_string(Severity severity) {
  constexpr std::string_view kNames[] = {"info", "low", "medium", "high", "critical"};
  return kNames[static_cast<std::size_t>(severity)];
}

std::string Finding::digest() const {
  return sha256_hex(id + "\n" + boost::json::serialize(sorted(proof)));
}

std::span<const FindingKind> finding_kinds() {
  return kKinds;
}

const FindingKind* find_kind(std::string_view id) {
  const auto it = std::find_if(std::begin(kKinds), std::end(kKinds),
                               [&](const FindingKind& kind) { return kind.id == id; });
  return it == std::end(kKinds) ? nullptr : it;
}

bool may_hold(const Finding& finding) {
  const auto* only = finding.proof.if_contains("informs_only");
  return only == nullptr || !only->is_bool() || !only->get_bool();
}

std::vector<Finding> derive_findings(const FindingInput& input) {
  const detect::Comparison sides(input);
  std::vector<Finding> findings;
  for (const DetectorRow& row : kDetectors) {
    for (Finding& finding : row.run(sides)) findings.push_back(std::move(finding));
  }
  return findings;
}

bool wants_baseline_tree(const Evidence& evidence) {
  const Tree* tree = detect::usable_tree(&evidence);
  if (tree == nullptr) return false;
  if (runs_on_install(evidence.release, &evidence) || !tree->bundled.empty()) return true;
  if (detect::has_inner_bins(*tree)) return true;
  const detect::CodeLimits nothing;
  return std::any_of(tree->files.begin(), tree->files.end(), [&](const FileFacts& file) {
    if (file.kind == FileKind::kNative) return true;
    if (file.reading && !file.reading->capabilities.empty()) return true;
    if (!file.code) return false;
    return !file.code->endpoints.empty() || !file.code->traits.empty() ||
           !detect::obfuscation(file, nothing).empty();
  });
}

bool runs_on_install(const Release& release, const Evidence* evidence) {
  if (declares_install_hook(release.manifest)) return true;
  const Tree* tree = detect::usable_tree(evidence);
  if (tree == nullptr) {
    // Nothing better is known than what the packument claims.
    return release.has_install_script.value_or(false) || release.manifest.gypfile.value_or(false);
  }
  return tree->has_binding_gyp || declares_install_hook(tree->package_json);
}

}  // namespace npmgate
