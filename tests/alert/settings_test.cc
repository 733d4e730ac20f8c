#include "alert/settings.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

struct Read {
  AlertSettings settings;
  std::string problems;
};

SecretSource sample_secrets() {
  SecretSource secrets;
  secrets.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name == "SECRET") return "s3cret";
    return std::nullopt;
  };
  secrets.first_line = [](const std::string& path) -> std::optional<std::string> {
    if (path == "/etc/token") return "t0ken";
    return std::nullopt;
  };
  secrets.resolve = [](const std::string& path) {
    return path.starts_with("/") ? path : "/etc/" + path;
  };
  return secrets;
}

Read read(std::string_view text) {
  Read out;
  const YamlDocument document = parse_yaml(text, "gate.yaml");
  EXPECT_TRUE(document.problems.empty());
  std::vector<Problem> problems;
  out.settings = read_alerts(document.root, sample_secrets(), problems);
  for (const Problem& problem : problems) out.problems += problem.str() + "\n";
  return out;
}

TEST(AlertSettings, AMissingSecretIsSaid) {
  EXPECT_EQ(read("sinks:\n  - { name: chat, type: slack, url_env: SECRET_URL }\n").problems,
            "gate.yaml:2:41: url_env: the environment variable SECRET_URL is not set\n");
  EXPECT_EQ(read("sinks:\n  - { name: chat, type: slack, url_file: gone }\n").problems,
            "gate.yaml:2:42: url_file: cannot read a line from /etc/gone\n");
}

TEST(AlertSettings, AreWhatTheFileSays) {
  const Read got = read(R"(
wait: 5s
sinks:
  - { name: hook, type: webhook, url: https://hooks.corp.example/x, secret_env: SECRET, rate: 60/h }
  - { name: mail, type: email, server: "smtp://mail.corp.example:587", from: gate@corp.example, to: [a@corp.example], user: gate, password_file: token }
  - { name: issues, type: github, token_file: token, packages: ["coa", "@corp/*"], subscribers: true }
rules:
  - { id: takeover, events: [held, recall], finding: [install-script-added], package: ["*"], sinks: [hook, issues] }
)");
  EXPECT_EQ(got.problems, "");
  const AlertSettings& settings = got.settings;
  ASSERT_EQ(settings.sinks.size(), 3U);
  EXPECT_EQ(settings.wait, std::chrono::seconds(5));
  EXPECT_EQ(settings.sink("hook")->secret, "s3cret");
  EXPECT_EQ(settings.sink("hook")->rate, 60);
  EXPECT_EQ(settings.sink("mail")->secret, "t0ken");
  EXPECT_TRUE(settings.sink("mail")->starttls);
  EXPECT_EQ(settings.sink("issues")->url, "https://api.github.com/");
  EXPECT_TRUE(settings.sink("issues")->packages->matches("@corp/x"));
  ASSERT_EQ(settings.rules.size(), 1U);
  EXPECT_EQ(settings.rules[0].events, (std::set{EventKind::kHeld, EventKind::kRecall}));
  EXPECT_TRUE(settings.rules[0].findings.test(*finding_index("install-script-added")));
}

TEST(AlertSettings, SinksWithoutRulesHearOfEverythingButWarnings) {
  const Read got = read("sinks:\n  - { name: a, type: webhook, url: https://x.example/ }\n");
  ASSERT_EQ(got.settings.rules.size(), 1U);
  EXPECT_EQ(got.settings.rules[0].sinks, std::vector<std::string>{"a"});
  EXPECT_FALSE(got.settings.rules[0].events.contains(EventKind::kWarned));
  EXPECT_TRUE(got.settings.rules[0].events.contains(EventKind::kRecall));
}

struct Mistake {
  const char* name;
  const char* text;
  const char* expected;  // a part of the message, with its position
};
class Mistakes : public ::testing::TestWithParam<Mistake> {};
INSTANTIATE_TEST_SUITE_P(
    Table, Mistakes,
    ::testing::Values(
        Mistake{"unknown key", "sinkz: []\n", "gate.yaml:1:1: "},
        Mistake{
            "unknown type", "sinks:\n  - { name: a, type: pager, url: x }\n",
            "gate.yaml:2:22: type: expected webhook, slack, teams, email or github, found 'pager'"},
        Mistake{"no address", "sinks:\n  - { name: a, type: webhook }\n",
                "gate.yaml:2:5: expected url, url_env or url_file"},
        Mistake{"not a URL", "sinks:\n  - { name: a, type: slack, url: ftp://x }\n",
                "gate.yaml:2:5: url: expected a URL that begins with https://"},
        Mistake{"secret in the file",
                "sinks:\n  - { name: a, type: webhook, url: https://x.example, secret: x }\n",
                "secret"},
        Mistake{"twice",
                "sinks:\n  - { name: a, type: slack, url: https://x.example }\n  - { name: a, "
                "type: slack, url: https://x.example }\n",
                "gate.yaml:3:5: sink 'a' is named twice"},
        Mistake{"rate",
                "sinks:\n  - { name: a, type: slack, url: https://x.example, rate: 3/day }\n",
                "rate: expected a number per hour, such as 30/h, found '3/day'"},
        Mistake{"header in an address",
                "sinks:\n  - { name: a, type: email, server: smtp://x, from: a@b.example, to: "
                "\"a@b.example, c@d.example\" }\n",
                "'a@b.example, c@d.example' is not a mail address"},
        Mistake{"silent github", "sinks:\n  - { name: a, type: github, token_env: SECRET }\n",
                "gate.yaml:2:5: this sink would never write an issue"},
        Mistake{
            "repository",
            "sinks:\n  - { name: a, type: github, token_env: SECRET, repositories: [\"a/b/c\"] }\n",
            "repositories: expected owner/name, found 'a/b/c'"},
        Mistake{"sink of a rule",
                "sinks:\n  - { name: hook, type: slack, url: https://x.example }\nrules:\n  - { "
                "sinks: [hok] }\n",
                "gate.yaml:4:14: sinks: no sink is named 'hok'; did you mean 'hook'?"},
        Mistake{"finding of a rule", "sinks: []\nrules:\n  - { sinks: [], finding: nonsense }\n",
                "finding: unknown finding 'nonsense'"},
        Mistake{"event of a rule", "sinks: []\nrules:\n  - { sinks: [], events: [test] }\n",
                "events: expected held, blocked"},
        Mistake{"no list", "sinks: { a: b }\n", "alerts.sinks: expected a list of maps"}),
    [](const auto& row) {
      std::string name = row.param.name;
      for (char& c : name) c = c == ' ' ? '_' : c;
      return name;
    });
TEST_P(Mistakes, SayWhereAndWhatWasExpected) {
  EXPECT_NE(read(GetParam().text).problems.find(GetParam().expected), std::string::npos)
      << read(GetParam().text).problems;
}

TEST(WatchSettings, AreReadAndChecked) {
  std::vector<Problem> problems;
  const auto good =
      parse_yaml("packages: [left, \"@corp/x\"]\nbudget: 30/min\nmin_interval: 1s\n", "g");
  const WatchSettings settings = read_watch(good.root, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(settings.budget, 30);
  EXPECT_EQ(settings.packages.size(), 2U);
  EXPECT_EQ(settings.min_interval, std::chrono::seconds(1));
  const auto bad =
      parse_yaml("packages: [\"@corp/*\"]\nbudget: 30/h\nmax_interval: 1s\nbudged: 1\n", "g");
  read_watch(bad.root, problems);
  EXPECT_EQ(problems.size(), 4U);
}

}  // namespace
}  // namespace npmgate
