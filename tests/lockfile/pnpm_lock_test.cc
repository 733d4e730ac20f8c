#include "tests/lockfile/lockfile_testing.h"

namespace npmgate::testing {
namespace {

TEST(PnpmLock, Version9KeepsTheTreeUnderSnapshots) {
  const std::string text = R"(lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      '@s/a':
        specifier: ^1.0.0
        version: 1.0.0(b@2.0.0)
      old:
        specifier: npm:b@1.0.0
        version: b@1.0.0
    devDependencies:
      t:
        specifier: ^3.0.0
        version: 3.0.0
    optionalDependencies:
      o:
        specifier: ^1.0.0
        version: 1.0.0

  packages/lib:
    dependencies:
      b:
        specifier: link:../b
        version: link:../b

packages:

  '@s/a@1.0.0':
    resolution: {integrity: sha512-AA==}
    peerDependencies:
      b: '*'

  b@1.0.0:
    resolution: {integrity: sha512-BB==}

  b@2.0.0:
    resolution: {integrity: sha512-BC==, tarball: https://old.example/b/-/b-2.0.0.tgz}

  g@https://codeload.example/o/r/tar.gz/abc:
    resolution: {tarball: https://codeload.example/o/r/tar.gz/abc}
    version: 1.1.1

  o@1.0.0:
    resolution: {integrity: sha512-OO==}

  t@3.0.0:
    resolution: {integrity: sha512-TT==}

  x@file:x.tgz:
    resolution: {integrity: sha512-XX==, tarball: file:x.tgz}
    version: 0.1.0

snapshots:

  '@s/a@1.0.0(b@2.0.0)':
    dependencies:
      b: 2.0.0
      g: https://codeload.example/o/r/tar.gz/abc

  b@1.0.0: {}

  b@2.0.0: {}

  g@https://codeload.example/o/r/tar.gz/abc: {}

  o@1.0.0:
    optional: true

  t@3.0.0:
    dependencies:
      x: x@file:x.tgz
    optionalDependencies:
      o: 1.0.0

  x@file:x.tgz: {}
)";
  const Lockfile lockfile = read(text, "pnpm-lock.yaml");
  EXPECT_EQ(lockfile.format, LockFormat::kPnpm9);
  EXPECT_EQ(lines_of(lockfile),
            (Lines{"30: @s/a@1.0.0 -> b@2.0.0 g@1.1.1", "35: b@1.0.0 [old]", "38: b@2.0.0",
                   "41: g@1.1.1 remote tarball https://codeload.example/o/r/tar.gz/abc",
                   "45: o@1.0.0 optional", "48: t@3.0.0 -> x@0.1.0 o@1.0.0?",
                   "51: x@0.1.0 file file:x.tgz"}));
  EXPECT_EQ(roots_of(lockfile),
            (Lines{"@s/a@1.0.0", "b@1.0.0", "t@3.0.0 dev", "o@1.0.0 optional"}));
  const LockEntry& b = lockfile.entries[2];
  EXPECT_EQ(text.substr(b.resolved_at, b.resolved_size), "https://old.example/b/-/b-2.0.0.tgz");
}

TEST(PnpmLock, Version6HasKeysWithASlash) {
  const std::string text = R"(lockfileVersion: '6.0'

dependencies:
  a:
    specifier: ^1.0.0
    version: 1.0.0(@s/p@2.0.0)
  g:
    specifier: github:o/r
    version: github.com/o/r/abc

packages:

  /@s/p@2.0.0:
    resolution: {integrity: sha512-PP==}
    dev: true

  /a@1.0.0(@s/p@2.0.0):
    resolution: {integrity: sha512-AA==}
    dependencies:
      '@s/p': 2.0.0
    optional: true

  github.com/o/r/abc:
    resolution: {commit: abc, repo: https://github.example/o/r, type: git}
    name: g
    version: 0.5.0
)";
  const Lockfile lockfile = read(text, "pnpm-lock.yaml");
  EXPECT_EQ(lockfile.format, LockFormat::kPnpm6);
  EXPECT_EQ(lines_of(lockfile), (Lines{"13: @s/p@2.0.0 dev", "17: a@1.0.0 optional -> @s/p@2.0.0",
                                       "23: g@0.5.0 git https://github.example/o/r#abc"}));
  EXPECT_EQ(roots_of(lockfile), (Lines{"a@1.0.0", "g (git)"}));
}

TEST(PnpmLock, ReadsTheDocumentOfItsOwnToolsToo) {
  const std::string text = R"(---
lockfileVersion: '9.0'
importers:
  .:
    packageManagerDependencies:
      pnpm:
        specifier: 12.0.0
        version: 12.0.0
packages:
  pnpm@12.0.0:
    resolution: {integrity: sha512-PP==}
snapshots:
  pnpm@12.0.0: {}

---
lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      pnpm:
        specifier: 12.0.0
        version: 12.0.0
packages:
  pnpm@12.0.0:
    resolution: {integrity: sha512-PP==}
snapshots:
  pnpm@12.0.0: {}
)";
  const Lockfile lockfile = read(text, "pnpm-lock.yaml");
  EXPECT_EQ(lines_of(lockfile), (Lines{"24: pnpm@12.0.0", "10: pnpm@12.0.0"}));
  EXPECT_EQ(roots_of(lockfile), (Lines{"pnpm@12.0.0", "pnpm@12.0.0 dev"}));
}

}  // namespace
}  // namespace npmgate::testing
