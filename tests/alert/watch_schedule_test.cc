#include "alert/watch_schedule.h"

#include <gtest/gtest.h>

#include <random>

namespace npmgate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Time kNow = parse_time("2026-01-01T00:00:00Z").value();
constexpr Millis kShortest = minutes(10), kLongest = hours(6);

WatchFacts every(Millis gap, int count, Millis newest_age) {
  WatchFacts facts;
  for (int i = 0; i < count; ++i) facts.releases.push_back(kNow - newest_age - gap * i);
  return facts;
}

TEST(WatchInterval, FollowsTheRhythm) {
  EXPECT_EQ(watch_interval(every(hours(40), 20, hours(24 * 30)), kNow, kShortest, kLongest),
            hours(2));
  EXPECT_EQ(watch_interval(every(hours(24 * 90), 20, hours(24 * 30)), kNow, kShortest, kLongest),
            kLongest);
  EXPECT_EQ(watch_interval(every(minutes(5), 20, hours(24 * 30)), kNow, kShortest, kLongest),
            kShortest);
  EXPECT_EQ(watch_interval(WatchFacts{}, kNow, kShortest, kLongest), kLongest);
}

TEST(WatchInterval, FreshPopularAndWantedAreLookedAtSooner) {
  WatchFacts facts = every(hours(40), 20, hours(24 * 30));
  facts.popular = true;
  EXPECT_EQ(watch_interval(facts, kNow, kShortest, kLongest), hours(1));
  facts.wanted = true;
  EXPECT_EQ(watch_interval(facts, kNow, kShortest, kLongest), minutes(30));
  // A silent package with a release of yesterday: the shape of a takeover.
  WatchFacts dormant = every(hours(24 * 300), 5, hours(24));
  EXPECT_EQ(watch_interval(dormant, kNow, kShortest, kLongest), Millis(hours(6)) / 4);
}

TEST(WatchInterval, OldRhythmDoesNotCount) {
  WatchFacts facts = every(hours(20), 11, hours(24 * 30));
  for (int i = 1; i < 50; ++i) facts.releases.push_back(kNow - hours(24 * 1000 * i));
  EXPECT_EQ(watch_interval(facts, kNow, kShortest, kLongest), hours(1));
}

TEST(WatchQueue, TakesWhatIsDueTheLatestByIntervalsFirst) {
  WatchQueue queue;
  queue.put("slow", kNow - hours(8), hours(6), 0.5);     // late by a third of its interval
  queue.put("fast", kNow - hours(1), minutes(10), 0.5);  // late by five intervals
  queue.put("later", kNow, hours(1), 0.5);
  EXPECT_EQ(queue.take(kNow, 10), (std::vector<std::string>{"fast", "slow"}));
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_TRUE(queue.take(kNow, 10).empty());
  queue.hurry("later", kNow);
  queue.hurry("unknown", kNow);
  EXPECT_EQ(queue.take(kNow, 10), std::vector<std::string>{"later"});
}

// A change that the feed names while its package is looked at, or before it is known here (the
// first moments after a restart), is not lost.
TEST(WatchQueue, WhatChangedWhileItWasAwayIsDueWhenItIsBack) {
  WatchQueue queue;
  queue.put("a", kNow - hours(3), hours(2), 0.5);
  EXPECT_EQ(queue.take(kNow, 1), std::vector<std::string>{"a"});
  queue.hurry("a", kNow);
  queue.hurry("b", kNow);
  EXPECT_TRUE(queue.take(kNow, 10).empty());
  queue.put("a", kNow, hours(2), 0.5);
  queue.put("b", kNow, hours(2), 0.5);
  EXPECT_EQ(queue.take(kNow, 10), (std::vector<std::string>{"a", "b"}));
  queue.put("a", kNow, hours(2), 0.5);
  EXPECT_TRUE(queue.take(kNow, 10).empty());
}

TEST(WatchQueue, RemembersTheLastChangesOnly) {
  WatchQueue queue;
  queue.hurry("first", kNow);
  for (int i = 0; i < 10'000; ++i) queue.hurry("x" + std::to_string(i), kNow);
  queue.put("first", kNow, hours(2), 0.5);
  queue.put("x9999", kNow, hours(2), 0.5);
  EXPECT_EQ(queue.take(kNow, 10), std::vector<std::string>{"x9999"});
}

TEST(WatchBudget, SpreadsRequests) {
  WatchBudget budget(60, kNow);
  EXPECT_EQ(budget.available(kNow), 1);
  budget.spend(1);
  EXPECT_EQ(budget.available(kNow + Millis(500)), 0);
  EXPECT_EQ(budget.available(kNow + seconds(1)), 1);
  EXPECT_EQ(budget.available(kNow + hours(1)), 1);  // no burst after a pause
}

// 10,000 packages, all due at the start, watched for an hour on a fake clock.
TEST(Watch, TenThousandPackagesStayUnderTheBudget) {
  std::mt19937 random(7);  // NOLINT: the same every time
  std::uniform_real_distribution<double> chance(0, 1);
  WatchQueue queue;
  WatchBudget budget(600, kNow);
  std::map<std::string, WatchFacts> packages;
  for (int i = 0; i < 10'000; ++i) {
    WatchFacts facts = every(hours(24 + i % 2000), 12, hours(i % 5000));
    facts.popular = i % 20 == 0;
    packages["p" + std::to_string(i)] = facts;
  }
  std::map<std::string, std::vector<Time>> looks;
  for (const auto& [name, facts] : packages) {
    queue.put(name, kNow - kLongest, watch_interval(facts, kNow, kShortest, kLongest),
              chance(random));
  }
  std::vector<Time> sent;
  for (Time now = kNow; now < kNow + hours(1); now += seconds(1)) {
    const auto names = queue.take(now, static_cast<std::size_t>(budget.available(now)));
    budget.spend(static_cast<int>(names.size()));
    for (const std::string& name : names) {
      sent.push_back(now);
      looks[name].push_back(now);
      queue.put(name, now, watch_interval(packages[name], now, kShortest, kLongest),
                chance(random));
    }
  }
  for (std::size_t i = 600; i < sent.size(); ++i)
    ASSERT_GE(sent[i] - sent[i - 600], minutes(1)) << i;
  EXPECT_EQ(looks.size(), 10'000U);  // nobody starves
  const auto mean_looks = [&](bool popular) {
    double sum = 0, count = 0;
    for (const auto& [name, times] : looks) {
      if (packages[name].popular != popular) continue;
      sum += static_cast<double>(times.size());
      ++count;
    }
    return sum / count;
  };
  EXPECT_GT(mean_looks(true), mean_looks(false));
}

TEST(ParseChanges, ReadsCouchDbsAnswers) {
  const auto one = parse_changes(
      R"({"results":[{"seq":"3-x","id":"left","changes":[{"rev":"1-a"}]},{"seq":4,"id":"_design/app","changes":[]},{"seq":5,"id":"@corp/x","changes":[],"deleted":true}],"last_seq":"5-abc","pending":0})");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->names, (std::vector<std::string>{"left", "@corp/x"}));
  EXPECT_EQ(one->last_seq, "\"5-abc\"");
  EXPECT_EQ(parse_changes(R"({"results":[],"last_seq":77})")->last_seq, "77");
}

TEST(ParseChanges, RefusesAnythingElse) {
  for (const char* text :
       {"", "[]", "{}", R"({"results":[]})", R"({"last_seq":1})",
        R"({"results":[{"seq":1}],"last_seq":1})", R"({"results":[],"last_seq":null})"})
    EXPECT_FALSE(parse_changes(text)) << text;
}

}  // namespace
}  // namespace npmgate
