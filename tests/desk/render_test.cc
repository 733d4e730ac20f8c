#include "proxy/desk/render.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

TEST(DeskRender, EscapesWhatHtmlGivesAMeaning) {
  EXPECT_EQ(render("<p>{{x}}</p>", {{"x", "<script>\"&'"}}),
            "<p>&lt;script&gt;&quot;&amp;&apos;</p>");
}

TEST(DeskRender, ShowsInvisibleAndControlCharacters) {
  EXPECT_EQ(render("{{x}}", {{"x",
                              "a\xE2\x80\xAE"
                              "b\x1b[31m"}}),
            "a\\u202eb\\u001b[31m");
  EXPECT_EQ(render("{{x}}", {{"x", "one\ntwo"}}), "one\ntwo");
  EXPECT_EQ(render("{{x}}", {{"x", "one longer line\nb\n\nc\n"}}), "one longer line\nb\n\nc");
}

TEST(DeskRender, EmptyTextNullAndEmptyListsAreFalse) {
  const boost::json::object model{
      {"empty", ""}, {"none", nullptr}, {"list", boost::json::array{}}, {"zero", 0}, {"full", "x"}};
  EXPECT_EQ(render("{{#empty}}1{{/empty}}{{#none}}2{{/none}}{{#list}}3{{/list}}", model), "");
  EXPECT_EQ(render("{{#full}}{{full}}{{/full}} {{zero}}", model), "x 0");
}

TEST(DeskRender, CutsWhatNoPageCanShow) {
  EXPECT_LT(render("{{x}}", {{"x", std::string(100'000, 'x')}}).size(), 5'000u);
}

TEST(DeskRender, APageNamesItselfInTheNavigation) {
  Frame frame;
  frame.title = "Audit <trail>";
  frame.path = "/desk/audit";
  frame.actor = "rita";
  frame.csrf = "secret";
  const std::string page = framed(frame, "<b>body</b>");
  EXPECT_NE(page.find("<title>Audit &lt;trail&gt; - npm-gate</title>"), page.npos);
  EXPECT_NE(page.find("href=\"/desk/audit\" aria-current=\"page\""), page.npos);
  EXPECT_NE(page.find("<b>body</b>"), page.npos);
  EXPECT_EQ(page.find("aria-current", page.find("aria-current") + 1), page.npos);
  frame.actor.clear();
  EXPECT_EQ(framed(frame, "").find("<nav"), std::string::npos);
}

}  // namespace
}  // namespace npmgate
