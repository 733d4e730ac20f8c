// Files that are not the source's, beside what the baseline's were like: build output is ordinary.
#include <gtest/gtest.h>

#include "tests/inspect/findings/package_builder.h"

namespace npmgate {
namespace {

using testing::describe;
using testing::Package;
using testing::Scene;
using Paths = std::vector<std::string>;

SourceEvidence compared(const Package& package, Paths differs, Paths absent) {
  SourceEvidence out;
  out.state = SourceEvidence::State::kCompared;
  out.repository = "https://git.example/o/left";
  out.commit = std::string(40, 'c');
  out.named_by = "tag v" + package.release.manifest.version;
  out.sha512 = package.evidence.tarball_sha512;
  out.found.differs = std::move(differs);
  out.found.absent = std::move(absent);
  return out;
}

Package holding(std::string version, const Paths& files) {
  Package out("demo", std::move(version));
  for (const std::string& path : files) out.file(path, path);
  std::sort(out.evidence.tree.files.begin(), out.evidence.tree.files.end(),
            [](const FileFacts& a, const FileFacts& b) { return a.path < b.path; });
  return out;
}

struct SourceRow {
  const char* name;
  Paths files, differs, absent;                    // of the baseline
  Paths files_now, differs_now, absent_now, told;  // of the release
};

class FileNotInSource : public ::testing::TestWithParam<SourceRow> {};

TEST_P(FileNotInSource, IsToldByTheBaselinesHabit) {
  const SourceRow& row = GetParam();
  Scene scene(holding("1.0.0", row.files), holding("1.0.1", row.files_now));
  scene.history.sources["1.0.0"] = compared(*scene.before, row.differs, row.absent);
  scene.history.sources["1.0.1"] = compared(scene.now, row.differs_now, row.absent_now);
  Paths told;
  for (const Finding& finding : scene.of("file-not-in-source")) {
    EXPECT_EQ(finding.source, "source");
    for (const auto& file : finding.proof.at("files").as_array())
      told.emplace_back(file.at("path").as_string());
  }
  EXPECT_EQ(told, row.told) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, FileNotInSource,
    ::testing::Values(
        SourceRow{"all_the_same", {"index.js"}, {}, {}, {"index.js"}, {}, {}, {}},
        SourceRow{"build_output",
                  {"dist/a.js", "index.js"},
                  {},
                  {"dist/"},
                  {"dist/a.js", "dist/b.js", "index.js"},
                  {},
                  {"dist/"},
                  {}},
        SourceRow{"new_build_folder",
                  {"dist/a.js", "index.js"},
                  {},
                  {"dist/"},
                  {"dist/a.js", "esm/a.js", "index.js"},
                  {},
                  {"dist/", "esm/"},
                  {}},
        SourceRow{"generated_before",
                  {"index.js", "version.js"},
                  {"version.js"},
                  {},
                  {"index.js", "version.js"},
                  {"version.js"},
                  {},
                  {}},
        SourceRow{"changed", {"index.js"}, {}, {}, {"index.js"}, {"index.js"}, {}, {"index.js"}},
        SourceRow{"vanished_from_the_source",
                  {"index.js"},
                  {},
                  {},
                  {"index.js"},
                  {},
                  {"index.js"},
                  {"index.js"}},
        SourceRow{"new_beside_sources",
                  {"index.js"},
                  {},
                  {},
                  {"bun.js", "index.js"},
                  {},
                  {"bun.js"},
                  {"bun.js"}},
        // The rest is built, but not what lies in the root.
        SourceRow{"new_in_the_root",
                  {"dist/a.js", "index.js"},
                  {},
                  {"dist/"},
                  {"bun.js", "dist/a.js", "index.js"},
                  {},
                  {"bun.js", "dist/"},
                  {"bun.js"}},
        SourceRow{"new_kind_in_the_root",
                  {"LICENSE", "dist/a.js"},
                  {},
                  {"dist/"},
                  {"LICENSE", "bun.js", "dist/a.js"},
                  {},
                  {"bun.js", "dist/"},
                  {"bun.js"}},
        SourceRow{"new_folder_of_a_package_without_a_build",
                  {"index.js", "lib/a.js"},
                  {},
                  {},
                  {"index.js", "lib/a.js", "setup/a.js"},
                  {},
                  {"setup/"},
                  {"setup/a.js"}},
        SourceRow{"another_kind_of_build",
                  {"a.ts", "a.d.ts"},
                  {},
                  {"a.d.ts"},
                  {"a.ts", "a.d.ts", "b.d.ts"},
                  {},
                  {"a.d.ts", "b.d.ts"},
                  {}},
        SourceRow{"code_first",
                  {"LICENSE", "index.js"},
                  {},
                  {},
                  {"LICENSE", "index.js"},
                  {"LICENSE", "index.js"},
                  {},
                  {"index.js", "LICENSE"}}),
    kRowName);

TEST(FileNotInSourceFinding, ProseAloneIsLesser) {
  Scene scene(holding("1.0.0", {"README.md"}), holding("1.0.1", {"README.md"}));
  scene.history.sources["1.0.0"] = compared(*scene.before, {}, {});
  scene.history.sources["1.0.1"] = compared(scene.now, {"README.md"}, {});
  const auto findings = scene.of("file-not-in-source");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].severity, Severity::kLow);
  EXPECT_EQ(findings[0].message,
            "README.md differs from the source at tag v1.0.1 (cccccccccccc); in 1.0.0 such files "
            "were the source's");
  EXPECT_EQ(findings[0].proof.at("files").as_array()[0].at("is").as_string(), "differs");
}

// Without both comparisons, of the very bytes, nobody is blamed.
TEST(FileNotInSourceFinding, NeedsBothComparisons) {
  const Scene scene = [] {
    Scene made(holding("1.0.0", {"a.js"}), holding("1.0.1", {"a.js"}));
    made.history.sources["1.0.0"] = compared(*made.before, {}, {});
    made.history.sources["1.0.1"] = compared(made.now, {"a.js"}, {});
    return made;
  }();
  EXPECT_EQ(scene.of("file-not-in-source").size(), 1U);
  for (const char* version : {"1.0.0", "1.0.1"}) {
    Scene other = scene;
    other.history.sources[version].sha512 = "of other bytes";
    EXPECT_TRUE(other.of("file-not-in-source").empty()) << version;
    other = scene;
    other.history.sources[version].state = SourceEvidence::State::kUnavailable;
    EXPECT_TRUE(other.of("file-not-in-source").empty()) << version;
    other = scene;
    other.history.sources.erase(version);
    EXPECT_TRUE(other.of("file-not-in-source").empty()) << version;
  }
  Scene other = scene;
  other.baseline_inspected = false;
  EXPECT_TRUE(other.of("file-not-in-source").empty());
}

struct Fields {
  const char* name;
  bool rewritten, read;  // the baseline's package.json was not the source's; and it was read
  Paths added, changed;  // of the baseline
  Paths added_now, changed_now, told;
};

class PackageJsonBesideSource : public ::testing::TestWithParam<Fields> {};

TEST_P(PackageJsonBesideSource, IsToldByTheBaselinesHabit) {
  const Fields& row = GetParam();
  Scene scene(holding("1.0.0", {}), holding("1.0.1", {}));
  SourceEvidence& was = scene.history.sources["1.0.0"] = compared(*scene.before, {}, {});
  SourceEvidence& now = scene.history.sources["1.0.1"] = compared(scene.now, {"package.json"}, {});
  if (row.rewritten) was.found.differs = {"package.json"};
  was.found.manifest_read = row.read;
  was.found.manifest_added = row.added;
  was.found.manifest_changed = row.changed;
  now.found.manifest_read = true;
  now.found.manifest_added = row.added_now;
  now.found.manifest_changed = row.changed_now;
  Paths told;
  for (const Finding& finding : scene.of("file-not-in-source"))
    for (const auto& field : finding.proof.at("package_json").as_array())
      told.emplace_back(field.as_string());
  EXPECT_EQ(told, row.told) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    Rows, PackageJsonBesideSource,
    ::testing::Values(
        Fields{"only_its_version", false, false, {}, {}, {}, {}, {}},
        Fields{"script_added",
               false,
               false,
               {},
               {},
               {"scripts.postinstall"},
               {},
               {"scripts.postinstall"}},
        Fields{
            "script_changed", false, false, {}, {}, {}, {"scripts.install"}, {"scripts.install"}},
        Fields{"dependency_added",
               true,
               true,
               {},
               {"dependencies.a"},
               {"dependencies.evil"},
               {"dependencies.a"},
               {"dependencies.evil"}},
        // A monorepo whose tool writes the siblings' versions.
        Fields{"rewritten_every_time",
               true,
               true,
               {},
               {"dependencies.a"},
               {},
               {"dependencies.a", "dependencies.b"},
               {}},
        Fields{"script_in_place_of_another",
               true,
               true,
               {},
               {"scripts.test"},
               {},
               {"scripts.install", "scripts.test"},
               {"scripts.install"}},
        Fields{"added_every_time",
               true,
               true,
               {"scripts.postinstall"},
               {},
               {"scripts.postinstall"},
               {},
               {}},
        Fields{"baselines_was_not_read", true, false, {}, {}, {"scripts.postinstall"}, {}, {}}),
    kRowName);

}  // namespace
}  // namespace npmgate
