// Packuments as the gate serves them: raw slices of the versions that stay, `dist.tarball` pointing
// at the gate.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/packument.h"

namespace npmgate {

enum class Form { kFull, kAbbreviated };

// What one version becomes in the answer.
struct VersionView {
  std::string version;
  std::string_view raw;  // manifest text to serve: the packument's slice, or the pinned one
  bool has_install_script = false;  // the truth: union of packument, tarball and implicit node-gyp
  std::optional<std::string> warning;  // shown as `deprecated` (policy `tell: clients`)
  // The manifest is a refused one that is served all the same: of keys that are there twice only
  // the last stays, as JSON.parse reads them.
  bool repeated_keys = false;
};

struct RenderInput {
  const Packument* packument = nullptr;
  std::vector<VersionView> versions;  // those that stay, in packument order
  StringMap dist_tags;                // already moved (move_dist_tags)
  std::string base_url;               // public_url with trailing slash
  Form form = Form::kFull;
};

// The document's text. dist.tarball = base_url + tarball_path(name, version); `_hasShrinkwrap` and
// `_shrinkwrap` are stripped; the rest of the top level is copied if the release that it was
// made of (`latest`) is served as it stands, else only maintainers and users; `hasInstallScript` is
// set or removed to fact; `time` holds exactly the versions that stay with the upstream's own text
// (and `created`), `modified` the newest of them; the abbreviated form (npm registry API,
// "abbreviated metadata") keeps name, version, deprecated, the dependency fields, bin, directories,
// dist, engines, os, cpu, libc, funding, hasInstallScript, peerDependenciesMeta,
// bundleDependencies, acceptDependencies, and carries `time`.
std::string render_packument(const RenderInput& input);
// One version's manifest, as `GET /name/version` answers.
std::string render_manifest(const RenderInput& input, const VersionView& version);

// "@scope/name/-/name-1.0.0.tgz": the path the gate serves the tarball under.
std::string tarball_path(const PackageName& name, std::string_view version);

// Dist-tags after versions were left out (SPEC, section 6): a tag on a kept version stays; else the
// last allowed target seen (`history`, newest first), if kept; else the highest kept lower version
// of the same prerelease-ness, within the same major unless the tag is `latest`, non-deprecated
// preferred; else dropped, but `latest` only with the last version (then it goes to the highest
// kept version).
StringMap move_dist_tags(
    const Packument& packument, const std::function<bool(std::string_view version)>& kept,
    const std::map<std::string, std::vector<std::string>, std::less<>>& history);

}  // namespace npmgate
