#include "alert/escape.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

TEST(SlackEscape, NothingLinksMentionsOrFormats) {
  EXPECT_EQ(slack_escape("<!channel> & <https://evil.example|safe>").find('<'), std::string::npos);
  EXPECT_EQ(slack_escape("a&b<c>"), "a&amp;b&lt;c&gt;");
  EXPECT_EQ(slack_escape("*bold*"), "*\u200Bbold*\u200B");
  EXPECT_EQ(slack_escape("@here"), "@\u200Bhere");
}

TEST(MarkdownEscape, NothingLinksMentionsOrFormats) {
  EXPECT_EQ(markdown_escape("[x](y)"), "\\[x\\]\\(y\\)");
  EXPECT_EQ(markdown_escape("@octocat #12"), "&#64;octocat &#35;12");
  EXPECT_EQ(markdown_escape("<img src=x>"), "&lt;img src\\=x&gt;");
  EXPECT_EQ(markdown_escape("`code` *b* _i_ ~s~ |"), "\\`code\\` \\*b\\* \\_i\\_ \\~s\\~ \\|");
  EXPECT_EQ(markdown_escape("&lt;"), "&amp;lt\\;");
}

TEST(CodeSpan, CannotBeEndedFromInside) {
  EXPECT_EQ(code_span("a"), "`a`");
  EXPECT_EQ(code_span("a`b"), "``a`b``");
  EXPECT_EQ(code_span("`a``"), "``` `a`` ```");
  EXPECT_EQ(code_span("a\nb"), "`a\\u000ab`");
}

TEST(CodeBlock, CannotBeEndedFromInside) {
  EXPECT_EQ(code_block("a\nb", "sh"), "```sh\na\nb\n```\n");
  EXPECT_EQ(code_block("```\n# x"), "````\n```\n# x\n````\n");
  EXPECT_EQ(code_block("a\x1b[2J"), "```\na\\u001b[2J\n```\n");
}

TEST(MailHeader, NoLineEndGetsThrough) {
  const std::string value = mail_header("x\r\nBcc: all@corp.example\r\n\r\nbody");
  EXPECT_EQ(value.find('\n'), std::string::npos);
  EXPECT_EQ(value.find('\r'), std::string::npos);
  EXPECT_EQ(mail_header("plain text"), "plain text");
}

TEST(MailHeader, OtherThanAsciiBecomesWordsThatDoNotCutCharacters) {
  EXPECT_EQ(mail_header("\xC3\xA9"), "=?UTF-8?B?w6k=?=");
  // "=?" must not pass for an encoded word.
  EXPECT_EQ(mail_header("=?UTF-8?B?w6k=?="), "=?UTF-8?B?PT9VVEYtOD9CP3c2az0/PQ==?=");
  std::string text;
  for (int i = 0; i < 40; ++i) text += "\xE2\x82\xAC";
  const std::string folded = mail_header(text);
  // 45 bytes are 15 characters of three bytes: three words.
  EXPECT_EQ(std::count(folded.begin(), folded.end(), '\n'), 2);
  for (std::size_t at = 0; (at = folded.find("\r\n", at)) != std::string::npos; ++at)
    EXPECT_EQ(folded[at + 2], ' ');
}

}  // namespace
}  // namespace npmgate
