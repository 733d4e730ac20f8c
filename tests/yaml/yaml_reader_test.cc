#include <gtest/gtest.h>

#include "yaml/document.h"

namespace npmgate {
namespace {

// A reader over `text` with what it complained about.
class Reading {
 public:
  explicit Reading(std::string_view text)
      : document_(parse_yaml(text, "f.yaml")), reader_(document_.root, "listen", problems_) {
    EXPECT_TRUE(document_.problems.empty());
  }
  YamlReader* operator->() { return &reader_; }
  std::string problems() const {
    std::string out;
    for (const Problem& problem : problems_) out += problem.str() + "\n";
    return out;
  }

 private:
  YamlDocument document_;
  std::vector<Problem> problems_;
  YamlReader reader_;
};

TEST(YamlReader, ReadsWhatIsThereAndFallsBackWhereAbsent) {
  Reading r("a: x\nb: true\nc: -12\nd: 24h\ne: 4KiB\nf: [x, y]\ng: z\n");
  EXPECT_EQ(r->text("a"), "x");
  EXPECT_EQ(r->text("none", "fallback"), "fallback");
  EXPECT_TRUE(r->flag("b", false));
  EXPECT_TRUE(r->flag("none", true));
  EXPECT_EQ(r->integer("c", 0, -20, 20), -12);
  EXPECT_EQ(r->integer("none", 7, 0, 9), 7);
  EXPECT_EQ(r->duration_ms("d", 0), 86'400'000);
  EXPECT_EQ(r->duration_ms("none", 5), 5);
  EXPECT_EQ(r->bytes("e", 0), 4096U);
  EXPECT_EQ(r->bytes("none", 5), 5U);
  EXPECT_EQ(r->texts("f"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(r->texts("g"), (std::vector<std::string>{"z"}));
  EXPECT_TRUE(r->texts("none").empty());
  EXPECT_TRUE(r->has("a"));
  EXPECT_FALSE(r->has("none"));
  r->finish();
  EXPECT_EQ(r.problems(), "");
}

struct FlagRow {
  const char* written;
  const char* found;  // nullptr: read
};

TEST(YamlReader, OnlyTrueAndFalseAreFlags) {
  for (const FlagRow& row : std::initializer_list<FlagRow>{{"true", nullptr},
                                                           {"false", nullptr},
                                                           {"yes", "'yes'"},
                                                           {"no", "'no'"},
                                                           {"on", "'on'"},
                                                           {"off", "'off'"},
                                                           {"True", "'True'"},
                                                           {"1", "'1'"},
                                                           {"\"true\"", "the text 'true'"},
                                                           {"~", "nothing"},
                                                           {"[true]", "a list"},
                                                           {"{}", "a map"}}) {
    Reading r(std::string("a: ") + row.written + "\n");
    EXPECT_EQ(r->flag("a", false), std::string(row.written) == "true") << row.written;
    EXPECT_EQ(r.problems(), row.found == nullptr ? ""
                                                 : "f.yaml:1:4: a: expected true or false, found " +
                                                       std::string(row.found) + "\n");
  }
}

TEST(YamlReader, IntegersAreDecimalAndPlain) {
  for (const char* written : {"010", "0x10", "0o10", "1_000", "1e3", "1.0", "+1", "", "99", "-1",
                              "\"5\"", "99999999999999999999", "five", "[5]", "1 0"}) {
    Reading r(std::string("a: ") + written + "\n");
    EXPECT_EQ(r->integer("a", 42, 0, 50), 42) << written;
    EXPECT_NE(r.problems().find("a: expected a whole number from 0 to 50, found "),
              std::string::npos)
        << written;
  }
  for (const auto& [written, value] :
       std::initializer_list<std::pair<const char*, long long>>{{"0", 0}, {"50", 50}, {"8", 8}}) {
    Reading r(std::string("a: ") + written + "\n");
    EXPECT_EQ(r->integer("a", 42, 0, 50), value);
    EXPECT_EQ(r.problems(), "");
  }
}

TEST(YamlReader, DurationsAndSizesNeedTheirUnits) {
  Reading r("a: 5\nb: 1month\nc: 5GB5\nd: [1]\ne: ~\n");
  EXPECT_EQ(r->duration_ms("a", 1), 1);
  EXPECT_EQ(r->duration_ms("b", 1), 1);
  EXPECT_EQ(r->bytes("c", 1), 1U);
  EXPECT_EQ(r->bytes("d", 1), 1U);
  EXPECT_EQ(r->duration_ms("e", 1), 1);
  EXPECT_EQ(r.problems(),
            "f.yaml:1:4: a: expected a duration such as 30s, 5m, 24h, 14d or 2w, found '5'\n"
            "f.yaml:2:4: b: expected a duration such as 30s, 5m, 24h, 14d or 2w, found '1month'\n"
            "f.yaml:3:4: c: expected a size such as 512MiB or 50GiB, found '5GB5'\n"
            "f.yaml:4:4: d: expected a size such as 512MiB or 50GiB, found a list\n"
            "f.yaml:5:4: e: expected a duration such as 30s, 5m, 24h, 14d or 2w, found nothing\n");
}

TEST(YamlReader, TextsOfTheWrongKind) {
  Reading r("a:\nb: {c: 1}\nd: [x, [y], ~]\n");
  EXPECT_EQ(r->text("a", "f"), "f");
  EXPECT_TRUE(r->texts("b").empty());
  EXPECT_EQ(r->texts("d"), (std::vector<std::string>{"x"}));
  EXPECT_EQ(r.problems(),
            "f.yaml:1:1: a: expected text, found nothing\n"
            "f.yaml:2:4: b: expected text or a list of texts, found a map\n"
            "f.yaml:3:8: d: expected text or a list of texts, found a list in the list\n"
            "f.yaml:3:13: d: expected text or a list of texts, found nothing in the list\n");
}

TEST(YamlReader, UnknownKeysNameTheNearestKnownOne) {
  Reading r("adress: x\nprot: 1\nzzzzzz: 1\n");
  (void)r->text("address");
  (void)r->integer("port", 0, 0, 9);
  r->finish();
  EXPECT_EQ(r.problems(),
            "f.yaml:1:1: listen: unknown key 'adress'; did you mean 'address'?\n"
            "f.yaml:2:1: listen: unknown key 'prot'; did you mean 'port'?\n"
            "f.yaml:3:1: listen: unknown key 'zzzzzz'\n");
}

TEST(YamlReader, RequiredKeys) {
  Reading r("b: 1\n");
  r->require("a");
  r->require("b");
  r->finish();
  EXPECT_EQ(r.problems(), "f.yaml:1:1: listen: the key 'a' is required\n");
}

TEST(YamlReader, WhatIsNoMap) {
  Reading list("- a\n");
  list->require("a");
  list->finish();
  EXPECT_EQ(list.problems(), "f.yaml:1:1: listen: expected a map, found a list\n");
  Reading nothing("");
  nothing->require("a");
  nothing->finish();
  EXPECT_EQ(nothing.problems(), "f.yaml:1:1: listen: the key 'a' is required\n");
}

struct NearestRow {
  const char* word;
  const char* expected;
};

TEST(Nearest, ByEditsUpToHalfTheWord) {
  const std::vector<std::string> keys = {"finding", "package", "version", "popular", "any", "all"};
  for (const NearestRow& row : std::initializer_list<NearestRow>{{"findng", "finding"},
                                                                 {"fniding", "finding"},
                                                                 {"packages", "package"},
                                                                 {"verison", "version"},
                                                                 {"ann", "any"},
                                                                 {"al", "all"},
                                                                 {"x", ""},
                                                                 {"", ""},
                                                                 {"quarantine", ""},
                                                                 {"finding", "finding"},
                                                                 {"POPULAR", ""}}) {
    EXPECT_EQ(nearest(row.word, keys), row.expected) << row.word;
  }
  EXPECT_EQ(nearest(std::string(1000, 'a'), keys), "");
  EXPECT_EQ(nearest("abc", {std::string(1000, 'a')}), "");
  EXPECT_EQ(nearest("abc", {}), "");
}

}  // namespace
}  // namespace npmgate
