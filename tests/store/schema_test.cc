#include "store/sqlite/schema.h"

#include "base/digest.h"
#include "store/sqlite/open_state_store.h"
#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

std::unique_ptr<Connection> open_file(const std::string& path) {
  return must(Connection::open(path, {true, false, Millis(1000)}));
}

std::int64_t version_of(Connection& db) {
  return must(db.query_integer("PRAGMA user_version"));
}

// SHA-256 of every released step. A step that changed would leave files behind that no build
// understands: add one instead.
constexpr std::string_view kReleased[] = {
    "950be251ff0d705718189bce8221e104a23ced06b24c71637a3c3a140fc7dd9a",
    "6a1eafc15db99f537c1ca086a2042da497441d80d078c6bcac60658d730c8c64",
    "a051d5448b62397047d428727a693e70eaf4b6c013b23cbdb6c373b57e0b22fa",
    "831c2e7c9298db57d7edf478eb6ad5443d40eb5b83adaae00de516667039657a",
    "c9014379fdd1c4cac2cd792ef01cbb9b6185a47184a1e9965805ce2a353b0892",
    "d3dac8087328f8a051ecbd8b8cc168b41666bf2230a82a78d4fdff9c710740a2",
    "5418f185fc346bba9db1febefde3f35a01dd0e97f1b6d4d74cef6a4e601294b1",
    "ef5d1db84631e2a49ae3c57bb94ecbf0e50a027a9a16d8917627958347d7c8dd",
};

TEST(Schema, ReleasedStepsNeverChange) {
  const auto steps = schema_steps();
  ASSERT_GE(steps.size(), std::size(kReleased));
  for (std::size_t i = 0; i < std::size(kReleased); ++i) {
    EXPECT_EQ(sha256_hex(steps[i].sql), kReleased[i]) << "step " << i + 1;
  }
  EXPECT_EQ(steps.size(), std::size(kReleased)) << "add the new step's digest";
}

TEST(Schema, EveryTableIsStrict) {
  const TempDir dir;
  auto db = open_file(dir.path("f"));
  must(upgrade_schema(*db, schema_steps()));
  Statement rows(*db,
                 "SELECT name, strict FROM pragma_table_list"
                 " WHERE schema='main' AND name NOT LIKE 'sqlite_%'");
  rows.bind();
  int tables = 0;
  while (rows.step()) {
    ++tables;
    EXPECT_TRUE(rows.flag(1)) << rows.text(0);
  }
  EXPECT_GE(tables, 14);
}

// ---- upgrading real content ----

// A file as the build with `schema` steps left it, with one row in each table that existed then.
void create_fixture(const std::string& path, std::size_t schema) {
  auto db = open_file(path);
  must(upgrade_schema(*db, schema_steps().first(schema)));
  must(db->execute(R"sql(
    INSERT INTO package VALUES ('left', 'public', 1, 2);
    INSERT INTO seen_version VALUES ('left', '1.0.0', 1, NULL, 'sha512-x', NULL);
    INSERT INTO tag_history VALUES ('left', 'latest', '["1.0.0"]');
    INSERT INTO git_tag VALUES ('left', '1.0.0', '{"state":1,"reason":"","repository":"r","tag":"",
      "commit":"","first_commit":"","tagged":[],"untagged":[],"habit":"","asked":3}');
    INSERT INTO pin VALUES (1, 'left', '1.0.0', 'aa:bb', 'aa', '{}', 4);
    INSERT INTO decision (id, kind, name, versions, content_id, findings, actor, reason, at, expires, reopened)
      VALUES (1, 'reject', 'left', '<2', '', '[]', 'admin:eve', 'bad', 5, NULL, 0);
    INSERT INTO release (id, name, version, content_id, upstream, popular, has_install_script,
      publisher, license, born, published, inspected, same_publisher_and_hooks, findings, served, seen)
      VALUES (1, 'left', '1.0.0', 'aa:bb', 'public', 0, 1, 'bob', 'MIT', 6, NULL,
      1, 0, '[["size-jump",2,"bigger","tarball",{"by":3}]]', 1, 7);
    INSERT INTO audit (id, at, kind, actor, name, version, content_id, action, policy_hash, client, detail)
      VALUES (1, 8, 'served', 'client', 'left', '1.0.0', 'aa:bb', 'allow', 'p', 'c', '{}');
    INSERT INTO ledger_release VALUES (1, 'left', '1.0.0', 'aa:bb');
    INSERT INTO ledger_client VALUES (1, 'ci', '10.0.0.1', 'npm', 'ci', 'shop');
    INSERT INTO ledger VALUES (1, 1, 0, 0, 9, 4);
    INSERT INTO token VALUES (1, 'ci', 'install', 'hash', 10, NULL, NULL);
    INSERT INTO setting VALUES ('feed', 'monday');
  )sql"));
}

class Upgrade : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(FromSchema, Upgrade,
                         ::testing::Range<std::size_t>(1, schema_steps().size() + 1));

TEST_P(Upgrade, KeepsEveryRow) {
  const TempDir dir;
  create_fixture(dir.path("state.db"), GetParam());
  auto store = must(open_state_store(dir.path()));
  const auto package = must(store->package("left"));
  EXPECT_EQ(package.last_look, at(2));
  EXPECT_EQ(package.versions.at("1.0.0").integrity, "sha512-x");
  EXPECT_EQ(package.tag_history.at("latest"), std::vector<std::string>{"1.0.0"});
  EXPECT_EQ(must(store->tags_of("left")).at("1.0.0").state, TagEvidence::State::kMissing);
  EXPECT_EQ(must(store->pins_of("left")).at("1.0.0").content_id, "aa:bb");
  EXPECT_TRUE(must(store->is_pinned("aa")));
  EXPECT_EQ(must(store->decisions())[0].versions, "<2");
  EXPECT_EQ(must(store->audit_log({}))[0].kind, "served");
  EXPECT_EQ(must(store->downloads("left", 1))[0].count, 4);
  EXPECT_EQ(must(store->tokens())[0].hash, "hash");
  EXPECT_EQ(must(store->setting("feed")), "monday");
  int releases = 0;
  must(store->for_each_release([&](const ReleaseRow& row) {
    ++releases;
    EXPECT_EQ(row.findings.at(0).severity, Severity::kMedium);
  }));
  EXPECT_EQ(releases, 1);
  store.reset();
  EXPECT_EQ(version_of(*open_file(dir.path("state.db"))),
            static_cast<std::int64_t>(schema_steps().size()));
}

// ---- the machinery, over steps of its own ----

constexpr SchemaStep kThree[] = {
    {"one", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)"},
    {"two", "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO b SELECT x+1 FROM a"},
    {"three", "DROP TABLE a; ALTER TABLE b RENAME TO c"},
};

TEST(Schema, StepsApplyFromWhereverTheFileStands) {
  for (std::size_t from = 0; from <= std::size(kThree); ++from) {
    const TempDir dir;
    auto db = open_file(dir.path("f"));
    must(upgrade_schema(*db, std::span(kThree).first(from)));
    EXPECT_EQ(version_of(*db), static_cast<std::int64_t>(from));
    must(upgrade_schema(*db, kThree));
    must(upgrade_schema(*db, kThree));  // again changes nothing
    EXPECT_EQ(version_of(*db), 3);
    EXPECT_EQ(must(db->query_integer("SELECT sum(x) FROM c")), 2);
  }
}

TEST(Schema, AFailingStepLeavesTheOneBefore) {
  const TempDir dir;
  auto db = open_file(dir.path("f"));
  const SchemaStep broken[] = {
      kThree[0], {"two", "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1)"}};
  const auto done = upgrade_schema(*db, broken);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().context.find("nowhere"), std::string::npos);
  EXPECT_EQ(version_of(*db), 1);
  EXPECT_EQ(must(db->query_integer("SELECT count(*) FROM sqlite_schema WHERE name='b'")), 0);
  must(upgrade_schema(*db, kThree));  // the repaired build goes on from there
  EXPECT_EQ(version_of(*db), 3);
}

TEST(Schema, ANewerFileIsRefusedUntouched) {
  const TempDir dir;
  must(open_state_store(dir.path()));
  const auto known = static_cast<std::int64_t>(schema_steps().size());
  {
    auto db = open_file(dir.path("state.db"));
    must(db->execute("PRAGMA user_version=" + std::to_string(known + 1)));
  }
  const auto store = open_state_store(dir.path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kRefused);
  EXPECT_EQ(store.error().context, "state.db was written by a newer npm-gate (schema " +
                                       std::to_string(known + 1) + ", this build knows " +
                                       std::to_string(known) + ")");
  EXPECT_EQ(version_of(*open_file(dir.path("state.db"))), known + 1);
}

TEST(Schema, AnotherProgramsFileIsRefusedUntouched) {
  for (const char* theirs :
       {"CREATE TABLE mail (x)", "PRAGMA user_version=3", "PRAGMA application_id=7"}) {
    SCOPED_TRACE(theirs);
    const TempDir dir;
    must(open_file(dir.path("state.db"))->execute(theirs));
    const auto store = open_state_store(dir.path());
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, Code::kRefused);
    EXPECT_NE(store.error().context.find("another program"), std::string::npos);
    EXPECT_EQ(must(open_file(dir.path("state.db"))
                       ->query_integer("SELECT count(*) FROM sqlite_schema WHERE name='audit'")),
              0);
  }
}

TEST(Schema, AFileThatIsNoDatabaseIsCorrupt) {
  const TempDir dir;
  write_file(dir.path("state.db"), std::string(8192, 'x'));
  const auto store = open_state_store(dir.path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kCorrupt);
  EXPECT_NE(store.error().context.find("state.db"), std::string::npos);
  EXPECT_EQ(read_file(dir.path("state.db")), std::string(8192, 'x'));
}

}  // namespace
}  // namespace npmgate::test
