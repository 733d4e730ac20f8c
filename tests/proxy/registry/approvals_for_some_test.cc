// An approval for one project or token alone: who gets the release, who does not, and what caches
// may keep of it.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "proxy/admin/review.h"
#include "tests/inspect/archive/tar_builder.h"
#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using testing::GateRig;

const Time kForSomeNow = *parse_time("2026-11-24T12:00:00Z");
constexpr const char* kForSomePolicy = R"(version: 1
rules:
  - { id: hooks, when: { finding: [install-script-added] }, then: quarantine }
)";
const std::string kForSomeTarball = "/pkg/-/pkg-1.1.0.tgz";

class ForSome : public ::testing::Test {
 protected:
  ForSome() {
    std::string listed, times;
    for (const std::string version : {"1.0.0", "1.1.0"}) {
      const bool hook = version == "1.1.0";
      const std::string scripts = hook ? R"(,"scripts":{"postinstall":"node index.js"})" : "";
      const std::string manifest = R"({"name":"pkg","version":")" + version + "\"" + scripts + "}";
      const std::string bytes =
          testing::tgz(testing::tar_entry("package/package.json", manifest) +
                       testing::tar_entry("package/index.js", "// " + version + "\n"));
      const std::string url = std::string(GateRig::kUpstreamUrl) + "pkg/-/pkg-" + version + ".tgz";
      rig.upstream.put(url, {200, bytes, ""});
      listed += (listed.empty() ? "\"" : ",\"") + version +
                "\":" + manifest.substr(0, manifest.size() - 1) + R"(,"dist":{"tarball":")" + url +
                R"(","integrity":")" + digest(Algorithm::kSha512, bytes).sri() + "\"}}";
      times += (times.empty() ? "\"" : ",\"") + version + "\":\"" +
               format_time(kForSomeNow - std::chrono::hours(hook ? 48 : 4800)) + "\"";
    }
    rig.upstream.put(std::string(GateRig::kUpstreamUrl) + "pkg",
                     {200,
                      R"({"name":"pkg","dist-tags":{"latest":"1.1.0"},"versions":{)" + listed +
                          R"(},"time":{)" + times + "}}",
                      "\"v1\""});
    for (const char* const name : {"ci", "other"}) {
      TokenRecord token;
      token.name = name;
      token.scope = "install";
      token.hash = sha256_hex("ngt_" + std::string(name));
      EXPECT_TRUE(rig.store().add_token(token));
    }
    EXPECT_EQ(versions(""), "1.0.0");
    // Inspected: an approval is for a content.
    EXPECT_EQ(ask(kForSomeTarball, "").status, 403);
  }

  Response ask(const std::string& target, const std::string& project,
               const std::string& token = "") {
    auto request = std::make_shared<Request>();
    request->method = "GET";
    request->target = target;
    request->headers.add("accept", "application/json");
    if (!project.empty()) request->headers.add("npm-gate-project", project);
    if (!token.empty()) request->headers.add("authorization", "Bearer ngt_" + token);
    Response quick;
    request->peer = "127.0.0.1";
    request->headers.add("host", "127.0.0.1:4873");
    if (auto at_once = rig.gate.at_once(*request)) return std::move(*at_once);
    return rig.send(request);
  }
  static std::string field(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    if (!response.finished_head) return "";
    const std::string& head = *response.finished_head;
    const std::size_t at = head.find("\r\n" + std::string(name) + ": ");
    if (at == head.npos) return "";
    const std::size_t from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
  std::string versions(const std::string& project, const std::string& token = "") {
    const Response response = ask("/pkg", project, token);
    std::string out;
    const auto parsed = boost::json::parse(*response.body);
    for (const auto& [version, manifest] : parsed.at("versions").as_object())
      out += (out.empty() ? "" : " ") + std::string(version);
    return out;
  }
  void approve(const std::string& token, const std::string& project,
               std::optional<Time> expires = {}) {
    const auto snapshot = rig.packages.cache.in_memory("pkg");
    const auto rules = rig.active_policy.rules();
    Judge judge = rig.packages.judging.judge(snapshot, *rules);
    const Judged* const judged = judge.of("1.1.0");
    Decision decision;
    decision.name = "pkg";
    decision.versions = "1.1.0";
    decision.content_id = judged->subject.content_id;
    decision.findings = shown_findings(judged->findings);
    decision.actor = "rita";
    decision.reason = "read it";
    decision.at = kForSomeNow;
    decision.token = token;
    decision.project = project;
    decision.expires = expires;
    AuditEntry entry;
    entry.at = kForSomeNow;
    entry.kind = "decision";
    entry.actor = "admin:rita";
    ASSERT_TRUE(rig.store().add_decision(decision, entry));
    ASSERT_TRUE(rig.active_policy.reload_decisions());
  }

  GateRig rig{kForSomeNow, kForSomePolicy};
};

TEST_F(ForSome, AProjectGetsWhatItWasApprovedForAndNobodyElseDoes) {
  EXPECT_EQ(ask(kForSomeTarball, "shop").status, 403);
  approve("", "shop");
  for (int round = 0; round < 2; ++round) {  // rendered, and from memory
    EXPECT_EQ(versions("shop"), "1.0.0 1.1.0");
    EXPECT_EQ(versions("site"), "1.0.0");
    EXPECT_EQ(versions(""), "1.0.0");
    EXPECT_EQ(versions("shop", "ci"), "1.0.0 1.1.0") << "whatever token";
    EXPECT_EQ(ask(kForSomeTarball, "shop").status, 200);
    EXPECT_EQ(ask(kForSomeTarball, "site").status, 403);
    EXPECT_EQ(ask(kForSomeTarball, "").status, 403) << "served to one, and kept for nobody";
    EXPECT_EQ(ask("/pkg/1.1.0", "shop").status, 200);
    EXPECT_EQ(ask("/pkg/1.1.0", "").status, 403);
  }
  EXPECT_EQ(*ask("/-/package/pkg/dist-tags", "shop").body, R"({"latest":"1.1.0"})");
  EXPECT_EQ(*ask("/-/package/pkg/dist-tags", "site").body, R"({"latest":"1.0.0"})");
}

TEST_F(ForSome, ATokenIsProvenNotSaid) {
  approve("ci", "");
  EXPECT_EQ(versions("", "ci"), "1.0.0 1.1.0");
  EXPECT_EQ(versions("", "other"), "1.0.0");
  EXPECT_EQ(versions("ci"), "1.0.0") << "a project of that name";
  EXPECT_EQ(versions("", "wrong"), "1.0.0");
  EXPECT_EQ(ask(kForSomeTarball, "", "ci").status, 200);
  EXPECT_EQ(ask(kForSomeTarball, "", "other").status, 403);
}

TEST_F(ForSome, OfATokenInAProjectBothHaveToFit) {
  approve("ci", "shop");
  EXPECT_EQ(versions("shop", "ci"), "1.0.0 1.1.0");
  EXPECT_EQ(versions("shop"), "1.0.0");
  EXPECT_EQ(versions("", "ci"), "1.0.0");
}

TEST_F(ForSome, NoCacheKeepsWhatIsForSome) {
  approve("", "shop");
  const Response packument = ask("/pkg", "shop"), tarball = ask(kForSomeTarball, "shop");
  EXPECT_EQ(field(packument, "cache-control"), "private, no-store");
  EXPECT_EQ(field(packument, "etag"), "");
  EXPECT_EQ(field(tarball, "cache-control"), "private, no-store");
  EXPECT_EQ(field(ask("/pkg", "shop"), "cache-control"), "private, no-store") << "from memory";
  EXPECT_EQ(field(ask("/pkg/-/pkg-1.0.0.tgz", "shop"), "cache-control"), "no-cache");
}

TEST_F(ForSome, ItEndsWithTimeAndDoesNotMakeABaseline) {
  approve("", "shop", kForSomeNow + std::chrono::hours(1));
  EXPECT_EQ(versions("shop"), "1.0.0 1.1.0");
  rig.clock.advance(std::chrono::hours(1));
  EXPECT_EQ(versions("shop"), "1.0.0");
  EXPECT_EQ(ask(kForSomeTarball, "shop").status, 403);
}

TEST_F(ForSome, TheVerdictForEverybodyIsTheOneOnRecord) {
  rig.audit_writer.flush();
  approve("", "shop");
  EXPECT_EQ(versions("shop"), "1.0.0 1.1.0");
  EXPECT_EQ(ask(kForSomeTarball, "shop").status, 200);
  rig.audit_writer.flush();
  const auto rows = rig.store().releases_of("pkg");
  ASSERT_TRUE(rows);
  for (const ReleaseRow& row : *rows) {
    if (row.version == "1.1.0") {
      EXPECT_EQ(row.verdict, "quarantine");
    }
  }
}

}  // namespace
}  // namespace npmgate
