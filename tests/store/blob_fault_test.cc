// Every disk operation of the blob store is made to fail once: what was promised must hold
// whichever it is.
#include <cerrno>

#include "store/disk/blob_store.h"
#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

constexpr int kEnough = 200;  // more operations than any scenario has

std::string sha512_of(std::string_view text) {
  return digest(Algorithm::kSha512, text).hex();
}

// Writes, inspects, commits and reads back one blob; the first error ends it.
Result<std::string> store_one(BlobStore& store, std::string_view content) {
  auto writer = store.create({});
  if (!writer) return writer.error();
  for (const char c : content) {
    if (auto done = (*writer)->append(std::string_view(&c, 1)); !done) return done.error();
  }
  if (auto bytes = (*writer)->bytes(); !bytes) return bytes.error();
  if (auto done = (*writer)->commit(); !done) return done.error();
  return store.read((*writer)->digests().front().hex());
}

TEST(BlobFaults, EachFailureLeavesACompleteBlobOrNone) {
  int n = 0;
  for (; n < kEnough; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    const TempDir dir;
    FailNth fail_nth(n, ENOSPC);
    auto store = open_blob_store(dir.path("b"), Disk(fail_nth.fault()));
    const auto outcome = store ? store_one(**store, "content") : Result<std::string>(store.error());
    if (!fail_nth.fired) {
      EXPECT_EQ(must(outcome), "content");
      break;
    }
    if (!outcome) {
      EXPECT_EQ(outcome.error().code, Code::kUnavailable);
      EXPECT_EQ(outcome.error().origin, Origin::kDisk);
      EXPECT_TRUE(outcome.error().retry) << "a full disk passes";
      EXPECT_NE(outcome.error().context.find(dir.path()), std::string::npos);
    }
    if (!store) continue;
    EXPECT_TRUE(files_below(dir.path("b/tmp")).empty()) << "temporary file left";
    EXPECT_TRUE(files_below(dir.path("b/corrupt")).empty()) << "a good blob was moved aside";
    const auto now = (*store)->read(sha512_of("content"));
    EXPECT_TRUE(now ? *now == "content" : now.error().code == Code::kNotFound);
    EXPECT_EQ(must(store_one(**store, "content")), "content") << "works again afterwards";
  }
  EXPECT_GT(n, 10) << "the scenario reaches more operations than that";
  EXPECT_LT(n, kEnough);
}

TEST(BlobFaults, AWriterThatFailedOnceNeverCommits) {
  const TempDir dir;
  FailNth fail_nth(1, ENOSPC, "write");
  auto store = must(open_blob_store(dir.path("b"), Disk(fail_nth.fault())));
  auto writer = must(store->create({}));
  must(writer->append("one"));
  ASSERT_FALSE(writer->append("two"));
  EXPECT_FALSE(writer->append("three")) << "a hole would be in the file";
  EXPECT_FALSE(writer->bytes());
  const auto committed = writer->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, Code::kUnavailable);
  writer.reset();
  EXPECT_TRUE(files_below(dir.path("b")).empty());
}

TEST(BlobFaults, SyncComesBeforeRenameAndTheDirectoryAfterIt) {
  const TempDir dir;
  std::vector<std::string> operations;
  auto store = must(open_blob_store(dir.path("b"), Disk([&](std::string_view operation) {
                                      operations.emplace_back(operation);
                                      return 0;
                                    })));
  auto writer = must(store->create({}));
  must(writer->append("x"));
  operations.clear();
  must(writer->commit());
  // The shard is new, so its parent is synced as well.
  EXPECT_EQ(operations,
            (std::vector<std::string>{"fsync", "open", "mkdir", "rename", "fsync", "fsync"}));
}

TEST(BlobFaults, AReadThatFailsDoesNotCondemnTheBlob) {
  const TempDir dir;
  must(store_one(*must(open_blob_store(dir.path("b"))), "content"));
  FailNth fail_nth(0, EIO, "read");
  auto store = must(open_blob_store(dir.path("b"), Disk(fail_nth.fault())));
  EXPECT_EQ(store->open(sha512_of("content")).error().code, Code::kUnavailable);
  EXPECT_EQ(must(store->read(sha512_of("content"))), "content");
}

TEST(BlobFaults, DamagedAndImmovableIsStillNotServed) {
  const TempDir dir;
  must(store_one(*must(open_blob_store(dir.path("b"))), "content"));
  const std::string hex = sha512_of("content");
  write_file(dir.path("b/tarballs/") + hex.substr(0, 2) + "/" + hex.substr(2), "damaged");
  FailNth fail_nth(0, EROFS, "rename");
  auto store = must(open_blob_store(dir.path("b"), Disk(fail_nth.fault())));
  EXPECT_EQ(store->open(hex).error().code, Code::kCorrupt);
  EXPECT_TRUE(fail_nth.fired);
  EXPECT_EQ(store->open(hex).error().code, Code::kCorrupt) << "looked at again, refused again";
  EXPECT_EQ(store->open(hex).error().code, Code::kNotFound) << "moved aside meanwhile";
}

TEST(BlobFaults, TrimSkipsWhatItCannotRemove) {
  const TempDir dir;
  FailNth fail_nth(0, EROFS, "unlink");
  auto store = must(open_blob_store(dir.path("b"), Disk(fail_nth.fault())));
  must(store_one(*store, "first"));
  must(store_one(*store, "second"));
  store->trim(6, [](std::string_view) { return false; });
  EXPECT_TRUE(store->open(sha512_of("first"))) << "could not be removed";
  EXPECT_FALSE(store->open(sha512_of("second"))) << "took its place";
  EXPECT_EQ(store->total_bytes(), 5U);
}

}  // namespace
}  // namespace npmgate::test
