// Subscriptions on a fake clock: what is not renewed in time ends, for listings and for alerts.
#include "proxy/admin/subscriptions.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "store/sqlite/open_state_store.h"
#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using testing::FakeClock;

constexpr const char* kLock =
    R"({"lockfileVersion":3,"packages":{"node_modules/left":{"version":"1.0.1"}}})";

class SubscriptionsTest : public ::testing::Test {
 protected:
  SubscriptionsTest() { EXPECT_TRUE(active_policy.load()); }

  boost::json::object upload(const std::string& project, const std::string& text = kLock) {
    const auto answer = subscriptions.upload(
        boost::json::serialize(boost::json::object{{"repository", "https://git.example/team/shop"},
                                                   {"project", project},
                                                   {"file", "package-lock.json"},
                                                   {"text", text}}),
        "ci");
    EXPECT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    return boost::json::parse(*answer->body).as_object();
  }

  std::vector<std::string> projects() {
    std::vector<std::string> names;
    const auto listed = boost::json::parse(*subscriptions.list()->body);
    for (const auto& each : listed.at("subscriptions").as_array())
      names.emplace_back(each.at("project").as_string());
    return names;
  }

  std::size_t repositories(const std::string& version) {
    return subscriptions.repositories_with("left", version).value().size();
  }

  FakeClock clock{*parse_time("2026-01-01T00:00:00Z")};
  Config config;
  Metrics metrics;
  std::unique_ptr<StateStore> store = std::move(open_memory_state_store().value());
  ActivePolicy active_policy{"", clock, *store, *store, metrics};
  std::vector<std::string> told;
  Subscriptions subscriptions{{config, clock, store->subscriptions(), *store, *store, active_policy,
                               [this](const std::string& repository, const auto& refused) {
                                 told.push_back(repository + " " + std::to_string(refused.size()));
                               }}};
};

TEST_F(SubscriptionsTest, WhatIsNotRenewedInTimeEnds) {
  config.subscriptions_expire = hours(24 * 14);
  EXPECT_EQ(upload("web").at("expires"), "2026-01-15T00:00:00.000Z");
  upload("api");
  clock.advance(hours(24 * 14));
  EXPECT_EQ(projects(), (std::vector<std::string>{"api", "web"}));
  EXPECT_EQ(upload("api").at("created"), "2026-01-01T00:00:00.000Z");
  clock.advance(Millis(1));
  EXPECT_EQ(repositories("1.0.1"), 1U);  // before anybody has cleared it away
  EXPECT_EQ(projects(), std::vector<std::string>{"api"});
  clock.advance(hours(24 * 14));
  EXPECT_EQ(repositories("1.0.1"), 0U);
  EXPECT_EQ(subscriptions.names().value(), std::vector<std::string>{});
}

TEST_F(SubscriptionsTest, ARepositoryIsNamedOnceHoweverManyOfItsProjectsLockTheRelease) {
  upload("web");
  upload("api");
  EXPECT_EQ(repositories("1.0.1"), 1U);
  EXPECT_EQ(repositories("1.0.0"), 0U);
}

TEST_F(SubscriptionsTest, EveryUploadIsPassedOn) {
  upload("web");
  upload("web");
  EXPECT_EQ(told, (std::vector<std::string>{"https://git.example/team/shop 0",
                                            "https://git.example/team/shop 0"}));
}

}  // namespace
}  // namespace npmgate
