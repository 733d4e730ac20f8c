// Which releases are their baseline again: the one thing that a cooldown may let through sooner.
#include "inspect/evidence/restored_baseline.h"

#include <gtest/gtest.h>

#include "tests/inspect/findings/package_builder.h"

namespace npmgate {
namespace {

using testing::Package;

Package release(const std::string& version) {
  Package package("left", version);
  package.script("postinstall", "node hook.js").depends("dependencies", "right", "^1.0.0");
  package.publisher("owner").maintainers({"owner", "friend"});
  package.code("index.js", "index").code("hook.js", "hook").file("logo.png", "logo");
  package.file("README.md", "read me", FileKind::kText);
  package.file("package.json", "manifest " + version, FileKind::kJson);
  package.reach("postinstall", "node hook.js", {"hook.js"});
  package.evidence.integrity.checked = true;
  package.evidence.tree.package_json_rest = "rest";
  return package;
}

bool again(const Package& now, const Package& before) {
  return restored_baseline(now.release, now.evidence, before.release, before.evidence);
}

TEST(Again, TheVersionMayDiffer) {
  EXPECT_TRUE(again(release("1.0.2"), release("1.0.0")));
}

TEST(Again, AnotherMaintainerOfTheBaselineMayPublishIt) {
  Package now = release("1.0.2");
  now.publisher("friend");
  EXPECT_TRUE(again(now, release("1.0.0")));
}

struct Difference {
  const char* name;
  void (*change)(Package& now);
};

class Differences : public ::testing::TestWithParam<Difference> {};

TEST_P(Differences, MakeItAReleaseLikeAnyOther) {
  Package now = release("1.0.2");
  GetParam().change(now);
  EXPECT_FALSE(again(now, release("1.0.0")));
}

FileFacts& file(Package& package, std::string_view path) {
  for (FileFacts& each : package.evidence.tree.files) {
    if (each.path == path) return each;
  }
  throw std::logic_error("no such file");
}

INSTANTIATE_TEST_SUITE_P(
    Again, Differences,
    ::testing::Values(
        Difference{"OneByteOfCode", [](Package& p) { file(p, "index.js").sha256[0] ^= 1; }},
        Difference{"OneByteOfAPicture", [](Package& p) { file(p, "logo.png").sha256[0] ^= 1; }},
        Difference{"OneFileMore", [](Package& p) { p.file("new.bin", "new"); }},
        Difference{"OneFileLess",
                   [](Package& p) {
                     std::erase_if(p.evidence.tree.files,
                                   [](const FileFacts& f) { return f.path == "logo.png"; });
                   }},
        Difference{"Mode", [](Package& p) { file(p, "index.js").mode ^= 0111; }},
        Difference{"PackageJson", [](Package& p) { p.evidence.tree.package_json_rest = "other"; }},
        Difference{"PackageJsonNotLookedAt",
                   [](Package& p) { p.evidence.tree.package_json_rest.clear(); }},
        Difference{"PackumentScript", [](Package& p) { p.stated_script("install", "node x"); }},
        Difference{"PackumentDependency",
                   [](Package& p) { p.release.manifest.dependencies["right"] = "^2.0.0"; }},
        // node loads it as code wherever a line says require("./README.md").
        Difference{"OneByteOfADocument", [](Package& p) { file(p, "README.md").sha256[0] ^= 1; }},
        Difference{"OneDocumentMore",
                   [](Package& p) { p.file("docs/NOTES.md", "news", FileKind::kText); }},
        Difference{"CodeNamedLikeADocument", [](Package& p) { p.code("x.md", "code"); }},
        Difference{"ExecutableDocument", [](Package& p) { file(p, "README.md").mode |= 0100; }},
        Difference{"BinaryNamedLikeADocument",
                   [](Package& p) { p.file("y.md", "elf", FileKind::kNative); }},
        Difference{"Stranger", [](Package& p) { p.publisher("stranger"); }},
        Difference{"PublisherUnknown", [](Package& p) { p.release.publisher.reset(); }},
        Difference{"TrustedPublisherThatTheBaselineDidNotHave",
                   [](Package& p) { p.trusted_publisher("github"); }},
        Difference{"WrongBytes", [](Package& p) { p.evidence.integrity.matches = false; }},
        Difference{"UncheckedBytes", [](Package& p) { p.evidence.integrity.checked = false; }},
        Difference{"RefusedArchive",
                   [](Package& p) { p.evidence.archive_refusal = ArchiveRefusal{}; }},
        Difference{"SomethingCouldNotBeHad",
                   [](Package& p) {
                     p.evidence.unavailable.push_back({"tarball", "late"});
                   }}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Again, MaintainersOfTheBaselineCountNotThoseOfTheRelease) {
  Package now = release("1.0.2");
  now.publisher("newcomer").maintainers({"owner", "newcomer"});
  EXPECT_FALSE(again(now, release("1.0.0")));
  Package unknown = release("1.0.0");
  unknown.release.maintainers.reset();
  EXPECT_FALSE(again(release("1.0.2"), unknown));
}

TEST(PackageJsonRest, LeavesOutTheVersionAndNothingElse) {
  const auto rest = package_json_rest(R"({"name":"a","version":"1.0.0","main":"x"})");
  EXPECT_EQ(rest.size(), 64u);
  EXPECT_EQ(package_json_rest("{ \"name\": \"a\",\n \"version\": \"1.0.1\", \"main\": \"x\" }\n"),
            rest);
  EXPECT_EQ(package_json_rest("\xef\xbb\xbf"
                              R"({"name":"a","version":"2","main":"x"})"),
            rest);
  EXPECT_NE(package_json_rest(R"({"name":"a","version":"1.0.0","main":"y"})"), rest);
  EXPECT_NE(package_json_rest(R"({"name":"a","version":"1.0.0","main":"x","type":"module"})"),
            rest);
  EXPECT_NE(package_json_rest(R"({"name":"a","x":{"version":"1.0.0"},"main":"x"})"), rest);
  EXPECT_EQ(package_json_rest("[]"), "");
  EXPECT_EQ(package_json_rest("{"), "");
}

}  // namespace
}  // namespace npmgate
