// SARIF 2.1.0 (OASIS), as code scanning services read it.
#include <boost/json/array.hpp>
#include <map>

#include "app/audit/audit_report.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "inspect/findings/findings.h"

namespace npmgate {
namespace {

// Rules that are the audit's own; the others are finding ids.
constexpr std::pair<std::string_view, std::string_view> kOwnRules[] = {
    {"policy", "a policy rule without a finding, such as a cooldown"},
    {"lockfile-integrity-mismatch", "the locked hash is not that of the release"},
    {"not-judged", "nothing could be learned of the release"},
    {"past-the-gate", "the lockfile names another host than the gate"},
};

std::string rule_of(const AuditRow& row) {
  if (row.integrity_mismatch()) return "lockfile-integrity-mismatch";
  if (row.answer.answered != Answered::kJudged) return "not-judged";
  const std::string sentence = row.sentence();
  for (const std::string& id : row.findings()) {
    if (sentence.starts_with(id)) return id;
  }
  return "policy";
}

std::string_view level_of(const AuditRow& row) {
  if (row.integrity_mismatch() || row.action() >= Action::kQuarantine) return "error";
  return row.action() == Action::kWarn ? "warning" : "note";
}

// A relative URI reference: blanks and the like percent-encoded.
std::string uri_of(const std::string& file) {
  return percent_encode(file, "/@+,=");
}

class Sarif {
 public:
  explicit Sarif(const Audit& audit) : audit_(audit) {
    for (const auto& [id, text] : kOwnRules) add_rule(id, text);
    for (const FindingKind& kind : finding_kinds()) add_rule(kind.id, kind.shows);
  }

  void add(std::string_view rule, std::string_view level, const std::string& spec,
           const std::string& text, int line) {
    boost::json::object location{
        {"physicalLocation",
         boost::json::object{
             {"artifactLocation", boost::json::object{{"uri", uri_of(audit_.lockfile.file)}}},
             {"region", boost::json::object{{"startLine", line}}}}},
        {"logicalLocations",
         boost::json::array{boost::json::object{{"name", spec}, {"kind", "package"}}}}};
    boost::json::object result{
        {"ruleId", rule},
        {"ruleIndex", indices_[std::string(rule)]},
        {"level", level},
        {"message", boost::json::object{{"text", log::printable(text, 2000)}}},
        // Stays the same when lines move.
        {"partialFingerprints",
         boost::json::object{{"npmGateRelease/v1", sha256_hex(spec + "\n" + std::string(rule))}}}};
    result["locations"] = boost::json::array{std::move(location)};
    results_.push_back(std::move(result));
  }

  boost::json::object finish() {
    boost::json::object driver{{"name", "npm-gate"}, {"version", NPM_GATE_VERSION}};
    driver["rules"] = std::move(rules_);
    boost::json::object run{{"tool", boost::json::object{{"driver", std::move(driver)}}}};
    run["columnKind"] = "utf16CodeUnits";
    run["results"] = std::move(results_);
    boost::json::object out{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                            {"version", "2.1.0"}};
    out["runs"] = boost::json::array{std::move(run)};
    return out;
  }

 private:
  void add_rule(std::string_view id, std::string_view text) {
    indices_[std::string(id)] = rules_.size();
    rules_.push_back(
        boost::json::object{{"id", id}, {"shortDescription", boost::json::object{{"text", text}}}});
  }

  const Audit& audit_;
  boost::json::array rules_, results_;
  std::map<std::string, std::size_t> indices_;
};

}  // namespace

boost::json::object audit_sarif(const Audit& audit) {
  Sarif sarif(audit);
  for (const AuditRow& row : audit.rows) {
    const std::string problem = row_problem(row);
    if (problem.empty()) continue;
    std::string text = row.spec() + ": " + problem;
    for (const auto& path : row.paths) {
      text += "; pulled in by";
      for (std::size_t i = 0; i < path.size(); ++i) text += (i == 0 ? " " : " > ") + path[i];
    }
    sarif.add(rule_of(row), level_of(row), row.spec(), text, row.locked.line);
  }
  for (const Bypass& bypass : audit.bypasses) {
    const LockEntry& entry = audit.lockfile.entries[bypass.entry];
    sarif.add("past-the-gate", bypass.certain ? "error" : "note", entry.str(),
              entry.str() + " names " + bypass.url + " instead of the gate", entry.line);
  }
  return sarif.finish();
}

}  // namespace npmgate
