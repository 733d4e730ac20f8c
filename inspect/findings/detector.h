// Shared by the detectors: two releases side by side, and helpers for messages and proofs. Internal
// to inspect/.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/findings/findings.h"
#include "registry/semver.h"

namespace npmgate::detect {

namespace json = boost::json;

// A release beside its baseline. Pointers are null if the fact was not available: unknown, never
// "none".
struct Comparison {
  explicit Comparison(const FindingInput& input);

  const Release& release;
  const Evidence* evidence;
  const Tree* tree;        // null: not inspected, refused or not available
  const Manifest* packed;  // the tarball's package.json; null: no tree, or refused
  const Release* before;   // null: first release
  const Evidence* before_evidence;
  const Tree* before_tree;
  const Manifest* before_packed;
  const PackageHistory* history;
  std::span<const std::string> popular;

  // The scripts that `npm run` inside a hook reads: those on disk.
  const StringMap& scripts() const;
  const StringMap& scripts_before() const;  // requires a baseline
  // Whether content can be called new: there is a tree, and one to compare with or no baseline at
  // all.
  bool comparable() const {
    return tree != nullptr && (before == nullptr || before_tree != nullptr);
  }
};

// The tree that evidence carries; null if there is none to speak of.
const Tree* usable_tree(const Evidence* evidence);
const Manifest* usable_manifest(const Evidence* evidence);
// What follows the last '/'.
std::string_view base_name(std::string_view path);
const FileFacts* find_file(const Tree& tree, std::string_view path);
// Those whose path starts with `folder`, which ends with a slash or is "".
std::span<const FileFacts> files_below(const Tree& tree, std::string_view folder);

// A finding with its message made fit for a header: printable ASCII, one line, at most 200
// characters.
Finding make(std::string_view id, Severity severity, std::string_view source,
             std::string_view message, json::object proof);

// Text for a proof: whole up to 1 KiB, beyond that its beginning with the digest of all of it.
json::value proof_text(std::string_view text);
// At most `limit` items; the number left out and the digest of the whole list go into `proof`
// beside it.
void put_list(json::object& proof, std::string_view key, json::array items, std::size_t limit = 20);
json::array to_array(const std::set<std::string>& items);
std::string join(const std::vector<std::string>& items, std::string_view separator,
                 std::size_t limit);

// "https://host/owner/repo" in one spelling: protocol, credentials, ".git", "www.", case of the
// host and hosting shorthands do not count; a "#committish" is kept. "" for blank text.
std::string normal_repository(std::string_view url);

// The texts of one hook: what the packument and the tarball's package.json say, blank ones left
// out, equal ones once.
struct HookText {
  std::string text;
  bool packument = false;
  bool tarball = false;
  // The text with the release's own version taken out: what two releases are compared by.
  std::string same;
};
std::vector<HookText> hook_texts(std::string_view hook, const Manifest& packument,
                                 const Manifest* packed);
// The text with every occurrence of the version, as a word of its own, replaced.
std::string without_version(std::string_view text, std::string_view version);
// Whether the package holds what `node path` would load.
bool ships(const Tree& tree, std::string_view path);
// True if clients build with node-gyp though nobody declared an install script.
bool builds_implicitly(const Tree& tree);
const HookReach* find_reach(const Tree& tree, std::string_view hook, std::string_view command);
// Other scripts of the same package.json that `text` runs by name, with what these run; name ->
// text. Errs towards too many.
std::map<std::string, std::string> script_chain(std::string_view text, const StringMap& scripts);
// Files that a hook's command names itself; others are only required by these and change with every
// ordinary release.
std::vector<std::string> entry_files(const HookReach& reach, const StringMap& scripts);
// What the hook acts on beside its entry files: what these require, data, patches; and where it
// builds or loads an addon, all sources and natives.
std::vector<std::string> closure_files(const Tree& tree, const HookReach& reach,
                                       const StringMap& scripts);
// What is to be told about a kept hook's closure: features (traits, new hosts and URLs) that it did
// not have before, and where; empty if there is no tree of the baseline's.
std::map<std::string, std::set<std::string>> closure_news(const Comparison& sides,
                                                          std::string_view hook,
                                                          const HookText& text);
// A dependency's spec with an alias taken apart: "npm:other@^1" of `name` is other, "^1".
struct ResolvedSpec {
  std::string package, range;
  bool alias = false;
};
ResolvedSpec resolve_spec(std::string_view name, std::string_view spec);
// The spec under which clients install `name` for the release; nullopt if they do not.
std::optional<std::string> runtime_spec(const Release& release, const Manifest* packed,
                                        std::string_view name);
// Whether files of the tree stand for commands that installs use (bins.cc).
bool has_inner_bins(const Tree& tree);
// The same for a package in `folder` ("node_modules/a/"), of which nobody followed the hooks; paths
// in that folder.
std::vector<std::string> named_files(const Tree& tree, std::string_view folder,
                                     std::string_view command, const StringMap& scripts);
bool has_trait(const std::vector<std::string>& traits, std::string_view trait);

// What stands in a file for "packed or encoded beyond minification", with the numbers; empty:
// nothing.
struct CodeLimits {
  double entropy = 0;
  std::uint32_t longest_line = 0, hex_escapes = 0, obfuscator_names = 0, longest_literal = 0;
  std::uint32_t hidden_blanks = 0, bigram_entropy = 0, odd_density = 0, mixed_names = 0,
                symbol_run = 0;
  std::set<std::string, std::less<>> traits;
  std::set<std::string, std::less<>> endpoints;
};
// The root of a bundled package, not a package.json of some folder inside it; and the same package
// in another tree, by path or name.
bool is_package_root(std::string_view path);
const BundledPackage* counterpart(const Tree* tree, const BundledPackage& bundled);
// Hosts that no code ever connects to: name spaces, documentation, this machine.
bool names_nothing(std::string_view host);
// The largest of every measure over all files of a tree and its hooks' texts.
CodeLimits measure_limits(const Tree& tree);
struct Indicator {
  std::string name;
  std::string words;  // "214 obfuscator names"
  json::value value;
  bool strong = false;
};
std::vector<Indicator> obfuscation(const FileFacts& file, const CodeLimits& before);

// Position of a version in history.entries; npos-like nullopt if it is not listed.
std::optional<std::size_t> entry_index(const PackageHistory& history, std::string_view version);
bool trusted(const Release& release);

using Detector = std::vector<Finding> (*)(const Comparison&);

std::vector<Finding> install_script_added(const Comparison& sides);
std::vector<Finding> install_script_changed(const Comparison& sides);
std::vector<Finding> install_script_target_changed(const Comparison& sides);
std::vector<Finding> implicit_install_added(const Comparison& sides);
std::vector<Finding> install_script_unresolved(const Comparison& sides);
std::vector<Finding> install_script_suspicious(const Comparison& sides);
std::vector<Finding> bundled_install_script_added(const Comparison& sides);
std::vector<Finding> bin_shadows_command(const Comparison& sides);
std::vector<Finding> missing_git_tag(const Comparison& sides);
std::vector<Finding> git_tag_mismatch(const Comparison& sides);
std::vector<Finding> commit_not_on_branch(const Comparison& sides);
std::vector<Finding> file_not_in_source(const Comparison& sides);
std::vector<Finding> repository_changed(const Comparison& sides);
std::vector<Finding> new_maintainer_published(const Comparison& sides);
std::vector<Finding> publisher_changed(const Comparison& sides);
std::vector<Finding> maintainers_changed(const Comparison& sides);
std::vector<Finding> provenance_invalid(const Comparison& sides);
std::vector<Finding> provenance_lost(const Comparison& sides);
std::vector<Finding> provenance_changed(const Comparison& sides);
std::vector<Finding> signature_missing(const Comparison& sides);
std::vector<Finding> signature_invalid(const Comparison& sides);
std::vector<Finding> manifest_mismatch(const Comparison& sides);
std::vector<Finding> integrity_mismatch(const Comparison& sides);
std::vector<Finding> release_republished(const Comparison& sides);
std::vector<Finding> release_withdrawn(const Comparison& sides);
std::vector<Finding> archive_refused(const Comparison& sides);
std::vector<Finding> package_json_refused(const Comparison& sides);
std::vector<Finding> archive_over_limit(const Comparison& sides);
std::vector<Finding> dependency_added(const Comparison& sides);
std::vector<Finding> dependency_changed(const Comparison& sides);
std::vector<Finding> fresh_dependency(const Comparison& sides);
std::vector<Finding> exotic_dependency(const Comparison& sides);
std::vector<Finding> shrinkwrap_included(const Comparison& sides);
std::vector<Finding> native_binary_added(const Comparison& sides);
std::vector<Finding> obfuscated_code_added(const Comparison& sides);
std::vector<Finding> network_endpoint_added(const Comparison& sides);
std::vector<Finding> sensitive_access_added(const Comparison& sides);
std::vector<Finding> capability_added(const Comparison& sides);
std::vector<Finding> import_time_capabilities(const Comparison& sides);
std::vector<Finding> entry_changed(const Comparison& sides);
std::vector<Finding> agent_autorun(const Comparison& sides);
std::vector<Finding> disguised_file(const Comparison& sides);
std::vector<Finding> size_jump(const Comparison& sides);
std::vector<Finding> dormant_release(const Comparison& sides);
std::vector<Finding> version_burst(const Comparison& sides);
std::vector<Finding> old_line_release(const Comparison& sides);
std::vector<Finding> first_release(const Comparison& sides);
std::vector<Finding> typosquat_suspect(const Comparison& sides);
std::vector<Finding> known_malware(const Comparison& sides);
std::vector<Finding> deprecated(const Comparison& sides);
std::vector<Finding> license_changed(const Comparison& sides);
std::vector<Finding> platform_changed(const Comparison& sides);
std::vector<Finding> dist_tag_moved(const Comparison& sides);
std::vector<Finding> bundled_package_changed(const Comparison& sides);
std::vector<Finding> evidence_unavailable(const Comparison& sides);

}  // namespace npmgate::detect
