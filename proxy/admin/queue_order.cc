#include "proxy/admin/queue_order.h"

#include <algorithm>

#include "base/text.h"
#include "proxy/admin/parameters.h"
#include "proxy/net/query.h"

namespace npmgate {
namespace {

constexpr std::string_view kOnly[] = {"", "asked", "refused", "fixes", "install"};

// "0042"; the more the smaller if `most_first`.
std::string digits(std::size_t count, bool most_first) {
  constexpr std::size_t kMost = 9'999;
  const std::size_t shown = std::min(count, kMost);
  const std::string text = std::to_string(most_first ? kMost - shown : shown);
  return std::string(4 - text.size(), '0') + text;
}

std::string first_if(bool first) {
  return first ? "0" : "1";
}

}  // namespace

std::optional<QueueSort> parse_queue_sort(std::string_view text) {
  if (text.empty() || text == "urgency") return QueueSort::kUrgency;
  if (text == "projects") return QueueSort::kProjects;
  if (text == "risk") return QueueSort::kRisk;
  if (text == "age") return QueueSort::kAge;
  if (text == "name") return QueueSort::kName;
  return std::nullopt;
}

std::string queue_key(QueueSort sort, const QueueFacts& facts) {
  const auto gravity = static_cast<std::size_t>(facts.gravest);
  // Of one width, the earlier the smaller; to the minute: what came together is told by name.
  const std::string seen = format_time(facts.seen).substr(0, 16);
  const std::string wanted =
      digits(facts.asked, true) + digits(facts.projects, true) + digits(facts.waiting, true);
  std::string key;
  switch (sort) {
    case QueueSort::kUrgency:
      key = first_if(facts.fixes) + wanted + digits(gravity, true) + seen;
      break;
    case QueueSort::kProjects:
      key = digits(facts.projects, true) + digits(facts.waiting, true) + seen;
      break;
    case QueueSort::kRisk:
      key = first_if(facts.lowest_risk) + digits(gravity, false) +
            first_if(!facts.runs_on_install) + digits(facts.findings, false) + wanted + seen;
      break;
    case QueueSort::kAge:
      key = seen;
      break;
    case QueueSort::kName:
      break;
  }
  return key + facts.release;
}

Result<QueueFilter> QueueFilter::parse(std::string_view query) {
  QueueFilter filter;
  filter.verdict = query_value(query, "verdict");
  filter.package = query_value(query, "package");
  filter.only = query_value(query, "only");
  filter.rule = query_value(query, "rule");
  const std::string& verdict = filter.verdict;
  if (!verdict.empty() && verdict != "allow" && verdict != "warn" && verdict != "quarantine" &&
      verdict != "block")
    return bad_request("verdict= is one of allow, warn, quarantine, block");
  if (!one_of(filter.only, kOnly))
    return bad_request("only= is one of asked, refused, fixes, install");
  const std::string severity = query_value(query, "severity");
  if (severity.empty()) return filter;
  for (const Severity each :
       {Severity::kInfo, Severity::kLow, Severity::kMedium, Severity::kHigh, Severity::kCritical}) {
    if (to_string(each) != severity) continue;
    filter.at_least = each;
    return filter;
  }
  return bad_request("severity= is one of info, low, medium, high, critical");
}

bool QueueFilter::fits(const QueueFacts& facts) const {
  if (facts.gravest < at_least) return false;
  if (only == "asked") return facts.asked > 0;
  if (only == "refused") return facts.waiting > 0;
  if (only == "fixes") return facts.fixes;
  return only != "install" || facts.runs_on_install;
}

}  // namespace npmgate
