#include "proxy/admin/queue_order.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace npmgate {
namespace {

QueueFacts queue_facts(const char* release) {
  QueueFacts out;
  out.release = release;
  out.seen = *parse_time("2026-11-28T10:00:00.000Z");
  return out;
}

std::string queue_order(QueueSort sort, const std::vector<QueueFacts>& all) {
  std::vector<std::pair<std::string, std::string>> keys;
  for (const QueueFacts& each : all) keys.emplace_back(queue_key(sort, each), each.release);
  std::sort(keys.begin(), keys.end());
  std::string out;
  for (const auto& [key, release] : keys) out += release;
  return out;
}

TEST(QueueOrder, UrgencyProjectsRiskAgeAndName) {
  QueueFacts plain = queue_facts("p"), fix = queue_facts("f"), asked = queue_facts("a"),
             wanted = queue_facts("w"), grave = queue_facts("g"), old = queue_facts("o"),
             proven = queue_facts("l");
  fix.fixes = true;
  asked.asked = 12;
  wanted.projects = 2;
  wanted.waiting = 1;
  grave.gravest = Severity::kHigh;
  grave.findings = 1;
  grave.runs_on_install = true;
  old.seen -= std::chrono::hours(24);
  proven.lowest_risk = true;
  const std::vector<QueueFacts> all = {plain, fix, asked, wanted, grave, old, proven};
  EXPECT_EQ(queue_order(QueueSort::kUrgency, all), "flawgop");
  EXPECT_EQ(queue_order(QueueSort::kProjects, all), "woafglp");
  EXPECT_EQ(queue_order(QueueSort::kRisk, all), "lawofpg");
  EXPECT_EQ(queue_order(QueueSort::kAge, all), "oafglpw");
  EXPECT_EQ(queue_order(QueueSort::kName, all), "afglopw");
}

TEST(QueueOrder, CountsOfAnySizeKeepTheirOrder) {
  QueueFacts few = queue_facts("few"), many = queue_facts("many"), most = queue_facts("most");
  few.asked = 9;
  many.asked = 10;
  most.asked = 1'000'000;
  EXPECT_EQ(queue_order(QueueSort::kUrgency, {few, many, most}), "mostmanyfew");
}

TEST(QueueOrder, FiltersSayWhatTheyMayBe) {
  for (const char* const bad : {"verdict=held", "only=mine", "severity=bad"})
    EXPECT_FALSE(QueueFilter::parse(bad)) << bad;
  EXPECT_FALSE(parse_queue_sort("size"));
  const auto grave = QueueFilter::parse("severity=high&only=install");
  ASSERT_TRUE(grave);
  QueueFacts one = queue_facts("x");
  EXPECT_FALSE(grave->fits(one));
  one.gravest = Severity::kCritical;
  EXPECT_FALSE(grave->fits(one));
  one.runs_on_install = true;
  EXPECT_TRUE(grave->fits(one));
}

}  // namespace
}  // namespace npmgate
