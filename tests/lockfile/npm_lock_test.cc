#include "tests/lockfile/lockfile_testing.h"

namespace npmgate::testing {
namespace {

TEST(NpmLock, Version3HasFoldersAliasesWorkspacesAndOtherSources) {
  const std::string text = R"({
  "name": "app", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": { "name": "app", "workspaces": ["packages/lib"],
          "dependencies": { "a": "^1.0.0", "old": "npm:a@0.9.0", "g": "github:o/r" },
          "devDependencies": { "t": "^2.0.0" } },
    "node_modules/a": { "version": "1.2.0",
      "resolved": "https://registry.example/a/-/a-1.2.0.tgz", "integrity": "sha512-AA==",
      "dependencies": { "b": "^1.0.0" }, "optionalDependencies": { "o": "^3.0.0" } },
    "node_modules/a/node_modules/b": { "version": "1.0.0" },
    "node_modules/b": { "version": "2.0.0", "dev": true },
    "node_modules/g": { "version": "1.0.0",
      "resolved": "git+ssh://git@github.example/o/r.git#0123456789" },
    "node_modules/lib": { "resolved": "packages/lib", "link": true },
    "node_modules/o": { "version": "3.0.0", "optional": true },
    "node_modules/o/node_modules/inner": { "version": "1.0.0", "inBundle": true },
    "node_modules/old": { "name": "a", "version": "0.9.0",
      "resolved": "https://registry.example/a/-/a-0.9.0.tgz" },
    "node_modules/t": { "version": "2.0.0", "dev": true, "dependencies": { "b": "^2.0.0" } },
    "packages/lib": { "version": "0.0.1", "dependencies": { "b": "^1.0.0" } },
    "packages/lib/node_modules/b": { "version": "1.5.0" }
  }
})";
  const Lockfile lockfile = read(text, "package-lock.json");
  EXPECT_EQ(lockfile.format, LockFormat::kNpm3);
  EXPECT_EQ(lines_of(lockfile),
            (Lines{"7: a@1.2.0 -> b@1.0.0 o@3.0.0?", "10: b@1.0.0", "11: b@2.0.0 dev",
                   "12: g@1.0.0 git git+ssh://git@github.example/o/r.git#0123456789",
                   "14: lib@ link packages/lib -> packages/lib@0.0.1", "15: o@3.0.0 optional",
                   "16: inner@1.0.0 bundled ", "17: a@0.9.0 [old]", "19: t@2.0.0 dev -> b@2.0.0",
                   "20: packages/lib@0.0.1 workspace packages/lib -> b@1.5.0", "21: b@1.5.0"}));
  EXPECT_EQ(roots_of(lockfile), (Lines{"a@1.2.0", "a@0.9.0", "g (git)", "t@2.0.0 dev", "lib (link)",
                                       "inner (bundled)"}));
  const auto releases = locked_releases(lockfile);
  EXPECT_EQ(releases.size(), 7u);
  EXPECT_EQ(releases[1].integrity, "sha512-AA==");
}

TEST(NpmLock, PlacesOfResolvedUrlsAreTheBytesOfTheFile) {
  const std::string text =
      R"({"lockfileVersion":3,"packages":{"node_modules/@s/a":{"version":"1.0.0",)"
      R"("resolved":"https://old.example/@s/a/-/a-1.0.0.tgz"},"node_modules/b":)"
      R"({"version":"1.0.0","resolved":"https:\/\/old.example\/b\/-\/b-1.0.0.tgz"}}})";
  const Lockfile lockfile = read(text, "package-lock.json");
  ASSERT_EQ(lockfile.entries.size(), 2u);
  const LockEntry& plain = lockfile.entries[0];
  EXPECT_EQ(text.substr(plain.resolved_at, plain.resolved_size), plain.resolved);
  EXPECT_EQ(plain.resolved, "https://old.example/@s/a/-/a-1.0.0.tgz");
  EXPECT_EQ(lockfile.entries[1].resolved, "https://old.example/b/-/b-1.0.0.tgz");
  EXPECT_EQ(lockfile.entries[1].resolved_size, 0u) << "escapes: not written plainly";
}

TEST(NpmLock, Version1NestsAndNamesSourcesInVersion) {
  const std::string text = R"({
  "lockfileVersion": 1, "requires": true,
  "dependencies": {
    "a": { "version": "1.0.0", "resolved": "https://registry.example/a/-/a-1.0.0.tgz",
           "requires": { "b": "^1.0.0" },
           "dependencies": { "b": { "version": "1.0.0", "dev": true } } },
    "b": { "version": "2.0.0", "bundled": true },
    "g": { "version": "git+https://git.example/g.git#abc", "from": "g@git+https://git.example/g.git" },
    "lib": { "version": "file:packages/lib" },
    "old": { "version": "npm:@s/real@0.1.0" },
    "tar": { "version": "https://elsewhere.example/tar.tgz" }
  }
})";
  const Lockfile lockfile = read(text, "npm-shrinkwrap.json");
  EXPECT_EQ(lockfile.format, LockFormat::kNpm1);
  EXPECT_EQ(lines_of(lockfile),
            (Lines{"4: a@1.0.0 -> b@1.0.0", "6: b@1.0.0 dev", "7: b@2.0.0 bundled ",
                   "8: g@ git git+https://git.example/g.git#abc", "9: lib@ link file:packages/lib",
                   "10: @s/real@0.1.0 [old]",
                   "11: tar@ remote tarball https://elsewhere.example/tar.tgz"}));
}

TEST(NpmLock, Version2ShowsWhatOnlyTheOldFormHas) {
  const std::string text = R"({
  "lockfileVersion": 2,
  "packages": { "node_modules/a": { "version": "1.0.0" } },
  "dependencies": {
    "a": { "version": "1.0.0" },
    "evil": { "version": "6.6.6", "resolved": "https://registry.example/evil/-/evil-6.6.6.tgz" }
  }
})";
  EXPECT_EQ(lines_of(read(text, "package-lock.json")), (Lines{"3: a@1.0.0", "6: evil@6.6.6"}));
}

TEST(NpmLock, UrlOfAnotherPackageIsNoReleaseOfThisOne) {
  struct Row {
    const char* what;
    const char* resolved;
    LockSource source;
  };
  const Row rows[] = {
      {"its own", "https://registry.example/lodash/-/lodash-4.17.21.tgz", LockSource::kRegistry},
      {"below a path", "https://npm.example/npm/team/lodash/-/lodash-4.17.21.tgz",
       LockSource::kRegistry},
      {"another package", "https://registry.example/evil/-/evil-4.17.21.tgz", LockSource::kRemote},
      {"another version", "https://registry.example/lodash/-/lodash-4.17.20.tgz",
       LockSource::kRemote},
      {"dot segments", "https://registry.example/x/../lodash/-/lodash-4.17.21.tgz",
       LockSource::kRemote},
      {"fragment hides it", "https://evil.example/e.tgz#/lodash/-/lodash-4.17.21.tgz",
       LockSource::kRemote},
      {"query hides it", "https://evil.example/e.tgz?/lodash/-/lodash-4.17.21.tgz",
       LockSource::kRemote},
      {"git", "git+https://git.example/lodash.git#main", LockSource::kGit},
      {"a local file", "file:lodash.tgz", LockSource::kFile},
  };
  for (const Row& row : rows) {
    const Lockfile lockfile =
        read(R"({"lockfileVersion":3,"packages":{"node_modules/lodash":{"version":"4.17.21",)"
             R"("resolved":")" +
                 std::string(row.resolved) + "\"}}}",
             "package-lock.json");
    ASSERT_EQ(lockfile.entries.size(), 1u) << row.what;
    EXPECT_EQ(lockfile.entries[0].source, row.source) << row.what;
  }
}

// What lockfiles hold that were made at other registries (their documentation and real answers).
TEST(NpmLock, UrlsOfOtherRegistriesAreReleases) {
  struct Row {
    const char* what;
    const char* name;
    const char* resolved;
    LockSource source;
  };
  const Row rows[] = {
      {"Artifactory", "@s/a", "https://a.example/artifactory/api/npm/npm-all/@s/a/-/@s/a-1.0.0.tgz",
       LockSource::kRegistry},
      {"GitLab", "@s/a", "https://g.example/api/v4/projects/7/packages/npm/@s/a/-/@s/a-1.0.0.tgz",
       LockSource::kRegistry},
      {"GitHub Packages", "@s/a",
       "https://npm.example/download/@s/a/1.0.0/0123456789abcdef0123456789abcdef01234567",
       LockSource::kRegistry},
      {"Gitea", "@s/a", "https://g.example/api/packages/team/npm/%40s%2Fa/-/1.0.0/a-1.0.0.tgz",
       LockSource::kRegistry},
      {"Gitea without scope", "a", "https://g.example/api/packages/team/npm/a/-/1.0.0/a-1.0.0.tgz",
       LockSource::kRegistry},
      {"cnpm", "a", "https://m.example/a/download/a-1.0.0.tgz?cache=0&sync_timestamp=1",
       LockSource::kRegistry},
      {"cnpm with scope", "@s/a", "https://m.example/@s/a/download/@s/a-1.0.0.tgz",
       LockSource::kRegistry},
      {"npmmirror's CDN", "@s/a", "https://cdn.example/packages/@s/a/1.0.0/a-1.0.0.tgz",
       LockSource::kRegistry},
      {"another's file below its name", "a", "https://m.example/a/download/evil-1.0.0.tgz",
       LockSource::kRemote},
      {"another version in front", "a", "https://g.example/npm/a/-/6.6.6/a-1.0.0.tgz",
       LockSource::kRemote},
      {"a digest of something else", "@s/a", "https://npm.example/download/@s/evil/1.0.0/0123",
       LockSource::kRemote},
      {"no digest", "@s/a", "https://npm.example/download/@s/a/1.0.0/evil.tgz",
       LockSource::kRemote},
  };
  for (const Row& row : rows) {
    const Lockfile lockfile =
        read(R"({"lockfileVersion":3,"packages":{"node_modules/)" + std::string(row.name) +
                 R"(":{"version":"1.0.0",)" + R"("resolved":")" + row.resolved + "\"}}}",
             "package-lock.json");
    ASSERT_EQ(lockfile.entries.size(), 1u) << row.what;
    EXPECT_EQ(lockfile.entries[0].source, row.source) << row.what;
  }
}

TEST(NpmLock, PathsAreTheShortestFromEachDirectDependency) {
  const std::string text = R"({"lockfileVersion":3,"packages":{
    "":{"dependencies":{"a":"1","b":"1","c":"1"}},
    "node_modules/a":{"version":"1.0.0","dependencies":{"b":"1"}},
    "node_modules/b":{"version":"1.0.0","dependencies":{"x":"1"}},
    "node_modules/c":{"version":"1.0.0","dependencies":{"c2":"1"}},
    "node_modules/c2":{"version":"1.0.0","dependencies":{"c":"1","x":"1"}},
    "node_modules/x":{"version":"1.0.0","dependencies":{"x":"1"}}}})";
  const Lockfile lockfile = read(text, "package-lock.json");
  const auto paths = paths_to(lockfile, {4}, 10);
  ASSERT_EQ(paths.size(), 3u);
  EXPECT_EQ(joined(paths[0]), "b@1.0.0 > x@1.0.0");
  EXPECT_EQ(joined(paths[1]), "a@1.0.0 > b@1.0.0 > x@1.0.0");
  EXPECT_EQ(joined(paths[2]), "c@1.0.0 > c2@1.0.0 > x@1.0.0");
  EXPECT_EQ(paths_to(lockfile, {4}, 1).size(), 1u);
  EXPECT_TRUE(paths_to(lockfile, {99}, 1).empty());
}

TEST(NpmLock, ReleasesMergeFlagsAndSeeHashesThatDiffer) {
  const std::string text = R"({"lockfileVersion":3,"packages":{
    "node_modules/a":{"version":"1.0.0","dev":true,"integrity":"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
    "node_modules/b/node_modules/a":{"version":"1.0.0","integrity":"sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA="}}})";
  const auto releases = locked_releases(read(text, "package-lock.json"));
  ASSERT_EQ(releases.size(), 1u);
  EXPECT_FALSE(releases[0].dev);
  EXPECT_TRUE(releases[0].integrity_differs);
  EXPECT_EQ(releases[0].entries, (std::vector<std::uint32_t>{0, 1}));
}

TEST(PackageJson, HoldsRangesAndSources) {
  const std::string text = R"({ "name": "app",
  "dependencies": { "a": "^1.0.0", "b": "", "old": "npm:a@0.9", "g": "owner/repo",
                    "t": "https://elsewhere.example/t.tgz", "tag": "latest" },
  "devDependencies": { "w": "workspace:*", "l": "link:../l", "f": "file:../f.tgz" },
  "optionalDependencies": { "o": "~2.0.0" } })";
  const Lockfile lockfile = read(text, "package.json");
  EXPECT_EQ(lockfile.format, LockFormat::kPackageJson);
  EXPECT_EQ(
      lines_of(lockfile),
      (Lines{"5: o@~2.0.0 optional", "2: a@^1.0.0", "2: b@*", "2: a@0.9 [old]",
             "2: g@owner/repo git owner/repo",
             "3: t@https://elsewhere.example/t.tgz remote tarball "
             "https://elsewhere.example/t.tgz",
             "3: tag@latest", "4: w@workspace:* workspace workspace:* dev",
             "4: l@link:../l link link:../l dev", "4: f@file:../f.tgz file file:../f.tgz dev"}));
  EXPECT_TRUE(locked_releases(lockfile).empty());
}

}  // namespace
}  // namespace npmgate::testing
