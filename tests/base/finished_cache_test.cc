#include "base/finished_cache.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

struct Box {
  FinishedCache<std::string> cache;
  void put(const std::string& key, const std::string& value, std::size_t room = 10) {
    cache.put(
        key, room, [&](const auto&) { return std::make_shared<const std::string>(value); },
        [](const std::string& text) { return text.size(); });
  }
  std::string get(std::string_view key) const {
    const auto found = cache.find(key);
    return found ? *found : "-";
  }
};

TEST(FinishedCache, FindsWhatWasPutLast) {
  Box box;
  EXPECT_EQ(box.get("a"), "-");
  box.put("a", "1");
  box.put("a", "22");
  EXPECT_EQ(box.get("a"), "22");
  EXPECT_EQ(box.cache.weight(), 2U);
  box.cache.erase("a");
  EXPECT_EQ(box.get("a"), "-");
  EXPECT_EQ(box.cache.weight(), 0U);
}

TEST(FinishedCache, GivesWhatWasThereToWhoeverReplacesIt) {
  Box box;
  box.put("a", "1");
  const auto longer = [](const std::shared_ptr<const std::string>& before) {
    return std::make_shared<const std::string>(*before + "+");
  };
  const auto kept = box.cache.put("a", 10, longer, [](const std::string& s) { return s.size(); });
  EXPECT_EQ(*kept, "1+");
}

TEST(FinishedCache, DropsWhatWasNotUsedSince) {
  Box box;
  box.put("a", "1111");
  box.put("b", "1111");
  box.put("c", "1111");  // all were used just now: the oldest goes
  EXPECT_EQ(box.get("a"), "-");
  EXPECT_EQ(box.get("b"), "1111");  // b is used, c since it was put
  box.put("d", "11");
  EXPECT_EQ(box.cache.size(), 3U);
  box.put("e", "1111");
  EXPECT_LE(box.cache.weight(), 10U);
  EXPECT_EQ(box.get("e"), "1111");
}

TEST(FinishedCache, KeepsOneWhateverItsSize) {
  Box box;
  box.put("a", "1");
  box.put("b", "12345678901234567890");
  EXPECT_EQ(box.get("a"), "-");
  EXPECT_EQ(box.get("b"), "12345678901234567890");
}

}  // namespace
}  // namespace npmgate
