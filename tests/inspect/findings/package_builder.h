// Releases and evidence as values, for the tests of findings: no tarball, no network, nothing that
// could run.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/findings/findings.h"
#include "tests/support/table.h"

namespace npmgate::testing {

// One release together with what inspecting its tarball found. Setters without a prefix change
// packument and tarball alike.
struct Package {
  Package(std::string name, std::string version);

  Package& script(std::string_view hook, std::string command);
  Package& stated_script(std::string_view hook, std::string command);   // packument only
  Package& shipped_script(std::string_view hook, std::string command);  // tarball only
  Package& depends(std::string_view field, std::string name, std::string spec);
  Package& bin(std::string name, std::string path);
  Package& repository(std::string url);
  Package& license(std::string text);
  Package& published(std::string_view time);
  Package& publisher(std::string name, std::string email = {});
  Package& trusted_publisher(std::string id);  // OIDC: the account is the registry's own
  Package& maintainers(std::vector<std::string> names);
  Package& attested();

  // `content` stands for the bytes: equal content, equal digest.
  Package& file(std::string path, std::string_view content, FileKind kind = FileKind::kOther,
                std::uint64_t size = 100);
  Package& code(std::string path, std::string_view content, CodeFeatures features = {},
                std::uint64_t size = 1000);
  Package& reach(std::string hook, std::string command, std::vector<std::string> files,
                 std::vector<std::string> traits = {}, std::vector<std::string> missing = {});
  Package& binding_gyp(std::string_view content = "gyp");
  Package& bundles(std::string path, StringMap scripts);

  Release release;
  Evidence evidence;
};

// The release that most tables look at, and the one before it.
inline Package package(const std::string& version = "1.0.1") {
  return Package("demo", version);
}
inline Package before() {
  return package("1.0.0");
}

CodeFeatures with_traits(std::vector<std::string> traits);
CodeFeatures with_endpoints(std::vector<std::string> endpoints);

// A release, what it is compared with, and what else is known.
struct Scene {
  explicit Scene(Package now_) : now(std::move(now_)) {}
  Scene(Package before_, Package now_) : before(std::move(before_)), now(std::move(now_)) {}

  std::vector<Finding> findings() const;
  std::set<std::string> ids() const;
  // The findings of one id.
  std::vector<Finding> of(std::string_view id) const;
  Scene& entry(std::string version, std::string_view time, std::string publisher = {});

  std::optional<Package> before;
  Package now;
  PackageHistory history;
  std::vector<std::string> popular;  // sorted
  bool inspected = true;             // false: metadata only
  bool baseline_inspected = true;
};

Time at(std::string_view text);
// "id: message | proof" for every finding, for failure messages.
std::string describe(const std::vector<Finding>& findings);
std::string proof_of(const Finding& finding);

}  // namespace npmgate::testing
