#include "store/entry_json.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

boost::json::object detail(std::string text) {
  AuditEntry entry;
  entry.detail = std::move(text);
  return entry_json(entry).at("detail").as_object();
}

TEST(EntryJson, DetailIsAlwaysAnObject) {
  EXPECT_EQ(detail(R"({"reason":"read it"})"), (boost::json::object{{"reason", "read it"}}));
  EXPECT_EQ(detail(""), boost::json::object{});
  for (const char* text : {"words", "[1]", "{\"a\":"})
    EXPECT_EQ(detail(text), (boost::json::object{{"text", text}})) << text;
}

TEST(EntryJson, NothingIsLeftOut) {
  AuditEntry entry;
  entry.id = 7;
  entry.at = parse_time("2026-11-24T12:00:00Z").value();
  entry.kind = "served";
  entry.actor = "client";
  entry.name = "left";
  entry.version = "1.0.0";
  entry.content_id = "c";
  entry.action = "allow";
  entry.policy_hash = "p";
  entry.client = "127.0.0.1 (ci)";
  const boost::json::object expected{{"id", 7},
                                     {"time", format_time(entry.at)},
                                     {"kind", "served"},
                                     {"actor", "client"},
                                     {"name", "left"},
                                     {"version", "1.0.0"},
                                     {"content", "c"},
                                     {"action", "allow"},
                                     {"policy", "p"},
                                     {"detail", boost::json::object{}},
                                     {"client", "127.0.0.1 (ci)"}};
  EXPECT_EQ(entry_json(entry), expected);
}

}  // namespace
}  // namespace npmgate
