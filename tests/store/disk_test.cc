#include "store/disk/disk.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

struct ErrnoRow {
  const char* name;
  int error_number;
  bool retry;
};

class DiskErrno : public ::testing::TestWithParam<ErrnoRow> {};

TEST_P(DiskErrno, NamesOperationAndPathAndSaysWhetherItPasses) {
  const Error error = disk_error(GetParam().error_number, "write", "/some/where");
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_EQ(error.origin, Origin::kDisk);
  EXPECT_EQ(error.retry, GetParam().retry);
  EXPECT_TRUE(error.context.starts_with("/some/where: write: ")) << error.context;
  EXPECT_GT(error.context.size(), std::string("/some/where: write: ").size());
}

INSTANTIATE_TEST_SUITE_P(Rows, DiskErrno,
                         ::testing::Values(ErrnoRow{"DiskFull", ENOSPC, true},
                                           ErrnoRow{"Quota", EDQUOT, true},
                                           ErrnoRow{"OutOfDescriptors", EMFILE, true},
                                           ErrnoRow{"SystemOutOfDescriptors", ENFILE, true},
                                           ErrnoRow{"Permission", EACCES, false},
                                           ErrnoRow{"ReadOnly", EROFS, false},
                                           ErrnoRow{"Input", EIO, false}),
                         RowName());

TEST(Disk, MakesMissingParentsForTheOwnerOnly) {
  const TempDir dir;
  must(Disk().make_directory(dir.path("a/b/c")));
  struct stat status {};
  ASSERT_EQ(::stat(dir.path("a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  must(Disk().make_directory(dir.path("a/b/c")));  // again is fine
}

TEST(Disk, DirectoryOverAFileIsAnErrorWithThePath) {
  const TempDir dir;
  write_file(dir.path("file"), "x");
  for (const char* path : {"file", "file/below"}) {
    const auto made = Disk().make_directory(dir.path(path));
    ASSERT_FALSE(made) << path;
    EXPECT_EQ(made.error().code, Code::kUnavailable);
    EXPECT_NE(made.error().context.find(dir.path("file")), std::string::npos);
  }
}

TEST(Disk, CreateNeverTakesAnExistingFile) {
  const TempDir dir;
  write_file(dir.path("there"), "old");
  EXPECT_FALSE(Disk().create(dir.path("there")));
  EXPECT_EQ(read_file(dir.path("there")), "old");
}

TEST(Disk, OpenReadTellsAbsentFromWrongKind) {
  const TempDir dir;
  write_file(dir.path("real"), "x");
  std::filesystem::create_symlink(dir.path("real"), dir.path("link"));
  ASSERT_EQ(::mkfifo(dir.path("fifo").c_str(), 0600), 0);
  std::filesystem::create_directory(dir.path("folder"));
  EXPECT_TRUE(Disk().open_read(dir.path("real")));
  EXPECT_EQ(Disk().open_read(dir.path("none")).error().code, Code::kNotFound);
  for (const char* name : {"link", "fifo", "folder"}) {
    EXPECT_EQ(Disk().open_read(dir.path(name)).error().code, Code::kCorrupt) << name;
  }
}

TEST(Disk, ReadAllIsBoundedAndReadSomeEndsAtTheEnd) {
  const TempDir dir;
  write_file(dir.path("f"), "0123456789");
  const Disk disk;
  const Fd fd = must(disk.open_read(dir.path("f")));
  EXPECT_EQ(must(disk.read_all(fd.get(), 10, "f")), "0123456789");
  EXPECT_EQ(disk.read_all(fd.get(), 9, "f").error().code, Code::kTooLarge);
  char buffer[8];
  EXPECT_EQ(must(disk.read_some(fd.get(), buffer, sizeof buffer, 6, "f")), 4U);
  EXPECT_EQ(std::string(buffer, 4), "6789");
  EXPECT_EQ(must(disk.read_some(fd.get(), buffer, sizeof buffer, 10, "f")), 0U);
}

TEST(Disk, RemoveOfNothingIsFine) {
  const TempDir dir;
  must(Disk().remove(dir.path("none")));
  EXPECT_FALSE(Disk().remove(dir.path("")));  // a directory
}

TEST(Disk, FdMovesAndCloses) {
  const TempDir dir;
  Fd a = must(Disk().create(dir.path("a")));
  Fd b = must(Disk().create(dir.path("b")));
  const int old = a.get();
  a = std::move(b);
  EXPECT_EQ(::fcntl(old, F_GETFD), -1) << "the replaced descriptor stays open";
  EXPECT_EQ(b.get(), -1);
  const int mine = a.release();
  EXPECT_EQ(a.get(), -1);
  EXPECT_EQ(::close(mine), 0);
}

TEST(Disk, StampShowsAnEditThatRestoresSizeAndMtime) {
  const TempDir dir;
  const Disk disk;
  write_file(dir.path("f"), "good");
  const Fd fd = must(disk.open_read(dir.path("f")));
  FileStamp before = must(disk.stamp(fd.get(), "f"));
  EXPECT_EQ(before.size, 4U);
  EXPECT_TRUE(is_racy(before)) << "written just now";
  while (is_racy(before)) before.changed_ns -= 1'000'000;  // as if written a while ago
  write_file(dir.path("f"), "evil");
  const FileStamp after = must(disk.stamp(fd.get(), "f"));
  EXPECT_NE(before, after);
}

TEST(Disk, EveryOperationAsksTheFaultFirst) {
  const TempDir dir;
  const std::string path = dir.path("f");
  write_file(path, "x");
  std::vector<std::string> asked;
  const Disk disk([&](std::string_view operation) {
    asked.emplace_back(operation);
    return ENOSPC;
  });
  char byte = 0;
  EXPECT_FALSE(disk.make_directory(path));
  EXPECT_FALSE(disk.create(path));
  EXPECT_FALSE(disk.open_read(path));
  EXPECT_FALSE(disk.write_all(-1, "x", path));
  EXPECT_FALSE(disk.read_some(-1, &byte, 1, 0, path));
  EXPECT_FALSE(disk.sync(-1, path));
  EXPECT_FALSE(disk.sync_directory(path));
  EXPECT_FALSE(disk.rename(path, path));
  EXPECT_FALSE(disk.remove(path));
  EXPECT_EQ(asked, (std::vector<std::string>{"mkdir", "create", "open", "write", "read", "fsync",
                                             "fsync", "rename", "unlink"}));
}

// The real system's refusal, in a child of its own: RLIMIT_FSIZE lets the kernel write short and
// then fail.
TEST(Disk, ShortWriteThenRefusalOfTheKernelIsAnError) {
  const TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Disk disk;
    const auto fd = disk.create(dir.path("f"));
    const bool small = fd && disk.write_all(fd->get(), std::string(900, 'a'), "f").has_value();
    const auto large = disk.write_all(fd->get(), std::string(900, 'b'), "f");
    ::_exit(small && !large && large.error().code == Code::kUnavailable ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// The kernel's own "no space left": /dev/full refuses every write with ENOSPC.
TEST(Disk, FullDeviceIsUnavailableAndWorthARetry) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (full.get() < 0) GTEST_SKIP() << "no /dev/full here";
  const auto written = Disk().write_all(full.get(), "x", "/dev/full");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kUnavailable);
  EXPECT_EQ(written.error().origin, Origin::kDisk);
  EXPECT_TRUE(written.error().retry);
}

}  // namespace
}  // namespace npmgate::test
