// The files that real clients wrote for two applications (make_samples.py): every format must tell
// the same releases of the same application.
#include <fstream>
#include <set>
#include <sstream>

#include "tests/lockfile/lockfile_testing.h"

namespace npmgate::testing {
namespace {

std::string sample(const std::string& name) {
  std::ifstream in(std::string(NPM_GATE_SOURCE_DIR) + "/tests/lockfile/samples/" + name);
  EXPECT_TRUE(in) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::set<std::string> releases_in(const std::string& name) {
  std::set<std::string> all;
  for (const LockedRelease& release : locked_releases(read(sample(name), name)))
    all.insert(release.name + "@" + release.version);
  return all;
}

TEST(Samples, FormatsAreTold) {
  const std::pair<const char*, LockFormat> rows[] = {
      {"npm-v1-app/package-lock.json", LockFormat::kNpm1},
      {"npm-v2-app/package-lock.json", LockFormat::kNpm2},
      {"npm-v3-app/package-lock.json", LockFormat::kNpm3},
      {"pnpm-v6-app/pnpm-lock.yaml", LockFormat::kPnpm6},
      {"pnpm-v9-app/pnpm-lock.yaml", LockFormat::kPnpm9},
      {"pnpm-12-app/pnpm-lock.yaml", LockFormat::kPnpm9},
      {"yarn-v1-app/yarn.lock", LockFormat::kYarnClassic},
      {"yarn-berry-app/yarn.lock", LockFormat::kYarnBerry},
      {"bun-app/bun.lock", LockFormat::kBun},
  };
  for (const auto& [name, format] : rows) {
    EXPECT_EQ(read(sample(name), name).format, format) << name;
    // The content tells as well as the name.
    EXPECT_EQ(read(sample(name), "copy.txt").format, format) << name;
  }
}

TEST(Samples, EveryClientLocksTheSameServer) {
  const auto npm = releases_in("npm-v3-web/package-lock.json");
  EXPECT_EQ(npm.size(), 74u);
  EXPECT_TRUE(npm.contains("express@4.21.0"));
  for (const char* other :
       {"pnpm-v9-web/pnpm-lock.yaml", "yarn-v1-web/yarn.lock", "bun-web/bun.lock"})
    EXPECT_EQ(releases_in(other), npm) << other;
}

TEST(Samples, EveryReleaseHasAPathAndItsIntegrity) {
  for (const char* name :
       {"npm-v3-web/package-lock.json", "pnpm-v9-web/pnpm-lock.yaml", "yarn-v1-web/yarn.lock",
        "bun-web/bun.lock", "yarn-berry-app/yarn.lock", "npm-v1-app/package-lock.json"}) {
    const Lockfile lockfile = read(sample(name), name);
    for (const LockedRelease& release : locked_releases(lockfile)) {
      EXPECT_FALSE(paths_to(lockfile, release.entries, 3).empty()) << name << release.name;
      EXPECT_EQ(release.integrity.starts_with("sha512-"), lockfile.format != LockFormat::kYarnBerry)
          << name << release.name;
    }
  }
}

TEST(Samples, AliasAndOtherSourcesOfTheApplication) {
  for (const char* name :
       {"npm-v1-app/package-lock.json", "npm-v2-app/package-lock.json",
        "npm-v3-app/package-lock.json", "pnpm-v6-app/pnpm-lock.yaml", "pnpm-v9-app/pnpm-lock.yaml",
        "pnpm-12-app/pnpm-lock.yaml", "yarn-v1-app/yarn.lock", "yarn-berry-app/yarn.lock",
        "bun-app/bun.lock"}) {
    const Lockfile lockfile = read(sample(name), name);
    bool alias = false, file = false;
    for (const LockEntry& entry : lockfile.entries) {
      alias |= entry.alias == "old-ms" && entry.name == "ms" && entry.version == "2.0.0";
      file |= entry.source == LockSource::kFile;
    }
    EXPECT_TRUE(alias) << name;
    EXPECT_TRUE(file) << name;
    const auto releases = releases_in(name);
    EXPECT_TRUE(releases.contains("@babel/code-frame@7.24.7")) << name;
    EXPECT_TRUE(releases.contains("fsevents@2.3.3")) << name;
    EXPECT_TRUE(releases.contains("ms@2.1.2")) << name << ": of the workspace";
  }
}

TEST(Samples, PathsLeadThroughTheTree) {
  const Lockfile lockfile =
      read(sample("npm-v3-web/package-lock.json"), "npm-v3-web/package-lock.json");
  for (const LockedRelease& release : locked_releases(lockfile)) {
    if (release.name != "ms" || release.version != "2.0.0") continue;
    const auto paths = paths_to(lockfile, release.entries, 5);
    ASSERT_EQ(paths.size(), 1u);
    EXPECT_EQ(joined(paths[0]), "express@4.21.0 > debug@2.6.9 > ms@2.0.0");
  }
}

}  // namespace
}  // namespace npmgate::testing
