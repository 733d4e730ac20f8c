// A warm tarball is a finished decision that is looked up; whatever makes it wrong takes effect
// with the next request.
#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>

#include "base/digest.h"
#include "tests/inspect/archive/tar_builder.h"
#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::GateRig;

constexpr const char* kDay = R"(version: 1
rules:
  - { id: cooldown, when: { younger_than: 24h }, then: quarantine }
)";
constexpr const char* kTarball = "/pkg/-/pkg-1.0.0.tgz";

// 1.0.0 of `pkg`, as old as that, with a second file of `size` bytes that do not compress.
class WarmTarballs : public ::testing::Test {
 protected:
  WarmTarballs() : rig(testing::kRigNow, kDay) {}

  void publish(int hours_old, std::size_t size = 100, const std::string& more = "") {
    const std::string manifest = R"({"name":"pkg","version":"1.0.0")" + more + "}";
    std::string filler;
    while (filler.size() < size) filler += random_hex(64);
    bytes = testing::tgz(testing::tar_entry("package/package.json", manifest) +
                         testing::tar_entry("package/data.txt", filler));
    rig.upstream.put(std::string(GateRig::kUpstreamUrl) + "pkg/-/pkg-1.0.0.tgz", {200, bytes, ""});
    rig.upstream.put(std::string(GateRig::kUpstreamUrl) + "pkg",
                     {200,
                      R"({"name":"pkg","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":)" +
                          manifest.substr(0, manifest.size() - 1) + R"(,"dist":{"tarball":")" +
                          GateRig::kUpstreamUrl + R"(pkg/-/pkg-1.0.0.tgz","integrity":")" +
                          digest(Algorithm::kSha512, bytes).sri() + R"("}}},"time":{"1.0.0":")" +
                          format_time(testing::kRigNow - hours(hours_old)) + "\"}}",
                      "\"" + random_hex(4) + "\""});
  }
  // Served once, so that from now on it is known.
  void warm() {
    ASSERT_EQ(rig.ask(kTarball).status, 200);
    rig.settle();
  }
  std::string sent(const Response& response) {
    if (response.body) return *response.body;
    if (!response.blob) return {};
    std::string text(response.blob->size, '\0');
    EXPECT_EQ(::pread(response.blob->fd, text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
    return text;
  }
  void decide(const Decision& decision) {
    ASSERT_TRUE(rig.store().add_decision(decision, {}));
    ASSERT_TRUE(rig.active_policy.reload_decisions());
  }

  GateRig rig;
  std::string bytes;
};

TEST_F(WarmTarballs, TheSecondOneIsALookUp) {
  publish(24 * 400);
  EXPECT_FALSE(rig.at_once(kTarball));
  warm();
  const std::size_t asked = rig.upstream.requests.size();
  const auto answer = rig.at_once(kTarball);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(sent(*answer), bytes);
  EXPECT_EQ(rig.upstream.requests.size(), asked);
}

TEST_F(WarmTarballs, LargeOnesAreSentFromTheirFile) {
  publish(24 * 400, 300'000);
  warm();
  // A file that was written within this tick of the kernel's clock is opened anew each time.
  while (!rig.at_once(kTarball)) ASSERT_EQ(rig.ask(kTarball).status, 200);
  const auto answer = rig.at_once(kTarball);
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->blob, nullptr);
  EXPECT_EQ(sent(*answer), bytes);
  // Damaged on disk: noticed, and fetched again.
  const std::string sha512 = digest(Algorithm::kSha512, bytes).hex();
  const auto file = rig.folder() / "tarballs" / sha512.substr(0, 2) / sha512.substr(2);
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary) << "damaged";
  EXPECT_FALSE(rig.at_once(kTarball));
  const Response again = rig.ask(kTarball);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(sent(again), bytes);
  EXPECT_EQ(rig.metrics.value("npm_gate_blobs_corrupt_total"), 1);
}

TEST_F(WarmTarballs, ARejectionCountsForTheNextRequest) {
  publish(24 * 400);
  warm();
  ASSERT_TRUE(rig.at_once(kTarball));
  Decision reject;
  reject.kind = Decision::Kind::kReject;
  reject.name = "pkg";
  reject.versions = "1.0.0";
  decide(reject);
  EXPECT_FALSE(rig.at_once(kTarball));
  EXPECT_EQ(rig.ask(kTarball).status, 403);
  EXPECT_FALSE(rig.at_once(kTarball));
}

TEST_F(WarmTarballs, APolicyThatIsLoadedCountsForTheNextRequest) {
  publish(24 * 9);
  warm();
  ASSERT_TRUE(rig.at_once(kTarball));
  rig.write_policy(R"(version: 1
rules:
  - { id: cooldown, when: { younger_than: 240h }, then: quarantine }
)");
  ASSERT_TRUE(rig.active_policy.load());
  EXPECT_FALSE(rig.at_once(kTarball));
  EXPECT_EQ(rig.ask(kTarball).status, 403);
}

TEST_F(WarmTarballs, AnAdvisoryCountsForTheNextRequest) {
  publish(24 * 400);
  warm();
  ASSERT_TRUE(rig.at_once(kTarball));
  rig.active_policy.set_feed(nullptr);
  EXPECT_FALSE(rig.at_once(kTarball));
  EXPECT_EQ(rig.ask(kTarball).status, 200);
  EXPECT_TRUE(rig.at_once(kTarball));
}

TEST_F(WarmTarballs, AHoldThatEndsAndAnApprovalThatEndsCountInTime) {
  publish(2);
  EXPECT_EQ(rig.ask(kTarball).status, 403);
  rig.settle();
  const auto evidence = rig.store().evidence_of("pkg");
  ASSERT_TRUE(evidence);
  ASSERT_EQ(evidence->size(), 1U);
  Decision approve;
  approve.kind = Decision::Kind::kApprove;
  approve.name = "pkg";
  approve.versions = "1.0.0";
  approve.content_id = evidence->front()->content_id();
  approve.at = testing::kRigNow;
  approve.expires = testing::kRigNow + minutes(2);
  decide(approve);
  warm();
  ASSERT_TRUE(rig.at_once(kTarball));
  rig.clock.advance(minutes(2) - Millis(1));
  EXPECT_TRUE(rig.at_once(kTarball));
  rig.clock.advance(Millis(1));
  EXPECT_FALSE(rig.at_once(kTarball));
  EXPECT_EQ(rig.ask(kTarball).status, 403);
  rig.clock.advance(hours(22));
  EXPECT_EQ(rig.ask(kTarball).status, 200);
}

TEST_F(WarmTarballs, WhatIsNewAboutThePackageCounts) {
  publish(24 * 400);
  warm();
  ASSERT_TRUE(rig.at_once(kTarball));
  const std::string accepted = bytes;
  publish(24 * 400, 100, R"(,"scripts":{"postinstall":"node x.js"})");
  rig.clock.advance(minutes(6));
  EXPECT_FALSE(rig.at_once(kTarball));  // the upstream is due to be asked
  rig.ask(kTarball);
  rig.settle();
  EXPECT_FALSE(rig.at_once(kTarball));
  const Response again = rig.ask(kTarball);
  if (again.status == 200) {
    EXPECT_EQ(sent(again), accepted);
  }
}

TEST_F(WarmTarballs, TokensAndOtherMethodsGoTheLongWay) {
  publish(24 * 400);
  warm();
  EXPECT_TRUE(rig.at_once(kTarball, "", "HEAD"));
  EXPECT_FALSE(rig.at_once(kTarball, "", "PUT"));
  EXPECT_FALSE(rig.at_once("/pkg?write=true"));
  rig.config.clients_need_token = true;
  EXPECT_FALSE(rig.at_once(kTarball));
}

TEST_F(WarmTarballs, EachIsInTheLedgerAndThoseAlikeTogether) {
  publish(24 * 400);
  warm();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(rig.at_once(kTarball));
  ASSERT_TRUE(rig.at_once(kTarball, "", "HEAD"));
  rig.audit_writer.flush();
  const auto ledger = rig.store().downloads("pkg", 10);
  ASSERT_TRUE(ledger);
  ASSERT_EQ(ledger->size(), 1U);
  EXPECT_EQ(ledger->front().count, 5);
  AuditFilter filter;
  filter.kind = "served";
  const auto audit = rig.store().audit_log(filter);
  ASSERT_TRUE(audit);
  ASSERT_EQ(audit->size(), 1U);
  EXPECT_EQ(audit->front().detail, R"({"times":5})");
}

}  // namespace
}  // namespace npmgate
