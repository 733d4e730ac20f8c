// The gate as a value: doors, verdicts and every single failure of the upstream, without a socket.
#include "proxy/registry/gate.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "tests/inspect/archive/tar_builder.h"
#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using testing::GateRig;
using testing::header;

constexpr const char* kPolicy = R"(version: 1
rules:
  - { id: hooks, when: { finding: [install-script-added] }, then: quarantine, message: "Runs code." }
  - { id: cooldown, when: { younger_than: 24h }, then: quarantine }
)";

struct Version {
  std::string version;
  int hours_old;
  std::string scripts;  // JSON object, "" = none
};

std::string manifest_of(const Version& version) {
  const std::string scripts = version.scripts.empty() ? "" : R"(,"scripts":)" + version.scripts;
  return R"({"name":"pkg","version":")" + version.version + "\"" + scripts + "}";
}

std::string tarball_of(const Version& version) {
  return testing::tgz(testing::tar_entry("package/package.json", manifest_of(version)) +
                      testing::tar_entry("package/index.js", "// " + version.version + "\n"));
}

std::string tarball_url(const std::string& version) {
  return std::string(GateRig::kUpstreamUrl) + "pkg/-/pkg-" + version + ".tgz";
}

void publish(GateRig& rig, const std::vector<Version>& versions, const std::string& latest) {
  std::string listed, times;
  for (const Version& version : versions) {
    const std::string bytes = tarball_of(version);
    rig.upstream.put(tarball_url(version.version), {200, bytes, ""});
    const std::string manifest = manifest_of(version);
    listed += (listed.empty() ? "\"" : ",\"") + version.version +
              "\":" + manifest.substr(0, manifest.size() - 1) + R"(,"dist":{"tarball":")" +
              tarball_url(version.version) + R"(","integrity":")" +
              digest(Algorithm::kSha512, bytes).sri() + "\"}}";
    times += (times.empty() ? "\"" : ",\"") + version.version + "\":\"" +
             format_time(rig.clock.now() - hours(version.hours_old)) + "\"";
  }
  rig.upstream.put(std::string(GateRig::kUpstreamUrl) + "pkg",
                   {200,
                    R"({"name":"pkg","dist-tags":{"latest":")" + latest + R"("},"versions":{)" +
                        listed + R"(},"time":{)" + times + "}}",
                    "\"" + latest + std::to_string(versions.size()) + "\""});
}

const Version kOld{"1.0.0", 24 * 400, ""};
const Version kGood{"1.1.0", 24 * 9, ""};
const Version kHooked{"1.2.0", 24 * 8, R"({"postinstall":"node x.js"})"};
const Version kYoung{"1.3.0", 2, ""};

std::vector<std::string> versions_in(const Response& response) {
  std::vector<std::string> names;
  if (!response.body || !response.body->starts_with('{')) return names;  // a tarball's bytes
  const boost::json::value document = boost::json::parse(*response.body);
  if (const auto* versions = document.as_object().if_contains("versions")) {
    for (const auto& [key, manifest] : versions->as_object()) names.emplace_back(key);
  }
  return names;
}

TEST(Gate, LeavesOutWhatItHoldsAndSaysWhy) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood, kHooked, kYoung}, "1.3.0");
  const Response answer = rig.ask("/pkg");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(versions_in(answer), (std::vector<std::string>{"1.0.0", "1.1.0"}));
  EXPECT_EQ(boost::json::parse(*answer.body).at("dist-tags").at("latest"), "1.1.0");
  EXPECT_NE(header(answer, "npm-notice").find("1.3.0"), std::string::npos);
  EXPECT_NE(header(answer, "npm-notice").find("Runs code."), std::string::npos);
  EXPECT_EQ(header(answer, "cache-control"), "no-store");
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.1.0.tgz").status, 200);
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.2.0.tgz").status, 403);
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.3.0.tgz").status, 403);
  EXPECT_EQ(rig.ask("/pkg/-/pkg-9.9.9.tgz").status, 404);
}

TEST(Gate, TheWarmAnswerAsksNobody) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood}, "1.1.0");
  const Response cold = rig.ask("/pkg");
  rig.settle();
  const std::size_t asked = rig.upstream.requests.size();
  const Response warm = rig.ask("/pkg");
  EXPECT_EQ(warm.cache, "hit");
  EXPECT_EQ(*warm.body, *cold.body);
  EXPECT_EQ(rig.upstream.requests.size(), asked);
}

TEST(Gate, AHoldEndsByItselfWithNothingFetchedAgain) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood, kYoung}, "1.3.0");
  EXPECT_EQ(versions_in(rig.ask("/pkg")), (std::vector<std::string>{"1.0.0", "1.1.0"}));
  rig.settle();
  const std::size_t tarballs = rig.upstream.requests.size();
  rig.clock.advance(hours(22) - Millis(1));
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.3.0.tgz").status, 403);
  rig.clock.advance(Millis(1));
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.3.0.tgz").status, 200);
  for (std::size_t i = tarballs; i < rig.upstream.requests.size(); ++i)
    EXPECT_FALSE(rig.upstream.requests[i].url.ends_with(".tgz")) << rig.upstream.requests[i].url;
}

// One request of the upstream fails, whichever it is: nothing held is served, nothing half is
// served, and the next request finds everything in order.
TEST(Gate, AnySingleUpstreamFailureServesNothingUnjudged) {
  for (const char* target : {"/pkg", "/pkg/latest", "/pkg/1.1.0", "/pkg/-/pkg-1.1.0.tgz",
                             "/pkg/-/pkg-1.2.0.tgz", "/-/package/pkg/dist-tags"}) {
    bool failed = true;
    for (int n = 0; failed; ++n) {
      ASSERT_LT(n, 40) << target;
      GateRig rig(testing::kRigNow, kPolicy);
      publish(rig, {kOld, kGood, kHooked, kYoung}, "1.3.0");
      rig.upstream.fail_at(n);
      const Response answer = rig.ask(target);
      rig.settle();
      failed = static_cast<int>(rig.upstream.requests.size()) > n;
      rig.upstream.fail_at(-1);
      const std::string where =
          std::string(target) + " with request " + std::to_string(n) + " failing";
      EXPECT_TRUE(answer.status == 200 || answer.status == 403 || answer.status == 503)
          << where << ": " << answer.status;
      for (const std::string& version : versions_in(answer))
        EXPECT_TRUE(version == "1.0.0" || version == "1.1.0") << where << ": " << version;
      if (std::string_view(target).ends_with("1.2.0.tgz")) {
        EXPECT_NE(answer.status, 200) << where;
      }
      if (answer.status == 503) {
        EXPECT_EQ(header(answer, "retry-after"), "5") << where;
      }
      rig.clock.advance(Millis(6000));  // what was undecided is asked again
      EXPECT_EQ(versions_in(rig.ask("/pkg")), (std::vector<std::string>{"1.0.0", "1.1.0"}))
          << where;
      EXPECT_EQ(rig.ask("/pkg/-/pkg-1.1.0.tgz").status, 200) << where;
      EXPECT_EQ(rig.ask("/pkg/-/pkg-1.2.0.tgz").status, 403) << where;
    }
  }
}

// Two picks that are compared with the same release: its tarball is fetched and inspected for both.
TEST(Gate, ABaselineThatTwoReleasesShareIsFetchedOnce) {
  GateRig rig(testing::kRigNow, kPolicy);
  const Version other{"2.0.0", 24 * 7, R"({"postinstall":"node y.js"})"};
  publish(rig, {kOld, kHooked, other}, "2.0.0");
  rig.upstream.delay(tarball_url("1.0.0"), 20'000);
  EXPECT_EQ(rig.ask("/pkg").status, 200);
  rig.settle();
  for (const char* version : {"1.0.0", "1.2.0", "2.0.0"})
    EXPECT_EQ(rig.upstream.asked(tarball_url(version)), 1U) << version;
  EXPECT_EQ(rig.metrics.value("npm_gate_inspections_total"), 3);
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.0.0.tgz").status, 200);
  EXPECT_EQ(rig.upstream.asked(tarball_url("1.0.0")), 1U);
}

TEST(Gate, WrongBytesAreBlockedAndNamed) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood}, "1.1.0");
  rig.upstream.put(tarball_url("1.1.0"), {200, tarball_of(kHooked), ""});
  EXPECT_EQ(versions_in(rig.ask("/pkg")), std::vector<std::string>{"1.0.0"});
  const Response refused = rig.ask("/pkg/-/pkg-1.1.0.tgz");
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body->find("sha512"), std::string::npos) << *refused.body;
}

TEST(Gate, StaleWhileTheUpstreamIsDownAndSaysSo) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood}, "1.1.0");
  rig.ask("/pkg");
  rig.settle();
  rig.upstream.put(std::string(GateRig::kUpstreamUrl) + "pkg", {500, "", ""});
  rig.clock.advance(hours(2));
  EXPECT_EQ(rig.ask("/pkg").status, 200);
  rig.settle();
  const Response stale = rig.ask("/pkg");
  EXPECT_EQ(stale.status, 200);
  EXPECT_NE(header(stale, "warning"), "");
  rig.clock.advance(hours(23));
  EXPECT_EQ(rig.ask("/pkg").status, 503);
}

// Two requests at once may have been judged on two states of the upstream: what was pinned first is
// served to both.
TEST(Gate, WhatWasAcceptedFirstIsServedToThoseWhoCameWithOtherContent) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood}, "1.1.0");
  EXPECT_EQ(rig.ask("/pkg").status, 200);
  rig.settle();
  Pin first;
  first.name = "pkg";
  first.version = "1.1.0";
  first.content_id = std::string(128, 'b') + ":" + std::string(64, 'c');
  first.raw_manifest = manifest_of(kGood);
  ASSERT_TRUE(rig.store().pin(first));
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.1.0.tgz").status, 403);
  EXPECT_EQ(rig.ask("/pkg/1.1.0").status, 403);
}

TEST(Gate, ATimeNeverStandsForTwoDocuments) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood}, "1.1.0");
  const auto get = [&rig](const std::string& since) {
    return rig.ask("/pkg", "application/json", "GET", since);
  };
  const std::string before = header(rig.ask("/pkg"), "last-modified");
  ASSERT_NE(before, "");
  EXPECT_EQ(get(before).status, 304);
  Decision decision;
  decision.kind = Decision::Kind::kReject;
  decision.name = "pkg";
  decision.versions = "1.0.0";
  ASSERT_TRUE(rig.store().add_decision(decision, {}));
  ASSERT_TRUE(rig.active_policy.reload_decisions());
  const Response after = get(before);  // within the same second
  EXPECT_EQ(after.status, 200);
  EXPECT_EQ(versions_in(after), std::vector<std::string>{"1.1.0"});
  EXPECT_EQ(get(header(after, "last-modified")).status, 304);
}

TEST(Gate, ATagCalledLikeAVersionDoesNotStandInForIt) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood, kHooked}, R"(1.1.0","1.2.0":"1.0.0)");
  EXPECT_EQ(rig.ask("/pkg/1.2.0").status, 403);
  EXPECT_EQ(rig.ask("/pkg/latest").status, 200);
}

TEST(Gate, TheWholeDocumentIsForThoseWhoMayWriteIt) {
  GateRig rig(testing::kRigNow, kPolicy);
  publish(rig, {kOld, kGood, kHooked}, "1.2.0");
  EXPECT_EQ(rig.ask("/pkg?write=true").status, 403);
  rig.config.upstreams.front().writable = true;
  EXPECT_EQ(rig.ask("/pkg?write=true").status, 401);
  EXPECT_TRUE(rig.upstream.requests.empty());
}

TEST(Gate, OtherHostsAndWritesAreRefused) {
  GateRig rig(testing::kRigNow, kPolicy);
  auto request = std::make_shared<Request>();
  request->method = "GET";
  request->target = "/pkg";
  request->headers.add("host", "rebound.example");
  EXPECT_EQ(testing::run_task(rig.gate.handle(request)).status, 421);
  for (const char* method : {"PUT", "POST", "DELETE", "PATCH"})
    EXPECT_EQ(rig.ask("/pkg", "application/json", method).status / 100, 4) << method;
  EXPECT_TRUE(rig.upstream.requests.empty());
}

}  // namespace
}  // namespace npmgate
