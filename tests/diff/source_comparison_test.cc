// Tarballs beside the trees of a commit: what is the source's, what is not, and where the package
// is in it.
#include "diff/source_comparison.h"

#include <gtest/gtest.h>

#include "diff/line_diff.h"
#include "tests/diff/pack_builder.h"
#include "tests/inspect/archive/tar_builder.h"

namespace npmgate {
namespace {

using testing::bytes_of;
using testing::source_of;
using Files = std::vector<std::pair<std::string, std::string>>;
using Paths = std::vector<std::string>;

const std::string kManifest = R"({"name":"left","version":"1.0.0"})";

std::string packed_tarball(const Files& files) {
  std::string entries;
  for (const auto& [path, body] : files) entries += testing::tar_entry("package/" + path, body);
  return testing::tgz(entries);
}

class SourceComparisons : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(prepare_line_diff()); }
  static SourceComparison compare(const Files& packed, const Files& source,
                                  const std::string& directory = {}) {
    const auto made = source_of(source);
    const auto found = compare_with_source(bytes_of(packed_tarball(packed)), bytes_of(made.pack),
                                           {0, made.commit, directory, "@o/left", ""}, {});
    EXPECT_TRUE(found) << (found ? "" : found.error().context);
    return found ? *found : SourceComparison();
  }
};

TEST_F(SourceComparisons, TellWhatIsTheSources) {
  const SourceComparison found =
      compare({{"package.json", kManifest}, {"index.js", "1"}, {"lib/a.js", "2"}, {"new.js", "3"}},
              {{"package.json", kManifest}, {"index.js", "1"}, {"lib/a.js", "other"}});
  EXPECT_EQ(found.same, 2U);
  EXPECT_EQ(found.directory, "");
  EXPECT_EQ(found.differs, Paths{"lib/"});
  EXPECT_EQ(found.absent, Paths{"new.js"});
  EXPECT_EQ(found.manifest_blob, "");
  EXPECT_EQ(found.status_of("lib/a.js"), SourceStatus::kDiffers);
  EXPECT_EQ(found.status_of("new.js"), SourceStatus::kAbsent);
  EXPECT_EQ(found.status_of("index.js"), SourceStatus::kSame);
}

TEST_F(SourceComparisons, NameAFolderOnceIfAllInItIsAlike) {
  const SourceComparison found = compare({{"package.json", kManifest},
                                          {"dist/a.js", "built"},
                                          {"dist/deep/b.js", "2"},
                                          {"lib/a.js", "1"},
                                          {"lib/b.js", "2"},
                                          {"lib/c/d.js", "3"}},
                                         {{"package.json", kManifest}, {"lib/a.js", "1"}});
  EXPECT_EQ(found.absent, (Paths{"dist/", "lib/b.js", "lib/c/"}));
  for (const char* path : {"dist/a.js", "dist/deep/b.js", "lib/c/d.js"})
    EXPECT_EQ(found.status_of(path), SourceStatus::kAbsent) << path;
  EXPECT_EQ(found.status_of("lib/a.js"), SourceStatus::kSame);
  EXPECT_EQ(found.status_of("distant.js"), SourceStatus::kSame);
}

TEST_F(SourceComparisons, FindThePackageInAMonorepo) {
  const Files source{{"package.json", R"({"name":"root"})"},
                     {"LICENSE", "MIT"},
                     {"packages/left/package.json", kManifest},
                     {"packages/left/index.js", "1"},
                     {"packages/right/package.json", R"({"name":"right"})"},
                     {"packages/right/index.js", "2"},
                     {"far/away/left/package.json", R"({"name":"old"})"}};
  const Files packed{{"package.json", kManifest}, {"index.js", "1"}, {"LICENSE", "MIT"}};
  for (const char* stated : {"packages/left", "./packages/left/", "", "gone"}) {
    const SourceComparison found = compare(packed, source, stated);
    EXPECT_EQ(found.directory, "packages/left") << stated;
    EXPECT_EQ(found.same, 3U) << stated;
    EXPECT_EQ(found.absent.size() + found.differs.size(), 0U) << stated;
  }
  // The stated folder holds a package: it is that one, whatever another would fit better.
  EXPECT_EQ(compare(packed, source, "packages/right").differs, (Paths{"index.js", "package.json"}));
}

TEST_F(SourceComparisons, ForgiveUsualMoves) {
  const Files source{{"package.json", kManifest},
                     {"src/deep/a.js", "1"},
                     {"README.md", "read\nme\n"},
                     {"main.js", "x"}};
  const SourceComparison found = compare({{"package.json", kManifest},
                                          {"lib/a.js", "1"},                // copied out of src
                                          {"README.md", "read\r\nme\r\n"},  // from Windows
                                          {"b.js", "1"},                    // another name
                                          {"main.js", "1"}},  // the source has another
                                         source);
  EXPECT_EQ(found.same, 3U);
  EXPECT_EQ(found.absent, Paths{"b.js"});
  EXPECT_EQ(found.differs, Paths{"main.js"});
}

TEST_F(SourceComparisons, ReadWhatPackageJsonSays) {
  const std::string source =
      R"({"name":"left","scripts":{"test":"t","build":"b"},"dependencies":{"a":"^1","w":"workspace:^"}})";
  const std::string packed =
      R"({"name":"left","scripts":{"test":"t","build":"c","postinstall":"node x"},)"
      R"("dependencies":{"a":"^2","w":"^3.0.0","evil":"*"},"optionalDependencies":{"o":"1"}})";
  const auto beside = compare({{"package.json", packed}}, {{"package.json", source}});
  EXPECT_EQ(beside.manifest_blob, blob_id(source));
  EXPECT_FALSE(beside.manifest_read);
  const std::string pack = testing::pack_of({testing::pack_entry(GitObjectKind::kBlob, source)});
  SourceRequest request;
  request.manifest_blob = beside.manifest_blob;
  const auto found = compare_with_source(bytes_of(packed_tarball({{"package.json", packed}})),
                                         bytes_of(pack), request, {});
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_TRUE(found->manifest_read);
  EXPECT_EQ(found->manifest_added,
            (Paths{"dependencies.evil", "optionalDependencies.o", "scripts.postinstall"}));
  EXPECT_EQ(found->manifest_changed, (Paths{"dependencies.a", "scripts.build"}));
  // Another blob than the one that was asked for.
  request.manifest_blob = std::string(40, '1');
  EXPECT_FALSE(compare_with_source(bytes_of(packed_tarball({{"package.json", packed}})),
                                   bytes_of(pack), request, {}));
}

TEST_F(SourceComparisons, AreNoneOfWhatCannotBeRead) {
  const auto made = source_of({{"package.json", kManifest}});
  const SourceRequest request{0, made.commit, "", "left", ""};
  EXPECT_FALSE(
      compare_with_source(bytes_of("no packed_tarball"), bytes_of(made.pack), request, {}));
  EXPECT_FALSE(compare_with_source(bytes_of(packed_tarball({{"package.json", kManifest}})), {},
                                   request, {}));
  Files many{{"package.json", kManifest}};
  Files source = many;
  for (int i = 0; i < 4200; ++i) {
    many.emplace_back("f" + std::to_string(i), "x");
  }
  const auto found =
      compare_with_source(bytes_of(packed_tarball(many)), bytes_of(made.pack), request, {});
  EXPECT_EQ(found.error().code, Code::kTooLarge);
}

TEST_F(SourceComparisons, ComeBackFromText) {
  SourceEvidence evidence;
  evidence.state = SourceEvidence::State::kCompared;
  evidence.commit = std::string(40, '1');
  evidence.found = compare({{"package.json", "{}"}, {"a", "1"}}, {{"package.json", kManifest}});
  bool ok = true;
  EXPECT_EQ(source_evidence_from_json(to_json(evidence), ok), evidence);
  EXPECT_TRUE(ok);
  evidence = SourceEvidence();
  evidence.reason = "no filter";
  EXPECT_EQ(source_evidence_from_json(to_json(evidence), ok), evidence);
  EXPECT_TRUE(ok);
  auto unsorted = to_json(SourceComparison());
  unsorted["absent"] = boost::json::array{"b", "a"};
  source_comparison_from_json(unsorted, ok);
  EXPECT_FALSE(ok);
}

}  // namespace
}  // namespace npmgate
