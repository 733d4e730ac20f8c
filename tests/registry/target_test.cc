#include "registry/target.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace npmgate {
namespace {

std::string name_of(const std::optional<PackageName>& name) {
  return name ? name->str() : "-";
}

// One line per target, so that tables can be read and compared.
struct Describe {
  std::string operator()(const PackumentTarget& t) const {
    return "packument " + t.name.str() + (t.write ? " write" : "");
  }
  std::string operator()(const ManifestTarget& t) const {
    return "manifest " + t.name.str() + " " + t.version_or_tag;
  }
  std::string operator()(const DistTagsTarget& t) const {
    return "tags " + t.name.str() + (t.tag.empty() ? "" : " " + t.tag);
  }
  std::string operator()(const TarballTarget& t) const {
    return "tarball " + t.name.str() + " " + t.version;
  }
  std::string operator()(const ServiceTarget& t) const {
    static constexpr const char* kKinds[] = {"ping",        "whoami", "search",       "audit-bulk",
                                             "audit-quick", "keys",   "attestations", "login",
                                             "token",       "user"};
    return std::string(kKinds[static_cast<std::size_t>(t.kind)]) + " " + t.path +
           (t.query.empty() ? "" : " ?" + t.query) + (t.name ? " " + t.name->str() : "");
  }
  std::string operator()(const OwnPageTarget& t) const {
    return "own [" + t.path + "]" + (t.query.empty() ? "" : " ?" + t.query);
  }
  std::string operator()(const WriteTarget& t) const {
    return "write " + t.what + " " + name_of(t.name) + " " + t.path;
  }
  std::string operator()(const RejectedTarget& t) const {
    return "rejected " + std::to_string(t.status);
  }
};

std::string describe(const Target& target) {
  return std::visit(Describe{}, target);
}

struct TargetRow {
  const char *method, *raw, *expected;
};

void expect_all(const std::vector<TargetRow>& rows) {
  for (const TargetRow& row : rows) {
    EXPECT_EQ(describe(parse_target(row.method, row.raw)), row.expected)
        << row.method << " " << row.raw;
  }
}

TEST(Target, PackumentsInEverySpellingOfTheClients) {
  expect_all({
      {"GET", "/lodash", "packument lodash"},
      {"HEAD", "/lodash", "packument lodash"},
      {"GET", "/lodash/", "packument lodash"},
      {"GET", "/JSONStream", "packument JSONStream"},
      {"GET", "/@acme%2ftool", "packument @acme/tool"},
      {"GET", "/@acme%2Ftool", "packument @acme/tool"},
      {"GET", "/@acme/tool", "packument @acme/tool"},
      {"GET", "/%40acme%2ftool", "packument @acme/tool"},
      {"GET", "/%40acme/tool", "packument @acme/tool"},
      {"GET", "/lod%61sh", "packument lodash"},
      {"GET", "/lodash?write=true", "packument lodash write"},
      {"GET", "/@acme%2ftool?a=b&write=true", "packument @acme/tool write"},
      {"GET", "/lodash?write=false", "packument lodash"},
      {"GET", "/lodash?rewrite=true", "packument lodash"},
      {"GET", "/it's!~(x)*", "packument it's!~(x)*"},
      {"GET", "/pnpm", "packument pnpm"},
      {"GET", "/constructor", "packument constructor"},
      {"GET", "/__proto__", "rejected 400"},
  });
}

TEST(Target, ManifestsAndDistTags) {
  expect_all({
      {"GET", "/lodash/latest", "manifest lodash latest"},
      {"GET", "/lodash/4.17.21", "manifest lodash 4.17.21"},
      {"GET", "/lodash/1.0.0-rc.1+build", "manifest lodash 1.0.0-rc.1+build"},
      {"GET", "/lodash/1.0.0%2Bbuild", "manifest lodash 1.0.0+build"},
      {"GET", "/@acme/tool/latest", "manifest @acme/tool latest"},
      {"GET", "/@acme%2ftool/latest", "manifest @acme/tool latest"},
      {"GET", "/lodash/a%20b", "rejected 400"},
      {"GET", "/lodash/%3Cscript%3E", "rejected 400"},
      {"GET", "/lodash/feature%2fx", "rejected 400"},
      {"GET", "/lodash/latest/more", "rejected 404"},
      {"GET", "/-/package/lodash/dist-tags", "tags lodash"},
      {"GET", "/-/package/lodash/dist-tags/latest", "tags lodash latest"},
      {"GET", "/-/package/@acme%2ftool/dist-tags", "tags @acme/tool"},
      {"GET", "/-/package/@acme/tool/dist-tags/next", "tags @acme/tool next"},
      {"GET", "/-/package/lodash/access", "rejected 404"},
      {"GET", "/-/package/lodash", "rejected 404"},
      {"GET", "/-/package", "rejected 400"},
      {"GET", "/-/package/@acme", "rejected 400"},
      {"GET", "/-/package/lodash/dist-tags/a/b", "rejected 404"},
      {"GET", "/-/package/lodash/dist-tags/a%2fb", "rejected 400"},
      {"GET", "/-/package/lodash/dist-tags/%22", "rejected 400"},
  });
}

TEST(Target, TarballsInEverySpellingOfTheClients) {
  expect_all({
      {"GET", "/lodash/-/lodash-4.17.21.tgz", "tarball lodash 4.17.21"},
      {"HEAD", "/lodash/-/lodash-4.17.21.tgz", "tarball lodash 4.17.21"},
      {"GET", "/@acme/tool/-/tool-1.0.0.tgz", "tarball @acme/tool 1.0.0"},
      {"GET", "/@acme%2ftool/-/tool-1.0.0.tgz", "tarball @acme/tool 1.0.0"},
      {"GET", "/@acme%2Ftool/-/tool-1.0.0-rc.1.tgz", "tarball @acme/tool 1.0.0-rc.1"},
      {"GET", "/@acme/tool/-/@acme/tool-1.0.0.tgz", "tarball @acme/tool 1.0.0"},
      {"GET", "/lodash/-/lodash-1.0.0%2Bb.tgz", "tarball lodash 1.0.0+b"},
      {"GET", "/lodash/-/lodash-1.0.0.tgz?x=1", "tarball lodash 1.0.0"},
      {"GET", "/old/-/old-1.0.0beta.tgz", "tarball old 1.0.0beta"},
      // The packument says which version such a file is of.
      {"GET", "/a/-/a-b-1.0.0.tgz", "tarball a "},
      {"GET", "/lodash/-/other-1.0.0.tgz", "tarball lodash "},
      {"GET", "/@acme/tool/-/@evil/tool-1.0.0.tgz", "rejected 400"},
      {"GET", "/lodash/-/@acme/lodash-1.0.0.tgz", "rejected 400"},
      {"GET", "/lodash/-/x/y/lodash-1.0.0.tgz", "rejected 400"},
      {"GET", "/lodash/-/lodash-.tgz", "tarball lodash "},
      {"GET", "/lodash/-/lodash-latest.tgz", "tarball lodash "},
      {"GET", "/lodash/-/lodash-=1.0.0.tgz", "rejected 400"},
      {"GET", "/lodash/-/lodash-1.0.0.tar", "rejected 400"},
      {"GET", "/lodash/-/.tgz", "rejected 400"},
      {"GET", "/lodash/-", "rejected 400"},
      {"GET", "/lodash/-/", "rejected 400"},
      {"GET", "/lodash/-/lodash%2f-1.0.0.tgz", "rejected 400"},
      {"GET", "/@acme/tool/-/@acme%2ftool-1.0.0.tgz", "rejected 400"},
  });
}

TEST(Target, RegistryServices) {
  expect_all({
      {"GET", "/-/ping", "ping /-/ping"},
      {"GET", "/-/ping?write=true", "ping /-/ping"},
      {"HEAD", "/-/ping", "ping /-/ping"},
      {"GET", "/-/whoami", "whoami /-/whoami"},
      {"GET", "/-/v1/search?text=a%20b&size=20", "search /-/v1/search ?text=a%20b&size=20"},
      {"POST", "/-/npm/v1/security/advisories/bulk",
       "audit-bulk /-/npm/v1/security/advisories/bulk"},
      {"GET", "/-/npm/v1/security/advisories/bulk", "rejected 404"},
      {"POST", "/-/npm/v1/security/audits/quick", "audit-quick /-/npm/v1/security/audits/quick"},
      {"POST", "/-/npm/v1/security/audits", "audit-quick /-/npm/v1/security/audits"},
      {"GET", "/-/npm/v1/keys", "keys /-/npm/v1/keys"},
      {"GET", "/-/npm/v1/attestations/lodash@1.0.0",
       "attestations /-/npm/v1/attestations/lodash@1.0.0 lodash"},
      {"GET", "/-/npm/v1/attestations/@acme%2ftool@1.0.0",
       "attestations /-/npm/v1/attestations/@acme%2ftool@1.0.0 @acme/tool"},
      {"GET", "/-/npm/v1/attestations/@acme/tool@1.0.0",
       "attestations /-/npm/v1/attestations/@acme%2ftool@1.0.0 @acme/tool"},
      {"GET", "/-/npm/v1/attestations/lodash", "rejected 400"},
      {"GET", "/-/npm/v1/attestations/@acme/tool", "rejected 400"},
      {"GET", "/-/npm/v1/attestations/lodash@latest", "rejected 400"},
      {"GET", "/-/npm/v1/attestations/lodash@1.0.0/x", "rejected 400"},
      {"GET", "/-/npm/v1/attestations", "rejected 400"},
      {"POST", "/-/v1/login", "login /-/v1/login"},
      {"GET", "/-/v1/loginx", "rejected 404"},
      {"PUT", "/-/user/org.couchdb.user:alice", "user /-/user"},
      {"GET", "/-/npm/v1/user", "user /-/npm/v1/user"},
      {"GET", "/-/npm/v1/tokens", "token /-/npm/v1/tokens"},
      {"GET", "/-/all", "rejected 404"},
      {"GET", "/-", "rejected 404"},
      {"GET", "/-/", "rejected 404"},
      {"GET", "/-/ping/x", "rejected 404"},
      {"GET", "/-/v1%2fsearch", "rejected 404"},
  });
}

TEST(Target, TokensInPathsAreCutOff) {
  for (const char* raw : {"/-/user/token/npm_secret", "/-/npm/v1/tokens/token/npm_secret"}) {
    const std::string shown = describe(parse_target("DELETE", raw));
    EXPECT_EQ(shown.rfind("token ", 0), 0U) << shown;
    EXPECT_EQ(shown.find("secret"), std::string::npos) << shown;
  }
}

TEST(Target, OwnPages) {
  expect_all({
      {"GET", "/", "own []"},
      {"GET", "/-/npm-gate", "own []"},
      {"GET", "/-/npm-gate/", "own []"},
      {"GET", "/-/npm-gate/self-test", "own [self-test]"},
      {"GET", "/-/npm-gate/releases/lodash/1.0.0?x=1", "own [releases/lodash/1.0.0] ?x=1"},
      {"GET", "/-/r/lodash@1.0.0", "own [r/lodash@1.0.0]"},
      {"GET", "/-/r/@acme%2ftool@1.0.0", "own [r/@acme/tool@1.0.0]"},
      {"GET", "/-/npm-gate/releases/@acme/tool/1.0.0", "own [releases/@acme/tool/1.0.0]"},
      {"GET", "/-/npm-gate/releases/@acme%2ftool/1.0.0", "own [releases/@acme/tool/1.0.0]"},
      {"GET", "/-/npm-gatex", "rejected 404"},
      {"GET", "/-/npm-gate/../admin", "rejected 400"},
  });
}

TEST(Target, Writes) {
  expect_all({
      {"PUT", "/lodash", "write publish, deprecate or star lodash /lodash"},
      {"PUT", "/@acme%2ftool", "write publish, deprecate or star @acme/tool /@acme%2ftool"},
      {"PUT", "/lodash/beta", "write changing a dist-tag lodash /lodash/beta"},
      {"PUT", "/lodash/-rev/1-abc", "write unpublish lodash /lodash/-rev/1-abc"},
      {"DELETE", "/lodash/-rev/1-abc", "write unpublish lodash /lodash/-rev/1-abc"},
      {"DELETE", "/lodash/-/lodash-1.0.0.tgz/-rev/1-abc",
       "write unpublish lodash /lodash/-/lodash-1.0.0.tgz/-rev/1-abc"},
      {"POST", "/lodash", "write this change lodash /lodash"},
      {"PUT", "/-/package/lodash/dist-tags/latest",
       "write changing a dist-tag lodash /-/package/lodash/dist-tags/latest"},
      {"DELETE", "/-/package/@acme%2ftool/dist-tags/latest",
       "write changing a dist-tag @acme/tool /-/package/@acme%2ftool/dist-tags/latest"},
      {"POST", "/-/package/lodash/access",
       "write changing a package lodash /-/package/lodash/access"},
      {"PUT", "/-/org/acme/user", "write this change - /-/org/acme/user"},
      {"PUT", "/.hidden", "rejected 400"},
      {"TRACE", "/lodash", "rejected 405"},
      {"CONNECT", "registry.example:443", "rejected 405"},
      {"get", "/lodash", "rejected 405"},
      {"", "/lodash", "rejected 405"},
  });
}

TEST(Target, HostileSpellings) {
  for (const std::string& raw : std::vector<std::string>{"",
                                                         "lodash",
                                                         "*",
                                                         "http://registry.example/lodash",
                                                         "//lodash",
                                                         "/lodash//latest",
                                                         "///",
                                                         "/lodash//",
                                                         "/.",
                                                         "/..",
                                                         "/../etc/passwd",
                                                         "/lodash/..",
                                                         "/lodash/../react",
                                                         "/lodash/.",
                                                         "/%2e%2e/react",
                                                         "/lodash/%2e%2e/react",
                                                         "/%2E",
                                                         "/@acme/..",
                                                         "/@acme%2f..",
                                                         "/@acme%2f%2e%2e",
                                                         "/@..%2ftool",
                                                         "/@./tool",
                                                         "/lodash%2flatest",
                                                         "/lodash%2F..%2Freact",
                                                         "/@acme%2ftool%2flatest",
                                                         "/@acme%2f%2ftool",
                                                         "/@acme%2f",
                                                         "/@%2ftool",
                                                         "/@",
                                                         "/@acme",
                                                         "/@acme%252ftool",
                                                         "/%25",
                                                         "/lodash%2525",
                                                         "/lodash%",
                                                         "/lodash%2",
                                                         "/lodash%zz",
                                                         "/lodash%2",
                                                         "/lodash%-1",
                                                         "/lodash% 1",
                                                         "/lodash%00",
                                                         "/lodash%00.tgz",
                                                         "/lodash%0a",
                                                         "/lodash%0d%0aX:%20y",
                                                         "/@acme%01tool",
                                                         "/@acme\x01tool",
                                                         "/lodash\\latest",
                                                         "/lodash%5clatest",
                                                         "/..\\react",
                                                         "/%5c%5chost%5cshare",
                                                         "/lodash latest",
                                                         "/lodash%20",
                                                         "/lodash\t",
                                                         "/lodash\n",
                                                         "/lodash#x",
                                                         "/lodash%23/x%20",
                                                         "/caf%C3%A9",
                                                         "/caf\xc3\xa9",
                                                         "/%C0%AE%C0%AE/",
                                                         "/%ff",
                                                         "/lodash\x7f",
                                                         "/lodash%7f",
                                                         "/_private",
                                                         "/-flag",
                                                         "/node_modules",
                                                         "/favicon.ico",
                                                         "/a:b",
                                                         "/a;b=c",
                                                         "/a$b",
                                                         "/@a/@b",
                                                         "/@a@b/c",
                                                         "/lodash?x=\x01",
                                                         "/lodash?x y",
                                                         "/lodash?\xff",
                                                         "/lodash?a\\b"}) {
    EXPECT_EQ(describe(parse_target("GET", raw)), "rejected 400") << testing::PrintToString(raw);
  }
  const std::string nul("/lodash\0x", 9);
  EXPECT_EQ(describe(parse_target("GET", nul)), "rejected 400");
}

TEST(Target, LengthIsLimited) {
  const std::string query = "/lodash?" + std::string(2040, 'a');
  ASSERT_EQ(query.size(), 2048U);
  EXPECT_EQ(describe(parse_target("GET", query)), "packument lodash");
  EXPECT_EQ(describe(parse_target("GET", query + "a")), "rejected 414");
}

// Found by the fuzzer: a target just below the limit, whose scope's slash takes two bytes more in
// the gate's own spelling, was another kind of target there.
TEST(Target, VersionsAndTagsAreNoLongerThanTheyCanBe) {
  const std::string longest(256, '1');
  const auto manifest = parse_target("GET", "/@s/n/" + longest);
  ASSERT_TRUE(std::holds_alternative<ManifestTarget>(manifest));
  for (const std::string& path : {"/@s/n/" + longest + "1", "/@s/n/-" + std::string(2041, 'a'),
                                  "/@s/n/-/n-1.0.0-" + std::string(251, 'a') + ".tgz",
                                  "/-/package/@s%2fn/dist-tags/" + longest + "1",
                                  "/-/npm/v1/attestations/@s/n@1.0.0-" + std::string(251, 'a')}) {
    EXPECT_EQ(describe(parse_target("GET", path)), "rejected 400") << path;
  }
}

TEST(Target, ReasonsAreOneSafeLine) {
  const Target target = parse_target("GET", "/lodash/-/evil%0d%0a-1.0.0.tgz");
  const auto& rejected = std::get<RejectedTarget>(target);
  EXPECT_FALSE(rejected.reason.empty());
  for (const unsigned char c : rejected.reason) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

TEST(Target, PrefixOfThePublicUrl) {
  struct PrefixRow {
    const char *prefix, *raw, *expected;
  };
  const std::vector<PrefixRow> rows = {
      {"/npm/team-a/", "/npm/team-a/lodash", "packument lodash"},
      {"/npm/team-a/", "/npm/team-a/@acme%2ftool", "packument @acme/tool"},
      {"/npm/team-a/", "/npm/team-a/-/ping", "ping /-/ping"},
      {"/npm/team-a/", "/npm/team-a/lodash/-/lodash-1.0.0.tgz", "tarball lodash 1.0.0"},
      {"/npm/team-a/", "/npm/team-a/", "own []"},
      {"/npm/team-a/", "/npm/team-a", "own []"},
      {"/npm/team-a/", "/npm/team-a?x=1", "own [] ?x=1"},
      {"/npm/team-a", "/npm/team-a/lodash", "packument lodash"},
      {"/npm/team-a/", "/lodash", "packument lodash"},
      {"/npm/team-a/", "/npm", "packument npm"},
      {"/npm/team-a/", "/npm/team-ab", "manifest npm team-ab"},
      {"/npm/team-a/", "/npm/team-a//lodash", "rejected 400"},
      {"/npm/team-a/", "/npm/team-a/../lodash", "rejected 400"},
      {"/npm/", "/npm/npm", "packument npm"},
      {"", "/lodash", "packument lodash"},
  };
  for (const PrefixRow& row : rows) {
    EXPECT_EQ(describe(parse_target("GET", row.raw, row.prefix)), row.expected)
        << row.prefix << " " << row.raw;
  }
}

}  // namespace
}  // namespace npmgate
