#include "alert/event.h"

#include <boost/json/serialize.hpp>

#include "tests/alert/alert_testing.h"

namespace npmgate {
namespace {

using test::bad_release;
constexpr auto kNone = std::nullopt;

struct NewsRow {
  const char* says;
  std::optional<Standing> before;
  Standing now;
  bool had;
  std::optional<EventKind> expected;
};

class News : public ::testing::TestWithParam<NewsRow> {};
INSTANTIATE_TEST_SUITE_P(
    Table, News,
    ::testing::Values(
        NewsRow{"a new good release", kNone, Standing::kClear, false, kNone},
        NewsRow{"a new release waits for its age", kNone, Standing::kWaiting, false, kNone},
        NewsRow{"its age is reached", Standing::kWaiting, Standing::kClear, false, kNone},
        NewsRow{"a new bad release", kNone, Standing::kHeld, false, EventKind::kHeld},
        NewsRow{"a new blocked release", kNone, Standing::kBlocked, false, EventKind::kBlocked},
        NewsRow{"held becomes blocked", Standing::kHeld, Standing::kBlocked, false,
                EventKind::kBlocked},
        NewsRow{"somebody had it before it was first held: blocked stays no recall",
                Standing::kHeld, Standing::kBlocked, true, EventKind::kBlocked},
        NewsRow{"a served release turns bad", Standing::kClear, Standing::kBlocked, true,
                EventKind::kRecall},
        NewsRow{"a served release is held", Standing::kWarned, Standing::kHeld, true,
                EventKind::kRecall},
        NewsRow{"reported by a client, never served, first seen bad", kNone, Standing::kHeld, true,
                EventKind::kRecall},
        NewsRow{"a clear release turns bad that nobody has", Standing::kClear, Standing::kHeld,
                false, EventKind::kHeld},
        NewsRow{"approved", Standing::kHeld, Standing::kClear, false, EventKind::kCleared},
        NewsRow{"approved with a warning", Standing::kHeld, Standing::kWarned, false,
                EventKind::kCleared},
        NewsRow{"withdrawn upstream", Standing::kBlocked, Standing::kWithdrawn, true,
                EventKind::kCleared},
        NewsRow{"only its age is left", Standing::kHeld, Standing::kWaiting, false,
                EventKind::kCleared},
        NewsRow{"a warning", Standing::kClear, Standing::kWarned, false, EventKind::kWarned},
        NewsRow{"no change", Standing::kHeld, Standing::kHeld, true, kNone}));

TEST_P(News, IsAPureFunctionOfTwoStandings) {
  const NewsRow& row = GetParam();
  EXPECT_EQ(news(row.before, row.now, row.had), row.expected) << row.says;
}

Verdict quarantined(bool cooldown) {
  Verdict verdict;
  verdict.action = Action::kQuarantine;
  Reason reason;
  reason.action = Action::kQuarantine;
  reason.cooldown = cooldown;
  verdict.reasons.push_back(reason);
  return verdict;
}

TEST(StandingOf, AHoldForAgeAloneIsWaiting) {
  EXPECT_EQ(standing_of(quarantined(true)), Standing::kWaiting);
  EXPECT_EQ(standing_of(quarantined(false)), Standing::kHeld);
  Verdict both = quarantined(false);
  both.reasons.push_back(quarantined(true).reasons.front());
  EXPECT_EQ(standing_of(both), Standing::kHeld);
  EXPECT_EQ(standing_of(Verdict{}), Standing::kClear);
}

TEST(StandingOf, WhatWasApprovedDoesNotCount) {
  Verdict verdict = quarantined(true);
  verdict.reasons.push_back(quarantined(false).reasons.front());
  verdict.reasons.back().waived_by = "approval of alice";
  EXPECT_EQ(standing_of(verdict), Standing::kWaiting);
}

TEST(AlertEvent, RoundTrips) {
  AlertEvent event = bad_release();
  event.kind = EventKind::kRecall;
  event.holders = {{"ci", "10.0.0.1", "shop", "ci", event.at, false}};
  event.holder_count = 7;
  event.projects = {"https://github.com/corp/shop"};
  event.fixes = "0.7.28";
  const auto read = alert_event_from(boost::json::serialize(to_json(event)));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, event);
}

TEST(AlertEvent, DamageIsAnError) {
  const std::string good = boost::json::serialize(to_json(bad_release()));
  for (std::size_t length = 0; length < good.size(); length += 7)
    EXPECT_FALSE(alert_event_from(good.substr(0, length))) << length;
  EXPECT_FALSE(alert_event_from("{}"));
  EXPECT_FALSE(alert_event_from(R"({"kind":"nonsense"})"));
}

}  // namespace
}  // namespace npmgate
