#include "store/disk/blob_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

std::string sha512(std::string_view text) {
  return digest(Algorithm::kSha512, text).hex();
}

class BlobStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store_.reset();
    store_ = must(open_blob_store(root()));
  }
  std::string root() const { return directory_.path("blobs"); }
  std::string file_of(const std::string& hex) const {
    return root() + "/tarballs/" + hex.substr(0, 2) + "/" + hex.substr(2);
  }
  std::string put(std::string_view content) {
    auto writer = must(store_->create({}));
    must(writer->append(content));
    must(writer->commit());
    return writer->digests().front().hex();
  }
  std::size_t count(const std::string& folder) const {
    return files_below(root() + "/" + folder).size();
  }

  TempDir directory_;
  std::unique_ptr<BlobStore> store_;
};

// What another process is given: the same file, and no way to change it.
TEST_F(BlobStoreTest, ReaderReadsAndCannotWrite) {
  auto writer = must(store_->create({}));
  must(writer->append("hello"));
  Fd reader = must(writer->reader());
  std::string text(10, '\0');
  EXPECT_EQ(::pread(reader.get(), text.data(), text.size(), 0), 5);
  EXPECT_EQ(text.substr(0, 5), "hello");
  EXPECT_EQ(::pwrite(reader.get(), "x", 1, 0), -1);
  EXPECT_NE(::ftruncate(reader.get(), 0), 0);
  EXPECT_EQ(::fcntl(reader.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(::fcntl(reader.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(BlobStoreTest, RemovedIsGoneButForThoseWhoReadIt) {
  const std::string hex = put("hello");
  const auto open = must(store_->open(hex));
  EXPECT_EQ(must(store_->remove(hex)), 5U);
  EXPECT_EQ(must(store_->remove(hex)), 0U);
  EXPECT_EQ(must(store_->remove("../../etc/passwd")), 0U);
  EXPECT_EQ(store_->total_bytes(), 0U);
  EXPECT_EQ(store_->open(hex).error().code, Code::kNotFound);
  char buffer[5];
  EXPECT_EQ(::pread(open->fd, buffer, sizeof buffer, 0), 5);
  EXPECT_EQ(put("hello"), hex);
}

TEST_F(BlobStoreTest, RoundTripInPieces) {
  constexpr Algorithm kAlso[] = {Algorithm::kSha1, Algorithm::kSha256, Algorithm::kSha384};
  auto writer = must(store_->create(kAlso));
  must(writer->append("hello "));
  must(writer->append(""));
  must(writer->append("world"));
  EXPECT_EQ(writer->size(), 11U);
  const auto digests = writer->digests();
  ASSERT_EQ(digests.size(), 4U);
  for (const Digest& one : digests) EXPECT_EQ(one, digest(one.algorithm, "hello world"));
  EXPECT_EQ(digests[0].algorithm, Algorithm::kSha512);
  EXPECT_EQ(digests[1].algorithm, Algorithm::kSha1);
  EXPECT_EQ(digests[3].algorithm, Algorithm::kSha384);
  const auto bytes = must(writer->bytes());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), "hello world");
  must(writer->commit());
  EXPECT_EQ(bytes[0], std::byte{'h'}) << "bytes stay readable after commit";
  EXPECT_EQ(must(store_->read(digests[0].hex())), "hello world");
  EXPECT_EQ(store_->total_bytes(), 11U);
  EXPECT_EQ(count("tmp"), 0U);
}

TEST_F(BlobStoreTest, Sha512AskedForTwiceComesOnce) {
  constexpr Algorithm kAlso[] = {Algorithm::kSha512, Algorithm::kSha1};
  auto writer = must(store_->create(kAlso));
  EXPECT_EQ(writer->digests().size(), 2U);
}

TEST_F(BlobStoreTest, EmptyBlobIsABlob) {
  auto writer = must(store_->create({}));
  EXPECT_TRUE(must(writer->bytes()).empty());
  must(writer->commit());
  EXPECT_EQ(must(store_->read(sha512(""))), "");
  EXPECT_EQ(must(store_->open(sha512("")))->size, 0U);
}

TEST_F(BlobStoreTest, AppendAfterDigestsIsRefused) {
  auto writer = must(store_->create({}));
  must(writer->append("a"));
  writer->digests();
  EXPECT_EQ(writer->append("b").error().code, Code::kInternal);
  EXPECT_EQ(writer->size(), 1U);
  must(writer->commit());
  EXPECT_EQ(must(store_->read(sha512("a"))), "a");
}

TEST_F(BlobStoreTest, InvisibleUntilCommitAndGoneWithoutIt) {
  {
    auto writer = must(store_->create({}));
    must(writer->append("draft"));
    EXPECT_EQ(count("tmp"), 1U);
    EXPECT_EQ(store_->open(sha512("draft")).error().code, Code::kNotFound);
  }
  EXPECT_EQ(count("tmp"), 0U);
  EXPECT_EQ(store_->total_bytes(), 0U);
}

TEST_F(BlobStoreTest, CommitTwiceAndTheSameBytesTwiceIsOneBlob) {
  auto writer = must(store_->create({}));
  must(writer->append("same"));
  must(writer->commit());
  must(writer->commit());
  writer.reset();
  put("same");
  EXPECT_EQ(count("tarballs"), 1U);
  EXPECT_EQ(count("tmp"), 0U);
  EXPECT_EQ(store_->total_bytes(), 4U);
}

TEST_F(BlobStoreTest, FilesAreForTheOwnerOnly) {
  const std::string hex = put("secret");
  struct stat status {};
  ASSERT_EQ(::stat(file_of(hex).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(root().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST_F(BlobStoreTest, SurvivesReopening) {
  const std::string hex = put("kept");
  reopen();
  EXPECT_EQ(store_->total_bytes(), 4U);
  EXPECT_EQ(must(store_->read(hex)), "kept");
}

TEST_F(BlobStoreTest, AWriterMayOutliveTheStore) {
  auto writer = must(store_->create({}));
  must(writer->append("late"));
  store_.reset();
  must(writer->commit());
  writer.reset();
  reopen();
  EXPECT_EQ(must(store_->read(sha512("late"))), "late");
}

TEST_F(BlobStoreTest, HandleOutlivesTheFile) {
  const std::string hex = put("sending");
  const auto handle = must(store_->open(hex));
  store_->trim(0, [](std::string_view) { return false; });
  EXPECT_EQ(store_->open(hex).error().code, Code::kNotFound);
  char buffer[16] = {};
  ASSERT_EQ(::pread(handle->fd, buffer, sizeof buffer, 0), 7);
  EXPECT_STREQ(buffer, "sending");
}

struct NameRow {
  const char* name;
  std::string hex;
};
class BlobNames : public BlobStoreTest, public ::testing::WithParamInterface<NameRow> {};

TEST_P(BlobNames, OtherThanLowerHexOfSha512IsNotFound) {
  write_file(directory_.path("outside"), "x");
  EXPECT_EQ(store_->open(GetParam().hex).error().code, Code::kNotFound);
  EXPECT_EQ(store_->read(GetParam().hex).error().code, Code::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Rows, BlobNames,
                         ::testing::Values(NameRow{"Empty", ""}, NameRow{"Short", "ab"},
                                           NameRow{"Absent", std::string(128, 'a')},
                                           NameRow{"OneTooMany", std::string(129, 'a')},
                                           NameRow{"UpperCase", std::string(128, 'A')},
                                           NameRow{"Path", "../../../outside"},
                                           NameRow{"PathOfTheRightLength",
                                                   std::string("..") + std::string(119, '/') +
                                                       "outside"}),
                         RowName());

// ---- damage ----

struct DamageRow {
  const char* name;
  void (*damage)(const std::string& file);
};
void flip_byte(const std::string& file) {
  std::string content = read_file(file);
  content[3] = static_cast<char>(content[3] ^ 1);
  write_file(file, content);
}
void flip_byte_and_restore_mtime(const std::string& file) {
  struct stat before {};
  ::stat(file.c_str(), &before);
  flip_byte(file);
  const struct timespec times[2] = {before.st_atim, before.st_mtim};
  ::utimensat(AT_FDCWD, file.c_str(), times, 0);
}
void truncate_it(const std::string& file) {
  std::filesystem::resize_file(file, 5);
}
void empty_it(const std::string& file) {
  std::filesystem::resize_file(file, 0);
}
void extend_it(const std::string& file) {
  std::ofstream(file, std::ios::app | std::ios::binary) << "more";
}
void replace_it(const std::string& file) {
  write_file(file + "-new", "another file");
  std::filesystem::rename(file + "-new", file);
}
void symlink_it(const std::string& file) {
  std::filesystem::rename(file, file + "-moved");
  std::filesystem::create_symlink(file + "-moved", file);
}

class BlobDamage : public BlobStoreTest, public ::testing::WithParamInterface<DamageRow> {};

TEST_P(BlobDamage, IsNoticedBeforeServingAndMovedAside) {
  for (const bool reopened : {false, true}) {
    SCOPED_TRACE(reopened ? "after reopening" : "same process");
    const std::string hex = put("twelve bytes");
    EXPECT_EQ(must(store_->read(hex)), "twelve bytes");
    GetParam().damage(file_of(hex));
    if (reopened) reopen();
    const auto opened = store_->open(hex);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kCorrupt);
    EXPECT_EQ(opened.error().origin, Origin::kDisk);
    EXPECT_NE(opened.error().context.find(file_of(hex)), std::string::npos);
    EXPECT_EQ(store_->open(hex).error().code, Code::kNotFound) << "gone after that";
    EXPECT_EQ(store_->total_bytes(), 0U);
    EXPECT_FALSE(std::filesystem::is_empty(root() + "/corrupt"));
    // The same bytes can be stored again.
    EXPECT_EQ(put("twelve bytes"), hex);
    EXPECT_EQ(must(store_->read(hex)), "twelve bytes");
    store_->trim(0, [](std::string_view) { return false; });
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BlobDamage,
    ::testing::Values(DamageRow{"OneBit", flip_byte},
                      DamageRow{"OneBitMtimeRestored", flip_byte_and_restore_mtime},
                      DamageRow{"Truncated", truncate_it}, DamageRow{"Emptied", empty_it},
                      DamageRow{"Extended", extend_it}, DamageRow{"Replaced", replace_it},
                      DamageRow{"SymbolicLink", symlink_it}),
    RowName());

TEST_F(BlobStoreTest, TouchedButUnchangedIsServedAfterHashing) {
  const std::string hex = put("fine");
  std::filesystem::last_write_time(file_of(hex), std::filesystem::file_time_type::clock::now());
  EXPECT_EQ(must(store_->read(hex)), "fine");
}

TEST_F(BlobStoreTest, CommitRepairsADamagedBlobThatNobodyOpenedYet) {
  const std::string hex = put("repair me");
  flip_byte(file_of(hex));
  EXPECT_EQ(put("repair me"), hex);
  EXPECT_EQ(must(store_->read(hex)), "repair me");
}

TEST_F(BlobStoreTest, FileOfAnotherProcessIsFoundAndVerified) {
  const std::string hex = sha512("from outside");
  std::filesystem::create_directories(root() + "/tarballs/" + hex.substr(0, 2));
  write_file(file_of(hex), "from outside");
  EXPECT_EQ(must(store_->read(hex)), "from outside");
  EXPECT_EQ(store_->total_bytes(), 12U);
}

TEST_F(BlobStoreTest, FileDeletedByHandIsNotFoundAndNotCounted) {
  const std::string hex = put("removed");
  std::filesystem::remove(file_of(hex));
  EXPECT_EQ(store_->open(hex).error().code, Code::kNotFound);
  EXPECT_EQ(store_->total_bytes(), 0U);
}

// ---- what lies around at the start ----

TEST_F(BlobStoreTest, StaleTemporariesAreRemovedAtOpenButNotThoseInUse) {
  auto mine = must(store_->create({}));
  must(mine->append("in use"));
  write_file(root() + "/tmp/left-by-a-crash", "x");
  const auto second = must(open_blob_store(root()));  // a second process would look the same
  EXPECT_FALSE(std::filesystem::exists(root() + "/tmp/left-by-a-crash"));
  EXPECT_EQ(count("tmp"), 1U);
  must(mine->commit());
  EXPECT_EQ(must(second->read(sha512("in use"))), "in use");
}

TEST_F(BlobStoreTest, StrangersInTheFolderAreLeftAlone) {
  put("mine");
  const std::vector<std::string> strangers = {"tarballs/README", "tarballs/zz/file",
                                              "tarballs/ab/short", "tarballs/abc/file"};
  for (const std::string& stranger : strangers) {
    std::filesystem::create_directories(
        std::filesystem::path(root() + "/" + stranger).parent_path());
    write_file(root() + "/" + stranger, "stranger");
  }
  reopen();
  EXPECT_EQ(store_->total_bytes(), 4U);
  store_->trim(0, [](std::string_view) { return false; });
  for (const std::string& stranger : strangers) {
    EXPECT_TRUE(std::filesystem::exists(root() + "/" + stranger)) << stranger;
  }
}

TEST(BlobStore, RootThatCannotBeMadeIsAnErrorWithThePath) {
  const TempDir dir;
  write_file(dir.path("file"), "x");
  const auto store = open_blob_store(dir.path("file/blobs"));
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kUnavailable);
  EXPECT_EQ(store.error().origin, Origin::kDisk);
  EXPECT_NE(store.error().context.find(dir.path("file")), std::string::npos);
}

// ---- trim ----

TEST_F(BlobStoreTest, TrimTakesTheLeastRecentlyOpened) {
  const std::string a = put("aaaa"), b = put("bbbb"), c = put("cccc");
  must(store_->open(a));
  store_->trim(8, [](std::string_view) { return false; });
  EXPECT_EQ(store_->total_bytes(), 8U);
  EXPECT_TRUE(store_->open(a));
  EXPECT_FALSE(store_->open(b));
  EXPECT_TRUE(store_->open(c));
}

TEST_F(BlobStoreTest, TrimBelowTheLimitDoesNotAsk) {
  put("aaaa");
  store_->trim(4, [](std::string_view) {
    ADD_FAILURE() << "asked";
    return false;
  });
  EXPECT_EQ(store_->total_bytes(), 4U);
}

TEST_F(BlobStoreTest, PinnedBlobsStayWhateverTheLimit) {
  const std::string a = put("aaaa"), b = put("bbbb");
  store_->trim(0, [&](std::string_view hex) { return hex == a; });
  EXPECT_EQ(store_->total_bytes(), 4U);
  EXPECT_TRUE(store_->open(a));
  EXPECT_FALSE(store_->open(b));
}

TEST_F(BlobStoreTest, ABlobOpenedWhileTrimAsksStays) {
  const std::string a = put("aaaa");
  store_->trim(0, [&](std::string_view hex) {
    must(store_->open(hex));
    return false;
  });
  EXPECT_TRUE(store_->open(a));
}

TEST_F(BlobStoreTest, OrderAfterReopeningFollowsFileTimes) {
  const std::string a = put("aaaa"), b = put("bbbb");
  const struct timespec recent[2] = {{2'000'000'000, 0}, {2'000'000'000, 0}};
  const struct timespec old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, file_of(a).c_str(), recent, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, file_of(b).c_str(), old, 0), 0);
  reopen();
  store_->trim(4, [](std::string_view) { return false; });
  EXPECT_TRUE(store_->open(a));
  EXPECT_FALSE(store_->open(b));
}

// ---- threads ----

TEST_F(BlobStoreTest, ManyThreadsWriteReadAndTrim) {
  constexpr int kThreads = 4, kRounds = 25;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string content = "blob " + std::to_string((round + id) % 7);
        const std::string hex = put(content);
        const auto back = store_->read(hex);
        // A trim of another thread may have taken it; wrong bytes or "corrupt" never.
        if (back ? *back != content : back.error().code != Code::kNotFound) ++wrong;
        if (id == 0 && round % 5 == 0) store_->trim(10, [](std::string_view) { return false; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(count("tmp"), 0U);
  EXPECT_EQ(count("corrupt"), 0U);
  std::uint64_t on_disk = 0;
  for (const std::string& file : files_below(root() + "/tarballs")) {
    on_disk += std::filesystem::file_size(file);
  }
  EXPECT_EQ(store_->total_bytes(), on_disk);
}

}  // namespace
}  // namespace npmgate::test
