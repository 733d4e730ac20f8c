#include "registry/footprint.h"

#include <gtest/gtest.h>
#include <malloc.h>

namespace npmgate {
namespace {

std::string document_of(int versions) {
  std::string listed, times;
  for (int i = 0; i < versions; ++i) {
    const std::string version = "1." + std::to_string(i) + ".0";
    const std::string comma = i == 0 ? "" : ",";
    listed += comma + "\"" + version + R"(":{"name":"p","version":")" + version +
              R"(","description":"A package that does one thing and does it well","license":"MIT",
           "main":"lib/index.js","scripts":{"test":"node --test","build":"node build.js"},
           "dependencies":{"accepts":"~1.3.8","body-parser":"1.20.3","content-disposition":"0.5.4"},
           "maintainers":[{"name":"somebody","email":"somebody@mail.example"}],
           "dist":{"tarball":"https://registry.example/p/-/p-1.0.0.tgz",
           "shasum":"0123456789012345678901234567890123456789",
           "integrity":"sha512-00000000000000000000000000000000000000000000000000000000000000000000000000000000000000=="}})";
    times += comma + "\"" + version + R"(":"2020-01-01T00:00:00.000Z")";
  }
  return R"({"name":"p","dist-tags":{"latest":"1.0.0"},"versions":{)" + listed + R"(},"time":{)" +
         times + "}}";
}

// What is counted is what malloc gave.
TEST(Footprint, OfAPackumentIsWhatItTakes) {
  const auto name = PackageName::parse("p");
  std::string text = document_of(2000);
  text.shrink_to_fit();
  const std::size_t size = text.size();
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  const auto packument = Packument::parse(std::move(text), *name);
  const std::size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  ASSERT_TRUE(packument);
  const std::size_t counted = memory_of(**packument);
  EXPECT_GT(counted, 2 * size);
  EXPECT_LT(counted, 8 * size);
  if (after == before) GTEST_SKIP() << "another allocator (a sanitizer's) is at work";
  const double taken = static_cast<double>(after - before + size);  // the text was there before
  EXPECT_NEAR(static_cast<double>(counted) / taken, 1.0, 0.15);
}

}  // namespace
}  // namespace npmgate
