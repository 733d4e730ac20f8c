#include "alert/settings.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "registry/name.h"

namespace npmgate {
namespace {

std::string quoted(std::string_view text) {
  return "'" + log::printable(text, 80) + "'";
}

std::string with_slash(std::string url) {
  if (!url.empty() && url.back() != '/') url += '/';
  return url;
}

std::optional<SinkType> parse_type(std::string_view text) {
  for (const SinkType type : {SinkType::kWebhook, SinkType::kSlack, SinkType::kTeams,
                              SinkType::kEmail, SinkType::kGithub}) {
    if (to_string(type) == text) return type;
  }
  return std::nullopt;
}

bool is_repository(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == text.size()) return false;
  return std::all_of(text.begin(), text.end(), [&](const char& c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    return plain || &c - text.data() == static_cast<std::ptrdiff_t>(slash);
  });
}

// An address that can stand in SMTP's RCPT TO and in a header as it is.
bool is_mail_address(std::string_view text) {
  const std::size_t at = text.find('@');
  const bool bad = std::any_of(text.begin(), text.end(), [](unsigned char c) {
    return c <= 0x20 || c >= 0x7f || c == '<' || c == '>' || c == ',' || c == ';' || c == '"';
  });
  return !bad && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos;
}

class Loader {
 public:
  Loader(const SecretSource& secrets, std::vector<Problem>& problems)
      : secrets_(secrets), problems_(problems) {}

  AlertSettings load(const YamlNode& node) {
    AlertSettings out;
    YamlReader reader(node, "alerts", problems_);
    out.wait = duration(reader, "wait", out.wait);
    out.max_wait = std::max(out.wait, duration(reader, "max_wait", out.max_wait));
    out.repeat = duration(reader, "repeat", out.repeat);
    out.give_up = duration(reader, "give_up", out.give_up);
    each(reader.node("sinks"), "alerts.sinks", [&](const YamlNode& item) { sink(item, out); });
    each(reader.node("rules"), "alerts.rules", [&](const YamlNode& item) { rule(item, out); });
    reader.finish();
    if (!out.sinks.empty() && !reader.has("rules")) out.rules.push_back(rule_for_all(out));
    return out;
  }

 private:
  void problem(const YamlNode& node, std::string message) {
    problems_.push_back({node.at, std::move(message)});
  }

  static Millis duration(YamlReader& reader, std::string_view key, Millis fallback) {
    return Millis(reader.duration_ms(key, fallback.count()));
  }

  template <class F>
  void each(const YamlNode* node, const std::string& where, F&& read) {
    if (node == nullptr) return;
    if (node->kind != YamlNode::Kind::kSequence)
      return problem(*node, where + ": expected a list of maps");
    for (const YamlNode& item : node->items) read(item);
  }

  // Sinks without rules: all of them hear of everything but warnings.
  static AlertRule rule_for_all(const AlertSettings& settings) {
    AlertRule rule;
    rule.id = "all";
    for (const SinkSettings& sink : settings.sinks) rule.sinks.push_back(sink.name);
    return rule;
  }

  // `key`, `key_env` or `key_file`; exactly one if `required`.
  std::string secret(YamlReader& reader, const YamlNode& item, const std::string& key,
                     bool required, bool plain) {
    const std::string variable = reader.text(key + "_env"), file = reader.text(key + "_file");
    std::string value = plain ? reader.text(key) : "";
    const bool stated = !variable.empty() || !file.empty();
    if (stated && !secrets_.needed) return value;
    if (!variable.empty()) {
      value = secrets_.variable(variable).value_or("");
      if (value.empty())
        problem(*reader.node(key + "_env"),
                key + "_env: the environment variable " + variable + " is not set");
    } else if (!file.empty()) {
      const std::string path = secrets_.resolve(file);
      value = secrets_.first_line(path).value_or("");
      if (value.empty())
        problem(*reader.node(key + "_file"), key + "_file: cannot read a line from " + path);
    } else if (value.empty() && required) {
      problem(item, "expected " + (plain ? key + ", " : std::string()) + key + "_env or " + key +
                        "_file");
    }
    return value;
  }

  void sink(const YamlNode& item, AlertSettings& out) {
    SinkSettings sink;
    YamlReader reader(item, "alerts.sinks[]", problems_);
    reader.require("name");
    reader.require("type");
    sink.name = reader.text("name");
    const std::string type = reader.text("type");
    const auto parsed = parse_type(type);
    if (!parsed) {
      // The keys that belong to a type are not known: one message, not one for each key.
      if (!type.empty())
        problem(*reader.node("type"),
                "type: expected webhook, slack, teams, email or github, found " + quoted(type));
      return;
    }
    sink.type = *parsed;
    if (out.sink(sink.name) != nullptr)
      problem(item, "sink " + quoted(sink.name) + " is named twice");
    if (reader.has("rate")) rate(reader, sink);
    sink.ca = reader.text("ca");
    if (!sink.ca.empty()) sink.ca = secrets_.resolve(sink.ca);
    if (sink.type == SinkType::kEmail) email(reader, item, sink);
    if (sink.type == SinkType::kGithub) github(reader, item, sink);
    if (sink.type != SinkType::kEmail && sink.type != SinkType::kGithub) {
      sink.url = secret(reader, item, "url", true, true);
      if (sink.type == SinkType::kWebhook)
        sink.secret = secret(reader, item, "secret", false, false);
      check_url(item, sink.url, {"https://", "http://"});
    }
    reader.finish();
    out.sinks.push_back(std::move(sink));
  }

  void rate(YamlReader& reader, SinkSettings& sink) {
    const std::string text = reader.text("rate");
    const auto value = parse_rate(text, "h");
    if (!value)
      return problem(*reader.node("rate"),
                     "rate: expected a number per hour, such as 30/h, found " + quoted(text));
    sink.rate = *value;
  }

  void check_url(const YamlNode& item, const std::string& url,
                 const std::vector<std::string>& schemes) {
    if (url.empty()) return;  // reported already
    const bool known = std::any_of(schemes.begin(), schemes.end(), [&](const std::string& scheme) {
      return url.starts_with(scheme) && url.size() > scheme.size();
    });
    const bool clean =
        std::all_of(url.begin(), url.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    // Its text is not repeated: chat systems put the secret into the URL.
    if (!known || !clean) problem(item, "url: expected a URL that begins with " + schemes.front());
  }

  void email(YamlReader& reader, const YamlNode& item, SinkSettings& sink) {
    sink.url = reader.text("server");
    reader.require("server");
    reader.require("from");
    reader.require("to");
    check_url(item, sink.url, {"smtp://", "smtps://"});
    sink.from = reader.text("from");
    sink.to = reader.texts("to");
    sink.user = reader.text("user");
    sink.starttls = reader.flag("starttls", true);
    sink.secret = secret(reader, item, "password", !sink.user.empty(), false);
    std::vector<std::string> addresses = sink.to;
    if (!sink.from.empty()) addresses.push_back(sink.from);
    for (const std::string& address : addresses) {
      if (!is_mail_address(address)) problem(item, quoted(address) + " is not a mail address");
    }
  }

  void github(YamlReader& reader, const YamlNode& item, SinkSettings& sink) {
    sink.url = with_slash(reader.text("api", "https://api.github.com/"));
    sink.web = with_slash(reader.text("web", sink.web));
    check_url(item, sink.url, {"https://", "http://"});
    sink.secret = secret(reader, item, "token", true, false);
    sink.subscribers = reader.flag("subscribers", false);
    sink.repositories = reader.texts("repositories");
    for (const std::string& repository : sink.repositories) {
      if (!is_repository(repository))
        problem(*reader.node("repositories"),
                "repositories: expected owner/name, found " + quoted(repository));
    }
    if (reader.has("packages")) sink.packages = names(reader, "packages");
    if (sink.repositories.empty() && !sink.packages && !sink.subscribers) {
      problem(item,
              "this sink would never write an issue: name repositories, packages (their own"
              " repositories) or subscribers: true");
    }
  }

  std::shared_ptr<const NameSet> names(YamlReader& reader, std::string_view key) {
    auto set = std::make_shared<NameSet>();
    for (const std::string& text : reader.texts(key)) {
      const std::string wrong = check_name_or_glob(text);
      if (wrong.empty())
        set->add(text);
      else
        problem(*reader.node(key), std::string(key) + ": " + wrong);
    }
    set->seal();
    return set;
  }

  void rule(const YamlNode& item, AlertSettings& out) {
    AlertRule rule;
    YamlReader reader(item, "alerts.rules[]", problems_);
    rule.id = reader.text("id", "rule" + std::to_string(out.rules.size() + 1));
    reader.require("sinks");
    rule.sinks = reader.texts("sinks");
    for (const std::string& name : rule.sinks) {
      if (out.sink(name) == nullptr)
        problem(*reader.node("sinks"),
                "sinks: no sink is named " + quoted(name) + suggestion(name, out));
    }
    if (reader.has("events")) events(reader, rule);
    for (const std::string& id : reader.texts("finding")) {
      if (const auto index = finding_index(id))
        rule.findings.set(*index);
      else
        problem(*reader.node("finding"), "finding: unknown finding " + quoted(id));
    }
    if (reader.has("package")) rule.packages = names(reader, "package");
    reader.finish();
    out.rules.push_back(std::move(rule));
  }

  static std::string suggestion(const std::string& name, const AlertSettings& settings) {
    std::vector<std::string> known;
    for (const SinkSettings& sink : settings.sinks) known.push_back(sink.name);
    const std::string near = nearest(name, known);
    return near.empty() ? "" : "; did you mean '" + near + "'?";
  }

  void events(YamlReader& reader, AlertRule& rule) {
    rule.events.clear();
    for (const std::string& text : reader.texts("events")) {
      const auto kind = parse_event_kind(text);
      if (kind && *kind != EventKind::kTest && *kind != EventKind::kDropped)
        rule.events.insert(*kind);
      else
        problem(*reader.node("events"),
                "events: expected held, blocked, recall, warned, cleared, fixed, requested or "
                "gate, found " +
                    quoted(text));
    }
  }

  const SecretSource& secrets_;
  std::vector<Problem>& problems_;
};

}  // namespace

std::string_view to_string(SinkType type) {
  switch (type) {
    case SinkType::kWebhook:
      return "webhook";
    case SinkType::kSlack:
      return "slack";
    case SinkType::kTeams:
      return "teams";
    case SinkType::kEmail:
      return "email";
    case SinkType::kGithub:
      return "github";
  }
  return "";
}

const SinkSettings* AlertSettings::sink(std::string_view name) const {
  for (const SinkSettings& each : sinks) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

std::optional<int> parse_rate(std::string_view text, std::string_view unit) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || value < 1 || rest != "/" + std::string(unit)) return std::nullopt;
  return value;
}

AlertSettings read_alerts(const YamlNode& node, const SecretSource& secrets,
                          std::vector<Problem>& problems) {
  return Loader(secrets, problems).load(node);
}

WatchSettings read_watch(const YamlNode& node, std::vector<Problem>& problems) {
  WatchSettings out;
  YamlReader reader(node, "watch", problems);
  out.enabled = reader.flag("enabled", out.enabled);
  out.packages = reader.texts("packages");
  for (const std::string& name : out.packages) {
    if (!PackageName::parse(name) || is_glob(name))
      problems.push_back({reader.node("packages")->at, "packages: " + quoted(name) +
                                                           " is not a package name (globs name"
                                                           " nothing that could be asked for)"});
  }
  if (reader.has("budget")) {
    const std::string text = reader.text("budget");
    const auto rate = parse_rate(text, "min");
    if (!rate)
      problems.push_back(
          {reader.node("budget")->at,
           "budget: expected requests per minute, such as 60/min, found " + quoted(text)});
    out.budget = rate.value_or(out.budget);
  }
  out.min_interval = Millis(reader.duration_ms("min_interval", out.min_interval.count()));
  out.max_interval = Millis(reader.duration_ms("max_interval", out.max_interval.count()));
  if (out.min_interval.count() < 100 || out.max_interval < out.min_interval)
    problems.push_back({node.at,
                        "watch: min_interval must be at least 100ms and not longer than"
                        " max_interval"});
  reader.finish();
  return out;
}

}  // namespace npmgate
