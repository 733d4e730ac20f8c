#include "store/sqlite/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <limits>

#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

std::unique_ptr<Connection> memory() {
  return must(Connection::open(":memory:", {true, false, Millis(0)}));
}

TEST(Sqlite, EveryValueTypeComesBackAsItWent) {
  const auto db = memory();
  must(db->execute("CREATE TABLE t (a TEXT, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f TEXT)"));
  const std::string odd("nul \0 and \xff bytes", 17);
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  Statement insert(*db, "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  ASSERT_TRUE(insert.run(odd, kMin, true, at(-5), std::optional<Time>(), std::string_view()));
  Statement row(*db, "SELECT a, b, c, d, e, f, typeof(e), typeof(f) FROM t");
  ASSERT_TRUE(row.bind().step());
  EXPECT_EQ(row.text(0), odd);
  EXPECT_EQ(row.integer(1), kMin);
  EXPECT_TRUE(row.flag(2));
  EXPECT_EQ(row.time(3), at(-5));
  EXPECT_EQ(row.optional_time(3), at(-5));
  EXPECT_EQ(row.optional_time(4), std::nullopt);
  EXPECT_EQ(row.text(5), "");
  EXPECT_EQ(row.text(6), "null");
  EXPECT_EQ(row.text(7), "text") << "an empty view is empty text, not NULL";
  EXPECT_FALSE(row.step());
  EXPECT_TRUE(row.result());
}

TEST(Sqlite, FirstErrorSticksAndNamesTheStatement) {
  const auto db = memory();
  Statement broken(*db, "SELECT x FROM nowhere");
  EXPECT_FALSE(broken.bind(1).step());
  EXPECT_FALSE(broken.run("x", at(1), std::optional<Time>(at(2)), std::optional<Time>()));
  const auto result = broken.result();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInternal);
  EXPECT_NE(result.error().context.find("SELECT x FROM"), std::string::npos);
  EXPECT_NE(result.error().context.find("no such table"), std::string::npos)
      << result.error().context;
}

TEST(Sqlite, TooManyValuesIsAnError) {
  const auto db = memory();
  Statement one(*db, "SELECT ?1");
  EXPECT_FALSE(one.run("a", "b"));
  EXPECT_FALSE(one.result());
}

TEST(Sqlite, TheSameTextMayBeInUseTwice) {
  const auto db = memory();
  must(db->execute("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)"));
  int pairs = 0;
  for (int round = 0; round < 2; ++round) {  // the second round runs on the cached statements
    Statement outer(*db, "SELECT a FROM t");
    outer.bind();
    while (outer.step()) {
      Statement inner(*db, "SELECT a FROM t");
      inner.bind();
      while (inner.step()) ++pairs;
    }
  }
  EXPECT_EQ(pairs, 8);
}

TEST(Sqlite, ACachedStatementForgetsItsValues) {
  const auto db = memory();
  {
    Statement first(*db, "SELECT ?1 IS NULL");
    ASSERT_TRUE(first.bind("kept?").step());
    EXPECT_FALSE(first.flag(0));
  }
  Statement second(*db, "SELECT ?1 IS NULL");
  ASSERT_TRUE(second.bind().step());
  EXPECT_TRUE(second.flag(0));
}

TEST(Sqlite, TransactionWithoutCommitIsUndone) {
  const auto db = memory();
  must(db->execute("CREATE TABLE t (a INTEGER)"));
  {
    Transaction transaction(*db);
    must(transaction.begun());
    must(db->execute("INSERT INTO t VALUES (1)"));
    EXPECT_FALSE(Transaction(*db).begun()) << "they do not nest";
  }
  EXPECT_EQ(must(db->query_integer("SELECT count(*) FROM t")), 0);
  {
    Transaction transaction(*db);
    must(db->execute("INSERT INTO t VALUES (1)"));
    must(transaction.commit());
  }
  EXPECT_EQ(must(db->query_integer("SELECT count(*) FROM t")), 1);
}

TEST(Sqlite, ReadOnlyRefusesWrites) {
  const TempDir dir;
  const auto writer = must(Connection::open(dir.path("f"), {true, false, Millis(0)}));
  must(writer->execute("CREATE TABLE t (a INTEGER)"));
  const auto reader = must(Connection::open(dir.path("f"), {false, true, Millis(0)}));
  EXPECT_EQ(must(reader->query_integer("SELECT count(*) FROM t")), 0);
  const auto written = reader->execute("INSERT INTO t VALUES (1)");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kUnavailable);
}

TEST(Sqlite, ForeignKeysAreOn) {
  const auto db = memory();
  must(
      db->execute("CREATE TABLE p (id INTEGER PRIMARY KEY);"
                  "CREATE TABLE c (p INTEGER REFERENCES p (id))"));
  EXPECT_EQ(db->execute("INSERT INTO c VALUES (7)").error().code, Code::kRefused);
}

// ---- error mapping ----

struct CodeRow {
  const char* name;
  int sqlite;
  Code code;
  Origin origin;
  bool retry;
};
class SqliteCodes : public ::testing::TestWithParam<CodeRow> {};

TEST_P(SqliteCodes, MapToErrors) {
  const auto db = memory();
  const Error error = db->error(GetParam().sqlite, "INSERT");
  EXPECT_EQ(error.code, GetParam().code);
  EXPECT_EQ(error.origin, GetParam().origin);
  EXPECT_EQ(error.retry, GetParam().retry);
  EXPECT_TRUE(error.context.starts_with(":memory:: INSERT: "));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, SqliteCodes,
    ::testing::Values(
        CodeRow{"Full", SQLITE_FULL, Code::kUnavailable, Origin::kDisk, true},
        CodeRow{"Busy", SQLITE_BUSY, Code::kUnavailable, Origin::kDisk, true},
        CodeRow{"BusySnapshot", SQLITE_BUSY_SNAPSHOT, Code::kUnavailable, Origin::kDisk, true},
        CodeRow{"Locked", SQLITE_LOCKED, Code::kUnavailable, Origin::kDisk, true},
        CodeRow{"Corrupt", SQLITE_CORRUPT, Code::kCorrupt, Origin::kDisk, false},
        CodeRow{"CorruptIndex", SQLITE_CORRUPT_INDEX, Code::kCorrupt, Origin::kDisk, false},
        CodeRow{"NotADatabase", SQLITE_NOTADB, Code::kCorrupt, Origin::kDisk, false},
        CodeRow{"Input", SQLITE_IOERR_READ, Code::kUnavailable, Origin::kDisk, false},
        CodeRow{"CannotOpen", SQLITE_CANTOPEN, Code::kUnavailable, Origin::kDisk, false},
        CodeRow{"ReadOnly", SQLITE_READONLY, Code::kUnavailable, Origin::kDisk, false},
        CodeRow{"Unique", SQLITE_CONSTRAINT_UNIQUE, Code::kRefused, Origin::kSelf, false},
        CodeRow{"TooBig", SQLITE_TOOBIG, Code::kTooLarge, Origin::kSelf, false},
        CodeRow{"Misuse", SQLITE_MISUSE, Code::kInternal, Origin::kSelf, false}),
    RowName());

TEST(Sqlite, FullDatabaseIsUnavailableAndTheNextReadWorks) {
  const TempDir dir;
  const auto db = must(Connection::open(dir.path("f"), {true, false, Millis(0)}));
  must(db->execute("CREATE TABLE t (a TEXT); PRAGMA max_page_count=8"));
  const std::string large(100'000, 'x');
  {
    Transaction transaction(*db);
    Statement insert(*db, "INSERT INTO t VALUES (?1)");
    EXPECT_FALSE(insert.run(large));
    const auto result = insert.result();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kUnavailable);
    EXPECT_TRUE(result.error().retry);
    EXPECT_NE(result.error().context.find("full"), std::string::npos) << result.error().context;
  }
  EXPECT_EQ(must(db->query_integer("SELECT count(*) FROM t")), 0);
}

TEST(Sqlite, OtherFilesAreCorruptAndMissingOnesUnavailable) {
  const TempDir dir;
  write_file(dir.path("text"), std::string(4096, 'x'));
  const auto open = [&](const char* name) {
    auto db = Connection::open(dir.path(name), {false, false, Millis(0)});
    return db ? (*db)->query_integer("SELECT count(*) FROM sqlite_schema")
              : Result<std::int64_t>(db.error());
  };
  EXPECT_EQ(open("text").error().code, Code::kCorrupt);
  EXPECT_EQ(open("none").error().code, Code::kUnavailable);
  EXPECT_EQ(open("").error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace npmgate::test
