#include "proxy/runtime/audit_writer.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <iterator>

#include "base/log.h"

namespace npmgate {
namespace {

template <class T>
void put_back(std::vector<T>& queue, std::vector<T> batch, std::size_t keep) {
  batch.insert(batch.end(), std::make_move_iterator(queue.begin()),
               std::make_move_iterator(queue.end()));
  if (batch.size() > keep) {
    log::error("records-lost", "the disk does not take records", {{"lost", batch.size() - keep}});
    batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(batch.size() - keep));
  }
  queue = std::move(batch);
}

// Of one round: several times what the largest lockfiles hold. A client can send more at will.
constexpr std::size_t kMaxReports = 50'000;

// Releases remembered as told; more than that and all are told once more.
constexpr std::size_t kTold = 200'000;

// Everything of a judgement that its row holds, in one number.
std::size_t fingerprint(const Judged& judged) {
  std::string all(to_string(judged.verdict.action));
  const Subject& subject = judged.subject;
  all += "\n" + subject.content_id + "\n" + format_time(subject.age_start) + "\n" +
         subject.publisher + "\n" + subject.license +
         (subject.same_publisher_and_hooks ? "1" : "0") + (subject.has_install_script ? "1" : "0");
  for (const Finding& finding : judged.findings)
    all += "\n" + finding.id + finding.source + boost::json::serialize(finding.proof);
  return std::hash<std::string>{}(all);
}

std::string key_of(const std::string& name, const std::string& version,
                   const std::string& content) {
  return name + "@" + version + "#" + content;
}

std::string rules_of(const Verdict& verdict) {
  std::string rules;
  for (const Reason& reason : verdict.reasons) {
    if (reason.waived_by.empty()) rules += (rules.empty() ? "" : " ") + reason.rule;
  }
  if (rules.empty() && !verdict.approved_by.empty()) return "approved by " + verdict.approved_by;
  return rules;
}

}  // namespace

void AuditWriter::judged(const Judged& judged, const std::string& policy_hash,
                         std::uint64_t revision) {
  const std::string key = key_of(judged.subject.name, judged.version, judged.subject.content_id);
  const std::size_t now = fingerprint(judged);
  {
    const std::lock_guard lock(mutex_);
    const auto known = told_.find(key);
    if (known != told_.end() && known->second == now) return;
  }
  SeenVerdict seen;
  seen.refresh = true;
  seen.row.name = judged.subject.name;
  seen.row.version = judged.version;
  seen.row.content_id = judged.subject.content_id;
  seen.row.subject = judged.subject;
  seen.row.findings = judged.findings;
  seen.row.seen = clock_.now();
  seen.action = to_string(judged.verdict.action);
  seen.policy_hash = policy_hash;
  seen.because = rules_of(judged.verdict);
  seen.revision = revision;
  const std::lock_guard lock(mutex_);
  if (told_.size() >= kTold) told_.clear();
  told_[key] = now;
  verdicts_.push_back(std::move(seen));
}

void AuditWriter::flush_verdicts() {
  const std::lock_guard turn(writing_);
  std::vector<SeenVerdict> verdicts;
  {
    const std::lock_guard lock(mutex_);
    verdicts.swap(verdicts_);
  }
  if (verdicts.empty()) return;
  std::vector<std::string> outdated;
  const StateStore::VerdictCounts counts = [&](const SeenVerdict& seen) {
    if (!revision_ || seen.revision == revision_()) return true;
    outdated.push_back(key_of(seen.row.name, seen.row.version, seen.row.content_id));
    return false;
  };
  const auto done = store_.record_verdicts(verdicts, clock_.now(), counts);
  // What is judged again by the rules of now is told again.
  const std::lock_guard lock(mutex_);
  for (const std::string& key : outdated) told_.erase(key);
  if (!done) {
    log::error("records", to_string(done.error()));
    put_back(verdicts_, std::move(verdicts), kKeep);
  }
}

void AuditWriter::audit(AuditEntry entry) {
  const std::lock_guard lock(mutex_);
  audit_.push_back(std::move(entry));
}

void AuditWriter::ledger(LedgerEntry entry) {
  const std::lock_guard lock(mutex_);
  if (entry.reported && ledger_.size() >= kMaxReports) return;
  ledger_.push_back(std::move(entry));
}

void AuditWriter::served(std::string_view alike, const std::function<Served()>& make) {
  const Time now = clock_.now();
  const std::lock_guard lock(mutex_);
  auto it = served_at_.find(alike);
  if (it == served_at_.end()) {
    if (served_.size() >= kKeep) gather_served();
    served_.emplace_back().first = make();
    it = served_at_.emplace(std::string(alike), served_.size() - 1).first;
  }
  Pending& pending = served_[it->second];
  ++pending.times;
  pending.first.ledger.at = now;  // the last
}

// Under mutex_.
void AuditWriter::gather_served() {
  for (Pending& pending : served_) {
    AuditEntry& audit = pending.first.audit;
    if (pending.times > 1) {
      boost::system::error_code none;
      boost::json::value detail = boost::json::parse(audit.detail, none);
      if (none || !detail.is_object()) detail = boost::json::object();
      detail.as_object()["times"] = pending.times;
      audit.detail = boost::json::serialize(detail);
    }
    audit_.push_back(std::move(audit));
    pending.first.ledger.count = pending.times;
    ledger_.push_back(std::move(pending.first.ledger));
  }
  served_.clear();
  served_at_.clear();
}

void AuditWriter::token_used(std::int64_t id, Time at) {
  const std::lock_guard lock(mutex_);
  tokens_[id] = at;
}

void AuditWriter::flush() {
  flush_verdicts();
  flush_records();
  std::map<std::int64_t, Time> tokens;
  {
    const std::lock_guard lock(mutex_);
    tokens.swap(tokens_);
  }
  for (const auto& [id, at] : tokens) {
    if (auto done = store_.touch_token(id, at); !done)
      log::error("records", to_string(done.error()));
  }
}

void AuditWriter::flush_records() {
  std::vector<AuditEntry> audit;
  std::vector<LedgerEntry> ledger;
  {
    const std::lock_guard lock(mutex_);
    gather_served();
    audit.swap(audit_);
    ledger.swap(ledger_);
  }
  if (!audit.empty()) {
    if (auto done = store_.audit(audit); !done) {
      log::error("records", to_string(done.error()));
      const std::lock_guard lock(mutex_);
      put_back(audit_, std::move(audit), kKeep);
    }
  }
  if (!ledger.empty()) {
    if (auto done = store_.ledger(ledger); !done) {
      log::error("records", to_string(done.error()));
      const std::lock_guard lock(mutex_);
      put_back(ledger_, std::move(ledger), kKeep);
    }
  }
}

}  // namespace npmgate
