#include "store/row_json.h"

#include <boost/json/serialize.hpp>

#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

TEST(RowJson, StringsRoundTrip) {
  const std::vector<std::vector<std::string>> rows = {
      {},
      {""},
      {"1.0.0", "2.0.0"},
      {"quote \" back \\ line\n nul" + std::string(1, '\0')},
      {"not utf-8 \xff\xfe", "ümläut"}};
  for (const auto& strings : rows) {
    EXPECT_EQ(must(strings_from_text(strings_to_text(strings))), strings);
  }
}

Finding with_proof(boost::json::object proof) {
  Finding out = finding("size-jump");
  out.proof = std::move(proof);
  return out;
}

TEST(RowJson, FindingsRoundTripWithTheirDigestRelevantProof) {
  boost::json::object deep;
  for (int i = 0; i < 100; ++i) deep = boost::json::object{{"in", std::move(deep)}};
  const std::vector<std::vector<Finding>> rows = {
      {},
      {finding("a"), finding("b")},
      {with_proof({})},
      {with_proof({{"numbers", {0.1, 3.7, 1e300, -1.0, 42, std::uint64_t{1} << 63}}})},
      {with_proof({{"bytes", "\xff\x80"}, {"null", nullptr}, {"flag", true}})},
      {with_proof(std::move(deep))}};
  for (const auto& findings : rows) {
    const auto back = must(findings_from_text(findings_to_text(findings)));
    EXPECT_EQ(back, findings);
  }
}

TEST(RowJson, EverySeverityRoundTrips) {
  for (const Severity severity :
       {Severity::kInfo, Severity::kLow, Severity::kMedium, Severity::kHigh, Severity::kCritical}) {
    Finding one = finding("x");
    one.severity = severity;
    EXPECT_EQ(must(findings_from_text(findings_to_text({one})))[0].severity, severity);
  }
}

TEST(RowJson, TagsRoundTrip) {
  TagEvidence tag;
  EXPECT_EQ(must(tag_from_text(tag_to_text(tag))), tag);
  tag.reason = "timeout";
  tag.repository = "https://git.example/a/b";
  tag.tag = "v1.0.0";
  tag.commit = "abc";
  tag.first_commit = "abd";
  tag.tagged_versions = {"0.9.0", "0.8.0"};
  tag.tagged_commits = {"c9", "c8"};
  tag.untagged_versions = {"0.7.0"};
  tag.habit = "v{version}";
  tag.asked = at(1'700'000'000'123);
  for (const auto state : {TagEvidence::State::kFound, TagEvidence::State::kMissing,
                           TagEvidence::State::kUnknown, TagEvidence::State::kNotApplicable}) {
    tag.state = state;
    EXPECT_EQ(must(tag_from_text(tag_to_text(tag))), tag);
  }
}

struct BadRow {
  const char* name;
  std::string text;
};

class BadStrings : public ::testing::TestWithParam<BadRow> {};
TEST_P(BadStrings, AreCorrupt) {
  const auto read = strings_from_text(GetParam().text);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
  EXPECT_EQ(read.error().origin, Origin::kDisk);
}
INSTANTIATE_TEST_SUITE_P(Rows, BadStrings,
                         ::testing::Values(BadRow{"Empty", ""}, BadRow{"Object", "{}"},
                                           BadRow{"Cut", R"(["a)"}, BadRow{"Number", "[1]"},
                                           BadRow{"Mixed", R"(["a",null])"},
                                           BadRow{"Trailing", R"(["a"]x)"}),
                         RowName());

class BadFindings : public ::testing::TestWithParam<BadRow> {};
TEST_P(BadFindings, AreCorrupt) {
  const auto read = findings_from_text(GetParam().text);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
}
INSTANTIATE_TEST_SUITE_P(Rows, BadFindings,
                         ::testing::Values(BadRow{"Empty", ""}, BadRow{"Null", "null"},
                                           BadRow{"Object", "{}"},
                                           BadRow{"NotAnArrayInside", "[1]"},
                                           BadRow{"FourFields", R"([["id",1,"m","s"]])"},
                                           BadRow{"SixFields", R"([["id",1,"m","s",{},0]])"},
                                           BadRow{"IdNoString", R"([[1,1,"m","s",{}]])"},
                                           BadRow{"SeverityTooHigh", R"([["id",5,"m","s",{}]])"},
                                           BadRow{"SeverityNegative", R"([["id",-1,"m","s",{}]])"},
                                           BadRow{"SeverityText", R"([["id","1","m","s",{}]])"},
                                           BadRow{"MessageNull", R"([["id",1,null,"s",{}]])"},
                                           BadRow{"ProofArray", R"([["id",1,"m","s",[]]])"},
                                           BadRow{"SecondBad", R"([["id",1,"m","s",{}],[]])"},
                                           BadRow{"Cut", R"([["id",1,"m")"}),
                         RowName());

TEST(RowJson, OriginsRoundTrip) {
  Subject subject;
  EXPECT_EQ(origin_to_text(subject), "");
  subject.provenance =
      Subject::Proven{"https://i.example", "hosted", "https://g.example/r", "w", "r"};
  for (const bool lowest : {true, false}) {
    subject.lowest_risk = lowest;
    Subject back;
    back.lowest_risk = !lowest;
    must(origin_from_text(origin_to_text(subject), back));
    EXPECT_EQ(back.provenance, subject.provenance);
    EXPECT_EQ(back.lowest_risk, lowest);
  }
  subject.provenance.reset();
  subject.lowest_risk = true;
  Subject back;
  back.provenance.emplace();
  must(origin_from_text(origin_to_text(subject), back));
  EXPECT_FALSE(back.provenance);
  EXPECT_TRUE(back.lowest_risk);
  for (const char* bad :
       {"x", "[]", "{}", R"({"lowest_risk":1})", R"({"lowest_risk":true,"provenance":1})",
        R"({"lowest_risk":true,"provenance":{"issuer":"i"}})"}) {
    EXPECT_FALSE(origin_from_text(bad, back)) << bad;
    EXPECT_FALSE(back.provenance) << bad;
  }
}

TEST(RowJson, TagWithAnyFieldMissingOrWrongIsCorrupt) {
  const auto good = must(parse_row_json(tag_to_text(TagEvidence()))).as_object();
  ASSERT_EQ(good.size(), 11U);
  for (const auto& member : good) {
    SCOPED_TRACE(std::string(member.key()));
    auto missing = good;
    missing.erase(member.key());
    // Records of earlier builds lack the commits.
    EXPECT_EQ(tag_from_text(boost::json::serialize(missing)).has_value(),
              member.key() == "tagged_commits");
    auto wrong = good;
    wrong[member.key()] = nullptr;
    EXPECT_FALSE(tag_from_text(boost::json::serialize(wrong)));
  }
  for (const int state : {-1, 4}) {
    auto wrong = good;
    wrong["state"] = state;
    EXPECT_FALSE(tag_from_text(boost::json::serialize(wrong))) << state;
  }
  EXPECT_FALSE(tag_from_text("[]"));
}

TEST(RowJson, DepthIsBounded) {
  const std::string deep = std::string(300, '[') + std::string(300, ']');
  EXPECT_EQ(parse_row_json(deep).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace npmgate::test
