// The plain spelling that code is searched in, and above all: what is never taken for a comment.
#include "inspect/code/lexer.h"

#include <gtest/gtest.h>

#include "tests/support/table.h"

namespace npmgate {
namespace {

std::string literals(const PlainCode& code) {
  std::string out;
  for (const auto& literal : code.literals) {
    if (!out.empty()) out += '|';
    out += code.text.substr(literal.begin, literal.size);
  }
  return out;
}

struct TextCase {
  const char* name;
  const char* code;
  const char* text;
};
class PlainScript : public ::testing::TestWithParam<TextCase> {};
TEST_P(PlainScript, IsSpelledSo) {
  const auto code = plain_code(GetParam().code, Syntax::kScript);
  EXPECT_EQ(code.text, GetParam().text);
  EXPECT_FALSE(code.lost);
}

INSTANTIATE_TEST_SUITE_P(Spacing, PlainScript,
                         ::testing::Values(TextCase{"empty", "", ""},
                                           TextCase{"blanks", " \t\n", ""},
                                           TextCase{"words", "return  x ;", "return x;"},
                                           TextCase{"call", "eval ( x )", "eval(x)"},
                                           TextCase{"keyword_and_text", "return 'a'", "return'a'"},
                                           TextCase{"signs", "a + +b - -c + -d", "a+ +b- -c+-d"},
                                           TextCase{"line_comment", "a // b\nc", "a c"},
                                           TextCase{"block_comment", "a/* b */.c", "a.c"},
                                           TextCase{"comment_between_words", "a/**/b", "a b"},
                                           TextCase{"hash_bang", "#!/usr/bin/env node\na", "a"},
                                           TextCase{"line_separator",
                                                    "// a\xE2\x80\xA8"
                                                    "b()",
                                                    "b()"},
                                           TextCase{"private_name", "this.#in / 2", "this.#in/2"},
                                           TextCase{"byte_order_mark",
                                                    "\xEF\xBB\xBF"
                                                    "a",
                                                    "a"}),
                         kRowName);

INSTANTIATE_TEST_SUITE_P(
    Literals, PlainScript,
    ::testing::Values(
        TextCase{"comment_inside", "x('// no', \"/* no */\", `// no`)",
                 "x('// no',\"/* no */\",`// no`)"},
        TextCase{"hex", "'\\x61\\u0062\\u{63}'", "'abc'"}, TextCase{"octal", "'\\141\\60'", "'a0'"},
        TextCase{"not_printable", "'\\x00\\u2028'", "'\\x00\\u2028'"},
        TextCase{"broken_escape", "'\\xg1\\u12'", "'\\xg1\\u12'"},
        TextCase{"quotes", "'it\\'s'", "'it's'"}, TextCase{"newline", "'a\\nb'", "'a\nb'"},
        TextCase{"continued", "'a\\\nb'", "'ab'"}, TextCase{"joined", "'a' + 'b'+\"c\"", "'abc\""},
        TextCase{"not_joined", "'a' + b + 'c'", "'a'+b+'c'"},
        TextCase{"joined_over_comment", "'a' /* + */ + 'b'", "'ab'"},
        TextCase{"member", "a['b']['c'](d)", "a.b.c(d)"},
        TextCase{"member_joined", "a['b' + 'c']", "a.bc"},
        TextCase{"member_of_call", "a()['b']", "a().b"}, TextCase{"list", "x = ['b']", "x=['b']"},
        TextCase{"not_a_name", "a['b-c']", "a['b-c']"},
        TextCase{"name_escape", "\\u0065val(x)", "eval(x)"}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Templates, PlainScript,
    ::testing::Values(TextCase{"plain", "`a b`", "`a b`"},
                      TextCase{"value", "`a${ b + c }d`", "`a${b+c}d`"},
                      TextCase{"nested", "`a${ `b${ c }` }d`", "`a${`b${c}`}d`"},
                      TextCase{"object_inside", "`${ {a: 1}.a }`", "`${{a:1}.a}`"},
                      TextCase{"escaped", "`\\${a}`", "`${a}`"}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    RegularExpressions, PlainScript,
    ::testing::Values(TextCase{"after_assignment", "a = /[/*]'/; b", "a=/[/*]'/;b"},
                      TextCase{"after_return", "return /'/g", "return/'/g"},
                      TextCase{"after_condition", "if (a) /'/.test(b)", "if(a)/'/.test(b)"},
                      TextCase{"after_block", "if(a){} /'/.test(b)", "if(a){}/'/.test(b)"},
                      TextCase{"division", "a / b / c", "a/b/c"},
                      TextCase{"division_of_call", "f(a) / 2 // '", "f(a)/2"},
                      TextCase{"division_of_element", "a[0] / 2", "a[0]/2"},
                      TextCase{"division_of_expression", "/a/ / 2", "/a//2"},
                      TextCase{"escaped_slash", "a = /\\/*'/", "a=/\\/*'/"},
                      TextCase{"in_arguments", "x(/'/, /\"/)", "x(/'/,/\"/)"},
                      TextCase{"after_arrow", "x => /'/", "x=>/'/"}),
    kRowName);

TEST(PlainScriptFlags, CountsEscapesOfCodeOnly) {
  EXPECT_EQ(plain_code("'\\x41' + `\\u0042` // '\\x43'", Syntax::kScript).escapes, 2u);
}

TEST(PlainScriptFlags, ListsLiteralsInOrder) {
  EXPECT_EQ(literals(plain_code("x('abc', \"def\", `g${'hij'}klm`, 'no')", Syntax::kScript)),
            "abc|def|hij|klm");
  EXPECT_EQ(literals(plain_code("x('ab' + 'cd' + 'ef', y['name'])", Syntax::kScript)), "abcdef");
}

// Each row tries to make a lexer see a comment where JavaScript sees code. Either it is read right
// or the text is given up as lost; in both cases the marked call stays in sight.
struct HidingCase {
  const char* name;
  const char* code;
};
class Hiding : public ::testing::TestWithParam<HidingCase> {};
TEST_P(Hiding, DoesNotWork) {
  const auto code = plain_code(GetParam().code, Syntax::kScript);
  EXPECT_NE(code.text.find("payload("), std::string::npos)
      << (code.lost ? "lost: " : "read: ") << code.text;
}
INSTANTIATE_TEST_SUITE_P(
    Rows, Hiding,
    ::testing::Values(
        HidingCase{"class_in_expression", "a = /[/*]/; payload(); /* */"},
        HidingCase{"after_condition", "if (1) /[/*]/.test(x); payload(); /* */"},
        HidingCase{"after_while", "while (0) /[/*]/.test(x); payload(); /* */"},
        HidingCase{"after_block", "{} /[/*]/.test(x); payload(); /* */"},
        HidingCase{"after_label", "a: {} /[/*]/.test(payload()); /* */"},
        HidingCase{"after_case", "switch (1) { case 1: {} /[/*]/.test(payload()); /* */ }"},
        HidingCase{"after_function", "x = function () {} / \"/ //\" ; payload()"},
        HidingCase{"after_object", "x = {} / \"/ //\" ; payload()"},
        HidingCase{"after_contextual_name", "of /a;\"/; //\"; payload()"},
        HidingCase{"after_yield", "yield /a;\"/; //\"; payload()"},
        HidingCase{"after_property", "a.return / \"/ //\" ; payload()"},
        HidingCase{"after_spread_keyword", "x(...typeof/[/*]/, payload() /* */)"},
        HidingCase{"after_increment", "a\n++/[/*]/.x; payload(); /* */"},
        HidingCase{"html_comment", "<!-- /*\npayload()\n<!-- */"},
        HidingCase{"html_close_comment", "a\n--> /*\npayload()\n--> */"},
        HidingCase{"line_separator", "// a\xE2\x80\xA9 payload()"},
        HidingCase{"carriage_return", "// a\rpayload()"},
        HidingCase{"open_comment", "/* payload()"}, HidingCase{"open_text", "'\npayload()"},
        HidingCase{"open_template", "`payload()"},
        HidingCase{"template_end", "`${'`'}` + payload() // `"},
        HidingCase{"open_bracket", "(/* */ payload()"},
        HidingCase{"wrong_bracket", "(] /* payload() */"},
        HidingCase{"await_paren", "await (0) / 'a/' + '/*'; payload(); '*/ //'"},
        HidingCase{"wide_blank_word", "typeof\xC2\xA0/[/*]/; payload(); typeof\xC2\xA0/[*/]/"},
        HidingCase{"byte_order_mark", "\xEF\xBB\xBF/[/*]/; payload(); /[*/]/"},
        HidingCase{"close_behind_lines", "0/*\n*/--> /*\npayload()\n//*/"},
        HidingCase{"object_in_template", "`${ {} / 'a/' + '/*' + payload() + '*/ //'}`"},
        HidingCase{"in_behind_point", "1. in /[/*]/; payload(); /[*/]/"},
        HidingCase{"regexp_over_line", "a = /'\n/* payload() */"}),
    kRowName);

TEST(Lost, KeepsCommentsAndLiterals) {
  const auto code = plain_code("// http a\n) 'http b'; it's", Syntax::kScript);
  EXPECT_TRUE(code.lost);
  EXPECT_NE(code.text.find("http a"), std::string::npos);
  EXPECT_EQ(literals(code), "http b");
}

TEST(Lost, NeverForRealShapes) {
  for (const char* code :
       {"class A extends B { static x = 1; #y; get z() { return this.#y / 2 } }",
        "for (const a of b) { a.x ||= /\\//; }",
        "label: for (;;) { if (a) break label; else continue }",
        "const { a = 1, ...b } = c ?? d?.['e']",
        "async function* f() { for await (const x of y) yield x }", "export default class {}",
        "a = b ? { c } : [d]; e = (f, g) => ({ h })", "do { i-- } while (i --> 0)",
        "x = `a${b ? `c${d}` : ''}e`", "switch (a) { case 'b': { c() } break; default: d() }",
        "var a = 1e3 / 2.5 / .5, b = a++ + +c, d = !/e/.test(f)"})
    EXPECT_FALSE(plain_code(code, Syntax::kScript).lost) << code;
}

// Growth, not seconds: twice the text may not cost much more than twice the time; here only that it
// ends and keeps its size.
TEST(PlainScriptSize, NeverGrows) {
  for (const char* unit :
       {"(", "/[", "=/[", "`${", "'", "\\u", "<!--", "a['b']", "'a'+", "it's\n", "\"\n"}) {
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += unit;
    const auto code = plain_code(text, Syntax::kScript);
    EXPECT_LE(code.text.size(), text.size() + 2) << unit;
    EXPECT_LE(code.literals.size(), text.size() / 3 + 1) << unit;
  }
}

TEST_P(PlainScript, AnyPrefixIsHandled) {
  const std::string code = GetParam().code;
  for (std::size_t n = 0; n <= code.size(); ++n)
    EXPECT_LE(plain_code(code.substr(0, n), Syntax::kScript).text.size(), n + 2);
}

struct ShellCase {
  const char* name;
  const char* code;
  const char* text;
};
class PlainShell : public ::testing::TestWithParam<ShellCase> {};
TEST_P(PlainShell, IsSpelledSo) {
  EXPECT_EQ(plain_code(GetParam().code, Syntax::kShell).text, GetParam().text);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, PlainShell,
    ::testing::Values(ShellCase{"blanks", "  a \t b\n", "a b\n"},
                      ShellCase{"comment_line", "# a\nb\n  # c\nd", "\nb\n\nd"},
                      ShellCase{"comment_behind", "a # b", "a # b"},
                      ShellCase{"continued", "cu\\\nrl", "curl"},
                      ShellCase{"in_quotes", "x='\n# a\n'", "x='\n# a\n'"},
                      ShellCase{"in_double_quotes", "x=\"\n# a\n\"", "x=\"\n# a\n\""},
                      ShellCase{"apostrophe_in_quotes", "x=\"it's\"\n# a\n", "x=\"it's\"\n\n"},
                      ShellCase{"escaped_quote", "x=\\'\n# a\n", "x=\\'\n\n"},
                      ShellCase{"here_document", "cat <<E\n# a\nE\n", "cat <<E\n# a\nE\n"},
                      ShellCase{"ansi_quotes", "x=$'\\''\n# a\n", "x=$'\\''\n# a\n"},
                      ShellCase{"powershell_here_string", "$x = @'\n# a\n'@", "$x = @'\n# a\n'@"}),
    kRowName);

TEST(PlainBatch, DropsEscapesAndSureComments) {
  EXPECT_EQ(plain_code("@c^url x\r\nrem a\r\n::b\r\nREM a & b\r\n", Syntax::kBatch).text,
            "curl x\r\nREM a & b\r\n");
}

TEST(PlainText, IsLeftAlone) {
  EXPECT_EQ(plain_code("a  # b // c", Syntax::kPlain).text, "a  # b // c");
}

struct SyntaxCase {
  const char* name;
  const char* path;
  const char* text;
  Syntax syntax;
};
class SyntaxOf : public ::testing::TestWithParam<SyntaxCase> {};
TEST_P(SyntaxOf, PathAndShebang) {
  EXPECT_EQ(syntax_of(GetParam().path, GetParam().text), GetParam().syntax);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, SyntaxOf,
    ::testing::Values(SyntaxCase{"js", "a/b.js", "", Syntax::kScript},
                      SyntaxCase{"sh", "a/b.sh", "", Syntax::kShell},
                      SyntaxCase{"upper", "A.SH", "", Syntax::kShell},
                      SyntaxCase{"bat", "a.Bat", "", Syntax::kBatch},
                      SyntaxCase{"ps1", "a.ps1", "", Syntax::kShell},
                      SyntaxCase{"py", "a.py", "", Syntax::kShell},
                      SyntaxCase{"vbs", "a.vbs", "", Syntax::kPlain},
                      SyntaxCase{"node_shebang", "bin/x", "#!/usr/bin/env node\n", Syntax::kScript},
                      SyntaxCase{"sh_shebang", "bin/x", "#!/bin/sh\n", Syntax::kShell},
                      SyntaxCase{"sh_shebang_on_js", "x.js", "#!/bin/sh\n", Syntax::kShell},
                      SyntaxCase{"node_shebang_on_sh", "x.sh", "#!/usr/bin/env node",
                                 Syntax::kScript},
                      SyntaxCase{"nothing", "bin/x", "a", Syntax::kScript},
                      SyntaxCase{"folder_name", "a.sh/b", "", Syntax::kScript}),
    kRowName);

}  // namespace
}  // namespace npmgate
