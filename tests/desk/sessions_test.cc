#include "proxy/desk/sessions.h"

#include <gtest/gtest.h>

#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

std::string cookies(const std::string& id) {
  return "other=1; " + std::string(DeskSessions::kCookie) + "=" + id + "; more=2";
}

TEST(DeskSessions, AreFoundByTheirCookieUntilTheyAreClosed) {
  testing::FakeClock clock(Time{hours(24 * 365)});
  DeskSessions sessions(clock);
  const std::string id = sessions.open("Bearer ngt_a");
  const auto found = sessions.find(cookies(id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->authorization, "Bearer ngt_a");
  EXPECT_EQ(found->csrf.size(), 64u);
  EXPECT_FALSE(sessions.find(cookies(id.substr(1))));
  EXPECT_FALSE(sessions.find(""));
  EXPECT_FALSE(sessions.find("x" + cookies(id).substr(9)));
  sessions.close(cookies(id));
  EXPECT_FALSE(sessions.find(cookies(id)));
}

TEST(DeskSessions, EndWhenUnusedAndAfterAWorkingDay) {
  testing::FakeClock clock(Time{hours(24 * 365)});
  DeskSessions sessions(clock);
  const std::string idle = sessions.open("a");
  clock.advance(DeskSessions::kIdle + minutes(1));
  EXPECT_FALSE(sessions.find(cookies(idle)));
  const std::string busy = sessions.open("b");
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(sessions.find(cookies(busy))) << i;
    clock.advance(hours(1));
  }
  clock.advance(minutes(1));
  EXPECT_FALSE(sessions.find(cookies(busy)));
}

TEST(DeskSessions, AreBoundedAndTheLeastUsedGoesFirst) {
  testing::FakeClock clock(Time{hours(24 * 365)});
  DeskSessions sessions(clock);
  const std::string first = sessions.open("first");
  clock.advance(minutes(1));
  const std::string second = sessions.open("second");
  for (std::size_t i = 0; i < DeskSessions::kMost - 1; ++i) sessions.open("more");
  EXPECT_FALSE(sessions.find(cookies(first)));
  EXPECT_TRUE(sessions.find(cookies(second)));
}

TEST(DeskSessions, CookiesAreNotForScriptsNorForOtherSites) {
  const std::string plain = DeskSessions::cookie("abc", false);
  EXPECT_EQ(plain, "npm_gate_desk=abc; Path=/desk; HttpOnly; SameSite=Strict");
  EXPECT_EQ(DeskSessions::cookie("abc", true), plain + "; Secure");
  EXPECT_NE(DeskSessions::cookie("", false).find("Max-Age=0"), std::string::npos);
}

}  // namespace
}  // namespace npmgate
