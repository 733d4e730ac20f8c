// A worker says of every tarball exactly what this process says.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/sandbox/bad_worker.h"
#include "tests/sandbox/harness.h"

namespace npmgate {
namespace {

using testing::contents_here;
using testing::Harness;
using testing::job_of;
using testing::numbered_package;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void expect_same(Harness& harness, InspectionJob job, const std::string& what) {
  const Contents here = contents_here(job);
  const auto there = harness.read(std::move(job));
  ASSERT_TRUE(there) << what << ": " << there.error().context;
  EXPECT_EQ(there->unavailable, "") << what;
  EXPECT_EQ(there->contents, here) << what;
}

TEST(SameContents, OfEveryCraftedPackage) {
  Harness harness(testing::options_with(testing::good_worker()));
  ASSERT_TRUE(harness.started());
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NPM_GATE_CRAFTED_DIR)) {
    if (entry.path().extension() != ".tgz") continue;
    expect_same(harness, job_of(read_file(entry.path())), entry.path().filename());
    ++count;
  }
  EXPECT_GE(count, 250);
}

TEST(SameContents, OfOrdinaryPackages) {
  Harness harness(testing::options_with(testing::good_worker()));
  ASSERT_TRUE(harness.started());
  for (int i = 0; i < 40; ++i) expect_same(harness, job_of(numbered_package(i)), std::to_string(i));
}

// What the packument states decides which hooks are followed.
TEST(SameContents, WithStatedScripts) {
  Harness harness(testing::options_with(testing::good_worker()));
  ASSERT_TRUE(harness.started());
  InspectionJob job = job_of(numbered_package(5));
  job.stated.name = "package-5";
  job.stated.scripts["preinstall"] = "node lib/1.js \xc3\xa9";
  const Contents here = contents_here(job);
  ASSERT_EQ(here.tree.hooks.size(), 2u);
  expect_same(harness, std::move(job), "stated scripts");
}

TEST(SameContents, UnderOtherLimits) {
  Harness harness(testing::options_with(testing::good_worker()));
  ASSERT_TRUE(harness.started());
  InspectionJob job = job_of(numbered_package(5));
  job.limits.max_entries = 2;
  ASSERT_EQ(contents_here(job).archive_refusal->rule, "limit-entries");
  expect_same(harness, std::move(job), "two entries");
}

}  // namespace
}  // namespace npmgate
