// Recorded attacks and ordinary releases that resemble them, as shapes: every row's whole set of
// finding ids.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/inspect/findings/replay_scene.h"

namespace npmgate {
namespace {

using testing::describe;
using testing::load_replays;
using testing::Replay;

const std::string kFixtures = std::string(NPM_GATE_SOURCE_DIR) + "/tests/fixtures/";

std::vector<Replay> all() {
  std::vector<Replay> replays = load_replays(kFixtures + "attacks.json");
  for (Replay& replay : load_replays(kFixtures + "benign.json"))
    replays.push_back(std::move(replay));
  return replays;
}

class Replays : public ::testing::TestWithParam<Replay> {};

TEST_P(Replays, ShowWhatTheyShow) {
  const Replay& replay = GetParam();
  EXPECT_EQ(replay.scene.ids(), replay.expect) << describe(replay.scene.findings());
}

bool tells(const Finding& finding, const char* list, const char* key) {
  const auto* items = finding.proof.if_contains(list);
  if (items == nullptr) return false;
  const auto& array = items->as_array();
  return std::any_of(array.begin(), array.end(), [&](const auto& item) {
    return key == nullptr || item.at(key) == boost::json::value(true);
  });
}

TEST_P(Replays, HooksSayWhetherTheirFileIsNewOrMissing) {
  bool runs_new = false, misses = false;
  for (const Finding& finding : GetParam().scene.findings()) {
    if (!finding.id.starts_with("install-script-")) continue;
    runs_new = runs_new || tells(finding, "files", "new");
    misses = misses || tells(finding, "missing", nullptr);
  }
  EXPECT_EQ(runs_new, GetParam().hook_runs_new_file) << describe(GetParam().scene.findings());
  EXPECT_EQ(misses, GetParam().hook_misses_file);
}

// No detector knows a package by its name.
TEST_P(Replays, TheNameDoesNotMatter) {
  Replay replay = GetParam();
  const std::string old = replay.scene.now.release.manifest.name;
  const auto rename = [&](testing::Package& package) {
    for (Manifest* manifest : {&package.release.manifest, &package.evidence.tree.package_json}) {
      manifest->name = "some-other-name";
      if (const auto it = manifest->dependencies.find(old); it != manifest->dependencies.end()) {
        manifest->dependencies["some-other-name"] = it->second;
        manifest->dependencies.erase(old);
      }
    }
  };
  rename(replay.scene.now);
  if (replay.scene.before) rename(*replay.scene.before);
  EXPECT_EQ(replay.scene.ids(), replay.expect);
}

// What the packument alone shows is never taken back by looking closer, and needs no tarball.
TEST_P(Replays, MetadataAloneShowsAPart) {
  Replay replay = GetParam();
  replay.scene.inspected = replay.scene.baseline_inspected = false;
  const auto ids = replay.scene.ids();
  for (const char* hook : {"install-script-added", "install-script-changed", "dependency-added",
                           "exotic-dependency", "provenance-lost", "version-burst"}) {
    EXPECT_EQ(ids.contains(hook), replay.expect.contains(hook)) << hook;
  }
  for (const std::string& id : ids) EXPECT_TRUE(replay.expect.contains(id)) << id;
}

// Ingest times silence every finding that reads a clock, and only these.
TEST_P(Replays, TimesOfArrivalSilenceTheRhythm) {
  Replay replay = GetParam();
  replay.scene.history.times_real = false;
  std::set<std::string> expected = replay.expect;
  for (const char* id :
       {"dormant-release", "version-burst", "old-line-release", "fresh-dependency"}) {
    expected.erase(id);
  }
  std::set<std::string> ids = replay.scene.ids();
  // An account that is new by its dates is not, without them.
  if (!ids.contains("new-maintainer-published")) expected.erase("new-maintainer-published");
  EXPECT_EQ(ids, expected) << describe(replay.scene.findings());
}

INSTANTIATE_TEST_SUITE_P(All, Replays, ::testing::ValuesIn(all()), [](const auto& row) {
  std::string name = row.param.id;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
      '_');
  return name;
});

TEST(Fixtures, HoldAllOfThem) {
  const auto count = [](const std::string& file) {
    std::set<std::string> incidents;
    for (const Replay& replay : load_replays(kFixtures + file)) {
      incidents.insert(replay.id.substr(0, replay.id.find('/')));
    }
    return incidents.size();
  };
  EXPECT_EQ(count("attacks.json"), 37u);
  EXPECT_EQ(count("benign.json"), 26u);
}

// The shape of most takeovers, as the default policy asks for it: code that newly runs on install.
TEST(Fixtures, OrdinaryReleasesRarelyRunNewCode) {
  static constexpr const char* kRunsNewCode[] = {
      "install-script-added",   "install-script-changed",       "install-script-target-changed",
      "implicit-install-added", "bundled-install-script-added", "bin-shadows-command"};
  const auto share = [&](const std::string& file) {
    int hits = 0;
    for (const Replay& replay : load_replays(kFixtures + file)) {
      std::set<std::string> ids;
      for (const Finding& finding : replay.scene.findings())
        if (may_hold(finding)) ids.insert(finding.id);
      hits += std::any_of(std::begin(kRunsNewCode), std::end(kRunsNewCode),
                          [&](const char* id) { return ids.contains(id); });
    }
    return hits;
  };
  EXPECT_GE(share("attacks.json"), 22);
  EXPECT_LE(share("benign.json"), 8);
}

}  // namespace
}  // namespace npmgate
