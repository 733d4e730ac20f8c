#include "tests/lockfile/lockfile_testing.h"

namespace npmgate::testing {
namespace {

TEST(BunLock, ReadsTuplesWithTrailingCommasAndComments) {
  const std::string text = R"({
  // bun reads comments too
  "lockfileVersion": 1,
  "workspaces": {
    "": {
      "name": "app",
      "dependencies": { "@s/a": "^1.0.0", "old": "npm:b@1.0.0", },
      "devDependencies": { "g": "github:o/r", },
    },
    "packages/lib": { "name": "lib", "dependencies": { "b": "^2.0.0", }, },
  },
  "packages": {
    "@s/a": ["@s/a@1.0.0", "", { "dependencies": { "b": "^1.0.0", }, "optionalDependencies": { "g": "*" } }, "sha512-AA=="],

    "b": ["b@2.0.0", "https://old.example/b/-/b-2.0.0.tgz", {}, "sha512-BB=="],

    "g": ["g@github:o/r#abc", {}, "o-r-abc", "sha512-GG=="],

    "lib": ["lib@workspace:packages/lib"],

    "old": ["b@1.0.0", "", {}, "sha512-BC=="],

    "t": ["t@https://elsewhere.example/t.tgz", {}, "sha512-TT=="],

    "@s/a/b": ["b@1.5.0", "", { "bundled": true, }, "sha512-BD=="],

    "@s/a/b/@s/c": ["@s/c@1.0.0", "", { "dependencies": { "@s/a": "*", "lib": "*", "b": "*" }, }, "sha512-CC=="],
  }
})";
  for (const char* file : {"bun.lock", "copy.txt"}) {
    const Lockfile lockfile = read(text, file);
    EXPECT_EQ(lockfile.format, LockFormat::kBun);
    EXPECT_EQ(lines_of(lockfile),
              (Lines{"13: @s/a@1.0.0 -> b@1.5.0 g@?", "15: b@2.0.0", "17: g@ git github:o/r#abc",
                     "19: lib@ workspace workspace:packages/lib -> b@2.0.0", "21: b@1.0.0 [old]",
                     "23: t@ remote tarball https://elsewhere.example/t.tgz",
                     "25: b@1.5.0 bundled ", "27: @s/c@1.0.0 -> @s/a@1.0.0 lib@ b@1.5.0"}));
    EXPECT_EQ(roots_of(lockfile),
              (Lines{"@s/a@1.0.0", "b@1.0.0", "g (git) dev", "t (remote tarball)", "@s/c@1.0.0"}));
    const LockEntry& b = lockfile.entries[1];
    EXPECT_EQ(text.substr(b.resolved_at, b.resolved_size), "https://old.example/b/-/b-2.0.0.tgz");
  }
}

}  // namespace
}  // namespace npmgate::testing
