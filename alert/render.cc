#include "alert/render.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <span>

#include "alert/escape.h"
#include "base/digest.h"

namespace npmgate {
namespace {

// A digest is to be read, not scrolled. What a sink refuses for its size would never be told, so
// that text of packages must not be able to grow a message beyond its limits: Slack takes 50 blocks
// and 3,000 characters in one, Teams 28 KB.
constexpr std::size_t kListed = 20;
constexpr std::size_t kListedByMail = 100;
constexpr std::size_t kFindingsByMail = 20;
constexpr std::size_t kLineBytes = 600;
constexpr std::size_t kEscapedBytes = 1000;  // of one line once it is escaped
constexpr std::size_t kSlackBytes = 100'000;
constexpr std::size_t kTeamsBytes = 20'000;

std::string_view happened(EventKind kind) {
  switch (kind) {
    case EventKind::kHeld:
      return "held";
    case EventKind::kBlocked:
      return "blocked";
    case EventKind::kRecall:
      return "recalled after it was served";
    case EventKind::kWarned:
      return "served with a warning";
    case EventKind::kCleared:
      return "cleared";
    case EventKind::kFixed:
      return "served after a bad one";
    case EventKind::kDropped:
      return "no longer locked";
    case EventKind::kRequested:
      return "asked for";
    case EventKind::kGate:
      return "gate trouble";
    case EventKind::kTest:
      return "test message";
  }
  return "";
}

std::string holders_line(const AlertEvent& event) {
  if (event.holders.empty()) return "";
  std::string out = "who has it: ";
  for (std::size_t i = 0; i < event.holders.size() && i < 5; ++i) {
    const Holder& holder = event.holders[i];
    if (i > 0) out += "; ";
    std::string who = holder.project.empty() ? "" : "project " + one_line(holder.project, 120);
    if (!holder.token.empty())
      who += (who.empty() ? "token " : ", token ") + one_line(holder.token, 80);
    if (!holder.address.empty()) who += (who.empty() ? "" : ", ") + one_line(holder.address, 60);
    if (!holder.command.empty()) who += " (npm " + one_line(holder.command, 30) + ")";
    out += who + (holder.reported ? " reported it " : " fetched it ") + format_minute(holder.at);
  }
  const auto shown = static_cast<std::int64_t>(std::min<std::size_t>(event.holders.size(), 5));
  if (event.holder_count > shown)
    out += "; and " + std::to_string(event.holder_count - shown) + " more (npm-gate downloads " +
           event.release() + ")";
  return out;
}

using Escape = std::string (*)(std::string_view);

// As much of `text` as fits once it is escaped.
std::string escaped_line(std::string_view text, Escape escape) {
  std::string out;
  for (std::size_t limit = kLineBytes; limit > 0; limit /= 2) {
    out = escape(one_line(text, limit));
    if (out.size() <= kEscapedBytes) break;
  }
  return out;
}

// A release that can be copied as it is: code, in which chat systems read no marks.
std::string slack_release(const AlertEvent& event) {
  if (event.name.empty()) return "";
  std::string plain;
  for (const char c : one_line(event.release(), kLineBytes)) {
    if (c == '`') continue;
    plain += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  }
  return "`" + plain + "`\n";
}

std::string no_lead(const AlertEvent&) {
  return "";
}

boost::json::array listed(const AlertMessage& message, Escape escape,
                          std::string (*lead)(const AlertEvent&),
                          boost::json::object (*block)(std::string), std::size_t most_bytes) {
  boost::json::array out;
  std::size_t bytes = 0, told = 0;
  for (; told < message.events.size() && told < kListed; ++told) {
    const AlertEvent& event = message.events[told];
    std::string text = lead(event) + escaped_line(event_line(event), escape);
    const std::string who = holders_line(event);
    if (!who.empty()) text += "\n" + escaped_line(who, escape);
    const std::string page = page_url(message, event);
    if (!page.empty()) text += "\n" + page;
    boost::json::object made = block(std::move(text));
    bytes += boost::json::serialize(made).size();
    if (bytes > most_bytes) break;
    out.push_back(std::move(made));
  }
  if (message.events.size() > told)
    out.push_back(block("and " + std::to_string(message.events.size() - told) + " more"));
  return out;
}

boost::json::object slack_section(std::string text) {
  return {{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", text}}}};
}

boost::json::object teams_text(std::string text) {
  // A card's text is markdown if a single line end is no line break.
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
    text.replace(at, 1, "\n\n");
  return {{"type", "TextBlock"}, {"text", std::move(text)}, {"wrap", true}};
}

std::string mail_section(const AlertMessage& message, const AlertEvent& event) {
  std::string text = "\n" + one_line(event_line(event), kLineBytes) + "\n";
  for (std::size_t i = 0; i < event.findings.size() && i < kFindingsByMail; ++i) {
    const AlertFinding& finding = event.findings[i];
    text +=
        "  " + finding.severity + "  " + finding.id + ": " + one_line(finding.message, 400) + "\n";
  }
  if (event.findings.size() > kFindingsByMail)
    text += "  and " + std::to_string(event.findings.size() - kFindingsByMail) + " more findings\n";
  const std::string who = holders_line(event);
  if (!who.empty()) text += "  " + who + "\n";
  const std::string page = page_url(message, event);
  if (!page.empty()) text += "  " + page + "\n";
  return text;
}

std::string mail_text(const AlertMessage& message) {
  std::string text = one_line(headline(message), kLineBytes) + "\n";
  for (std::size_t i = 0; i < message.events.size() && i < kListedByMail; ++i)
    text += mail_section(message, message.events[i]);
  if (message.events.size() > kListedByMail)
    text += "\nand " + std::to_string(message.events.size() - kListedByMail) + " more\n";
  return text;
}

std::string lower_hex_prefix(const std::string& text) {
  return sha256_hex(text).substr(0, 32);
}

}  // namespace

std::string event_line(const AlertEvent& event) {
  if (event.kind == EventKind::kTest) return "test: " + event.sentence;
  if (event.name.empty()) return event.sentence;
  const std::string release = event.release();
  switch (event.kind) {
    case EventKind::kRecall:
      return "RECALL " + release + ": " + event.sentence;
    case EventKind::kCleared:
      return release + (still_refused(event) ? " was withdrawn" : " is no longer refused") +
             (event.sentence.empty() ? "" : ": " + event.sentence);
    case EventKind::kFixed:
      return release + " is served; it comes after " + event.name + "@" + event.fixes +
             ", which stays refused";
    default:
      return event.sentence.empty() ? release + ": " + std::string(happened(event.kind))
                                    : event.sentence;
  }
}

std::string headline(const AlertMessage& message) {
  if (message.events.size() == 1) return "npm-gate: " + event_line(message.events.front());
  std::map<EventKind, std::size_t> counts;
  for (const AlertEvent& event : message.events) ++counts[event.kind];
  std::string out = "npm-gate: " + std::to_string(message.events.size()) + " events: ";
  bool first = true;
  for (const auto& [kind, count] : counts) {
    out += (first ? "" : ", ") + std::to_string(count) + " " + std::string(happened(kind));
    first = false;
  }
  return out;
}

std::string page_url(const AlertMessage& message, const AlertEvent& event) {
  if (message.pages_url.empty() || event.name.empty()) return "";
  std::string version;
  for (const char c : event.version) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '.' || c == '-';
    version +=
        plain ? std::string(1, c) : "%" + hex_encode(std::vector{static_cast<std::uint8_t>(c)});
  }
  return message.pages_url + "-/npm-gate/releases/" + event.name + "/" + version;
}

std::string webhook_body(const AlertMessage& message) {
  boost::json::array events;
  for (const AlertEvent& event : message.events) {
    boost::json::object each = to_json(event);
    const std::string page = page_url(message, event);
    each["page"] = page.empty() ? boost::json::value() : boost::json::value(page);
    events.push_back(std::move(each));
  }
  return boost::json::serialize(boost::json::object{{"schema", "npm-gate.alert/1"},
                                                    {"id", message.key},
                                                    {"time", format_time(message.at)},
                                                    {"headline", headline(message)},
                                                    {"digest", message.events.size() > 1},
                                                    {"events", events}});
}

std::vector<std::pair<std::string, std::string>> webhook_headers(const std::string& body,
                                                                 const std::string& key,
                                                                 const std::string& secret,
                                                                 Time now) {
  std::vector<std::pair<std::string, std::string>> headers{{"Content-Type", "application/json"},
                                                           {"Idempotency-Key", key}};
  if (!secret.empty()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    const std::string stamp = std::to_string(seconds.count());
    headers.emplace_back("X-Npm-Gate-Signature",
                         "t=" + stamp + ",v1=" + hmac_sha256_hex(secret, stamp + "." + body));
  }
  return headers;
}

std::string slack_body(const AlertMessage& message) {
  const std::string head = one_line(headline(message), 280);
  boost::json::array blocks{slack_section("*" + slack_escape(head) + "*")};
  for (auto& each : listed(message, &slack_escape, &slack_release, &slack_section, kSlackBytes))
    blocks.push_back(std::move(each));
  return boost::json::serialize(
      boost::json::object{{"text", slack_escape(head)}, {"blocks", blocks}});
}

std::string teams_body(const AlertMessage& message) {
  boost::json::array body{
      boost::json::object{{"type", "TextBlock"},
                          {"text", markdown_escape(one_line(headline(message)))},
                          {"weight", "Bolder"},
                          {"wrap", true}}};
  for (auto& each : listed(message, &markdown_escape, &no_lead, &teams_text, kTeamsBytes))
    body.push_back(std::move(each));
  boost::json::object card{{"type", "AdaptiveCard"},
                           {"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                           {"version", "1.4"},
                           {"body", body}};
  boost::json::object attachment{{"contentType", "application/vnd.microsoft.card.adaptive"},
                                 {"content", card}};
  return boost::json::serialize(
      boost::json::object{{"type", "message"}, {"attachments", boost::json::array{attachment}}});
}

std::string email_text(const AlertMessage& message, const std::string& from,
                       const std::vector<std::string>& to) {
  const std::string text = mail_text(message);
  std::string recipients;
  for (const std::string& each : to) recipients += (recipients.empty() ? "" : ",\r\n ") + each;
  const std::string domain = from.substr(from.find('@') + 1);
  std::string out = "From: npm-gate <" + from + ">\r\nTo: " + recipients +
                    "\r\nSubject: " + mail_header(headline(message)) +
                    "\r\nDate: " + format_mail_date(message.at) +
                    // The same for every attempt: mail systems drop the second one.
                    "\r\nMessage-ID: <" + lower_hex_prefix(message.key) + "@" + domain +
                    ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0"
                    "\r\nContent-Type: text/plain; charset=utf-8"
                    "\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  const std::string encoded =
      base64_encode(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  for (std::size_t at = 0; at < encoded.size(); at += 76) out += encoded.substr(at, 76) + "\r\n";
  return out;
}

}  // namespace npmgate
