#include <cerrno>

#include "base/digest.h"
#include "base/gzip.h"
#include "store/disk/document_files.h"
#include "store/sqlite/open_state_store.h"
#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

using Document = StateStore::Document;

Document document_of(std::string body) {
  Document document;
  document.body = std::move(body);
  document.etag = "\"abc\"";
  document.last_modified = "Fri, 22 Oct 2021 12:15:21 GMT";
  document.fetched = at(4'000);
  return document;
}

class Documents : public StateStoreSuite {};
INSTANTIATE_TEST_SUITE_P(Both, Documents, ::testing::Values(StoreKind::kDisk, StoreKind::kMemory),
                         kind_name);

TEST_P(Documents, RoundTrip) {
  const std::string odd("binary \0 \xff", 10);
  for (const std::string& body :
       {std::string(R"({"name":"left"})"), std::string(), odd, std::string(3'000'000, 'x')}) {
    must(store().put_document("public left", document_of(body)));
    reopen();
    const auto back = must(store().document("public left"));
    ASSERT_TRUE(back);
    EXPECT_TRUE(back->body == body);
    EXPECT_EQ(back->etag, "\"abc\"");
    EXPECT_EQ(back->last_modified, "Fri, 22 Oct 2021 12:15:21 GMT");
    EXPECT_EQ(back->fetched, at(4'000));
  }
}

TEST_P(Documents, AbsentTouchRemove) {
  EXPECT_EQ(must(store().document("k")), std::nullopt);
  EXPECT_EQ(store().touch_document("k", at(1)).error().code, Code::kNotFound);
  must(store().remove_document("k"));
  must(store().put_document("k", document_of("body")));
  must(store().touch_document("k", at(9'000)));
  EXPECT_EQ(must(store().document("k"))->fetched, at(9'000));
  EXPECT_EQ(must(store().document("k"))->body, "body");
  must(store().remove_document("k"));
  EXPECT_EQ(must(store().document("k")), std::nullopt);
}

TEST_P(Documents, KeysAreNotPaths) {
  for (const char* key : {"../../etc", "/abs", "", "a\nb", "@s%2fn"}) {
    must(store().put_document(key, document_of(key)));
  }
  for (const char* key : {"../../etc", "/abs", "", "a\nb", "@s%2fn"}) {
    EXPECT_EQ(must(store().document(key))->body, key);
  }
}

// ---- damage on disk ----

struct DamagedRow {
  const char* name;
  void (*damage)(const std::string& file);
};
class DamagedDocuments : public ::testing::TestWithParam<DamagedRow> {};

TEST_P(DamagedDocuments, CountAsAbsentUntilPutAgain) {
  const TempDir dir;
  auto store = must(open_state_store(dir.path()));
  const std::string key = "public left", body = "some body of a packument";
  must(store->put_document(key, document_of(body)));
  GetParam().damage(dir.path("packuments/" + sha256_hex(key)));
  EXPECT_EQ(must(store->document(key)), std::nullopt);
  must(store->put_document(key, document_of(body)));
  EXPECT_EQ(must(store->document(key))->body, body);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, DamagedDocuments,
    ::testing::Values(
        DamagedRow{"Deleted", [](const std::string& f) { std::filesystem::remove(f); }},
        DamagedRow{"Emptied", [](const std::string& f) { write_file(f, ""); }},
        DamagedRow{"Truncated",
                   [](const std::string& f) {
                     std::filesystem::resize_file(f, std::filesystem::file_size(f) / 2);
                   }},
        DamagedRow{"OneBit",
                   [](const std::string& f) {
                     std::string content = read_file(f);
                     content[content.size() / 2] ^= 1;
                     write_file(f, content);
                   }},
        DamagedRow{"AnotherBody",
                   [](const std::string& f) { write_file(f, gzip_compress("another body")); }},
        DamagedRow{
            "SameLength",
            [](const std::string& f) { write_file(f, gzip_compress("SOME BODY OF A PACKUMENT")); }},
        DamagedRow{"Bomb",
                   [](const std::string& f) {
                     write_file(f, gzip_compress(std::string(50'000'000, '0')));
                   }},
        DamagedRow{"Directory",
                   [](const std::string& f) {
                     std::filesystem::remove(f);
                     std::filesystem::create_symlink("/dev/zero", f);
                   }}),
    RowName());

TEST(DocumentsOnDisk, BodiesAreCompressed) {
  const TempDir dir;
  auto store = must(open_state_store(dir.path()));
  must(store->put_document("k", document_of(std::string(100'000, 'x'))));
  EXPECT_LT(std::filesystem::file_size(dir.path("packuments/" + sha256_hex("k"))), 10'000U);
}

TEST(DocumentsOnDisk, EachFailureLeavesTheOldDocumentOrNone) {
  int n = 0;
  for (; n < 50; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    const TempDir dir;
    {
      auto store = must(open_state_store(dir.path()));
      must(store->put_document("k", document_of("old")));
    }
    FailNth fail_nth(n, ENOSPC);
    StateStoreOptions options;
    options.fault = fail_nth.fault();
    auto store = open_state_store(dir.path(), options);
    if (!store) {
      EXPECT_EQ(store.error().code, Code::kUnavailable);
      continue;
    }
    const auto put = (*store)->put_document("k", document_of("new"));
    const bool while_putting = fail_nth.fired;
    EXPECT_EQ(put.has_value(), !while_putting);
    if (!put) {
      EXPECT_TRUE(put.error().retry);
    }
    (void)must((*store)->document("k"));  // a read that fails is "absent", never an error
    EXPECT_EQ(must((*store)->document("k"))->body, while_putting ? "old" : "new");
    EXPECT_EQ(files_below(dir.path("packuments")).size(), 1U) << "a temporary file was left";
    if (!fail_nth.fired) break;
  }
  EXPECT_GT(n, 4);
  EXPECT_LT(n, 50);
}

TEST(DocumentsOnDisk, OldTemporariesAreRemovedAtOpen) {
  const TempDir dir;
  must(open_state_store(dir.path()));
  write_file(dir.path("packuments/.tmp-old"), "x");
  write_file(dir.path("packuments/.tmp-new"), "x");
  std::filesystem::last_write_time(
      dir.path("packuments/.tmp-old"),
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  must(open_state_store(dir.path()));
  EXPECT_FALSE(std::filesystem::exists(dir.path("packuments/.tmp-old")));
  EXPECT_TRUE(std::filesystem::exists(dir.path("packuments/.tmp-new")))
      << "another process may be writing it";
}

}  // namespace
}  // namespace npmgate::test
