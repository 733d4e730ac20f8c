#include "yaml/document.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

using Kind = YamlNode::Kind;

std::string first_problem(std::string_view text) {
  const YamlDocument document = parse_yaml(text, "f.yaml");
  return document.problems.empty() ? "" : document.problems.front().str();
}

struct Trap {
  const char* name;
  std::string text;
  const char* problem;  // of the first one
};
void PrintTo(const Trap& trap, std::ostream* out) {
  *out << trap.name;
}

class YamlTrap : public ::testing::TestWithParam<Trap> {};

TEST_P(YamlTrap, IsAProblemWithItsPosition) {
  EXPECT_EQ(first_problem(GetParam().text), GetParam().problem);
}

std::string repeated(std::string_view piece, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += piece;
  return out;
}

const Trap kTraps[] = {
    {"duplicate_key", "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key 'a'"},
    {"duplicate_key_in_flow_map", "x: {a: 1, a: 2}\n", "f.yaml:1:11: duplicate key 'a'"},
    {"duplicate_key_once_quoted", "a: 1\n\"a\": 2\n", "f.yaml:2:1: duplicate key 'a'"},
    {"anchor_on_scalar", "a: &x 1\n",
     "f.yaml:1:4: anchors are not read; write the value out, or use lists and include"},
    {"anchor_on_map", "a: &x\n  b: 1\n",
     "f.yaml:1:4: anchors are not read; write the value out, or use lists and include"},
    {"anchor_on_list", "a: &x [1]\n",
     "f.yaml:1:4: anchors are not read; write the value out, or use lists and include"},
    {"anchor_on_nothing", "a: &x\n",
     "f.yaml:1:4: anchors are not read; write the value out, or use lists and include"},
    {"alias_to_itself", "a: &x [*x]\n",
     "f.yaml:1:4: anchors are not read; write the value out, or use lists and include"},
    {"alias_to_nothing", "a: *x\n",
     "f.yaml:1:4: not YAML here: the referenced anchor is not defined"},
    {"merge_key", "a:\n  <<: {b: 1}\n",
     "f.yaml:2:3: merge keys are not read; write the values out, or use include"},
    {"tag", "a: !!str 010\n", "f.yaml:1:4: tags are not read; remove it"},
    {"tag_on_list", "a: !!seq [1]\n", "f.yaml:1:4: tags are not read; remove it"},
    {"own_tag", "a: !env X\n", "f.yaml:1:4: tags are not read; remove it"},
    {"bare_tag", "a: ! 010\n", "f.yaml:1:4: tags are not read; remove it"},
    {"second_document", "a: 1\n---\nb: 2\n",
     "f.yaml:2:1: a second document, or content behind the end of the first; one file is one "
     "document"},
    {"content_behind_flow_map", "{a: 1}\nb: 2\n",
     "f.yaml:2:1: a second document, or content behind the end of the first; one file is one "
     "document"},
    {"map_behind_list", "- a\nb: 1\n",
     "f.yaml:2:1: a second document, or content behind the end of the first; one file is one "
     "document"},
    {"list_as_key", "? [a]\n: 1\n", "f.yaml:1:3: a key must be a word"},
    {"map_as_key", "{a: 1}: 2\n", "f.yaml:1:1: a key must be a word"},
    {"null_as_key", "~: 2\n", "f.yaml:1:1: a key must be a word"},
    {"directive", "%YAML 1.1\n---\na: yes\n",
     "f.yaml:1:1: YAML directives are not read; remove this line"},
    {"directive_behind_comment", "# x\n\n%TAG ! tag:x,2000:\n---\na: 1\n",
     "f.yaml:3:1: YAML directives are not read; remove this line"},
    {"open_double_quote", "a: \"x\n", "f.yaml:1:4: this quoted text is never closed"},
    {"open_single_quote", "a: 1\nb: 'it''s\n", "f.yaml:2:4: this quoted text is never closed"},
    {"open_list", "a: [x,\n", "f.yaml:2:1: not YAML here: end of sequence flow not found"},
    {"colon_in_plain_text", "a: b: c\n", "f.yaml:1:5: not YAML here: illegal map value"},
    {"bad_escape", "a: \"\\q\"\n", "f.yaml:1:7: not YAML here: unknown escape character: q"},
    {"reserved_character", "a: @acme/x\n", "f.yaml:1:4: not YAML here: unknown token"},
    {"nul_character", std::string("a: x\0y\n", 7),
     "f.yaml:1:5: a control character; write it as an escape in a double-quoted text"},
    {"escape_character", "a: 1\nb: \x1b[2J\n",
     "f.yaml:2:4: a control character; write it as an escape in a double-quoted text"},
    {"latin_1", "a: caf\xe9\n", "f.yaml:1:7: not UTF-8 text"},
    {"overlong_utf_8", "a: \xc0\xaf\n", "f.yaml:1:4: not UTF-8 text"},
    {"surrogate", "a: \xed\xa0\x80\n", "f.yaml:1:4: not UTF-8 text"},
    {"utf_16", std::string("a\0:\0 \0", 6),
     "f.yaml:1:2: a control character; write it as an escape in a double-quoted text"},
    {"deep_flow", repeated("[", 40) + repeated("]", 40), "f.yaml:1:33: nested deeper than 32"},
    // yaml-cpp takes each open bracket for the key of a one-pair map, too.
    {"deep_flow_never_closed", repeated("[", 100'000), "f.yaml:1:17: nested deeper than 32"},
    {"too_large", std::string((1 << 20) + 1, '#'), "f.yaml:1:1: larger than 1 MiB"},
    {"column_counts_characters", "\xc3\xbc: {\xc3\xa4: 1, \xc3\xa4: 2}\n",
     "f.yaml:1:11: duplicate key '\xc3\xa4'"},
    {"byte_order_mark_shifts_nothing",
     "\xef\xbb\xbf"
     "a: 1\na: 2\n",
     "f.yaml:2:1: duplicate key 'a'"},
    {"windows_line_ends", "a: 1\r\nb: 2\r\na: 3\r\n", "f.yaml:3:1: duplicate key 'a'"},
};

INSTANTIATE_TEST_SUITE_P(Traps, YamlTrap, ::testing::ValuesIn(kTraps),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Yaml, BillionLaughsStopsAtTheFirstLaughs) {
  std::string text = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (char c = 'b'; c <= 'z'; ++c) {
    const std::string above(1, static_cast<char>(c - 1));
    text += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) text += (i ? ", *" : "*") + above;
    text += "]\n";
  }
  const YamlDocument document = parse_yaml(text, "f.yaml");
  EXPECT_EQ(document.problems.size(), 50U);
  EXPECT_EQ(document.root.kind, Kind::kNull);
}

TEST(Yaml, NothingOfABadDocumentIsHandedOut) {
  const YamlDocument document = parse_yaml("a: 1\na: 2\n", "f.yaml");
  EXPECT_EQ(document.problems.size(), 1U);
  EXPECT_TRUE(document.root.members.empty());
}

TEST(Yaml, EveryProblemIsTold) {
  const YamlDocument document = parse_yaml("a: &x 1\nb: 2\nb: !t 3\n", "f.yaml");
  std::string all;
  for (const Problem& problem : document.problems) all += problem.at.str() + " ";
  EXPECT_EQ(all, "f.yaml:1:4 f.yaml:3:1 f.yaml:3:4 ");
}

TEST(Yaml, EmptyTextsAreNull) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~", "\xef\xbb\xbf"}) {
    const YamlDocument document = parse_yaml(text, "f.yaml");
    EXPECT_TRUE(document.problems.empty()) << text;
    EXPECT_EQ(document.root.kind, Kind::kNull) << text;
  }
}

TEST(Yaml, ScalarsStayTextAndKnowWhetherTheyWereQuoted) {
  const YamlDocument document =
      parse_yaml("a: 010\nb: \"010\"\nc: yes\nd: 'x'\ne: |\n  x\n  y\nf: 0x1F\ng: 1e3\n", "f.yaml");
  ASSERT_TRUE(document.problems.empty());
  const auto scalar = [&](const char* key) {
    const YamlNode* node = document.root.find(key);
    return node == nullptr ? std::string("absent") : node->scalar + (node->quoted ? " quoted" : "");
  };
  EXPECT_EQ(scalar("a"), "010");
  EXPECT_EQ(scalar("b"), "010 quoted");
  EXPECT_EQ(scalar("c"), "yes");
  EXPECT_EQ(scalar("d"), "x quoted");
  EXPECT_EQ(scalar("e"), "x\ny\n quoted");
  EXPECT_EQ(scalar("f"), "0x1F");
  EXPECT_EQ(scalar("g"), "1e3");
}

TEST(Yaml, PositionsOfNodes) {
  const YamlDocument document = parse_yaml("a:\n  - x\n  - {b: y}\nc:\nd: ~\nnull: 1\n", "f.yaml");
  ASSERT_TRUE(document.problems.size() == 1) << "null as key";
  const YamlDocument good = parse_yaml("a:\n  - x\n  - {b: y}\nc:\nd: ~\n", "f.yaml");
  ASSERT_TRUE(good.problems.empty());
  const YamlNode* list = good.root.find("a");
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->kind, Kind::kSequence);
  ASSERT_EQ(list->items.size(), 2U);
  EXPECT_EQ(list->items[0].at.str(), "f.yaml:2:5");
  EXPECT_EQ(list->items[1].at.str(), "f.yaml:3:5");
  EXPECT_EQ(list->items[1].find("b")->at.str(), "f.yaml:3:9");
  EXPECT_EQ(good.root.find("c")->kind, Kind::kNull);
  EXPECT_EQ(good.root.find("c")->at.str(), "f.yaml:4:1") << "an empty value stands at its key";
  EXPECT_EQ(good.root.find("d")->at.str(), "f.yaml:5:4");
  EXPECT_EQ(good.root.find("e"), nullptr);
}

TEST(Yaml, AllowsWhatIsNoTrap) {
  for (const char* text : {"---\na: 1\n...\n", "a: 'it''s'\n", "a: \"\\\"\"\n", "\"<<\": 1\n",
                           "a: \"<<\"\nb: 50%\n", "a:\n- b\n- c\n", "{a: {b: [c, d]}}"}) {
    EXPECT_EQ(first_problem(text), "") << text;
  }
}

TEST(Yaml, NestingUpToTheLimitIsRead) {
  const std::string deep = repeated("[", 32) + repeated("]", 32);
  EXPECT_EQ(first_problem(deep), "");
  EXPECT_EQ(first_problem("[" + deep + "]"), "f.yaml:1:33: nested deeper than 32");
}

// Every prefix and every one-byte change of a document: a verdict without a crash, and never
// silence about broken quotes.
TEST(Yaml, DamagedTextNeverCrashes) {
  const std::string text =
      "version: 1\nlists: {a: [x, \"@s/*\"]}\nrules:\n  - id: r\n    when: {not: {package: "
      "['q']}}\n    then: block\n";
  for (std::size_t i = 0; i < text.size(); ++i) {
    (void)parse_yaml(text.substr(0, i), "f.yaml");
    for (const char c :
         {'\0', '"', '\'', '[', '{', '&', '*', '!', '\n', '\t', ':', '\xff', '%', '-', '|'}) {
      std::string changed = text;
      changed[i] = c;
      const YamlDocument document = parse_yaml(changed, "f.yaml");
      for (const Problem& problem : document.problems) {
        EXPECT_GE(problem.at.line, 1);
        EXPECT_GE(problem.at.column, 1);
      }
    }
  }
}

}  // namespace
}  // namespace npmgate
