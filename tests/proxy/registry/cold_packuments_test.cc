// What a packument that nobody asked for before costs: inspections, fetches, requests to the
// upstream.
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "tests/inspect/archive/tar_builder.h"
#include "tests/support/answer.h"
#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using testing::GateRig;
using testing::header;

constexpr const char* kHooks = R"(version: 1
rules:
  - { id: hooks, when: { finding: [install-script-added] }, then: quarantine, message: "Runs code." }
)";

struct ColdVersion {
  std::string version;
  int days = 0;
  std::string more;  // further members of the manifest, with a leading comma
  std::string hook;  // of the tarball alone
};

class ColdPackuments : public ::testing::Test {
 protected:
  ColdPackuments() : rig(testing::kRigNow, kHooks) {}

  static std::string tarball_url(const std::string& name, const std::string& version) {
    return GateRig::kUpstreamUrl + name + "/-/" + name + "-" + version + ".tgz";
  }
  void publish(const std::string& name, const std::vector<ColdVersion>& versions,
               const std::string& tags) {
    std::string listed, times;
    for (const ColdVersion& one : versions) {
      const std::string comma = listed.empty() ? "" : ",";
      const std::string manifest = R"({"name":")" + name + R"(","version":")" + one.version +
                                   R"(","_npmUser":{"name":"ann"})" + one.more;
      const std::string inside =
          manifest + (one.hook.empty() ? "" : R"(,"scripts":{"postinstall":")" + one.hook + "\"}");
      const std::string bytes =
          testing::tgz(testing::tar_entry("package/package.json", inside + "}") +
                       testing::tar_entry("package/index.js", "// " + name + one.version + "\n"));
      rig.upstream.put(tarball_url(name, one.version), {200, bytes, ""});
      listed += comma + "\"" + one.version + "\":" + manifest + R"(,"dist":{"tarball":")" +
                tarball_url(name, one.version) + R"(","integrity":")" +
                digest(Algorithm::kSha512, bytes).sri() + "\"}}";
      times += comma + "\"" + one.version + "\":\"" +
               format_time(testing::kRigNow - hours(24 * one.days)) + "\"";
    }
    rig.upstream.put(GateRig::kUpstreamUrl + name,
                     {200,
                      R"({"name":")" + name + R"(","dist-tags":{)" + tags + R"(},"versions":{)" +
                          listed + R"(},"time":{)" + times + "}}",
                      ""});
  }
  // An application's part for each of three machines.
  void publish_parts() {
    publish(
        "parent",
        {{"1.0.0", 90, "", ""},
         {"2.0.0", 5,
          R"(,"optionalDependencies":{"part-linux":"2.0.0","part-mac":"2.0.0","part-win":"2.0.0"})",
          ""}},
        R"("latest":"2.0.0")");
    for (const std::string os : {"linux", "mac", "win"})
      publish("part-" + os,
              {{"1.0.0", 90, R"(,"os":[")" + os + "\"]", ""},
               {"2.0.0", 5, R"(,"os":[")" + os + "\"]", ""}},
              R"("latest":"2.0.0")");
  }
  double inspections() const { return rig.metrics.value("npm_gate_inspections_total"); }
  std::size_t tarballs() const { return rig.upstream.asked(".tgz"); }
  static std::vector<std::string> versions_in(const Response& answer) {
    std::vector<std::string> names;
    if (answer.status != 200 || !answer.body) return names;
    const boost::json::value document = boost::json::parse(*answer.body);
    for (const auto& [key, manifest] : document.at("versions").as_object()) names.push_back(key);
    return names;
  }

  GateRig rig;
};

using Names = std::vector<std::string>;

TEST_F(ColdPackuments, InspectWhatARangeOrLatestWouldPick) {
  publish("pkg",
          {{"1.0.0", 90, "", ""},
           {"1.1.0", 6, "", ""},
           {"1.2.0", 5, "", ""},
           {"2.0.0-rc.1", 4, "", ""},
           {"2.0.0-beta.1", 4, "", ""}},
          R"("latest":"1.2.0","next":"2.0.0-rc.1","beta":"2.0.0-beta.1")");
  const Response answer = rig.ask("/pkg");
  EXPECT_EQ(answer.status, 200);
  // The pick alone: it has nothing that a comparison with the release before would be needed for.
  EXPECT_EQ(inspections(), 1);
  EXPECT_EQ(rig.upstream.asked("pkg-1.2.0.tgz"), 1U);
  EXPECT_EQ(tarballs(), 1U);
  EXPECT_EQ(boost::json::parse(*answer.body).at("dist-tags").at("next"), "2.0.0-rc.1");
}

// What a resolver takes does not depend on how busy the machine is.
TEST_F(ColdPackuments, AReleaseThatIsStillBeingInspectedIsWaitedFor) {
  publish("pkg", {{"1.0.0", 90, "", ""}, {"1.2.0", 5, "", ""}}, R"("latest":"1.2.0")");
  rig.config.inspection_timeout = Millis(1);
  rig.upstream.delay(tarball_url("pkg", "1.2.0"), 200'000);
  for (const char* door : {"/pkg", "/pkg/latest", "/-/package/pkg/dist-tags"}) {
    const Response late = rig.ask(door);
    EXPECT_EQ(late.status, 503) << door;
    EXPECT_EQ(header(late, "retry-after"), "5") << door;
    EXPECT_NE(late.body->find("pkg@1.2.0 is being inspected"), std::string::npos) << *late.body;
  }
  rig.settle();
  EXPECT_EQ(versions_in(rig.ask("/pkg")), (Names{"1.0.0", "1.2.0"}));
  EXPECT_EQ(rig.upstream.asked("pkg-1.2.0.tgz"), 1U);
}

TEST_F(ColdPackuments, OneReleaseThatTakesForEverDoesNotKeepThePackageAway) {
  publish("pkg", {{"1.0.0", 90, "", ""}, {"1.2.0", 5, "", ""}}, R"("latest":"1.2.0")");
  rig.config.inspection_timeout = Millis(1);
  rig.upstream.delay(tarball_url("pkg", "1.2.0"), 400'000);
  EXPECT_EQ(rig.ask("/pkg").status, 503);
  rig.clock.advance(LateReleases::kPatience - Millis(1));
  EXPECT_EQ(rig.ask("/pkg").status, 503);
  rig.clock.advance(Millis(1));
  const Response without = rig.ask("/pkg");
  EXPECT_EQ(versions_in(without), Names{"1.0.0"});
  EXPECT_EQ(header(without, "cache-control"), "no-store");
  rig.settle();
  rig.clock.advance(Millis(6000));
  EXPECT_EQ(versions_in(rig.ask("/pkg")), (Names{"1.0.0", "1.2.0"}));
}

// What the upstream does not give is no matter of load, however many those are.
TEST_F(ColdPackuments, ManyTarballsThatAreGoneDoNotKeepThePackageAway) {
  std::vector<ColdVersion> versions{{"1.0.0", 90, "", ""}};
  for (int i = 1; i <= 8; ++i) versions.push_back({"1." + std::to_string(i) + ".0", 9 - i, "", ""});
  publish("pkg", versions, R"("latest":"1.8.0")");
  for (const ColdVersion& one : versions)
    rig.upstream.put(tarball_url("pkg", one.version), {404, "{}", ""});
  const Response answer = rig.ask("/pkg");
  EXPECT_EQ(answer.status, 200) << *answer.body;
  EXPECT_FALSE(versions_in(answer).empty());
}

TEST_F(ColdPackuments, ATagIsInspectedForWhoAsksForIt) {
  publish("pkg", {{"1.0.0", 90, "", ""}, {"2.0.0-rc.1", 4, "", "node x.js"}},
          R"("latest":"1.0.0","next":"2.0.0-rc.1")");
  EXPECT_EQ(versions_in(rig.ask("/pkg")), (Names{"1.0.0", "2.0.0-rc.1"}));
  EXPECT_EQ(tarballs(), 0U);
  const Response asked = rig.ask("/pkg/next");
  EXPECT_NE(asked.status, 200) << *asked.body;
  EXPECT_EQ(rig.upstream.asked("pkg-2.0.0-rc.1.tgz"), 1U);
  // From now on the packument knows as well.
  EXPECT_EQ(versions_in(rig.ask("/pkg")), Names{"1.0.0"});
  EXPECT_EQ(rig.ask("/pkg/-/pkg-2.0.0-rc.1.tgz").status, 403);
}

TEST_F(ColdPackuments, OneManifestInspectsThatReleaseAlone) {
  publish("pkg", {{"1.0.0", 90, "", ""}, {"1.1.0", 6, "", ""}, {"2.0.0", 5, "", ""}},
          R"("latest":"2.0.0")");
  EXPECT_EQ(rig.ask("/pkg/1.0.0").status, 200);
  EXPECT_EQ(tarballs(), 0U);
  EXPECT_EQ(rig.ask("/pkg/1.1.0").status, 200);
  EXPECT_EQ(rig.upstream.asked("pkg-1.1.0.tgz"), 1U);
  EXPECT_EQ(rig.upstream.asked("pkg-2.0.0.tgz"), 0U);
}

TEST_F(ColdPackuments, PartsForOtherMachinesAreNeverFetched) {
  publish_parts();
  EXPECT_EQ(versions_in(rig.ask("/parent")), (Names{"1.0.0", "2.0.0"}));
  rig.settle();
  const std::size_t before = tarballs();  // the parent's
  EXPECT_EQ(before, 1U);
  for (const char* name : {"/part-linux", "/part-mac", "/part-win"})
    EXPECT_EQ(versions_in(rig.ask(name)), (Names{"1.0.0", "2.0.0"}));
  rig.settle();
  EXPECT_EQ(tarballs(), before);
  // The one that is wanted is inspected before a byte of it leaves.
  EXPECT_EQ(rig.ask("/part-linux/-/part-linux-2.0.0.tgz").status, 200);
  rig.settle();
  EXPECT_EQ(rig.upstream.asked("part-linux-2.0.0.tgz"), 1U);
  EXPECT_EQ(rig.upstream.asked("part-mac-2.0.0.tgz"), 0U);
  EXPECT_EQ(rig.upstream.asked("part-win-2.0.0.tgz"), 0U);
}

TEST_F(ColdPackuments, ABadPartIsRefusedAndLeftOutFromThenOn) {
  publish_parts();
  publish(
      "part-linux",
      {{"1.0.0", 90, R"(,"os":["linux"])", ""}, {"2.0.0", 5, R"(,"os":["linux"])", "node x.js"}},
      R"("latest":"2.0.0")");
  EXPECT_EQ(rig.ask("/parent").status, 200);
  EXPECT_EQ(versions_in(rig.ask("/part-linux")), (Names{"1.0.0", "2.0.0"}));
  EXPECT_EQ(rig.ask("/part-linux/-/part-linux-2.0.0.tgz").status, 403);
  EXPECT_EQ(versions_in(rig.ask("/part-linux")), Names{"1.0.0"});
}

TEST_F(ColdPackuments, APartThatNoInspectedReleasePinsIsInspectedAtOnce) {
  publish_parts();
  EXPECT_EQ(rig.ask("/part-mac").status, 200);  // the parent was never asked for
  EXPECT_EQ(rig.upstream.asked("part-mac-2.0.0.tgz"), 1U);
  // Pinned by somebody else's release: no part of it.
  publish("other", {{"1.0.0", 5, R"(,"os":["linux"])", ""}}, R"("latest":"1.0.0")");
  EXPECT_EQ(rig.ask("/parent").status, 200);
  EXPECT_EQ(rig.ask("/other").status, 200);
  EXPECT_EQ(rig.upstream.asked("other-1.0.0.tgz"), 1U);
}

TEST_F(ColdPackuments, PartsAreKnownAfterARestart) {
  publish_parts();
  EXPECT_EQ(rig.ask("/parent").status, 200);
  EXPECT_EQ(rig.ask("/part-win").status, 200);
  const SnapshotPtr part = rig.packages.cache.in_memory("part-win");
  ASSERT_NE(part, nullptr);
  const Release& release = part->packument->find("2.0.0")->release;
  // Another process over the same data.
  Pool pool(1, 8);
  PackageCache cache(rig.config, rig.clock, rig.store(), pool, rig.metrics, false);
  EXPECT_FALSE(cache.parts().holds(release));
  ASSERT_TRUE(cache.stored(*PackageName::parse("parent")));
  EXPECT_TRUE(cache.parts().holds(release));
}

}  // namespace
}  // namespace npmgate
