#include "app/audit/audit_report.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>

#include "base/log.h"

namespace npmgate {
namespace {

// Entries of a kind that are listed one by one; the JSON has all.
constexpr std::size_t kShown = 20;

struct Heading {
  std::string_view word, colour;
};

// Strictest first; what stands lower is only counted.
int weight(const AuditRow& row) {
  if (row.integrity_mismatch()) return 5;
  if (row.answer.answered == Answered::kFailed || row.answer.answered == Answered::kUnknown ||
      row.answer.answered == Answered::kAbsent)
    return 1;
  switch (row.action()) {
    case Action::kBlock:
      return 4;
    case Action::kQuarantine:
      return 3;
    case Action::kWarn:
      return 2;
    case Action::kAllow:
      break;
  }
  return 0;
}

Heading heading(const AuditRow& row) {
  switch (weight(row)) {
    case 5:
      return {"MISMATCH", "\x1b[31m"};
    case 4:
      return {"BLOCK", "\x1b[31m"};
    case 3:
      return {"QUARANTINE", "\x1b[35m"};
    case 2:
      return {"WARN", "\x1b[33m"};
    default:
      return {row.answer.answered == Answered::kFailed   ? "FAILED"
              : row.answer.answered == Answered::kAbsent ? "ABSENT"
                                                         : "UNKNOWN",
              "\x1b[36m"};
  }
}

std::vector<const AuditRow*> problems_of(const Audit& audit) {
  std::vector<const AuditRow*> rows;
  for (const AuditRow& row : audit.rows) {
    if (weight(row) > 0) rows.push_back(&row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const AuditRow* a, const AuditRow* b) { return weight(*a) > weight(*b); });
  return rows;
}

std::string path_text(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& step : path) out += (out.empty() ? "" : " > ") + step;
  return log::printable(out, 400);
}

std::string summary(const Audit& audit) {
  const Audit::Counts counts = audit.counts();
  std::string out = log::printable(audit.lockfile.file, 200) + ": " +
                    std::string(to_string(audit.lockfile.format)) + ", " +
                    std::to_string(audit.rows.size()) + " releases";
  const std::pair<std::size_t, std::string_view> parts[] = {
      {counts.mismatch, "with another hash than locked"},
      {counts.block, "blocked"},
      {counts.quarantine, "quarantined"},
      {counts.warn, "with warnings"},
      {counts.unknown, "unknown"},
      {counts.failed, "not asked"},
      {counts.allow, "allowed"}};
  std::string_view separator = ": ";
  for (const auto& [count, word] : parts) {
    if (count == 0) continue;
    out += std::string(separator) + std::to_string(count) + " " + std::string(word);
    separator = ", ";
  }
  return out;
}

std::vector<const LockEntry*> others_of(const Audit& audit) {
  std::vector<const LockEntry*> others;
  for (const LockEntry& entry : audit.lockfile.entries) {
    const bool own = entry.source == LockSource::kWorkspace || entry.source == LockSource::kLink;
    if (!entry.judged() && !own) others.push_back(&entry);
  }
  return others;
}

void tell_others(const Audit& audit, std::string& out) {
  const auto others = others_of(audit);
  if (others.empty()) return;
  out += "\n" + std::to_string(others.size()) +
         " entries do not come from a registry; no gate sees them:\n";
  for (std::size_t i = 0; i < others.size() && i < kShown; ++i) {
    const LockEntry& entry = *others[i];
    out += "  " + std::string(to_string(entry.source)) + "  " + log::printable(entry.name, 100) +
           "  " + log::printable(entry.spec, 200) + "  " +
           log::printable(audit.lockfile.file, 200) + ":" + std::to_string(entry.line) + "\n";
  }
}

void tell_bypasses(const Audit& audit, std::string& out) {
  if (audit.bypasses.empty()) return;
  const bool certain = audit.bypasses.front().certain;
  out += "\n" + std::to_string(audit.bypasses.size()) +
         (certain ? " entries are fetched past the gate, from the URL in the lockfile; --fix "
                    "rewrites them:\n"
                  : " entries name another host; npm goes to the gate only if that is its default "
                    "registry; --fix rewrites them:\n");
  for (std::size_t i = 0; i < audit.bypasses.size() && i < kShown; ++i) {
    const LockEntry& entry = audit.lockfile.entries[audit.bypasses[i].entry];
    out += "  " + log::printable(entry.str(), 100) + "  " +
           log::printable(audit.bypasses[i].url, 200) + "  " +
           log::printable(audit.lockfile.file, 200) + ":" + std::to_string(entry.line) +
           (audit.bypasses[i].fixable ? "" : "  (written with escapes: not fixable)") + "\n";
  }
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : log::printable(text, 400)) {
    if (c == '|' || c == '<' || c == '`') out += '\\';
    out += c;
  }
  return out;
}

boost::json::array paths_json(const std::vector<std::vector<std::string>>& paths) {
  boost::json::array out;
  for (const auto& path : paths) out.push_back(boost::json::value_from(path));
  return out;
}

boost::json::object row_json(const AuditRow& row) {
  const auto part = [&](std::string_view key) {
    const auto* found = row.answer.release.if_contains(key);
    return found == nullptr ? boost::json::value() : *found;
  };
  boost::json::object out{{"name", row.locked.name},
                          {"version", row.locked.version},
                          {"line", row.locked.line},
                          {"dev", row.locked.dev},
                          {"optional", row.locked.optional},
                          {"status", to_string(row.answer.answered)},
                          {"detail", row.answer.detail},
                          {"integrity", row.locked.integrity},
                          {"integrity_mismatch", row.integrity_mismatch()}};
  out["action"] = row.answer.answered == Answered::kJudged
                      ? boost::json::value(to_string(row.action()))
                      : boost::json::value();
  out["reason"] = row.sentence();
  for (const char* key : {"content", "baseline", "verdict", "findings"}) out[key] = part(key);
  out["paths"] = paths_json(row.paths);
  return out;
}

}  // namespace

std::string row_problem(const AuditRow& row) {
  if (weight(row) == 0) return "";
  if (row.integrity_mismatch())
    return row.locked.integrity_differs
               ? "entries of the lockfile state different hashes for it"
               : "the hash in the lockfile is not that of the release in the registry";
  return row.sentence();
}

std::string audit_text(const Audit& audit, bool colour) {
  std::string out = summary(audit) + "\n";
  for (const AuditRow* row : problems_of(audit)) {
    const Heading head = heading(*row);
    out += "\n" + (colour ? std::string(head.colour) : "") + std::string(head.word) +
           (colour ? "\x1b[0m" : "") + "  " + row->spec() + "  " +
           log::printable(audit.lockfile.file, 200) + ":" + std::to_string(row->locked.line) +
           (row->locked.dev ? "  (dev)" : "") + "\n";
    out += "    " + log::printable(row_problem(*row), 500) + "\n";
    for (const auto& path : row->paths) out += "    by " + path_text(path) + "\n";
  }
  tell_others(audit, out);
  tell_bypasses(audit, out);
  return out;
}

std::string audit_markdown(const Audit& audit) {
  std::string out = "### npm-gate audit\n\n" + cell(summary(audit)) + "\n";
  const auto rows = problems_of(audit);
  if (!rows.empty()) out += "\n| verdict | release | why | pulled in by |\n|---|---|---|---|\n";
  for (const AuditRow* row : rows) {
    out += "| " + std::string(heading(*row).word) + " | " + cell(row->spec()) + " | " +
           cell(row_problem(*row)) + " | " +
           (row->paths.empty() ? "" : cell(path_text(row->paths.front()))) + " |\n";
  }
  if (!audit.bypasses.empty())
    out += "\n" + std::to_string(audit.bypasses.size()) +
           " entries name another host than the gate; `npm-gate audit --fix` rewrites them.\n";
  return out;
}

boost::json::object audit_json(const Audit& audit) {
  const Audit::Counts counts = audit.counts();
  boost::json::array releases, others, bypasses;
  for (const AuditRow& row : audit.rows) releases.push_back(row_json(row));
  for (const LockEntry* entry : others_of(audit)) {
    others.push_back(boost::json::object{{"name", entry->name},
                                         {"version", entry->version},
                                         {"source", to_string(entry->source)},
                                         {"spec", entry->spec},
                                         {"line", entry->line}});
  }
  for (const Bypass& bypass : audit.bypasses) {
    const LockEntry& entry = audit.lockfile.entries[bypass.entry];
    bypasses.push_back(boost::json::object{{"name", entry.name},
                                           {"version", entry.version},
                                           {"url", bypass.url},
                                           {"wanted", bypass.wanted},
                                           {"certain", bypass.certain},
                                           {"fixable", bypass.fixable},
                                           {"line", entry.line}});
  }
  boost::json::object summary_object{
      {"releases", audit.rows.size()},   {"block", counts.block},
      {"quarantine", counts.quarantine}, {"warn", counts.warn},
      {"allow", counts.allow},           {"unknown", counts.unknown},
      {"failed", counts.failed},         {"integrity_mismatch", counts.mismatch}};
  boost::json::object out{{"lockfile", audit.lockfile.file},
                          {"format", to_string(audit.lockfile.format)},
                          {"judged_by", audit.judged_by}};
  out["summary"] = std::move(summary_object);
  out["releases"] = std::move(releases);
  out["not_from_a_registry"] = std::move(others);
  out["past_the_gate"] = std::move(bypasses);
  return out;
}

}  // namespace npmgate
