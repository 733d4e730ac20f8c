#include "store/sqlite/open_state_store.h"

#include <sys/stat.h>

#include <thread>

#include "store/sqlite/sqlite.h"
#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

class StateStoreTest : public StateStoreSuite {};
INSTANTIATE_TEST_SUITE_P(Both, StateStoreTest,
                         ::testing::Values(StoreKind::kDisk, StoreKind::kMemory), kind_name);

Pin pin_of(const std::string& version, const std::string& sha512,
           const std::string& manifest = "{}") {
  return {"left", version, sha512 + ":mm", manifest, at(33)};
}

void expect_same(const Pin& a, const Pin& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.content_id, b.content_id);
  EXPECT_EQ(a.raw_manifest, b.raw_manifest);
  EXPECT_EQ(a.accepted, b.accepted);
}

TEST_P(StateStoreTest, TheFirstPinWins) {
  const Pin first = pin_of("1.0.0", "aa", "{ \"spaces kept\" : 1 }");
  expect_same(must(store().pin(first)), first);
  reopen();
  Pin second = pin_of("1.0.0", "bb");
  second.accepted = at(99);
  expect_same(must(store().pin(second)), first);
  expect_same(must(store().pin(first)), first);
  EXPECT_FALSE(must(store().is_pinned("bb")));
}

TEST_P(StateStoreTest, PinsOfAPackage) {
  must(store().pin(pin_of("1.0.0", "aa")));
  must(store().pin(pin_of("2.0.0", "bb")));
  Pin other = pin_of("1.0.0", "cc");
  other.name = "right";
  must(store().pin(other));
  reopen();
  const auto pins = must(store().pins_of("left"));
  ASSERT_EQ(pins.size(), 2U);
  expect_same(pins.at("2.0.0"), pin_of("2.0.0", "bb"));
  EXPECT_TRUE(must(store().pins_of("nobody")).empty());
  for (const char* sha512 : {"aa", "bb", "cc"}) EXPECT_TRUE(must(store().is_pinned(sha512)));
  for (const char* sha512 : {"", "a", "aa:mm", "mm"}) {
    EXPECT_FALSE(must(store().is_pinned(sha512))) << sha512;
  }
}

TEST_P(StateStoreTest, OfManyThreadsOnePinWinsAndAllAreTold) {
  constexpr int kThreads = 8, kVersions = 10;
  std::vector<std::vector<Pin>> told(kThreads);
  std::vector<std::thread> threads;
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      for (int v = 0; v < kVersions; ++v) {
        told[static_cast<std::size_t>(id)].push_back(
            must(store().pin(pin_of(std::to_string(v), "by" + std::to_string(id)))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto in_force = must(store().pins_of("left"));
  ASSERT_EQ(in_force.size(), static_cast<std::size_t>(kVersions));
  for (const auto& pins : told) {
    for (const Pin& pin : pins) EXPECT_EQ(pin.content_id, in_force.at(pin.version).content_id);
  }
}

TEST_P(StateStoreTest, SettingsRoundTrip) {
  EXPECT_EQ(must(store().setting("feed")), std::nullopt);
  must(store().put_setting("feed", ""));
  EXPECT_EQ(must(store().setting("feed")), "");
  must(store().put_setting("feed", "second"));
  reopen();
  EXPECT_EQ(must(store().setting("feed")), "second");
}

TEST_P(StateStoreTest, BackupIsACompleteStore) {
  must(store().pin(pin_of("1.0.0", "aa")));
  must(store().audit({audit_entry("served")}));
  must(store().put_document("k", {"body", "e", "", at(1)}));
  const TempDir target;
  must(store().backup(target.path("state.db")));
  must(store().audit({audit_entry("after")}));
  must(store().backup(target.path("state.db")));  // over the one before
  EXPECT_EQ(files_below(target.path()).size(), 1U) << "one file, nothing beside it";
  struct stat status {};
  ASSERT_EQ(::stat(target.path("state.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  auto copy = must(open_state_store(target.path()));
  EXPECT_EQ(must(copy->audit_log({})).size(), 2U);
  EXPECT_TRUE(must(copy->is_pinned("aa")));
  EXPECT_EQ(must(copy->document("k")), std::nullopt) << "bodies are fetched again";
  must(copy->audit({audit_entry("goes on")}));
}

TEST_P(StateStoreTest, BackupToNowhereIsAnErrorAndLeavesNothing) {
  const TempDir target;
  const auto done = store().backup(target.path("none/file"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kUnavailable);
  std::filesystem::create_directory(target.path("folder"));
  EXPECT_FALSE(store().backup(target.path("folder")));
  EXPECT_TRUE(files_below(target.path()).empty());
}

TEST(StateStoreOnDisk, BackupWhileWriting) {
  const TempDir dir;
  auto store = must(open_state_store(dir.path("state")));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) must(store->audit({audit_entry("a"), audit_entry("b")}));
  });
  for (int i = 0; i < 5; ++i) {
    const std::string copy = dir.path("copy" + std::to_string(i));
    std::filesystem::create_directory(copy);
    must(store->backup(copy + "/state.db"));
    AuditFilter everything;
    everything.limit = 1'000'000;
    EXPECT_EQ(must(must(open_state_store(copy))->audit_log(everything)).size() % 2, 0U)
        << "a transaction was copied in half";
  }
  stop = true;
  writer.join();
}

TEST(StateStoreOnDisk, FolderThatCannotBeMadeIsAnErrorWithThePath) {
  const TempDir dir;
  write_file(dir.path("file"), "x");
  const auto store = open_state_store(dir.path("file/state"));
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kUnavailable);
  EXPECT_EQ(store.error().origin, Origin::kDisk);
  EXPECT_NE(store.error().context.find(dir.path("file")), std::string::npos);
}

TEST(StateStoreOnDisk, TwoProcessesShareOneFile) {
  const TempDir dir;
  auto one = must(open_state_store(dir.path()));
  auto two = must(open_state_store(dir.path()));  // as `npm-gate backup` beside a running gate
  must(one->pin(pin_of("1.0.0", "aa")));
  EXPECT_EQ(must(two->pin(pin_of("1.0.0", "bb"))).content_id, "aa:mm");
  must(two->audit({audit_entry("served")}));
  EXPECT_EQ(must(one->audit_log({})).size(), 1U);
}

TEST(StateStoreOnDisk, AWriterElsewhereMakesWritesWaitAndThenFailWithRetry) {
  const TempDir dir;
  StateStoreOptions options;
  options.busy_timeout = Millis(1);
  auto store = must(open_state_store(dir.path(), options));
  const auto other = must(Connection::open(dir.path("state.db"), {false, false, Millis(1000)}));
  must(other->execute("BEGIN IMMEDIATE"));
  const auto written = store->audit({audit_entry("served")});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kUnavailable);
  EXPECT_TRUE(written.error().retry);
  EXPECT_TRUE(must(store->audit_log({})).empty());
  must(other->execute("ROLLBACK"));
  must(store->audit({audit_entry("served")}));
}

// Pages of the file overwritten: an error that says so, no crash, no wrong answer.
TEST(StateStoreOnDisk, DamagedPagesAreCorrupt) {
  const TempDir dir;
  must(open_state_store(dir.path()));
  const std::uintmax_t schema_ends = std::filesystem::file_size(dir.path("state.db"));
  {
    auto store = must(open_state_store(dir.path()));
    StateStore::PackumentSighting look;
    look.name = "left";
    for (int i = 0; i < 3'000; ++i) look.versions.emplace_back(std::to_string(i), "sha512-x");
    must(store->record_sighting(look));
  }
  std::string content = read_file(dir.path("state.db"));
  ASSERT_GT(content.size(), schema_ends + 50'000);
  for (std::size_t i = schema_ends; i < content.size(); ++i) {
    content[i] = static_cast<char>(i * 31);
  }
  write_file(dir.path("state.db"), content);
  auto store = must(open_state_store(dir.path()));
  const auto record = store->package("left");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, Code::kCorrupt);
  EXPECT_EQ(record.error().origin, Origin::kDisk);
}

}  // namespace
}  // namespace npmgate::test
