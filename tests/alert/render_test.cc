#include "alert/render.h"

#include <boost/json/parse.hpp>

#include "base/digest.h"
#include "tests/alert/alert_testing.h"

namespace npmgate {
namespace {

using test::bad_release;
using test::message_of;
using test::of_kind;

TEST(Headline, OneEventSpeaksForItselfManyAreCounted) {
  EXPECT_EQ(headline(message_of({bad_release()})),
            "npm-gate: ua-parser-js@0.7.29 is quarantined: preinstall added (rule takeover)");
  EXPECT_EQ(headline(message_of({bad_release(), bad_release("coa", "2.0.3"),
                                 of_kind(EventKind::kRecall, "rc", "1.2.9")})),
            "npm-gate: 3 events: 2 held, 1 recalled after it was served");
}

TEST(Webhook, CarriesWhatHappenedAsData) {
  const auto body = boost::json::parse(webhook_body(message_of({bad_release()}))).as_object();
  EXPECT_EQ(body.at("schema"), "npm-gate.alert/1");
  EXPECT_EQ(body.at("id"), "k1");
  EXPECT_EQ(body.at("digest"), false);
  const auto& event = body.at("events").at(0).as_object();
  EXPECT_EQ(event.at("name"), "ua-parser-js");
  EXPECT_EQ(event.at("kind"), "held");
  EXPECT_EQ(event.at("page"), "https://npm.corp.example/-/npm-gate/releases/ua-parser-js/0.7.29");
  EXPECT_EQ(event.at("findings").at(0).at("id"), "install-script-added");
}

TEST(Webhook, IsSignedOverTimeAndBody) {
  const Time now = parse_time("2021-10-22T12:16:00Z").value();
  const auto headers = webhook_headers("{}", "k1", "secret", now);
  ASSERT_EQ(headers.size(), 3U);
  EXPECT_EQ(headers[1], (std::pair<std::string, std::string>{"Idempotency-Key", "k1"}));
  EXPECT_EQ(headers[2].second, "t=1634904960,v1=" + hmac_sha256_hex("secret", "1634904960.{}"));
  EXPECT_EQ(webhook_headers("{}", "k1", "", now).size(), 2U);
}

AlertEvent hostile() {
  AlertEvent event = bad_release();
  event.sentence = "x\r\nBcc: all@corp.example\n<!channel> [a](b) <script> @everyone";
  return event;
}

TEST(Slack, TextOfPackagesIsHarmless) {
  const std::string body = slack_body(message_of({hostile()}));
  const auto parsed = boost::json::parse(body).as_object();
  EXPECT_EQ(body.find("<!channel>"), std::string::npos);
  EXPECT_NE(std::string(parsed.at("text").as_string()).find("&lt;!channel&gt;"), std::string::npos);
  EXPECT_EQ(parsed.at("blocks").as_array().size(), 2U);
}

// A name that is copied out of a message must be the name, without what keeps chat from reading
// marks in it.
TEST(Slack, AReleaseCanBeCopied) {
  const auto parsed =
      boost::json::parse(slack_body(message_of({bad_release("@my_org/a*b", "1.0.1")}))).as_object();
  const std::string text(
      parsed.at("blocks").as_array()[1].at("text").at("text").as_string().c_str());
  EXPECT_TRUE(text.starts_with("`@my_org/a*b@1.0.1`\n")) << text;
}

TEST(Slack, ADigestListsTwentyAndCountsTheRest) {
  std::vector<AlertEvent> events;
  for (int i = 0; i < 200; ++i) events.push_back(bad_release("worm-" + std::to_string(i), "1.0.1"));
  const auto parsed = boost::json::parse(slack_body(message_of(events))).as_object();
  const auto& blocks = parsed.at("blocks").as_array();
  ASSERT_EQ(blocks.size(), 22U);
  EXPECT_EQ(blocks.back().at("text").at("text"), "and 180 more");
}

// What a sink refuses for its size is never told: a package must not be able to write that much.
TEST(Limits, TextOfPackagesCannotGrowAMessageBeyondWhatSinksTake) {
  std::vector<AlertEvent> events;
  for (int i = 0; i < 300; ++i) {
    AlertEvent event =
        bad_release("@" + std::string(100, 'a') + "/" + std::string(100, 'b'), "1.0.1");
    event.sentence = std::string(5000, "&<@\\"[i % 4]);
    event.findings.assign(200, {"install-script-added", "high", std::string(5000, '&'), "{}"});
    event.holders.assign(
        50, {"t", "10.0.0.7", std::string(500, "&<@\\"[i % 4]), "ci", event.at, false});
    event.holder_count = 50;
    events.push_back(std::move(event));
  }
  for (const std::size_t count : {std::size_t{1}, events.size()}) {
    const AlertMessage message = message_of({events.begin(), events.begin() + count});
    const auto slack = boost::json::parse(slack_body(message)).as_object();
    EXPECT_LE(slack.at("blocks").as_array().size(), 50U);
    for (const auto& block : slack.at("blocks").as_array())
      EXPECT_LE(block.at("text").at("text").as_string().size(), 3000U);
    EXPECT_LE(slack.at("text").as_string().size(), 40'000U);
    const std::string teams = teams_body(message);
    EXPECT_LE(teams.size(), 28U * 1024);
    EXPECT_EQ(teams.find(" more\"") != std::string::npos, count > 1);
    EXPECT_LT(email_text(message, "a@corp.example", {"b@corp.example"}).size(), 4U << 20);
  }
}

TEST(Teams, IsAnAdaptiveCardWithHarmlessText) {
  const std::string body = teams_body(message_of({hostile()}));
  const auto parsed = boost::json::parse(body).as_object();
  const auto& attachment = parsed.at("attachments").at(0);
  EXPECT_EQ(attachment.at("contentType"), "application/vnd.microsoft.card.adaptive");
  EXPECT_EQ(attachment.at("content").at("type"), "AdaptiveCard");
  EXPECT_EQ(body.find("<script>"), std::string::npos);
  EXPECT_EQ(body.find("[a](b)"), std::string::npos);
}

TEST(Email, HeadersHoldWhateverAReleaseSays) {
  const std::string mail = email_text(message_of({hostile()}), "gate@corp.example",
                                      {"a@corp.example", "b@corp.example"});
  const std::string head = mail.substr(0, mail.find("\r\n\r\n"));
  EXPECT_EQ(head.find("\r\nBcc"), std::string::npos);
  EXPECT_NE(head.find("To: a@corp.example,\r\n b@corp.example\r\n"), std::string::npos);
  EXPECT_NE(head.find("Date: Fri, 22 Oct 2021 12:16:00 +0000\r\n"), std::string::npos);
  EXPECT_NE(head.find("Auto-Submitted: auto-generated"), std::string::npos);
  std::string encoded = mail.substr(mail.find("\r\n\r\n") + 4);
  for (std::size_t at = 0; (at = encoded.find("\r\n", at)) != std::string::npos;)
    encoded.erase(at, 2);
  const auto text = base64_decode(encoded);
  ASSERT_TRUE(text);
  EXPECT_NE(std::string(text->begin(), text->end()).find("install-script-added"),
            std::string::npos);
  // The same message has the same id, so that a second attempt is dropped.
  EXPECT_EQ(mail, email_text(message_of({hostile()}), "gate@corp.example",
                             {"a@corp.example", "b@corp.example"}));
}

TEST(Cleared, TellsAReleaseThatIsServedFromOneThatTheRegistryTookBack) {
  AlertEvent event = of_kind(EventKind::kCleared, "coa", "2.0.3");
  event.sentence = "it was reviewed and approved";
  EXPECT_EQ(event_line(event), "coa@2.0.3 is no longer refused: it was reviewed and approved");
  event.action = "quarantine";
  event.sentence = "the registry no longer lists it";
  EXPECT_EQ(event_line(event), "coa@2.0.3 was withdrawn: the registry no longer lists it");
}

TEST(Recall, SaysWhoHasTheRelease) {
  AlertEvent event = of_kind(EventKind::kRecall, "ua-parser-js", "0.7.29");
  event.holders = {{"ci-token", "10.0.0.7", "shop", "ci", event.at, false}};
  event.holder_count = 9;
  const std::string body = slack_body(message_of({event}));
  for (const char* word : {"RECALL", "project shop", "ci-token", "10.0.0.7", "and 8 more"})
    EXPECT_NE(body.find(word), std::string::npos) << word;
}

}  // namespace
}  // namespace npmgate
