#include "proxy/desk/models.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "proxy/desk/data.h"
#include "proxy/desk/render.h"

namespace npmgate {
namespace {

boost::json::object parsed(std::string_view text) {
  return boost::json::parse(text).as_object();
}

const char* const kListing = R"({"next":null,"releases":[{"name":"@acme/left","version":"1.0.1",
  "verdict":"quarantine","waiting":3,"ends":null,"seen":"2026-11-28T05:50:44.000Z","rules":["takeover"],
  "replaces":[],"findings":[{"id":"size-jump","severity":"low","message":"grew"},
  {"id":"install-script-added","severity":"high","message":"postinstall added <b>"}]}]})";

TEST(DeskModels, TheQueueSaysWhatIsHeldWhyAndWhoWaits) {
  const std::string page =
      render(data::desk_queue(),
             queue_model(parsed(kListing), {"quarantine", "", "", "", "", ""}, "secret"));
  EXPECT_NE(page.find("href=\"/desk/releases/@acme%2Fleft/1.0.1\""), page.npos);
  EXPECT_NE(page.find("postinstall added &lt;b&gt; (rule takeover)"), page.npos);
  EXPECT_EQ(page.find("grew"), page.npos) << "the gravest finding speaks";
  EXPECT_NE(page.find("somebody decides"), page.npos);
  EXPECT_NE(page.find("value=\"secret\""), page.npos);
}

TEST(DeskModels, AnEmptyQueueSaysSo) {
  const std::string page =
      render(data::desk_queue(), queue_model(parsed(R"({"releases":[],"next":null})"),
                                             {"quarantine", "", "", "", "", ""}, "c"));
  EXPECT_NE(page.find("No release is waiting"), page.npos);
  EXPECT_EQ(page.find("<table"), page.npos);
}

const char* const kRelease =
    R"({"name":"left","version":"1.0.1","content":"c0","seen":"5eed","inspected":true,
  "baseline":"1.0.0","explain":"held","verdict":{"action":"quarantine"},"ways_out":["wait"],
  "findings":[{"id":"x","severity":"high","message":"m","proof":{"file":"a.js"}}],
  "diff":{"install_scripts":[{"change":"added","key":"postinstall","before":"","after":"node a.js"}]},
  "waiting":[],"decisions":[]})";

const char* const kDiff =
    R"json({"files":[{"path":"a.js","change":"added","shown":"lines","added":1,
  "removed":0,"on_install":true,"new_traits":["network"],"noise":"","cut":false,"hunks":[[["+",0,1,"fetch('<x>')"]]],
  "marks":[{"finding":"x","severity":"high","message":"m","line":1}]},
  {"path":"README.md","change":"changed","shown":"lines","added":1,"removed":1,"noise":"document","hunks":[]}]})json";

TEST(DeskModels, AReleaseShowsItsLinesAndWhatAnApprovalCovers) {
  const auto diff = parsed(kDiff);
  const std::string page =
      render(data::desk_release(), release_model(parsed(kRelease), diff, "secret"));
  EXPECT_NE(page.find("fetch(&apos;&lt;x&gt;&apos;)"), page.npos);
  EXPECT_NE(page.find("runs on install"), page.npos);
  EXPECT_NE(page.find("name=\"content\" value=\"c0\""), page.npos);
  EXPECT_NE(page.find("name=\"seen\" value=\"5eed\""), page.npos);
  EXPECT_NE(page.find("value=\"approve\""), page.npos);
  EXPECT_EQ(page.find("value=\"reopen\""), page.npos) << "nothing was decided";
  const std::size_t readme = page.find("README.md");
  EXPECT_GT(readme, page.find("a.js"));
  EXPECT_EQ(page.substr(0, readme).rfind("<details class=\"file\">"),
            page.substr(0, readme).rfind("<details"))
      << "noise is folded";
}

TEST(DeskModels, AFindingStandsAtItsLine) {
  auto diff = parsed(kDiff);
  diff["files"].as_array()[0].as_object()["hunks"] =
      boost::json::parse(R"([[["-",1,0,"old"],["+",0,1,"new"],["+",0,2,"more"]]])");
  const std::string page =
      render(data::desk_release(), release_model(parsed(kRelease), diff, "secret"));
  EXPECT_NE(page.find("+new <strong class=\"note\">x</strong>"), page.npos);
  EXPECT_NE(page.find("+more</td>"), page.npos);
  EXPECT_NE(page.find("-old</td>"), page.npos);
}

TEST(DeskModels, TheReviewerSeesWhoAsksAndAnswersThere) {
  auto release = parsed(kRelease);
  release["served_instead"] = "1.0.0";
  release["requests"] = boost::json::parse(
      R"json([{"id":7,"name":"left","version":"1.0.1","state":"open","opened":"2026-11-28T05:50:44.000Z",
  "answered":null,"by":"","reason":"","instead":"","askers":[{"who":"token ci","project":"<b>shop</b>",
  "reason":"Thursday","needed_until":null,"asked":"2026-11-28T05:50:44.000Z"}]}])json");
  const std::string page =
      render(data::desk_release(), release_model(release, parsed(R"({"files":[]})"), "secret"));
  EXPECT_NE(page.find("token ci, project &lt;b&gt;shop&lt;/b&gt;: Thursday"), page.npos);
  EXPECT_NE(page.find("name=\"request\" value=\"7\""), page.npos);
  EXPECT_NE(page.find("name=\"instead\" value=\"1.0.0\""), page.npos);
  EXPECT_EQ(page.find("needed until"), page.npos);
}

TEST(DeskModels, FiltersAndOrderOfTheQueueGoWithItsNextPage) {
  auto listing = parsed(kListing);
  listing["next"] = "k&1";
  const QueueQuery query{"all", "@acme/*", "asked", "high", "new-hooks", "risk"};
  EXPECT_EQ(query.text(false),
            "package=%40acme%2F%2A&only=asked&severity=high&rule=new-hooks&sort=risk");
  const std::string page = render(data::desk_queue(), queue_model(listing, query, "c"));
  EXPECT_NE(page.find("href=\"/desk?verdict=all&amp;package=%40acme%2F%2A&amp;only=asked&amp;"
                      "severity=high&amp;rule=new-hooks&amp;sort=risk&amp;cursor=k%261\""),
            page.npos)
      << page;
  for (const char* const chosen : {"\"asked\" selected", "\"high\" selected", "\"risk\" selected"})
    EXPECT_NE(page.find(chosen), page.npos) << chosen;
}

TEST(DeskModels, WhatWasShownOfARowGoesWithTheDecision) {
  auto listing = parsed(kListing);
  auto& row = listing["releases"].as_array()[0].as_object();
  row["content"] = "c0";
  row["shown"] = "5eed";
  row["projects"] = boost::json::array{"shop", "<b>site</b>"};
  const std::string page =
      render(data::desk_queue(), queue_model(listing, {"quarantine", "", "", "", "", ""}, "c"));
  EXPECT_NE(page.find("name=\"shown\" value=\"@acme/left@1.0.1 c0 5eed\""), page.npos) << page;
  EXPECT_NE(page.find("shop, &lt;b&gt;site&lt;/b&gt;"), page.npos);
}

TEST(DeskModels, BeforeADecisionThePageSaysWhatItWillChange) {
  auto release = parsed(kRelease);
  release["dist_tags"] = boost::json::object{{"latest", "1.0.0"}};
  release["waiting"] = boost::json::array{boost::json::object{{"client", "10.0.0.1"}}};
  const std::string form =
      "verb=approve&reason=%3Cb%3E&shown=left%401.0.1+old+old&release=left%401.0.1";
  const std::string page = render(data::desk_confirm(), confirm_model({release}, form, "secret"));
  for (const char* const words :
       {"Approve 1 release?", "latest moves from 1.0.0 to 1.0.1.", "1 client that was refused gets",
        "&lt;b&gt;</textarea>", "name=\"shown\" value=\"left@1.0.1 c0 5eed\"",
        "name=\"sure\" value=\"1\""})
    EXPECT_NE(page.find(words), page.npos) << words << page;
  const std::string some = render(data::desk_confirm(),
                                  confirm_model({release}, form + "&for=project%3Ashop", "secret"));
  EXPECT_EQ(some.find("latest moves"), some.npos) << "for everybody else nothing changes";
}

TEST(DeskModels, WhatADecisionCameToIsSaidInWordsOfOurs) {
  EXPECT_EQ(said("done=approve&n=3"), "Approved: 3 releases.");
  EXPECT_EQ(said("done=reject&n=1"), "Rejected: 1 release.");
  EXPECT_EQ(said("done=<b>&n=3"), "");
  EXPECT_EQ(said("done=approve&n=call+me"), "Approved: 1 release.");
  const auto refused = parsed(
      R"({"error":"nothing","changed":[{"name":"left","version":"1.0.1","why":"<changed>"}]})");
  const std::string page = render(data::desk_not_done(), not_done_model(refused));
  EXPECT_NE(page.find("/desk/releases/left/1.0.1"), page.npos);
  EXPECT_NE(page.find("&lt;changed&gt;"), page.npos);
}

TEST(DeskModels, APackagesTimelineMarksWhoAndWhatChanged) {
  const std::string page = render(data::desk_package(), package_model(parsed(R"json({"name":"left",
  "upstream":"public","fetched":"2026-11-28T05:50:44.000Z","versions":2,"maintainers":["rita"],
  "dist_tags":{"latest":{"upstream":"1.0.1","served":"1.0.0"}},"withdrawn":[],"decisions":[],
  "releases":[{"version":"1.0.1","verdict":"quarantine","published":null,"publisher":"<mallory>",
  "provenance":"","baseline":"1.0.0","deprecated":"","tags":["latest"],"findings":["x"]},
  {"version":"1.0.0","verdict":"allow","published":null,"publisher":"rita","provenance":"attested",
  "baseline":"","deprecated":"","tags":[],"findings":[]}]})json")));
  EXPECT_NE(page.find("&lt;mallory&gt; <strong class=\"warn\">another than before</strong>"),
            page.npos);
  EXPECT_NE(page.find("<strong class=\"warn\">lost</strong>"), page.npos);
  EXPECT_EQ(page.find("are shown."), page.npos);
}

TEST(DeskModels, WithoutADiffThePageSaysWhy) {
  const std::string page = render(
      data::desk_release(),
      release_model(parsed(kRelease), parsed(R"({"error":"the tarball is gone"})"), "secret"));
  EXPECT_NE(page.find("the tarball is gone"), page.npos);
  EXPECT_EQ(page.find("No file changed"), page.npos);
}

TEST(DeskModels, ABlockCannotBeApproved) {
  auto release = parsed(kRelease);
  release["verdict"] = boost::json::object{{"action", "block"}};
  const std::string page =
      render(data::desk_release(), release_model(release, parsed(R"({"files":[]})"), "s"));
  EXPECT_EQ(page.find("value=\"approve\""), page.npos);
}

}  // namespace
}  // namespace npmgate
