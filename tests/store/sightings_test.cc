#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

using PackumentSighting = StateStore::PackumentSighting;

PackumentSighting look_at(Time when, std::vector<std::pair<std::string, std::string>> versions,
                          StringMap tags = {}) {
  PackumentSighting look;
  look.name = "left";
  look.upstream = "public";
  look.at = when;
  look.versions = std::move(versions);
  look.dist_tags = std::move(tags);
  return look;
}

class Looks : public StateStoreSuite {
 protected:
  // Records, and checks that what is returned is what a later read (after reopening) finds.
  PackageRecord record(const PackumentSighting& look) {
    auto returned = must(store().record_sighting(look));
    reopen();
    expect_same(must(store().package(look.name)), returned);
    return returned;
  }
  static void expect_same(const PackageRecord& a, const PackageRecord& b) {
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.upstream, b.upstream);
    EXPECT_EQ(a.first_look, b.first_look);
    EXPECT_EQ(a.last_look, b.last_look);
    EXPECT_EQ(a.tag_history, b.tag_history);
    ASSERT_EQ(a.versions.size(), b.versions.size());
    for (const auto& [version, seen] : a.versions) {
      ASSERT_TRUE(b.versions.contains(version));
      const SeenVersion& other = b.versions.at(version);
      EXPECT_EQ(seen.version, version);
      EXPECT_EQ(other.version, version);
      EXPECT_EQ(seen.first_seen, other.first_seen);
      EXPECT_EQ(seen.looked_before, other.looked_before);
      EXPECT_EQ(seen.integrity, other.integrity);
      EXPECT_EQ(seen.withdrawn, other.withdrawn);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Both, Looks, ::testing::Values(StoreKind::kDisk, StoreKind::kMemory),
                         kind_name);

TEST_P(Looks, NeverSeenIsAnEmptyRecord) {
  const auto record = must(store().package("left"));
  EXPECT_EQ(record.name, "left");
  EXPECT_EQ(record.first_look, std::nullopt);
  EXPECT_EQ(record.last_look, std::nullopt);
  EXPECT_TRUE(record.versions.empty());
  EXPECT_TRUE(must(store().package_names()).empty());
}

TEST_P(Looks, VersionsOfTheFirstLookHaveNoLookBefore) {
  const auto first = record(look_at(at(100), {{"1.0.0", "sha512-a"}, {"2.0.0", ""}}));
  EXPECT_EQ(first.upstream, "public");
  EXPECT_EQ(first.first_look, at(100));
  EXPECT_EQ(first.last_look, at(100));
  ASSERT_EQ(first.versions.size(), 2U);
  const SeenVersion& seen = first.versions.at("1.0.0");
  EXPECT_EQ(seen.first_seen, at(100));
  EXPECT_EQ(seen.looked_before, std::nullopt);
  EXPECT_EQ(seen.integrity, "sha512-a");
  EXPECT_EQ(seen.withdrawn, std::nullopt);
  EXPECT_EQ(first.versions.at("2.0.0").integrity, "");
}

TEST_P(Looks, ANewVersionKnowsTheLookThatDidNotShowIt) {
  record(look_at(at(100), {{"1.0.0", "a"}}));
  record(look_at(at(200), {{"1.0.0", "a"}}));
  const auto third = record(look_at(at(300), {{"1.0.0", "a"}, {"1.0.1", "b"}}));
  EXPECT_EQ(third.first_look, at(100));
  EXPECT_EQ(third.last_look, at(300));
  EXPECT_EQ(third.versions.at("1.0.1").first_seen, at(300));
  EXPECT_EQ(third.versions.at("1.0.1").looked_before, at(200));
  EXPECT_EQ(third.versions.at("1.0.0").first_seen, at(100));
  EXPECT_EQ(third.versions.at("1.0.0").looked_before, std::nullopt);
}

TEST_P(Looks, IntegrityOfTheFirstSightStays) {
  record(look_at(at(1), {{"1.0.0", "first"}}));
  EXPECT_EQ(record(look_at(at(2), {{"1.0.0", "second"}})).versions.at("1.0.0").integrity, "first");
}

TEST_P(Looks, VanishedIsWithdrawnOnceAndRestoredWhenItReturns) {
  record(look_at(at(1), {{"1.0.0", "a"}, {"2.0.0", "b"}}));
  EXPECT_EQ(record(look_at(at(2), {{"1.0.0", "a"}})).versions.at("2.0.0").withdrawn, at(2));
  EXPECT_EQ(record(look_at(at(3), {{"1.0.0", "a"}})).versions.at("2.0.0").withdrawn, at(2))
      << "the first look without it counts";
  const auto back = record(look_at(at(4), {{"1.0.0", "a"}, {"2.0.0", "other"}}));
  EXPECT_EQ(back.versions.at("2.0.0").withdrawn, std::nullopt);
  EXPECT_EQ(back.versions.at("2.0.0").first_seen, at(1));
  EXPECT_EQ(back.versions.at("2.0.0").integrity, "b");
  EXPECT_EQ(record(look_at(at(5), {})).versions.at("1.0.0").withdrawn, at(5)) << "all unpublished";
}

TEST_P(Looks, AVersionNamedTwiceCountsOnce) {
  const auto record_now = record(look_at(at(1), {{"1.0.0", "a"}, {"1.0.0", "b"}}));
  EXPECT_EQ(record_now.versions.size(), 1U);
  EXPECT_EQ(record_now.versions.at("1.0.0").integrity, "a");
}

TEST_P(Looks, ALateLookDoesNotSetTheClockBack) {
  record(look_at(at(200), {{"1.0.0", "a"}}));
  const auto late = record(look_at(at(100), {{"1.0.0", "a"}, {"1.0.1", "b"}}));
  EXPECT_EQ(late.last_look, at(200));
  EXPECT_EQ(late.versions.at("1.0.1").looked_before, at(100)) << "never later than the first sight";
}

TEST_P(Looks, TagHistoryIsNewestFirstAndDistinct) {
  record(look_at(at(1), {}, {{"latest", "1.0.0"}, {"next", "2.0.0-a"}}));
  record(look_at(at(2), {}, {{"latest", "1.0.1"}, {"next", "2.0.0-a"}}));
  record(look_at(at(3), {}, {{"latest", "1.0.2"}}));
  const auto back = record(look_at(at(4), {}, {{"latest", "1.0.0"}}));
  EXPECT_EQ(back.tag_history.at("latest"), (std::vector<std::string>{"1.0.0", "1.0.2", "1.0.1"}));
  EXPECT_EQ(back.tag_history.at("next"), (std::vector<std::string>{"2.0.0-a"}))
      << "a dropped tag keeps its history";
}

TEST_P(Looks, TagHistoryEndsAtTwenty) {
  PackageRecord last;
  for (int i = 0; i < 25; ++i) {
    last = must(store().record_sighting(look_at(at(i), {}, {{"latest", std::to_string(i)}})));
  }
  const auto& targets = last.tag_history.at("latest");
  ASSERT_EQ(targets.size(), 20U);
  EXPECT_EQ(targets.front(), "24");
  EXPECT_EQ(targets.back(), "5");
}

TEST_P(Looks, AnotherUpstreamKeepsWhatWasSeen) {
  record(look_at(at(1), {{"1.0.0", "a"}}));
  PackumentSighting moved = look_at(at(2), {{"1.0.0", "a"}});
  moved.upstream = "mirror";
  const auto after = record(moved);
  EXPECT_EQ(after.upstream, "mirror");
  EXPECT_EQ(after.versions.at("1.0.0").first_seen, at(1));
}

TEST_P(Looks, PackagesDoNotMix) {
  record(look_at(at(1), {{"1.0.0", "a"}}, {{"latest", "1.0.0"}}));
  PackumentSighting other = look_at(at(2), {{"9.0.0", "z"}});
  other.name = "@scope/left";
  record(other);
  EXPECT_EQ(must(store().package("left")).versions.size(), 1U);
  EXPECT_EQ(must(store().package("left")).versions.at("1.0.0").withdrawn, std::nullopt);
  EXPECT_EQ(must(store().package_names()), (std::vector<std::string>{"@scope/left", "left"}));
}

TEST_P(Looks, ManyVersions) {
  std::vector<std::pair<std::string, std::string>> versions;
  for (int i = 0; i < 2'700; ++i) {
    versions.emplace_back("1.0." + std::to_string(i), "sha512-" + std::string(88, 'x'));
  }
  EXPECT_EQ(record(look_at(at(1), versions)).versions.size(), 2'700U);
  versions.pop_back();
  versions.emplace_back("2.0.0", "new");
  const auto second = record(look_at(at(2), versions));
  EXPECT_EQ(second.versions.size(), 2'701U);
  EXPECT_EQ(second.versions.at("1.0.2699").withdrawn, at(2));
  EXPECT_EQ(second.versions.at("2.0.0").looked_before, at(1));
}

}  // namespace
}  // namespace npmgate::test
