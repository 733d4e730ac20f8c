// Who waits for a release: counted from the refusals of the audit trail.
#include <gtest/gtest.h>

#include <boost/json/object.hpp>

#include "proxy/admin/review.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {
namespace {

const Time kNow = *parse_time("2026-11-28T10:00:00.000Z");

AuditEntry refused(const std::string& client, Time at) {
  AuditEntry entry;
  entry.at = at;
  entry.kind = "refused";
  entry.actor = "client";
  entry.name = "left";
  entry.version = "1.0.1";
  entry.action = "quarantine";
  entry.client = client;
  entry.detail = R"({"project":"shop","command":"ci"})";
  return entry;
}

TEST(Waiting, RefusalsThatTheTrailAddsUpCountOneByOne) {
  auto store = std::move(*open_memory_state_store());
  std::vector<AuditEntry> entries;
  for (int minute = 10; minute < 13; ++minute)
    entries.push_back(refused("10.0.0.1", kNow - std::chrono::minutes(minute)));
  entries.push_back(refused("10.0.0.1", kNow - std::chrono::hours(3)));
  entries.push_back(refused("10.0.0.2", kNow - std::chrono::minutes(5)));
  ASSERT_TRUE(store->audit(entries));
  const auto waiting = waiting_for(*store, "left", "1.0.1", kNow);
  ASSERT_TRUE(waiting);
  ASSERT_EQ(waiting->size(), 2U);
  EXPECT_EQ(waiting->at(0).at("client"), "10.0.0.2");
  EXPECT_EQ(waiting->at(0).at("times"), 1);
  EXPECT_EQ(waiting->at(1).at("client"), "10.0.0.1");
  EXPECT_EQ(waiting->at(1).at("times"), 4);
  EXPECT_EQ(waiting->at(1).at("project"), "shop");
}

}  // namespace
}  // namespace npmgate
