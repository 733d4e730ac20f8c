#include "registry/name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace npmgate {
namespace {

struct NameRow {
  const char *name, *scope, *unscoped, *url;
};

TEST(PackageName, AcceptsWhatTheRegistryHas) {
  const std::vector<NameRow> rows = {
      {"lodash", "", "lodash", "lodash"},
      {"@acme/tool", "@acme", "tool", "@acme%2ftool"},
      {"JSONStream", "", "JSONStream", "JSONStream"},
      {"@Acme/Tool", "@Acme", "Tool", "@Acme%2fTool"},
      {"a", "", "a", "a"},
      {"3", "", "3", "3"},
      {"socket.io", "", "socket.io", "socket.io"},
      {"under_score", "", "under_score", "under_score"},
      {"trailing-", "", "trailing-", "trailing-"},
      {"it's!fun~(really)*", "", "it's!fun~(really)*", "it's!fun~(really)*"},
      {"a..b", "", "a..b", "a..b"},
      {"constructor", "", "constructor", "constructor"},
      {"@_acme/_tool", "@_acme", "_tool", "@_acme%2f_tool"},
      {"@-acme/-tool", "@-acme", "-tool", "@-acme%2f-tool"},
      {"@acme/node_modules", "@acme", "node_modules", "@acme%2fnode_modules"},
  };
  for (const NameRow& row : rows) {
    const auto name = PackageName::parse(row.name);
    ASSERT_TRUE(name.has_value()) << row.name;
    EXPECT_EQ(name->str(), row.name);
    EXPECT_EQ(name->scope(), row.scope) << row.name;
    EXPECT_EQ(name->unscoped(), row.unscoped) << row.name;
    EXPECT_EQ(name->url_path(), row.url) << row.name;
  }
}

TEST(PackageName, RefusesEverythingElse) {
  for (const std::string& text : std::vector<std::string>{"",
                                                          ".",
                                                          "..",
                                                          ".hidden",
                                                          "_private",
                                                          "-",
                                                          "-flag",
                                                          "node_modules",
                                                          "Node_Modules",
                                                          "favicon.ico",
                                                          "FAVICON.ICO",
                                                          " ",
                                                          "a b",
                                                          " a",
                                                          "a ",
                                                          "a\n",
                                                          "a\tb",
                                                          "a/b",
                                                          "a/",
                                                          "/a",
                                                          "@",
                                                          "@/",
                                                          "@a",
                                                          "@a/",
                                                          "@/b",
                                                          "@a/b/c",
                                                          "@a//b",
                                                          "@a/.b",
                                                          "@a/..",
                                                          "@./b",
                                                          "@../b",
                                                          "@.a/b",
                                                          "@a/-",
                                                          "@-/b",
                                                          "@@a/b",
                                                          "@a/@b",
                                                          "a@1.0.0",
                                                          "a%2fb",
                                                          "@a%2fb",
                                                          "a\\b",
                                                          "a:b",
                                                          "a?b",
                                                          "a#b",
                                                          "a+b",
                                                          "a&b",
                                                          "a=b",
                                                          "a,b",
                                                          "a;b",
                                                          "a$b",
                                                          "a|b",
                                                          "a<b>",
                                                          "a\"b",
                                                          "a`b",
                                                          "[a]",
                                                          "{a}",
                                                          "a^b",
                                                          "caf\xc3\xa9",
                                                          "\xd0\xb0"
                                                          "cme",
                                                          "a\xe2\x80\x8b",
                                                          "a\xff",
                                                          std::string("a\0b", 3)}) {
    EXPECT_FALSE(PackageName::parse(text).has_value()) << testing::PrintToString(text);
  }
}

TEST(PackageName, LengthIsLimitedTo214) {
  EXPECT_TRUE(PackageName::parse(std::string(214, 'a')).has_value());
  EXPECT_FALSE(PackageName::parse(std::string(215, 'a')).has_value());
  EXPECT_TRUE(PackageName::parse("@a/" + std::string(211, 'b')).has_value());
  EXPECT_FALSE(PackageName::parse("@a/" + std::string(212, 'b')).has_value());
}

TEST(PackageName, EveryByteIsEitherUrlSafeOrRefused) {
  const std::string safe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!'()*";
  for (int c = 0; c < 256; ++c) {
    const std::string text = std::string("a") + static_cast<char>(c) + "b";
    EXPECT_EQ(PackageName::parse(text).has_value(),
              safe.find(static_cast<char>(c)) != std::string::npos)
        << c;
  }
}

TEST(PackageName, ComparesByText) {
  EXPECT_EQ(PackageName::parse("a"), PackageName::parse("a"));
  EXPECT_NE(PackageName::parse("a"), PackageName::parse("A"));
  EXPECT_LT(*PackageName::parse("@a/b"), *PackageName::parse("a"));
}

struct GlobRow {
  const char *pattern, *name;
  bool matches;
};

TEST(Glob, Table) {
  const std::vector<GlobRow> rows = {
      {"lodash", "lodash", true},
      {"lodash", "lodash-es", false},
      {"lodash", "Lodash", false},
      {"*", "lodash", true},
      {"*", "@acme/tool", true},
      {"*", "", true},
      {"", "", true},
      {"", "a", false},
      {"@acme/*", "@acme/tool", true},
      {"@acme/*", "@acme/", true},
      {"@acme/*", "@acme2/tool", false},
      {"@acme/*", "acme", false},
      {"@*/tool", "@acme/tool", true},
      {"@*/tool", "@acme/tools", false},
      {"acme-*", "acme-tool", true},
      {"acme-*", "acme-", true},
      {"acme-*", "acme", false},
      {"acme-*", "@x/acme-tool", false},
      {"*-plugin", "babel-plugin", true},
      {"*-plugin", "@babel/x-plugin", false},
      {"**-plugin", "@babel/x-plugin", true},
      {"**", "@acme/tool", true},
      {"?odash", "lodash", true},
      {"?odash", "odash", false},
      {"@acme?tool", "@acme/tool", false},
      {"a?", "a", false},
      {"a*b*c", "axxbyyc", true},
      {"a*b*c", "abcbc", true},
      {"a*b*c", "acb", false},
      {"**/x*y", "a/x/b/xy", true},
      {"**/x*y", "a/x/b/xz", false},
      {"***", "a/b", true},
      {"a.c", "abc", false},
      {"[ab]", "a", false},
      {"[ab]", "[ab]", true},
      {"a\\*", "a*", false},
      {"(a|b)", "a", false},
  };
  for (const GlobRow& row : rows) {
    EXPECT_EQ(glob_match(row.pattern, row.name), row.matches) << row.pattern << " : " << row.name;
  }
}

TEST(Glob, ManyStarsStayCheap) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a**a";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(2000, 'a')));
  EXPECT_TRUE(glob_match(pattern, std::string(2000, 'a')));
}

}  // namespace
}  // namespace npmgate
