#include "tests/lockfile/lockfile_testing.h"

namespace npmgate::testing {
namespace {

TEST(YarnClassic, ReadsPatternsFieldsAndLists) {
  const std::string text = R"(# yarn lockfile v1


"@s/a@^1.0.0", "@s/a@^1.1.0":
  version "1.2.0"
  resolved "https://old.example/@s/a/-/a-1.2.0.tgz#da39a3ee5e6b4b0d3255bfef95601890afd80709"
  integrity sha512-AA==
  dependencies:
    b "^1.0.0"
  optionalDependencies:
    o "1 || 2"

b@^1.0.0, old@npm:b@^1.0.0:
  version "1.0.0"
  resolved "https://old.example/b/-/b-1.0.0.tgz#da39a3ee5e6b4b0d3255bfef95601890afd80709"

"g@git+https://git.example/g.git":
  version "0.1.0"
  resolved "git+https://git.example/g.git#abc"

"o@1 || 2":
  version "2.0.0"
  resolved "o-2.0.0.tgz#da39a3ee5e6b4b0d3255bfef95601890afd80709"

"t@https://elsewhere.example/t.tgz":
  version "3.0.0"
  resolved "https://elsewhere.example/t.tgz#abc"
)";
  const Lockfile lockfile = read(text, "yarn.lock");
  EXPECT_EQ(lockfile.format, LockFormat::kYarnClassic);
  EXPECT_EQ(lines_of(lockfile),
            (Lines{"4: @s/a@1.2.0 -> b@1.0.0 o@2.0.0?", "13: b@1.0.0 [old]",
                   "17: g@0.1.0 git git+https://git.example/g.git#abc",
                   "21: o@2.0.0 file o-2.0.0.tgz#da39a3ee5e6b4b0d3255bfef95601890afd80709",
                   "25: t@3.0.0 remote tarball https://elsewhere.example/t.tgz"}));
  EXPECT_EQ(roots_of(lockfile), (Lines{"@s/a@1.2.0", "g (git)", "t (remote tarball)"}));
  const LockEntry& a = lockfile.entries[0];
  EXPECT_EQ(a.integrity, "sha512-AA==");
  EXPECT_EQ(text.substr(a.resolved_at, a.resolved_size), "https://old.example/@s/a/-/a-1.2.0.tgz");
  EXPECT_EQ(lockfile.entries[1].integrity, "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=")
      << "from the fragment";
}

TEST(YarnBerry, ReadsLocatorsPatchesAndArchiveUrls) {
  const std::string text = R"(__metadata:
  version: 8
  cacheKey: 10c0

"@s/a@npm:^1.0.0, @s/a@npm:^1.1.0":
  version: 1.2.0
  resolution: "@s/a@npm:1.2.0::__archiveUrl=https%3A%2F%2Fold.example%2F%40s%2Fa%2F-%2Fa-1.2.0.tgz"
  dependencies:
    b: "npm:^1.0.0"
    o: ^2.0.0
  dependenciesMeta:
    o:
      optional: true
  checksum: 10c0/00
  languageName: node
  linkType: hard

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
  dependencies:
    "@s/a": "npm:^1.0.0"
  languageName: unknown
  linkType: soft

"b@npm:^1.0.0":
  version: 1.0.0
  resolution: "b@npm:1.0.0"
  languageName: node
  linkType: hard

"b@patch:b@npm%3A^1.0.0#optional!builtin<compat/b>":
  version: 1.0.0
  resolution: "b@patch:b@npm%3A1.0.0#optional!builtin<compat/b>::version=1.0.0&hash=00"
  languageName: node
  linkType: hard

"o@npm:^2.0.0":
  version: 2.0.0
  resolution: "o@npm:2.0.0"
  languageName: node
  linkType: hard

"old@npm:b@0.9.0":
  version: 0.9.0
  resolution: "b@npm:0.9.0"
  languageName: node
  linkType: hard

"t@https://elsewhere.example/t.tgz":
  version: 3.0.0
  resolution: "t@https://elsewhere.example/t.tgz"
  languageName: node
  linkType: hard
)";
  const Lockfile lockfile = read(text, "yarn.lock");
  EXPECT_EQ(lockfile.format, LockFormat::kYarnBerry);
  EXPECT_EQ(
      lines_of(lockfile),
      (Lines{"5: @s/a@1.2.0 -> b@1.0.0 o@2.0.0?", "18: app@ workspace workspace:. -> @s/a@1.2.0",
             "26: b@1.0.0",
             "32: b@1.0.0 patch patch:b@npm%3A1.0.0#optional!builtin<compat/b>::version=1.0.0&"
             "hash=00 -> b@1.0.0",
             "38: o@2.0.0", "44: b@0.9.0 [old]",
             "50: t@3.0.0 remote tarball https://elsewhere.example/t.tgz"}));
  const LockEntry& a = lockfile.entries[0];
  EXPECT_EQ(a.resolved, "https://old.example/@s/a/-/a-1.2.0.tgz");
  EXPECT_TRUE(a.resolved_encoded);
  EXPECT_EQ(text.substr(a.resolved_at, a.resolved_size),
            "https%3A%2F%2Fold.example%2F%40s%2Fa%2F-%2Fa-1.2.0.tgz");
}

}  // namespace
}  // namespace npmgate::testing
