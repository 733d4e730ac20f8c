// A finished answer needs nothing but itself: no parsed packument, no upstream, and whatever makes
// it wrong takes effect with the next request.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include <boost/json/parse.hpp>

#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::GateRig;

constexpr const char* kCooldown = R"(version: 1
rules:
  - { id: cooldown, when: { younger_than: 24h }, then: quarantine }
)";
constexpr int kPackages = 20;
constexpr int kVersions = 100;

std::string name_of(int package) {
  return "pkg" + std::to_string(package);
}

// Some 50 KB each, of releases that are too old to be inspected.
void publish_many(GateRig& rig, const std::string& name, int versions = kVersions) {
  std::string listed, times;
  const std::string padding(400, 'x');
  for (int i = 0; i < versions; ++i) {
    const std::string version = "1." + std::to_string(i) + ".0";
    const std::string comma = i == 0 ? "" : ",";
    listed += comma + "\"" + version + R"(":{"name":")" + name + R"(","version":")" + version +
              R"(","description":")" + padding + R"(","dist":{"tarball":")" +
              GateRig::kUpstreamUrl + name + "/-/" + name + "-" + version +
              R"(.tgz","shasum":"0123456789012345678901234567890123456789"}})";
    times += comma + "\"" + version + "\":\"" +
             format_time(testing::kRigNow - hours(24 * 400 - i)) + "\"";
  }
  const std::string latest = "1." + std::to_string(versions - 1) + ".0";
  rig.upstream.put(std::string(GateRig::kUpstreamUrl) + name,
                   {200,
                    R"({"name":")" + name + R"(","dist-tags":{"latest":")" + latest +
                        R"("},"versions":{)" + listed + R"(},"time":{)" + times + "}}",
                    "\"" + std::to_string(versions) + "\""});
}

class WarmPackuments : public ::testing::Test {
 protected:
  WarmPackuments() : rig(testing::kRigNow, kCooldown) {
    rig.config.cache_bytes = std::size_t{8} << 20;  // a quarter of it holds some of the packuments
    for (int i = 0; i < kPackages; ++i) publish_many(rig, name_of(i));
  }
  // Every packument once, in both forms; how many were finished already.
  int walk() {
    int hits = 0;
    for (int i = 0; i < kPackages; ++i) {
      for (const char* accept : {"application/json", "application/vnd.npm.install-v1+json"}) {
        const Response answer = rig.ask("/" + name_of(i), accept);
        EXPECT_EQ(answer.status, 200) << name_of(i);
        hits += answer.cache == "hit" ? 1 : 0;
      }
    }
    rig.settle();
    return hits;
  }
  double parsed() const { return rig.metrics.value("npm_gate_packuments_parsed_total"); }
  double documents() const {
    return rig.metrics.value("npm_gate_memory_bytes", R"(kind="documents")");
  }
  std::size_t asked() const { return rig.upstream.requests.size(); }
  std::vector<std::string> versions_of(const std::string& name) {
    std::vector<std::string> names;
    const Response answer = rig.ask("/" + name);
    if (answer.status != 200) return names;
    const boost::json::value document = boost::json::parse(*answer.body);
    for (const auto& [key, manifest] : document.at("versions").as_object()) names.push_back(key);
    return names;
  }
  void reject(const std::string& name, const std::string& version) {
    Decision decision;
    decision.kind = Decision::Kind::kReject;
    decision.name = name;
    decision.versions = version;
    ASSERT_TRUE(rig.store().add_decision(decision, {}));
    ASSERT_TRUE(rig.active_policy.reload_decisions());
  }

  GateRig rig;
};

TEST_F(WarmPackuments, AWalkParsesNothingAndAsksNobody) {
  walk();
  // Both forms of one package are asked for in a row.
  EXPECT_EQ(parsed(), kPackages);
  const std::size_t before = asked();
  EXPECT_EQ(walk(), 2 * kPackages);
  EXPECT_EQ(walk(), 2 * kPackages);
  EXPECT_EQ(parsed(), kPackages);
  EXPECT_EQ(asked(), before);
}

TEST_F(WarmPackuments, ParsedPackumentsStayWithinTheirShare) {
  walk();
  EXPECT_GT(documents(), 0);
  EXPECT_LE(documents(), static_cast<double>(PackageCache::document_bytes(rig.config)));
}

TEST_F(WarmPackuments, OneThatWasReadAgainIsWhatItWas) {
  walk();
  const double before = parsed();
  // Needs the packument, which was dropped long ago.
  EXPECT_EQ(rig.ask("/" + name_of(0) + "/latest").status, 200);
  EXPECT_EQ(parsed(), before + 1);
  EXPECT_EQ(rig.ask("/" + name_of(0)).cache, "hit");
}

TEST_F(WarmPackuments, FreshnessIsCheckedBehindThemWithoutThePackument) {
  walk();
  const double before = parsed();
  const std::size_t upstream = asked();
  rig.clock.advance(minutes(6));
  EXPECT_EQ(walk(), 2 * kPackages);
  EXPECT_EQ(asked(), upstream + kPackages);  // each once, answered by 304
  EXPECT_EQ(walk(), 2 * kPackages);
  EXPECT_EQ(asked(), upstream + kPackages);
  EXPECT_EQ(parsed(), before);
}

TEST_F(WarmPackuments, ANewDocumentReplacesThem) {
  walk();
  publish_many(rig, name_of(3), kVersions - 1);  // one more would be held: it is new to the gate
  rig.clock.advance(minutes(6));
  EXPECT_EQ(versions_of(name_of(3)).size(), kVersions);  // the refresh runs behind this one
  rig.settle();
  EXPECT_EQ(versions_of(name_of(3)).size(), kVersions - 1);
  EXPECT_EQ(rig.ask("/" + name_of(4)).cache, "hit");
}

TEST_F(WarmPackuments, ARejectionCountsForTheNextRequest) {
  walk();
  reject(name_of(2), "1.5.0");
  EXPECT_EQ(versions_of(name_of(2)).size(), kVersions - 1);
}

TEST_F(WarmPackuments, AnUpstreamThatIsDownIsToldWithoutRenderingAnew) {
  walk();
  const double before = parsed();
  rig.clock.advance(minutes(6));
  for (int i = 0; i < kPackages; ++i)
    rig.upstream.put(GateRig::kUpstreamUrl + name_of(i), {503, "", ""});
  walk();
  const Response stale = rig.ask("/" + name_of(1));
  EXPECT_EQ(stale.cache, "hit");
  const auto warned = [](const auto& header) { return header.first == "warning"; };
  EXPECT_TRUE(std::any_of(stale.headers.begin(), stale.headers.end(), warned));
  EXPECT_EQ(parsed(), before);
  rig.settle();
}

TEST_F(WarmPackuments, LargeOnesAreSentFromAFileInMemory) {
  publish_many(rig, "large", 400);
  const Response cold = rig.ask("/large");
  ASSERT_EQ(cold.status, 200);
  rig.settle();
  const auto warm = rig.at_once("/large");
  ASSERT_TRUE(warm);
  for (const Response* answer : {&cold, &*warm}) {
    ASSERT_NE(answer->blob, nullptr);
    std::string text(answer->blob->size, '\0');
    ASSERT_EQ(::pread(answer->blob->fd, text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
    EXPECT_EQ(boost::json::parse(text).at("versions").as_object().size(), 400U);
    // No process that is started holds it.
    EXPECT_NE(::fcntl(answer->blob->fd, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(WarmPackuments, FilesInMemoryCountAgainstTheRoom) {
  const auto answers = [this] {
    return rig.metrics.value("npm_gate_memory_bytes", R"(kind="answers")");
  };
  ASSERT_EQ(rig.ask("/" + name_of(0)).status, 200);
  const double before = answers();
  publish_many(rig, "large", 400);
  const Response large = rig.ask("/large");
  ASSERT_NE(large.blob, nullptr);
  EXPECT_GE(answers() - before, static_cast<double>(large.blob->size));
}

// A descriptor each: what is beyond the bound is sent from memory, and leaving gives one back.
TEST(MemoryFilesBound, BeyondItBodiesStayInMemory) {
  MemoryFiles files(2);
  auto first = files.make("one");
  const auto second = files.make("two");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(files.make("three"), nullptr);
  EXPECT_EQ(files.open(), 2U);
  first.reset();
  EXPECT_EQ(files.open(), 1U);
  EXPECT_NE(files.make("three"), nullptr);
  EXPECT_GT(MemoryFiles::allowed(), 0U);
  EXPECT_LE(MemoryFiles::allowed(), MemoryFiles::kMost);
}

TEST_F(WarmPackuments, WhatWasForgottenIsAskedForAgain) {
  walk();
  const std::size_t upstream = asked();
  ASSERT_TRUE(rig.packages.packuments.drop(*PackageName::parse(name_of(7))));
  EXPECT_EQ(rig.ask("/" + name_of(7)).cache, "miss");
  EXPECT_EQ(asked(), upstream + 1);
}

}  // namespace
}  // namespace npmgate
