#include "store/sqlite/database.h"

#include <sys/stat.h>

#include <thread>

#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

using Count = Result<std::int64_t>;

Count count(Connection& connection) {
  return connection.query_integer("SELECT count(*) FROM t");
}
Result<void> insert(Connection& connection) {
  return connection.execute("INSERT INTO t VALUES (1)");
}

class DatabaseTest : public StateStoreSuite {
 protected:
  void SetUp() override {
    database_ = must(on_disk() ? Database::open(directory_.path("f.db"), Millis(1))
                               : Database::open_in_memory());
    must(database_->writer().execute("CREATE TABLE t (a INTEGER)"));
  }
  std::unique_ptr<Database> database_;
};

INSTANTIATE_TEST_SUITE_P(Both, DatabaseTest,
                         ::testing::Values(StoreKind::kDisk, StoreKind::kMemory), kind_name);

TEST_P(DatabaseTest, WriteCommitsAValueAndUndoesAnError) {
  must(database_->write(Durability::kPower, insert));
  const auto refused = database_->write(Durability::kPower, [](Connection& c) -> Result<void> {
    must(insert(c));
    return fail(Code::kRefused, Origin::kSelf, "changed my mind");
  });
  EXPECT_EQ(refused.error().context, "changed my mind");
  EXPECT_EQ(must(database_->read(count)), 1);
}

TEST_P(DatabaseTest, WriteUndoesWhatAnExceptionLeft) {
  EXPECT_THROW((void)database_->write(Durability::kProcess,
                                      [](Connection& c) -> Result<void> {
                                        must(insert(c));
                                        throw std::runtime_error("bug");
                                      }),
               std::runtime_error);
  EXPECT_EQ(must(database_->read(count)), 0);
  must(database_->write(Durability::kPower, insert));  // the lock is free again
}

TEST_P(DatabaseTest, ReadsNestAndMayWrite) {
  const auto seen = database_->read([&](Connection&) -> Count {
    must(database_->write(Durability::kPower, insert));
    return database_->read([&](Connection&) -> Count { return database_->read(count); });
  });
  EXPECT_EQ(must(seen), 1);
}

TEST_P(DatabaseTest, ReaderConnectionsCannotWrite) {
  const auto written = database_->read(insert);
  EXPECT_EQ(written.has_value(), !on_disk());
}

TEST(Database, AReaderSeesOneStateWhileOthersWrite) {
  const TempDir dir;
  const auto database = must(Database::open(dir.path("f.db"), Millis(1)));
  must(database->writer().execute("CREATE TABLE t (a INTEGER)"));
  const auto seen = database->read([&](Connection& c) -> Count {
    EXPECT_EQ(must(count(c)), 0);
    must(database->write(Durability::kPower, insert));
    return count(c);
  });
  EXPECT_EQ(must(seen), 0);
  EXPECT_EQ(must(database->read(count)), 1);
}

TEST(Database, DurabilityChoosesSync) {
  const TempDir dir;
  const auto database = must(Database::open(dir.path("f.db"), Millis(1)));
  const auto level = [](Connection& c) { return c.query_integer("PRAGMA synchronous"); };
  constexpr std::int64_t kNormal = 1, kFull = 2;
  EXPECT_EQ(must(database->write(Durability::kPower, level)), kFull);
  EXPECT_EQ(must(database->write(Durability::kProcess, level)), kNormal);
  EXPECT_EQ(must(database->write(Durability::kPower, level)), kFull);
  Statement mode(database->writer(), "PRAGMA journal_mode");
  ASSERT_TRUE(mode.bind().step());
  EXPECT_EQ(mode.text(0), "wal");
}

TEST(Database, FilesAreForTheOwnerOnly) {
  const TempDir dir;
  const auto database = must(Database::open(dir.path("f.db"), Millis(1)));
  must(database->writer().execute("CREATE TABLE t (a INTEGER)"));
  for (const char* name : {"f.db", "f.db-wal", "f.db-shm"}) {
    struct stat status {};
    ASSERT_EQ(::stat(dir.path(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
  }
}

TEST(Database, BusyForLongerThanTheLimitIsWorthARetry) {
  const TempDir dir;
  const auto database = must(Database::open(dir.path("f.db"), Millis(1)));
  must(database->writer().execute("CREATE TABLE t (a INTEGER)"));
  const auto other = must(Connection::open(dir.path("f.db"), {false, false, Millis(0)}));
  must(other->execute("BEGIN IMMEDIATE"));
  const auto written = database->write(Durability::kPower, insert);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kUnavailable);
  EXPECT_TRUE(written.error().retry);
  EXPECT_EQ(must(database->read(count)), 0) << "readers do not wait for writers";
  must(other->execute("COMMIT"));
  must(database->write(Durability::kPower, insert));
}

TEST(Database, ManyThreadsCountRight) {
  const TempDir dir;
  const auto database = must(Database::open(dir.path("f.db"), Millis(1)));
  must(database->writer().execute("CREATE TABLE t (a INTEGER)"));
  constexpr int kThreads = 12, kEach = 20;  // more than the idle readers kept
  std::atomic<int> backwards{0};
  std::vector<std::thread> threads;
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&] {
      std::int64_t last = 0;
      for (int i = 0; i < kEach; ++i) {
        must(database->write(Durability::kProcess, insert));
        const std::int64_t now = must(database->read(count));
        if (now <= last) ++backwards;
        last = now;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(backwards, 0);
  EXPECT_EQ(must(database->read(count)), kThreads * kEach);
}

TEST(Database, FolderThatIsNotThereIsAnErrorWithThePath) {
  const TempDir dir;
  const auto database = Database::open(dir.path("none/f.db"), Millis(1));
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().code, Code::kUnavailable);
  EXPECT_NE(database.error().context.find("none/f.db"), std::string::npos);
}

}  // namespace
}  // namespace npmgate::test
