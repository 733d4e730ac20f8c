#include "app/report/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "app/report/text_writer.h"
#include "tests/app/golden.h"
#include "tests/app/report_scene.h"

namespace npmgate {
namespace {

using testing::Package;
using testing::ReportScene;
using testing::takeover_scene;

std::string pretty(const boost::json::value& value, const std::string& indent = "") {
  if (!value.is_object() || value.get_object().empty()) return boost::json::serialize(value);
  std::string out = "{\n";
  for (const auto& member : value.get_object()) {
    if (out.size() > 2) out += ",\n";
    out += indent + "  \"" + std::string(member.key()) +
           "\": " + pretty(member.value(), indent + "  ");
  }
  return out + "\n" + indent + "}";
}

TEST(Report, TakeoverReadsAsAStory) {
  EXPECT_GOLDEN("takeover.txt", report_text(takeover_scene()->input()));
}

TEST(Report, FitsANarrowTerminal) {
  const auto scene = takeover_scene();
  ReportInput input = scene->input();
  input.width = 64;
  const std::string text = report_text(input);
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    EXPECT_LE(columns_of(text.substr(at, end - at)), 64u) << text.substr(at, end - at);
  EXPECT_GOLDEN("takeover-64.txt", text);
}

TEST(Report, ColoursOnlyWhereAsked) {
  const auto scene = takeover_scene();
  ReportInput input = scene->input();
  EXPECT_EQ(report_text(input).find('\x1b'), std::string::npos);
  input.colour = true;
  EXPECT_NE(report_text(input).find("\x1b[1;31mquarantine\x1b[0m"), std::string::npos);
}

TEST(Report, JsonIsCompleteAndStable) {
  boost::json::object json = report_json(takeover_scene()->input());
  // The evidence's own form has its own test.
  EXPECT_TRUE(json.at("evidence").is_object());
  json["evidence"] = "…";
  EXPECT_GOLDEN("takeover.json", pretty(json) + "\n");
}

TEST(Report, SaysWhereNothingChanged) {
  Package before("pkg", "1.0.0"), now("pkg", "1.0.0");
  before.code("index.js", "same");
  now.code("index.js", "same");
  const ReportScene scene(std::move(before), std::move(now));
  const std::string text = report_text(scene.input());
  EXPECT_NE(text.find("all the same, byte for byte"), std::string::npos) << text;
  EXPECT_NE(text.find("findings  none"), std::string::npos) << text;
}

TEST(Report, JoinsWhatChangedAlike) {
  Package before("pkg", "1.0.0"), now("pkg", "1.0.1");
  for (const char* platform : {"linux", "darwin", "win32", "aix"}) {
    before.depends("optionalDependencies", platform, "1.0.0");
    now.depends("optionalDependencies", platform, "1.0.1");
  }
  before.depends("optionalDependencies", "other", "2.0.0");
  now.depends("optionalDependencies", "other", "2.0.1");
  const ReportScene scene(std::move(before), std::move(now));
  const std::string text = report_text(scene.input());
  EXPECT_NE(text.find("  ~ aix, darwin, linux, win32  1.0.0 → 1.0.1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  ~ other  2.0.0 → 2.0.1\n"), std::string::npos) << text;
}

TEST(Report, SaysWhatHasNoBaseline) {
  const auto scene = takeover_scene();
  Judged judged = scene->judged;
  judged.baseline.clear();
  judged.baseline_evidence.reset();
  ReportInput input = scene->input();
  input.judged = &judged;
  input.baseline = nullptr;
  const std::string text = report_text(input);
  EXPECT_NE(text.find("no earlier release to compare with"), std::string::npos) << text;
  EXPECT_EQ(text.find("\nfiles"), std::string::npos) << text;
  EXPECT_TRUE(report_json(input).at("diff").at("files").is_null());
}

TEST(Report, ShowsTheGitTagAndTheSignature) {
  const auto scene = takeover_scene();
  ExternalEvidence observed;
  observed.tag.emplace();
  observed.tag->state = TagEvidence::State::kMissing;
  observed.tag->repository = "https://git.example/left/right";
  observed.tag->habit = "v{version}";
  observed.signature_valid = false;
  ReportInput input = scene->input();
  input.observed = &observed;
  const std::string text = report_text(input);
  EXPECT_NE(text.find("none in https://git.example/left/right; earlier ones are named v{version}"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("INVALID"), std::string::npos);
  EXPECT_EQ(report_json(input).at("outside").at("git_tag").at("state"), "missing");
}

TEST(Report, ShowsWhetherTheCommitIsOnABranch) {
  const auto scene = takeover_scene();
  ExternalEvidence observed;
  BranchEvidence& branch = observed.branch.emplace();
  branch.commit = std::string(40, 'c');
  branch.named_by = "tag v1.0.1";
  ReportInput input = scene->input();
  input.observed = &observed;
  const std::string commit = "cccccccccccc (tag v1.0.1)";
  const auto shows = [&](const std::string& words) {
    EXPECT_NE(report_text(input).find(words), std::string::npos) << report_text(input);
  };
  branch.reason = "no filter";
  shows("unknown: no filter");
  branch.state = BranchEvidence::State::kOnBranch;
  shows(commit + " is on a branch\n");
  branch.state = BranchEvidence::State::kOnNone;
  shows(commit + " is on NO branch\n");
  branch.earlier = {"1.0.0"};
  shows("on NO branch; not all of earlier releases are either");
  branch.earlier_on_branches = true;
  shows("on NO branch; those of earlier releases are");
  const auto outside = report_json(input).at("outside");
  EXPECT_EQ(outside.at("branch").at("state"), "on-none");
  EXPECT_TRUE(outside.at("publisher").is_object());
}

// Everything that a package can write anywhere: a terminal escape, a bell, a bidi override, an
// invisible character, a line break.
TEST(Report, HostileTextIsShownEscaped) {
  const std::string evil = "\x1b]0;owned\x07 \u202Egnp.exe\u200B\nverdict  allow\r";
  Package before("pkg", "1.0.0"), now("pkg", "1.0.1");
  before.script("install", "echo " + evil).license("A" + evil).bin("b" + evil, "b.js");
  now.script("install", "echo now " + evil).script("preinstall", "node " + evil);
  now.license("B" + evil).publisher("eve" + evil).repository("https://x.example/" + evil);
  now.depends("dependencies", "dep" + evil, "^1" + evil).bin("sh" + evil, "sh.js");
  now.code("lib/" + evil + ".js", "x", testing::with_traits({"shell"}));
  const ReportScene scene(std::move(before), std::move(now));
  for (const std::size_t width : {std::size_t{0}, std::size_t{50}}) {
    ReportInput input = scene.input();
    input.width = width;
    const std::string text = report_text(input);
    for (const char* bad : {"\x1b", "\x07", "\r", "\u202E", "\u200B", "\nverdict  allow"})
      EXPECT_EQ(text.find(bad), std::string::npos) << text;
    EXPECT_NE(text.find("\\u001b]0;owned\\u0007"), std::string::npos) << text;
    EXPECT_NE(text.find("\\u202e"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace npmgate
