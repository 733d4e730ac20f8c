#include "sandbox/single_worker.h"

#include <gtest/gtest.h>

#include "tests/sandbox/bad_worker.h"
#include "tests/sandbox/harness.h"

namespace npmgate {
namespace {

using testing::job_of;
using testing::numbered_package;

constexpr auto kLong = std::chrono::seconds(60);

TEST(SingleWorker, ReadsOneAfterAnother) {
  SingleWorker reader(testing::good_worker());
  for (int i = 0; i < 5; ++i) {
    const InspectionJob job = job_of(numbered_package(i));
    const auto contents = reader.read(*job.reader, {}, {}, kLong);
    ASSERT_TRUE(contents) << contents.error().context;
    EXPECT_EQ(*contents, testing::contents_here(job));
  }
  EXPECT_EQ(testing::children().size(), 1u);
}

TEST(SingleWorker, ReplacesAWorkerAfterItsJobs) {
  SingleWorker reader(testing::good_worker());
  const InspectionJob job = job_of(numbered_package(1));
  ASSERT_TRUE(reader.read(*job.reader, {}, {}, kLong));
  const auto first = testing::children();
  for (int i = 1; i < 64; ++i) ASSERT_TRUE(reader.read(*job.reader, {}, {}, kLong));
  EXPECT_TRUE(testing::children().empty());
  ASSERT_TRUE(reader.read(*job.reader, {}, {}, kLong));
  EXPECT_NE(testing::children(), first);
}

TEST(SingleWorker, ReplacesAWorkerThatWasKilled) {
  SingleWorker reader(testing::good_worker());
  const InspectionJob job = job_of(numbered_package(1));
  ASSERT_TRUE(reader.read(*job.reader, {}, {}, kLong));
  ::kill(testing::children().front(), SIGKILL);
  // The first may still have found it alive.
  const bool first = reader.read(*job.reader, {}, {}, kLong).has_value();
  EXPECT_TRUE(first || reader.read(*job.reader, {}, {}, kLong));
}

TEST(SingleWorker, SaysWhyThereAreNone) {
  const InspectionJob job = job_of(numbered_package(1));
  const auto why = [&](const char* kind, std::chrono::seconds limit) {
    SingleWorker reader(testing::bad_worker(kind));
    const auto contents = reader.read(*job.reader, {}, {}, limit);
    return contents ? "none" : contents.error().context;
  };
  EXPECT_NE(why("exit", kLong).find("exited with 5"), std::string::npos);
  EXPECT_NE(why("garbage", kLong).find("no frame"), std::string::npos);
  EXPECT_NE(why("silent", std::chrono::seconds(1)).find("in time"), std::string::npos);
  EXPECT_NE(why("refuses", kLong).find("no filter today"), std::string::npos);
  EXPECT_TRUE(testing::children().empty());
}

TEST(SingleWorker, IsNotHeldUpByAWorkerThatDoesNotListen) {
  const InspectionJob job = job_of(numbered_package(1));
  Manifest stated;
  stated.scripts["postinstall"] = std::string(8 << 20, 'x');  // more than the socket takes
  SingleWorker reader(testing::bad_worker("deaf"));
  const auto contents = reader.read(*job.reader, stated, {}, std::chrono::seconds(1));
  ASSERT_FALSE(contents);
  EXPECT_NE(contents.error().context.find("asking an inspection worker"), std::string::npos);
  EXPECT_TRUE(testing::children().empty());
}

}  // namespace
}  // namespace npmgate
