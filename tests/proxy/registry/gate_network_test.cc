// The gate beside a network that fails, lies, refuses and is attacked: writers that nobody knows,
// upstreams that are down, ranges, probes. In memory, with a clock that only the test moves.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "tests/inspect/archive/tar_builder.h"
#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using testing::GateRig;
using testing::header;

constexpr const char* kOpen = "version: 1\nrules: []\n";

std::string url_of(const std::string& path) {
  return std::string(GateRig::kUpstreamUrl) + path;
}

std::string plain_tarball(const std::string& name, const std::string& version) {
  return testing::tgz(testing::tar_entry(
      "package/package.json", R"({"name":")" + name + R"(","version":")" + version + "\"}"));
}

// `file`: path of the tarball below the upstream; "" = as usual.
void publish_plain(GateRig& rig, const std::string& name, const std::vector<std::string>& versions,
                   const std::string& file = "") {
  std::string listed, times;
  for (const std::string& version : versions) {
    const std::string bytes = plain_tarball(name, version);
    const std::string url =
        url_of(file.empty() ? name + "/-/" + name + "-" + version + ".tgz" : file);
    rig.upstream.put(url, {200, bytes, ""});
    listed += std::string(listed.empty() ? "" : ",") + "\"" + version + R"(":{"name":")" + name +
              R"(","version":")" + version + R"(","dist":{"tarball":")" + url +
              R"(","integrity":")" + digest(Algorithm::kSha512, bytes).sri() + "\"}}";
    times += std::string(times.empty() ? "" : ",") + "\"" + version + R"(":"2020-01-01T00:00:00Z")";
  }
  rig.upstream.put(url_of(name),
                   {200,
                    R"({"name":")" + name + R"(","dist-tags":{"latest":")" + versions.back() +
                        R"("},"versions":{)" + listed + R"(},"time":{)" + times + "}}",
                    "\"" + std::to_string(versions.size()) + "\""});
}

std::shared_ptr<Request> make(const std::string& method, const std::string& target,
                              const std::string& authorization = "") {
  auto request = std::make_shared<Request>();
  request->method = method;
  request->target = target;
  if (!authorization.empty()) request->headers.add("authorization", authorization);
  return request;
}

struct Write {
  const char *method, *target;
};
constexpr Write kWrites[] = {{"PUT", "/pkg"},
                             {"PUT", "/pkg/-rev/1-a"},
                             {"DELETE", "/pkg/-rev/1-a"},
                             {"DELETE", "/pkg/-/pkg-1.0.0.tgz/-rev/1-a"},
                             {"PUT", "/-/package/pkg/dist-tags/next"},
                             {"DELETE", "/-/package/pkg/dist-tags/next"},
                             {"GET", "/pkg?write=true"}};

class Writing : public ::testing::TestWithParam<bool> {
 protected:
  Writing() : rig(testing::kRigNow, kOpen) {
    publish_plain(rig, "pkg", {"1.0.0"});
    rig.config.upstreams.front().writable = true;
    rig.config.clients_need_token = GetParam();
  }
  GateRig rig;
};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutClientTokens, Writing, ::testing::Bool());

TEST_P(Writing, NeedsCredentialsBeforeTheBody) {
  for (const Write& write : kWrites) {
    const auto refused = rig.admit(make(write.method, write.target));
    ASSERT_TRUE(refused) << write.target;
    EXPECT_EQ(refused->status, 401) << write.target;
    EXPECT_EQ(rig.send(make(write.method, write.target)).status, 401) << write.target;
  }
  EXPECT_TRUE(rig.upstream.requests.empty());
}

TEST_P(Writing, WithCredentialsThatTheUpstreamDoesNotKnow) {
  rig.upstream.put(url_of("-/whoami"), {401, R"({"error":"no"})", ""});
  for (const Write& write : kWrites)
    EXPECT_EQ(rig.send(make(write.method, write.target, "Bearer made-up")).status, 401);
  EXPECT_EQ(rig.upstream.asked("-/whoami"), rig.upstream.requests.size());
  // A page for everybody is no proof either.
  rig.upstream.put(url_of("-/whoami"), {200, "{}", ""});
  EXPECT_EQ(rig.send(make("PUT", "/pkg", "Bearer made-up")).status, 401);
}

TEST_P(Writing, WithCredentialsThatItKnowsAsksOnce) {
  rig.upstream.put(url_of("-/whoami"), {200, R"({"username":"ann"})", ""});
  rig.upstream.put(url_of("-/package/pkg/dist-tags/next"), {200, "{}", ""});
  for (int i = 0; i < 3; ++i) {
    const auto request = make("PUT", "/-/package/pkg/dist-tags/next", "Bearer real");
    EXPECT_FALSE(rig.admit(request));
    EXPECT_TRUE(request->admitted);
    EXPECT_EQ(rig.send(request).status, 200);
  }
  EXPECT_EQ(rig.upstream.asked("-/whoami"), 1U);
  EXPECT_EQ(rig.send(make("PUT", "/-/package/pkg/dist-tags/next", "Bearer other")).status, 200);
  EXPECT_EQ(rig.upstream.asked("-/whoami"), 2U);
  rig.clock.advance(std::chrono::minutes(2));  // revoked ones must not last
  rig.upstream.put(url_of("-/whoami"), {401, "", ""});
  EXPECT_EQ(rig.send(make("PUT", "/-/package/pkg/dist-tags/next", "Bearer real")).status, 401);
}

TEST_P(Writing, ToAnUpstreamThatCannotSay) {
  rig.upstream.put(url_of("-/package/pkg/dist-tags/next"), {200, "{}", ""});
  const Response answer = rig.send(make("PUT", "/-/package/pkg/dist-tags/next", "Bearer x"));
  EXPECT_EQ(answer.status, GetParam() ? 403 : 200);
  rig.upstream.put(url_of("-/whoami"), {503, "", ""});
  EXPECT_EQ(rig.send(make("PUT", "/-/package/pkg/dist-tags/next", "Bearer x")).status, 503);
}

// A scope in capitals is the team's own all the same: it must not be asked for in public.
TEST(Routing, ComparesNamesWithoutCase) {
  GateRig rig(testing::kRigNow, kOpen);
  UpstreamConfig internal;
  internal.name = "internal";
  internal.url = "https://internal.example/";
  internal.scopes = {"@Acme"};
  internal.packages = {"Acme-*"};
  rig.config.upstreams.insert(rig.config.upstreams.begin(), internal);
  for (const char* target :
       {"/@ACME%2fx", "/@acme/x", "/@AcMe%2fX", "/ACME-tools", "/acme-Tools"}) {
    EXPECT_EQ(rig.ask(target).status, 404) << target;
    EXPECT_TRUE(rig.upstream.requests.back().url.starts_with(internal.url)) << target;
  }
}

TEST(Outage, WarmAnswersStayWarmAndTheUpstreamIsLeftAlone) {
  GateRig rig(testing::kRigNow, kOpen);
  publish_plain(rig, "pkg", {"1.0.0"});
  rig.ask("/pkg");
  rig.settle();
  rig.upstream.put(url_of("pkg"), {500, "", ""});
  rig.clock.advance(hours(1));
  const std::size_t before = rig.upstream.asked("/pkg");
  for (int i = 0; i < 50; ++i) {
    const Response answer = rig.ask("/pkg");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.cache, "hit") << i;  // nothing was rendered again
    rig.settle();
  }
  EXPECT_NE(header(rig.ask("/pkg"), "warning"), "");
  EXPECT_LE(rig.upstream.asked("/pkg") - before, 1U);
  rig.clock.advance(std::chrono::seconds(2));
  publish_plain(rig, "pkg", {"1.0.0", "1.1.0"});
  rig.ask("/pkg");
  rig.settle();
  const Response fresh = rig.ask("/pkg");
  EXPECT_EQ(header(fresh, "warning"), "");
  EXPECT_NE(fresh.body->find("1.1.0"), std::string::npos);
}

TEST(Outage, FiftyClientsOfOneFailingPackageAskOnce) {
  GateRig rig(testing::kRigNow, kOpen);
  rig.upstream.put(url_of("pkg"), {503, "", ""});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(rig.ask("/pkg").status, 503);
  EXPECT_EQ(rig.upstream.asked("/pkg"), 1U);
  for (int i = 0; i < 30; ++i) {
    rig.clock.advance(Millis(100));
    rig.ask("/pkg");
  }
  EXPECT_LE(rig.upstream.asked("/pkg"), 6U);  // three seconds
  publish_plain(rig, "pkg", {"1.0.0"});
  rig.clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(rig.ask("/pkg").status, 200);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(rig.ask("/absent").status, 404);
  EXPECT_EQ(rig.upstream.asked("/absent"), 1U);
}

TEST(Outage, PinnedTarballsOnDiskAreServedForGood) {
  GateRig rig(testing::kRigNow, kOpen);
  publish_plain(rig, "pkg", {"1.0.0", "1.1.0"});
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.0.0.tgz").status, 200);
  rig.settle();
  rig.upstream.put(url_of("pkg"), {500, "", ""});
  rig.clock.advance(hours(24 * 7));
  EXPECT_EQ(rig.ask("/pkg").status, 503);
  EXPECT_EQ(rig.ask("/pkg/-/pkg-1.0.0.tgz").status, 200);
  EXPECT_EQ(rig.ask("/pkg/-/pkg-9.9.9.tgz").status, 503);
}

TEST(Outage, DenialsAreToldAsWhatTheyAre) {
  for (const auto& [status, told] : {std::pair{401, 403}, {403, 403}, {451, 451}}) {
    GateRig rig(testing::kRigNow, kOpen);
    rig.upstream.put(url_of("pkg"), {status, R"({"error":"closed for you"})", ""});
    const Response answer = rig.ask("/pkg");
    EXPECT_EQ(answer.status, told);
    EXPECT_EQ(header(answer, "retry-after"), "");
    EXPECT_NE(answer.body->find(std::to_string(status)), std::string::npos) << *answer.body;
    EXPECT_NE(answer.body->find("closed for you"), std::string::npos) << *answer.body;
  }
}

TEST(OneBadMoment, DoesNotTakeAReleaseAway) {
  const std::string tarball = url_of("pkg/-/pkg-1.0.0.tgz");
  struct Row {
    const char* name;
    std::string url;
    testing::FakeUpstream::Page page;
  };
  const Row rows[] = {
      {"wrong bytes", tarball, {200, plain_tarball("pkg", "9.9.9"), ""}},
      {"a login page instead of a tarball", tarball, {200, "<html>log in</html>", ""}},
      {"no bytes", tarball, {200, "", ""}},
      {"a login page instead of a packument", url_of("pkg"), {200, "<html>log in</html>", ""}},
      {"half a packument", url_of("pkg"), {200, R"({"name":"pkg","versio)", ""}},
  };
  for (const Row& row : rows) {
    GateRig rig(testing::kRigNow, kOpen);
    publish_plain(rig, "pkg", {"1.0.0"});
    rig.upstream.put_once(row.url, row.page);
    EXPECT_EQ(rig.ask("/pkg/-/pkg-1.0.0.tgz").status, 200) << row.name;
  }
  for (const Row& row : rows) {  // twice: back after seconds
    GateRig rig(testing::kRigNow, kOpen);
    publish_plain(rig, "pkg", {"1.0.0"});
    rig.upstream.put_once(row.url, row.page);
    rig.upstream.put_once(row.url, row.page);
    EXPECT_NE(rig.ask("/pkg/-/pkg-1.0.0.tgz").status, 200) << row.name;
    rig.clock.advance(std::chrono::seconds(6));
    EXPECT_EQ(rig.ask("/pkg/-/pkg-1.0.0.tgz").status, 200) << row.name;
  }
}

TEST(OneBadMoment, ButWrongBytesThatStayAreNotFetchedAtWill) {
  GateRig rig(testing::kRigNow, kOpen);
  publish_plain(rig, "pkg", {"1.0.0"});
  const std::string url = url_of("pkg/-/pkg-1.0.0.tgz");
  rig.upstream.put(url, {200, plain_tarball("pkg", "9.9.9"), ""});
  for (int second = 0; second < 600; ++second) {
    EXPECT_EQ(rig.ask("/pkg/-/pkg-1.0.0.tgz").status, 403);
    rig.clock.advance(std::chrono::seconds(1));
  }
  EXPECT_LE(rig.upstream.asked(".tgz"), 20U);  // ten minutes
}

TEST(Tarball, Ranges) {
  GateRig rig(testing::kRigNow, kOpen);
  publish_plain(rig, "pkg", {"1.0.0"});
  const Response whole = rig.ask("/pkg/-/pkg-1.0.0.tgz");
  ASSERT_EQ(whole.status, 200);
  const std::string size = std::to_string(whole.length());
  const auto ask = [&](const std::string& range, const std::string& unless = "") {
    const auto request = make("GET", "/pkg/-/pkg-1.0.0.tgz");
    request->headers.add("range", range);
    if (!unless.empty()) request->headers.add("if-range", unless);
    return rig.send(request);
  };
  const Response part = ask("bytes=10-19");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.length(), 10U);
  EXPECT_EQ(header(part, "accept-ranges"), "bytes");
  EXPECT_EQ(header(part, "content-range"), "bytes 10-19/" + size);
  EXPECT_EQ(ask("bytes=10-", header(part, "etag")).status, 206);
  EXPECT_EQ(ask("bytes=10-", "\"another\"").status, 200);
  const Response beyond = ask("bytes=99999999-");
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.length(), 0U);
  EXPECT_EQ(header(beyond, "content-range"), "bytes */" + size);
  EXPECT_EQ(ask("bytes=0-1,5-6").status, 200);
}

TEST(Tarball, OfAnOldPackageByTheNameThatItHas) {
  GateRig rig(testing::kRigNow, kOpen);
  publish_plain(rig, "bars", {"1.0.5-beta"}, "bars/-/bars-1.0.5beta.tgz");
  EXPECT_EQ(rig.ask("/bars/-/bars-1.0.5beta.tgz").status, 200);
  EXPECT_EQ(rig.ask("/bars/-/bars-1.0.5-beta.tgz").status, 200);
  publish_plain(rig, "odd", {"2.0.0"}, "odd/-/package-two.tgz");
  EXPECT_EQ(rig.ask("/odd/-/package-two.tgz").status, 200);
  EXPECT_EQ(rig.ask("/odd/-/package-three.tgz").status, 404);
}

TEST(Tarball, AtAnotherHostSaysWhatToConfigure) {
  GateRig rig(testing::kRigNow, kOpen);
  publish_plain(rig, "pkg", {"1.0.0"});
  std::string document =
      R"({"name":"pkg","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"pkg",)"
      R"("version":"1.0.0",)"
      R"("dist":{"tarball":"https://cdn.example/pkg-1.0.0.tgz","integrity":")" +
      digest(Algorithm::kSha512, plain_tarball("pkg", "1.0.0")).sri() +
      R"("}}},"time":{"1.0.0":"2020-01-01T00:00:00Z"}})";
  rig.upstream.put(url_of("pkg"), {200, document, ""});
  rig.upstream.put(url_of("pkg/-/pkg-1.0.0.tgz"), {404, "", ""});
  const Response answer = rig.ask("/pkg/-/pkg-1.0.0.tgz");
  EXPECT_EQ(answer.status, 404);
  EXPECT_NE(answer.body->find("cdn.example"), std::string::npos) << *answer.body;
  EXPECT_NE(answer.body->find("tarball_hosts"), std::string::npos) << *answer.body;
}

TEST(Freshness, AClientMayAskForWhatWasPublishedAMomentAgo) {
  GateRig rig(testing::kRigNow, kOpen);
  publish_plain(rig, "pkg", {"1.0.0"});
  rig.ask("/pkg");
  rig.settle();
  publish_plain(rig, "pkg", {"1.0.0", "1.1.0"});
  rig.clock.advance(Millis(2500));
  EXPECT_EQ(rig.ask("/pkg").body->find("1.1.0"), std::string::npos);
  const auto online = [&] {
    const auto request = make("GET", "/pkg");
    request->headers.add("cache-control", "no-cache");
    return rig.send(request);
  };
  EXPECT_NE(online().body->find("1.1.0"), std::string::npos);
  const std::size_t asked = rig.upstream.asked("/pkg");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(online().status, 200);
  EXPECT_EQ(rig.upstream.asked("/pkg"), asked);
  publish_plain(rig, "pkg", {"1.0.0", "1.1.0", "1.2.0"});
  rig.clock.advance(Millis(2500));
  EXPECT_EQ(rig.ask("/pkg/1.2.0").status, 200);
}

TEST(Probes, AreAnsweredWhateverTheHost) {
  GateRig rig(testing::kRigNow, kOpen);
  for (const auto& [method, target, status] : {std::tuple{"GET", "/", 200},
                                               {"HEAD", "/", 200},
                                               {"OPTIONS", "/pkg", 204},
                                               {"OPTIONS", "*", 204},
                                               {"GET", "/-/ping", 200},
                                               {"GET", "/pkg", 421}}) {
    const auto request = make(method, target);
    request->headers.add("host", "10.1.2.3:8080");
    EXPECT_EQ(rig.send(request).status, status) << method << " " << target;
  }
  EXPECT_TRUE(rig.upstream.requests.empty());
}

}  // namespace
}  // namespace npmgate
