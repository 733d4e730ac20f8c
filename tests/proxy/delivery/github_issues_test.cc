#include <boost/json/serialize.hpp>

#include "tests/proxy/delivery/delivery_testing.h"

namespace npmgate::test {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class GithubTest : public Delivering {
 protected:
  GithubTest() {
    network.answer = [this](const FetchRequest& request) { return serve(request); };
  }

  // Issues are a list, comments too; everything is written down.
  FetchReply serve(const FetchRequest& request) {
    const bool comments = request.url.find("/comments") != std::string::npos;
    if (request.method == "GET")
      return FakeUpstream::reply(
          comments ? comments_status : 200,
          boost::json::serialize(comments ? written_comments : written_issues));
    if (request.method == "POST" && !comments) {
      auto body = boost::json::parse(request.body).as_object();
      body["number"] = static_cast<std::int64_t>(written_issues.size() + 1);
      written_issues.push_back(body);
      return FakeUpstream::reply(lose_answers ? 0 : 201, boost::json::serialize(body));
    }
    if (request.method == "POST") {
      written_comments.push_back(boost::json::parse(request.body));
      return FakeUpstream::reply(lose_answers ? 0 : 201);
    }
    (request.body.find("\"open\"") != std::string::npos ? reopened : closed) += 1;
    return FakeUpstream::reply(200);
  }

  void deliver(const AlertEvent& event) {
    tell(event, {{"issues", "veged/coa"}});
    clock.advance(minutes(20));
    step();
  }

  boost::json::array written_issues, written_comments;
  int closed = 0, reopened = 0, comments_status = 200;
  bool lose_answers = false;
};

TEST_F(GithubTest, PinsTheVersionAndSendsTheTokenToItsHostOnly) {
  deliver(bad_release("coa", "2.0.3"));
  ASSERT_EQ(network.requests.size(), 2U);
  for (const FetchRequest& request : network.requests) {
    EXPECT_EQ(request.authorization, "Bearer token");
    EXPECT_FALSE(request.allow_redirect);
    EXPECT_TRUE(std::find(request.headers.begin(), request.headers.end(),
                          std::pair<std::string, std::string>{
                              "X-GitHub-Api-Version", "2022-11-28"}) != request.headers.end());
  }
  EXPECT_FALSE(network.requests[0].once);
  EXPECT_TRUE(network.requests[1].once);
  EXPECT_EQ(network.requests[1].url, "https://api.git.example/repos/veged/coa/issues");
}

TEST_F(GithubTest, WhoIsToHearFirstHearsFirst) {
  tell(bad_release("coa", "2.0.3"), {{"issues", "team/shop"}, {"issues", "corp/all"}});
  clock.advance(minutes(20));
  step();
  ASSERT_EQ(network.requests.size(), 4U);
  EXPECT_NE(network.requests[1].url.find("team/shop"), std::string::npos);
  EXPECT_NE(network.requests[3].url.find("corp/all"), std::string::npos);
}

TEST_F(GithubTest, ALostAnswerMakesNoSecondIssue) {
  lose_answers = true;
  deliver(bad_release("coa", "2.0.3"));
  EXPECT_EQ(states(), std::vector<std::string>{"pending"});
  lose_answers = false;
  restart();
  step();
  EXPECT_EQ(states(), std::vector<std::string>{"sent"});
  EXPECT_EQ(written_issues.size(), 1U);
  EXPECT_EQ(store->alerts().issues("veged/coa").value().at(0).number, 1);
}

TEST_F(GithubTest, ALostAnswerMakesNoSecondComment) {
  deliver(bad_release("coa", "2.0.3"));
  lose_answers = true;
  deliver(bad_release("coa", "2.0.4"));
  lose_answers = false;
  restart();
  step();
  EXPECT_EQ(states(), (std::vector<std::string>{"sent", "sent"}));
  EXPECT_EQ(written_issues.size(), 1U);
  EXPECT_EQ(written_comments.size(), 1U);
}

TEST_F(GithubTest, TheIssueIsUpdatedAndClosedWhenItIsOver) {
  deliver(bad_release("coa", "2.0.3"));
  AlertEvent fix = of_kind(EventKind::kFixed, "coa", "2.0.5");
  fix.fixes = "2.0.3";
  deliver(fix);
  EXPECT_EQ(written_comments.size(), 1U);
  EXPECT_EQ(closed, 0);
  deliver(of_kind(EventKind::kCleared, "coa", "2.0.3"));
  EXPECT_EQ(written_comments.size(), 2U);
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(store->alerts().issues("veged/coa").value().at(0).state, "cleared");
}

TEST_F(GithubTest, AnIssueIsOpenedAgainWhenItsReleaseIsBackWhateverIsLost) {
  deliver(bad_release("coa", "2.0.3"));
  deliver(of_kind(EventKind::kDropped, "coa", "2.0.3"));
  EXPECT_EQ(closed, 1);
  deliver(of_kind(EventKind::kCleared, "coa", "2.0.3"));  // it heard already that it is over
  EXPECT_EQ(written_comments.size(), 1U);
  lose_answers = true;
  deliver(bad_release("coa", "2.0.3"));
  EXPECT_EQ(reopened, 0);
  lose_answers = false;
  restart();
  step();
  EXPECT_EQ(reopened, 1);
  EXPECT_EQ(written_issues.size(), 1U);
  EXPECT_EQ(written_comments.size(), 2U);
  EXPECT_EQ(store->alerts().issues("veged/coa").value().at(0).state, "open");
}

TEST_F(GithubTest, ADeletedIssueStaysDeletedAndOurRecordStays) {
  deliver(bad_release("coa", "2.0.3"));
  comments_status = 410;
  deliver(of_kind(EventKind::kCleared, "coa", "2.0.3"));
  EXPECT_EQ(store->alerts().issues("veged/coa").value().at(0).state, "gone");
  AlertEvent again = of_kind(EventKind::kBlocked, "coa", "2.0.3");
  deliver(again);
  EXPECT_EQ(written_issues.size(), 1U);
  EXPECT_TRUE(written_comments.empty());
}

struct Refusal {
  const char* name;
  int status;
  std::vector<std::pair<std::string, std::string>> headers;
  SendOutcome::Kind kind;
  std::optional<Millis> wait;
};
class Refusals : public ::testing::TestWithParam<Refusal> {};
INSTANTIATE_TEST_SUITE_P(
    Table, Refusals,
    ::testing::Values(Refusal{"bad_credentials", 401, {}, SendOutcome::Kind::kRetry, std::nullopt},
                      Refusal{"primary_limit",
                              403,
                              {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1767225660"}},
                              SendOutcome::Kind::kRetry,
                              minutes(1)},
                      Refusal{"secondary_limit",
                              403,
                              {{"Retry-After", "30"}},
                              SendOutcome::Kind::kRetry,
                              seconds(30)},
                      Refusal{
                          "limit_without_words", 429, {}, SendOutcome::Kind::kRetry, std::nullopt},
                      Refusal{"forbidden",
                              403,
                              {{"x-ratelimit-remaining", "4999"}},
                              SendOutcome::Kind::kRetry,
                              std::nullopt},
                      Refusal{"no_repository", 404, {}, SendOutcome::Kind::kDead, std::nullopt},
                      Refusal{"issues_disabled", 410, {}, SendOutcome::Kind::kDead, std::nullopt},
                      Refusal{"validation", 422, {}, SendOutcome::Kind::kDead, std::nullopt},
                      Refusal{"moved", 301, {}, SendOutcome::Kind::kDead, std::nullopt},
                      Refusal{"down", 502, {}, SendOutcome::Kind::kRetry, std::nullopt}),
    [](const auto& row) { return std::string(row.param.name); });
TEST_P(Refusals, MeanWhatGitHubDocuments) {
  const Refusal& row = GetParam();
  const Time now = parse_time("2026-01-01T00:00:00Z").value();
  const SendOutcome outcome =
      github_outcome(FakeUpstream::reply(row.status, R"({"message":"why\nso"})", row.headers), now);
  EXPECT_EQ(outcome.kind, row.kind);
  EXPECT_EQ(outcome.wait, row.wait);
  EXPECT_NE(outcome.detail.find("why\\u000aso"), std::string::npos) << outcome.detail;
}

}  // namespace
}  // namespace npmgate::test
