// URLs in lockfiles: which lead past the gate, and what the fix leaves of the file.
#include "lockfile/hosts.h"

#include "tests/lockfile/lockfile_testing.h"

namespace npmgate::testing {
namespace {

const std::vector<std::string> kGates{"https://gate.example/npm/", "http://127.0.0.1:4873/"};

struct HostRow {
  const char* what;
  const char* file;
  std::string before, after;
  int found;
  bool certain;
};

std::string npm(const std::string& url) {
  return "{ \"lockfileVersion\": 3,\n  \"packages\": {\n\t\"node_modules/@s/a\": { \"version\": "
         "\"1.0.0\",  \"resolved\": \"" +
         url + "\",\r\n \"integrity\": \"sha512-AA==\" } } }";
}

std::string yarn(const std::string& url) {
  return "a@^1:\n  version \"1.0.0\"\n  resolved \"" + url +
         "#da39a3ee5e6b4b0d3255bfef95601890afd80709\"\n  integrity sha512-AA==\n";
}

std::string bun(const std::string& url) {
  return "{\"lockfileVersion\": 1, \"workspaces\": {}, \"packages\": { // kept\n  \"a\": "
         "[\"a@1.0.0\", \"" +
         url + "\", {}, \"sha512-AA==\"],\n}}\n";
}

std::string pnpm(const std::string& url) {
  return "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {integrity: sha512-AA==, "
         "tarball: " +
         url + "}\nsnapshots:\n  a@1.0.0: {}\n";
}

std::string berry(const std::string& binding) {
  return "__metadata:\n  version: 8\n\n\"a@npm:^1\":\n  version: 1.0.0\n  resolution: "
         "\"a@npm:1.0.0" +
         binding + "\"\n  linkType: hard\n";
}

const HostRow kRows[] = {
    {"npm, another host", "package-lock.json", npm("https://registry.example/@s/a/-/a-1.0.0.tgz"),
     npm("https://gate.example/npm/@s/a/-/a-1.0.0.tgz"), 1, false},
    {"npm, the gate", "package-lock.json", npm("https://gate.example/npm/@s/a/-/a-1.0.0.tgz"),
     npm("https://gate.example/npm/@s/a/-/a-1.0.0.tgz"), 0, false},
    {"host in capitals", "package-lock.json", npm("HTTPS://Gate.Example/npm/@s/a/-/a-1.0.0.tgz"),
     npm("HTTPS://Gate.Example/npm/@s/a/-/a-1.0.0.tgz"), 0, false},
    {"the gate's second URL", "package-lock.json", npm("http://127.0.0.1:4873/@s/a/-/a-1.0.0.tgz"),
     npm("http://127.0.0.1:4873/@s/a/-/a-1.0.0.tgz"), 0, false},
    {"another path of the gate's host", "package-lock.json",
     npm("https://gate.example/@s/a/-/a-1.0.0.tgz"),
     npm("https://gate.example/npm/@s/a/-/a-1.0.0.tgz"), 1, false},
    {"a host that begins like the gate", "package-lock.json",
     npm("https://gate.example.evil.example/@s/a/-/a-1.0.0.tgz"),
     npm("https://gate.example/npm/@s/a/-/a-1.0.0.tgz"), 1, false},
    {"another package: no release, not rewritten", "package-lock.json",
     npm("https://registry.example/b/-/b-1.0.0.tgz"),
     npm("https://registry.example/b/-/b-1.0.0.tgz"), 0, false},
    {"yarn 1 keeps the hash", "yarn.lock", yarn("https://registry.example/a/-/a-1.0.0.tgz"),
     yarn("https://gate.example/npm/a/-/a-1.0.0.tgz"), 1, true},
    {"bun's becomes empty", "bun.lock", bun("https://registry.example/a/-/a-1.0.0.tgz"), bun(""), 1,
     true},
    {"bun without", "bun.lock", bun(""), bun(""), 0, true},
    {"pnpm", "pnpm-lock.yaml", pnpm("https://registry.example/a/-/a-1.0.0.tgz"),
     pnpm("https://gate.example/npm/a/-/a-1.0.0.tgz"), 1, true},
    {"yarn 2+ loses it", "yarn.lock",
     berry("::__archiveUrl=https%3A%2F%2Fregistry.example%2Fa%2F-%2Fa-1.0.0.tgz"), berry(""), 1,
     true},
};

TEST(Hosts, FixReplacesUrlsAndNothingElse) {
  for (const HostRow& row : kRows) {
    const Lockfile lockfile = read(row.before, row.file);
    const auto bypasses = find_bypasses(lockfile, kGates);
    ASSERT_EQ(bypasses.size(), static_cast<std::size_t>(row.found)) << row.what;
    EXPECT_EQ(without_bypasses(row.before, lockfile, bypasses), row.after) << row.what;
    for (const Bypass& bypass : bypasses) EXPECT_EQ(bypass.certain, row.certain) << row.what;
    EXPECT_TRUE(find_bypasses(read(row.after, row.file), kGates).empty()) << row.what;
    EXPECT_TRUE(find_bypasses(lockfile, {}).empty()) << row.what << ": no gate is known";
  }
}

TEST(Hosts, EscapedUrlIsToldAndLeftAlone) {
  const std::string text = npm("https:\\/\\/registry.example\\/@s\\/a\\/-\\/a-1.0.0.tgz");
  const Lockfile lockfile = read(text, "package-lock.json");
  const auto bypasses = find_bypasses(lockfile, kGates);
  ASSERT_EQ(bypasses.size(), 1u);
  EXPECT_FALSE(bypasses[0].fixable);
  EXPECT_EQ(without_bypasses(text, lockfile, bypasses), text);
}

}  // namespace
}  // namespace npmgate::testing
