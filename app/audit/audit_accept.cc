#include "app/audit/audit_accept.h"

#include <boost/json/serialize.hpp>

#include "app/cli.h"

namespace npmgate {
namespace {

std::string actor() {
  return "cli:" + environment("USER").value_or("unknown");
}

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* found = object.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::vector<std::string> shown(const boost::json::object& release) {
  std::vector<std::string> all;
  const auto* findings = release.if_contains("findings");
  if (findings == nullptr || !findings->is_array()) return all;
  for (const auto& finding : findings->get_array())
    all.push_back(text_of(finding.get_object(), "id") + ":" +
                  text_of(finding.get_object(), "digest"));
  return all;
}

bool covered(const std::vector<Decision>& decisions, const Decision& wanted) {
  for (const Decision& old : decisions) {
    if (old.kind == Decision::Kind::kApprove && !old.reopened && old.name == wanted.name &&
        old.versions == wanted.versions && old.content_id == wanted.content_id &&
        old.findings == wanted.findings)
      return true;
  }
  return false;
}

}  // namespace

Result<Accepted> accept_tree(OfflineGate& gate, const Audit& audit, const std::string& reason) {
  auto decisions = gate.store().decisions();
  if (!decisions) return decisions.error();
  Accepted accepted;
  const Time now = gate.clock().now();
  for (const AuditRow& row : audit.rows) {
    const boost::json::object& release = row.answer.release;
    const auto* inspected = release.if_contains("inspected");
    if (row.answer.answered == Answered::kTrusted) {
      ++accepted.clean;
      continue;
    }
    if (inspected == nullptr || !inspected->is_bool() || !inspected->get_bool() ||
        row.action() == Action::kBlock || row.integrity_mismatch()) {
      ++accepted.refused;
      continue;
    }
    Decision decision;
    decision.name = row.locked.name;
    decision.versions = row.locked.version;
    decision.content_id = text_of(release, "content");
    decision.findings = shown(release);
    decision.actor = actor();
    decision.reason = reason;
    decision.at = now;
    if (decision.findings.empty() && row.action() == Action::kAllow) {
      ++accepted.clean;
      continue;
    }
    if (covered(*decisions, decision)) {
      ++accepted.before;
      continue;
    }
    AuditEntry entry;
    entry.at = now;
    entry.kind = "decision";
    entry.actor = decision.actor;
    entry.name = decision.name;
    entry.version = decision.versions;
    entry.content_id = decision.content_id;
    entry.action = "approve";
    entry.policy_hash = gate.policy().hash;
    entry.detail = boost::json::serialize(
        boost::json::object{{"reason", reason}, {"lockfile", audit.lockfile.file}});
    if (auto done = gate.store().add_decision(decision, entry); !done) return done.error();
    ++accepted.approved;
  }
  return accepted;
}

std::string accepted_text(const Accepted& accepted) {
  std::string out = "npm-gate: " + std::to_string(accepted.approved) + " releases approved, " +
                    std::to_string(accepted.clean) + " need no approval, " +
                    std::to_string(accepted.before) + " were approved before";
  if (accepted.refused > 0)
    out += ", " + std::to_string(accepted.refused) +
           " cannot be approved (blocked or never inspected; see npm-gate audit)";
  return out + "\nA running gate takes the decisions over on SIGHUP, or with its next decision.\n";
}

}  // namespace npmgate
