#include "alert/issue.h"

#include <algorithm>
#include <set>

#include "alert/escape.h"

namespace npmgate {
namespace {

// GitHub refuses a body over 65,536 characters; sections beyond this are only counted.
constexpr std::size_t kBody = 25'000;
constexpr std::size_t kSection = 12'000;  // of one release
constexpr std::size_t kHolders = 3'000;   // of who has what
constexpr std::size_t kProof = 1500;
constexpr std::size_t kShownProof = 2500;  // with control characters made visible
constexpr std::size_t kNamed = 50;         // releases that "what to do" names

bool is_bad_news(EventKind kind) {
  return kind == EventKind::kHeld || kind == EventKind::kBlocked || kind == EventKind::kRecall ||
         kind == EventKind::kWarned;
}

bool is_over(EventKind kind) {
  return kind == EventKind::kCleared || kind == EventKind::kDropped;
}

const IssueRecord* record_of(const std::vector<IssueRecord>& known, const AlertEvent& event) {
  for (const IssueRecord& record : known) {
    if (record.name == event.name && record.version == event.version) return &record;
  }
  return nullptr;
}

// The open issue about the package: one that tells about `version`, else any.
const IssueRecord* open_issue(const std::vector<IssueRecord>& known, const AlertEvent& event) {
  const IssueRecord* found = nullptr;
  for (const IssueRecord& record : known) {
    if (record.name != event.name || record.state != "open") continue;
    if (event.kind == EventKind::kFixed && record.version == event.fixes) return &record;
    found = &record;
  }
  return found;
}

IssuePlan::Comment& comment_on(IssuePlan& plan, std::int64_t number) {
  for (IssuePlan::Comment& comment : plan.comments) {
    if (comment.number == number) return comment;
  }
  plan.comments.emplace_back();
  plan.comments.back().number = number;
  return plan.comments.back();
}

// Closes the issue with the last of its releases, opens it again with the first that is back.
void set_state(IssuePlan::Comment& comment, const std::vector<IssueRecord>& known) {
  std::set<std::string> bad;
  for (const IssueRecord& record : known) {
    if (record.number == comment.number && record.state == "open")
      bad.insert(record.name + "@" + record.version);
  }
  const bool was_open = !bad.empty();
  for (const AlertEvent& event : comment.events) {
    if (is_bad_news(event.kind)) bad.insert(event.release());
    if (is_over(event.kind)) bad.erase(event.release());
  }
  comment.close = bad.empty();
  comment.reopen = !was_open && !bad.empty();
}

// ": install-script-added, known-malware and 3 more": what weighs most in each, or the rule.
std::string reasons_of(const std::vector<AlertEvent>& events) {
  constexpr std::size_t kReasons = 2;
  std::vector<std::string> reasons;
  for (const AlertEvent& event : events) {
    const std::string reason = !event.findings.empty() ? event.findings.front().id
                               : event.rules.empty()   ? ""
                                                       : "rule " + event.rules.front();
    if (!reason.empty() && std::find(reasons.begin(), reasons.end(), reason) == reasons.end())
      reasons.push_back(reason);
  }
  std::string out;
  for (std::size_t i = 0; i < reasons.size() && i < kReasons; ++i)
    out += (i == 0 ? ": " : ", ") + reasons[i];
  if (reasons.size() > kReasons)
    out += " and " + std::to_string(reasons.size() - kReasons) + " more";
  return out;
}

std::string title_of(const AlertMessage& message) {
  std::vector<std::string> names;
  for (const AlertEvent& event : message.events) {
    if (std::find(names.begin(), names.end(), event.name) == names.end())
      names.push_back(event.name);
  }
  const std::string why = reasons_of(message.events);
  if (message.events.size() == 1)
    return "Release " + message.events.front().release() + " looks suspicious" + why;
  std::string packages = names.front();
  if (names.size() == 2) packages += " and " + names.back();
  if (names.size() > 2)
    packages += ", " + names[1] + " and " + std::to_string(names.size() - 2) + " more packages";
  return std::to_string(message.events.size()) + " releases of " + packages + " look suspicious" +
         why;
}

// What an admin reads at once, a maintainer has to be able to check: words, proof, comparison.
std::string seen(const AlertEvent& event) {
  std::string out = "### " + code_span(event.release()) + "\n\n";
  out += "What was seen";
  if (!event.baseline.empty()) out += ", compared with " + code_span(event.baseline);
  if (!event.publisher.empty()) out += "; published by " + code_span(event.publisher);
  out += ":\n\n";
  std::size_t left = event.findings.size();
  for (const AlertFinding& finding : event.findings) {
    if (out.size() > kSection) break;
    --left;
    // What was not available was not seen, and why is the gate's own matter.
    if (finding.id == "evidence-unavailable") continue;
    out += "- **" + markdown_escape(finding.id) + "** (" + markdown_escape(finding.severity) +
           "): " + markdown_escape(one_line(finding.message, 400)) + "\n";
    if (finding.proof.empty() || finding.proof == "{}") continue;
    const std::string proof = code_block(finding.proof.substr(0, kProof), "json");
    if (proof.size() <= kShownProof) out += "\n" + proof + "\n";
  }
  if (event.findings.empty()) out += markdown_escape(one_line(event.sentence, 400)) + "\n";
  if (left > 0) out += "and " + std::to_string(left) + " more findings\n";
  return out + "\n";
}

std::string for_maintainers(const AlertEvent& event) {
  const std::string name = event.name, version = event.version;
  std::string diff =
      event.baseline.empty()
          ? "npm view " + event.release() + " scripts dist.tarball time"
          : "npm diff --diff=" + name + "@" + event.baseline + " --diff=" + name + "@" + version;
  return "### How to confirm\n\n"
         "1. Did one of you publish this version?\n\n" +
         code_block("npm view " + event.release() + " _npmUser dist.shasum\n" + diff, "sh") +
         "\n2. Is there a tag or commit in this repository that it was built from?\n"
         "3. If nobody did: revoke tokens, change the password and turn on two-factor"
         " authentication of every account that may publish, then unpublish or deprecate the "
         "version"
         " and tell the registry's security team.\n\n"
         "### How to close\n\n"
         "If the release is yours and right, say so here and close the issue; nobody is blocked by "
         "it"
         " but those who chose to be careful. When the version disappears from the registry, or"
         " what was seen goes away (for example, the missing tag is pushed), this issue gets a"
         " comment and is closed by itself.\n";
}

std::string for_subscribers(const AlertMessage& message) {
  std::string out = "### What to do\n\nYour project locks, or asks for a range that takes:\n\n";
  for (std::size_t i = 0; i < message.events.size() && i < kNamed; ++i)
    out += "- " + code_span(message.events[i].release()) + "\n";
  if (message.events.size() > kNamed)
    out += "- and " + std::to_string(message.events.size() - kNamed) + " more\n";
  return out +
         "\nMove to another version, and where an install ran with it, treat the secrets of that"
         " machine as known to others. This issue is commented when the verdict changes.\n";
}

std::string for_team(const AlertMessage& message) {
  std::string out;
  for (const AlertEvent& event : message.events) {
    if (event.holders.empty()) continue;
    if (out.size() > kHolders) return out + "More: `npm-gate downloads NAME@VERSION`\n";
    out += "Who has " + code_span(event.release()) + ":\n\n";
    for (const Holder& holder : event.holders) {
      out += "- " + std::string(holder.reported ? "reported " : "fetched ") +
             format_minute(holder.at) + " " +
             code_span(holder.project + " " + holder.token + " " + holder.address) + "\n";
    }
    out += "\n";
  }
  return out;
}

// Whole sections until the body is long: a fence that was cut open would swallow what follows.
std::string sections(const std::vector<AlertEvent>& events,
                     std::string (*section)(const AlertEvent&)) {
  std::string body;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (body.size() > kBody)
      return body + "and " + std::to_string(events.size() - i) + " more releases\n\n";
    body += section(events[i]);
  }
  return body;
}

std::string update(const AlertEvent& event) {
  if (event.kind == EventKind::kCleared)
    return code_span(event.release()) +
           (still_refused(event) ? " was withdrawn" : " is no longer refused") +
           (event.sentence.empty() ? "" : ": " + markdown_escape(one_line(event.sentence, 400))) +
           "\n\n";
  if (event.kind == EventKind::kDropped)
    return "This project no longer locks " + code_span(event.release()) +
           " and has no range that takes it. The release stays refused.\n\n";
  if (event.kind == EventKind::kFixed)
    return code_span(event.release()) + " was inspected and is served. " +
           code_span(event.name + "@" + event.fixes) + " stays refused.\n\n";
  return seen(event);
}

}  // namespace

std::string issue_marker(std::string_view key, std::string_view step) {
  return "<!-- npm-gate:" + std::string(key) + ":" + std::string(step) + " -->";
}

IssuePlan plan_issues(const std::vector<AlertEvent>& events,
                      const std::vector<IssueRecord>& known) {
  IssuePlan plan;
  for (const AlertEvent& event : events) {
    const IssueRecord* record = record_of(known, event);
    if (record != nullptr && record->state == "gone") continue;
    if (!is_bad_news(event.kind)) {
      const IssueRecord* about =
          event.kind == EventKind::kFixed ? open_issue(known, event) : record;
      if (about != nullptr && about->state == "open")
        comment_on(plan, about->number).events.push_back(event);
      continue;
    }
    if (record == nullptr) record = open_issue(known, event);
    if (record != nullptr)
      comment_on(plan, record->number).events.push_back(event);
    else
      plan.create.push_back(event);
  }
  for (IssuePlan::Comment& comment : plan.comments) set_state(comment, known);
  return plan;
}

IssueText issue_text(const AlertMessage& message, IssueAudience audience) {
  IssueText text;
  text.title = one_line(title_of(message), 200);
  text.body = "An automatic inspection of new npm releases";
  text.body += message.events.size() == 1 ? " found something that deserves a look.\n\n"
                                          : " found some that deserve a look.\n\n";
  text.body += sections(message.events, &seen);
  if (audience == IssueAudience::kMaintainer) text.body += for_maintainers(message.events.front());
  if (audience == IssueAudience::kSubscriber) text.body += for_subscribers(message);
  if (audience == IssueAudience::kTeam) text.body += for_team(message);
  return text;
}

std::string comment_text(const AlertMessage& message, IssueAudience audience) {
  std::string body = sections(message.events, &update);
  if (audience == IssueAudience::kTeam) body += for_team(message);
  return body;
}

}  // namespace npmgate
