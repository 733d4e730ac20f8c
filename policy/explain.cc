#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/log.h"
#include "policy/decide.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// The sentence stands in an HTTP header and in npm's output (SPEC section 6): one line of ASCII
// that every client prints.
constexpr std::size_t kMaxRefusal = 400;
// A name has up to 214 characters, a version 256: cut so that the reason always fits beside them.
constexpr std::size_t kMaxSpec = 200;
// A proof is for reading; the whole of it is in the JSON form.
constexpr std::size_t kMaxProof = 2000;

std::string ascii(std::string_view text, std::size_t limit) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      if ((byte & 0xC0U) != 0x80U) out += '?';  // once per character
    } else {
      out += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
  }
  if (out.size() > limit) out = out.substr(0, limit - 3) + "...";
  return out;
}

std::string_view past(Action action) {
  constexpr std::string_view kWords[] = {"allowed", "allowed with a warning", "quarantined",
                                         "blocked"};
  return kWords[static_cast<std::size_t>(action)];
}

std::string rule_name(const std::string& rule) {
  const bool own = rule.starts_with("floor:") || rule == "rejection" || rule == "not-inspected";
  return own ? rule : "rule " + rule;
}

// The message of the finding that tells most: the order of finding_kinds().
std::string strongest_message(const Reason& reason, std::span<const Finding> findings) {
  for (const std::string& id : reason.findings) {
    const auto it = std::find_if(findings.begin(), findings.end(),
                                 [&](const Finding& finding) { return finding.id == id; });
    if (it != findings.end()) return it->message;
  }
  return {};
}

std::string why(const Reason& reason, std::span<const Finding> findings) {
  // Its message is already that of the one finding that counts.
  if (reason.rule.starts_with("floor:")) return reason.message;
  const std::string found = strongest_message(reason, findings);
  if (found.empty() || found == reason.message) return reason.message;
  return found + ". " + reason.message;
}

std::string spec(const Subject& subject) {
  return subject.name + "@" + subject.version;
}

std::string until(const std::optional<Time>& ends) {
  return ends ? " until " + format_minute(*ends) : " until approved";
}

void explain_reason(const Reason& reason, std::string& out) {
  out += "  " + std::string(to_string(reason.action)) + "  " + rule_name(reason.rule);
  if (!reason.at.file.empty()) out += " (" + reason.at.str() + ")";
  out += ": " + log::printable(reason.message) + "\n";
  if (!reason.findings.empty()) {
    out += "      because of";
    for (const std::string& id : reason.findings) out += " " + id;
    out += "\n";
  }
  if (!reason.waived_by.empty()) {
    out += "      not applied: " + log::printable(reason.waived_by) + "\n";
  } else if (reason.ends) {
    out += "      ends by itself " + format_minute(*reason.ends) + "\n";
  }
}

json::value time_or_null(const std::optional<Time>& time) {
  return time ? json::value(format_time(*time)) : json::value(nullptr);
}

json::object to_json(const Reason& reason) {
  json::object out;
  out["rule"] = reason.rule;
  out["action"] = to_string(reason.action);
  json::array findings;
  for (const std::string& id : reason.findings) findings.emplace_back(id);
  out["findings"] = std::move(findings);
  out["message"] = reason.message;
  out["at"] = reason.at.file.empty() ? json::value(nullptr) : json::value(reason.at.str());
  out["ends"] = time_or_null(reason.ends);
  out["waived_by"] =
      reason.waived_by.empty() ? json::value(nullptr) : json::value(reason.waived_by);
  out["cooldown"] = reason.cooldown;
  return out;
}

}  // namespace

std::string refusal_sentence(const Subject& subject, const Verdict& verdict,
                             std::span<const Finding> findings) {
  std::string head = ascii(spec(subject), kMaxSpec) + " is " + std::string(past(verdict.action));
  if (verdict.action == Action::kQuarantine) head += until(verdict.ends);
  if (verdict.reasons.empty() || !verdict.reasons.front().waived_by.empty()) return head;
  const Reason& reason = verdict.reasons.front();
  const std::string tail = " (" + ascii(rule_name(reason.rule), 80) + ")";
  const std::size_t room = kMaxRefusal - head.size() - tail.size() - 2;
  return head + ": " + ascii(why(reason, findings), room) + tail;
}

std::string explain_text(const Subject& subject, const Verdict& verdict,
                         std::span<const Finding> findings, Time now) {
  std::string out = log::printable(spec(subject)) + " is " + std::string(past(verdict.action));
  if (verdict.action == Action::kQuarantine) {
    out += until(verdict.ends);
    if (verdict.ends) out += " (in " + human_duration(*verdict.ends - now) + ")";
  }
  out += "\n";
  if (subject.lowest_risk) {
    out +=
        "of the lowest risk: proven to be built as the release before, its files are the source's, "
        "nothing gained\n";
  } else if (subject.provenance && !subject.risk_left.empty()) {
    out += "not of the lowest risk: " + log::printable(subject.risk_left) + "\n";
  }
  if (verdict.would != verdict.action) {
    out +=
        "would be " + std::string(past(verdict.would)) + " without monitor mode and break glass\n";
  }
  if (!verdict.approved_by.empty())
    out += "approved by " + log::printable(verdict.approved_by) + "\n";
  out += "age " + human_duration(std::max(now - subject.age_start, Millis{0})) + ", counted from " +
         format_minute(subject.age_start) + "\n";
  if (!subject.inspected) out += "judged on its metadata: the tarball was not inspected yet\n";
  out += verdict.reasons.empty() ? "no rule matches\n" : "reasons:\n";
  for (const Reason& reason : verdict.reasons) explain_reason(reason, out);
  out += findings.empty() ? "no findings\n" : "findings:\n";
  for (const Finding& finding : findings) {
    out += "  " + std::string(to_string(finding.severity)) + "  " + log::printable(finding.id) +
           " [" + log::printable(finding.source) + "]: " + log::printable(finding.message) + "\n";
    if (!finding.proof.empty()) {
      out += "      " + log::printable(json::serialize(finding.proof), kMaxProof) + "\n";
    }
  }
  const std::vector<std::string> ways = remedies(subject, verdict, now);
  if (!ways.empty()) out += "what would change it:\n";
  for (const std::string& way : ways) out += "  " + way + "\n";
  if (verdict.valid_until)
    out += "may change by itself " + format_minute(*verdict.valid_until) + "\n";
  return out;
}

json::value to_json(const Verdict& verdict) {
  json::object out;
  out["action"] = to_string(verdict.action);
  out["would"] = to_string(verdict.would);
  out["served"] = verdict.served();
  json::array reasons;
  for (const Reason& reason : verdict.reasons) reasons.push_back(to_json(reason));
  out["reasons"] = std::move(reasons);
  out["ends"] = time_or_null(verdict.ends);
  out["valid_until"] = time_or_null(verdict.valid_until);
  out["approved_by"] =
      verdict.approved_by.empty() ? json::value(nullptr) : json::value(verdict.approved_by);
  out["warn_clients"] = verdict.warn_clients;
  out["baseline_fit"] = verdict.baseline_fit;
  return out;
}

json::value to_json(const Finding& finding) {
  json::object out;
  out["id"] = finding.id;
  out["severity"] = to_string(finding.severity);
  out["message"] = finding.message;
  out["proof"] = finding.proof;
  out["source"] = finding.source;
  out["digest"] = finding.digest();
  return out;
}

}  // namespace npmgate
