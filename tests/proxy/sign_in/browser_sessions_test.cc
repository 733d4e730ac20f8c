#include "proxy/sign_in/browser_sessions.h"

#include <gtest/gtest.h>

#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

std::string cookies(const std::string& id) {
  return "other=1; " + std::string(BrowserSessions::kCookie) + "=" + id + "; more=2";
}

BrowserSession session_of(const char* authorization) {
  BrowserSession session;
  session.authorization = authorization;
  return session;
}

TEST(BrowserSessions, AreFoundByTheirCookieUntilTheyAreClosed) {
  testing::FakeClock clock(Time{hours(24 * 365)});
  BrowserSessions sessions(clock);
  const std::string id = sessions.open(session_of("Bearer ngt_a"));
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

TEST(BrowserSessions, EndWhenUnusedAndAfterAWorkingDay) {
  testing::FakeClock clock(Time{hours(24 * 365)});
  BrowserSessions sessions(clock);
  const std::string idle = sessions.open(session_of("a"));
  clock.advance(BrowserSessions::kIdle + minutes(1));
  EXPECT_FALSE(sessions.find(cookies(idle)));
  const std::string busy = sessions.open(session_of("b"));
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(sessions.find(cookies(busy))) << i;
    clock.advance(hours(1));
  }
  clock.advance(minutes(1));
  EXPECT_FALSE(sessions.find(cookies(busy)));
}

TEST(BrowserSessions, OfAProviderEndSooner) {
  testing::FakeClock clock(Time{hours(24 * 365)});
  BrowserSessions sessions(clock);
  BrowserSession of_provider;
  of_provider.caller = {"sso:rita", Scope::kReview};
  const std::string id = sessions.open(of_provider);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(sessions.find(cookies(id))) << i;
    clock.advance(hours(1));
  }
  EXPECT_EQ(sessions.find(cookies(id))->caller.name, "sso:rita");
  clock.advance(minutes(1));
  EXPECT_FALSE(sessions.find(cookies(id)));
}

TEST(BrowserSessions, AreBoundedAndTheLeastUsedGoesFirst) {
  testing::FakeClock clock(Time{hours(24 * 365)});
  BrowserSessions sessions(clock);
  const std::string first = sessions.open(session_of("first"));
  clock.advance(minutes(1));
  const std::string second = sessions.open(session_of("second"));
  for (std::size_t i = 0; i < BrowserSessions::kMost - 1; ++i) sessions.open(session_of("more"));
  EXPECT_FALSE(sessions.find(cookies(first)));
  EXPECT_TRUE(sessions.find(cookies(second)));
}

TEST(BrowserSessions, CookiesAreNotForScriptsNorForOtherSites) {
  const std::string plain = BrowserSessions::cookie("abc", "/desk", false);
  EXPECT_EQ(plain, "npm_gate_desk=abc; Path=/desk; HttpOnly; SameSite=Strict");
  EXPECT_EQ(BrowserSessions::cookie("abc", "/desk", true), plain + "; Secure");
  EXPECT_NE(BrowserSessions::cookie("", "/desk", false).find("Max-Age=0"), std::string::npos);
}

}  // namespace
}  // namespace npmgate
