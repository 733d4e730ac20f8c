#include "store/subscription_store.h"

#include "store/sqlite/open_state_store.h"
#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

Subscription named(const std::string& id, int renewed) {
  Subscription subscription;
  subscription.id = id;
  subscription.repository = "https://git.example/team/" + id;
  subscription.project = "shop";
  subscription.file = "package-lock.json";
  subscription.format = "package-lock v3";
  subscription.token = "ci";
  subscription.created = subscription.renewed = at(renewed);
  return subscription;
}

std::vector<std::string> ids(const std::vector<Subscription>& all) {
  std::vector<std::string> found;
  for (const Subscription& one : all) found.push_back(one.id);
  return found;
}

TEST(Subscriptions, AnUploadReplacesTheOneBeforeAndKeepsWhenItBegan) {
  auto store = must(open_memory_state_store());
  SubscriptionStore& subscriptions = store->subscriptions();
  must(subscriptions.put(named("a", 1), {{"left", "1.0.0", ""}, {"right", "2.0.0", ""}}, 10));
  must(subscriptions.put(named("a", 5), {{"left", "1.1.0", ""}}, 10));
  const auto all = must(subscriptions.all());
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].created, at(1));
  EXPECT_EQ(all[0].renewed, at(5));
  EXPECT_EQ(all[0].releases, 1u);
  EXPECT_EQ(must(subscriptions.releases_of("a")),
            (std::vector<SubscribedRelease>{{"left", "1.1.0", ""}}));
  EXPECT_EQ(must(subscriptions.names()), std::vector<std::string>{"left"});
}

TEST(Subscriptions, WhoHasARelease) {
  auto store = must(open_memory_state_store());
  SubscriptionStore& subscriptions = store->subscriptions();
  must(subscriptions.put(named("exact", 1), {{"left", "1.2.0", ""}, {"left", "1.0.0", ""}}, 10));
  must(subscriptions.put(named("other", 1), {{"left", "1.1.0", ""}}, 10));
  must(subscriptions.put(named("range", 1), {{"left", "", "^1.1.0"}, {"left", "", "1.x"}}, 10));
  must(subscriptions.put(named("tag", 1), {{"left", "", "latest"}}, 10));
  const auto holders = must(subscriptions.holders("left"));
  struct Row {
    const char* version;
    std::vector<std::string> who;
  };
  const Row rows[] = {{"1.2.0", {"exact", "range"}},
                      {"1.0.0", {"exact", "range"}},
                      {"1.1.0", {"other", "range"}},
                      {"2.0.0", {}},
                      {"1.3.0-rc.1", {}},
                      {"no version", {}}};
  for (const Row& row : rows) EXPECT_EQ(ids(who_has(holders, row.version)), row.who) << row.version;
  EXPECT_TRUE(must(subscriptions.holders("right")).empty());
}

TEST(Subscriptions, AreBoundedInNumberButAlwaysRenewable) {
  auto store = must(open_memory_state_store());
  SubscriptionStore& subscriptions = store->subscriptions();
  must(subscriptions.put(named("a", 1), {}, 2));
  must(subscriptions.put(named("b", 1), {}, 2));
  const auto third = subscriptions.put(named("c", 1), {{"left", "1.0.0", ""}}, 2);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::kRefused);
  EXPECT_TRUE(must(subscriptions.names()).empty());
  must(subscriptions.put(named("b", 2), {{"left", "1.0.0", ""}}, 2));
}

TEST(Subscriptions, EndByRemovalAndByTime) {
  auto store = must(open_memory_state_store());
  SubscriptionStore& subscriptions = store->subscriptions();
  for (int i = 1; i <= 3; ++i)
    must(subscriptions.put(named(std::string(1, static_cast<char>('a' + i - 1)), i),
                           {{"left", "1.0.0", ""}}, 10));
  EXPECT_TRUE(must(subscriptions.remove("b")));
  EXPECT_FALSE(must(subscriptions.remove("b")));
  EXPECT_EQ(must(subscriptions.remove_renewed_before(at(3))), 1);
  EXPECT_EQ(ids(must(subscriptions.all())), std::vector<std::string>{"c"});
  EXPECT_EQ(must(subscriptions.holders("left")).size(), 1u);
}

TEST(Subscriptions, SurviveARestart) {
  const TempDir dir;
  must(must(open_state_store(dir.path()))
           ->subscriptions()
           .put(named("a", 1), {{"x", "1.0.0", ""}}, 9));
  EXPECT_EQ(ids(must(must(open_state_store(dir.path()))->subscriptions().all())),
            std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace npmgate::test
