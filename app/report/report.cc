#include "app/report/report.h"

#include <algorithm>

#include "app/report/proof_words.h"
#include "app/report/report_diff.h"
#include "app/report/text_writer.h"
#include "base/log.h"

namespace npmgate {
namespace {

// Rows shown of one list; the JSON form has all.
constexpr std::size_t kShownFiles = 15;
constexpr std::size_t kShownChanges = 30;
// From so many entries on that changed in the same way (platform packages of one release) they are
// one row.
constexpr std::size_t kAlike = 4;

Paint paint_of(ChangeKind kind) {
  return kind == ChangeKind::kAdded     ? Paint::kGreen
         : kind == ChangeKind::kRemoved ? Paint::kRed
                                        : Paint::kYellow;
}

char sign_of(ChangeKind kind) {
  return kind == ChangeKind::kAdded ? '+' : kind == ChangeKind::kRemoved ? '-' : '~';
}

Paint paint_of(Severity severity) {
  return severity >= Severity::kHigh     ? Paint::kAlarm
         : severity >= Severity::kMedium ? Paint::kYellow
                                         : Paint::kDim;
}

template <class Changes>
void heading(TextWriter& writer, const std::string& title, const Changes& changes) {
  std::string counts;
  for (const ChangeKind kind : {ChangeKind::kAdded, ChangeKind::kRemoved, ChangeKind::kChanged}) {
    const auto n = std::count_if(changes.begin(), changes.end(),
                                 [&](const auto& change) { return change.kind == kind; });
    if (n > 0) counts += "  " + writer.paint(paint_of(kind), sign_of(kind) + std::to_string(n));
  }
  writer.line();
  writer.line(writer.paint(Paint::kBold, title) + counts);
}

void left_out(TextWriter& writer, std::size_t all, std::size_t shown) {
  if (all > shown) writer.line("  … and " + std::to_string(all - shown) + " more (--json has all)");
}

void write_change(TextWriter& writer, const Change& change) {
  const std::string sign = std::string("  ") + sign_of(change.kind);
  const std::string& key = change.key;
  if (change.kind != ChangeKind::kChanged) {
    const std::string& value = change.kind == ChangeKind::kAdded ? change.after : change.before;
    return writer.wrap(4, sign, paint_of(change.kind), key + "  " + value, paint_of(change.kind));
  }
  // Short values (dependency ranges) fit one line; hook texts and people stand one above the other.
  if (change.before.size() + change.after.size() < 40)
    return writer.wrap(4, sign, Paint::kYellow, key + "  " + change.before + " → " + change.after);
  writer.wrap(4, sign, Paint::kYellow, key);
  writer.wrap(6, "    -", Paint::kRed, change.before, Paint::kRed);
  writer.wrap(6, "    +", Paint::kGreen, change.after, Paint::kGreen);
}

bool alike(const Change& a, const Change& b) {
  return a.kind == b.kind && a.before == b.before && a.after == b.after;
}

// Entries that changed alike as one entry that names them all.
std::vector<Change> joined(const std::vector<Change>& changes) {
  std::vector<Change> rows;
  for (auto it = changes.begin(); it != changes.end(); ++it) {
    const auto same = [&](const Change& other) { return alike(*it, other); };
    if (static_cast<std::size_t>(std::count_if(changes.begin(), changes.end(), same)) < kAlike) {
      rows.push_back(*it);
      continue;
    }
    const auto known = std::find_if(rows.begin(), rows.end(), same);
    if (known != rows.end()) {
      known->key += ", " + it->key;
    } else {
      rows.push_back(*it);
    }
  }
  return rows;
}

void write_changes(TextWriter& writer, const std::string& title,
                   const std::vector<Change>& changes) {
  if (changes.empty()) return;
  heading(writer, title, changes);
  const std::vector<Change> rows = joined(changes);
  for (std::size_t i = 0; i < rows.size() && i < kShownChanges; ++i) write_change(writer, rows[i]);
  left_out(writer, rows.size(), kShownChanges);
}

void write_dependencies(TextWriter& writer, const std::vector<Change>& changes) {
  std::vector<Change> of_field;
  for (auto it = changes.begin(); it != changes.end(); ++it) {
    of_field.push_back(*it);
    const auto next = it + 1;
    if (next != changes.end() && next->field == it->field) continue;
    write_changes(writer, it->field, of_field);
    of_field.clear();
  }
}

std::string size_words(const FileChange& change) {
  if (change.kind != ChangeKind::kChanged)
    return human_bytes((change.after != nullptr ? change.after : change.before)->size);
  const std::uint64_t before = change.before->size, after = change.after->size;
  if (before == after) return human_bytes(after) + ", same size";
  const std::string delta =
      after > before ? "+" + human_bytes(after - before) : "-" + human_bytes(before - after);
  return human_bytes(after) + ", " + delta;
}

void write_files(TextWriter& writer, const ReleaseDiff& diff) {
  if (!diff.files_known) return;
  if (diff.files.empty()) {
    writer.line();
    writer.line(writer.paint(Paint::kBold, "files") + "  all the same, byte for byte");
    return;
  }
  heading(writer, "files", diff.files);
  for (std::size_t i = 0; i < diff.files.size() && i < kShownFiles; ++i) {
    const FileChange& change = diff.files[i];
    const FileFacts& file = change.after != nullptr ? *change.after : *change.before;
    std::string text = std::string(1, sign_of(change.kind)) + " " + change.path() + "  " +
                       std::string(to_string(file.kind)) + ", " + size_words(change);
    if (change.on_install) text += ", runs on install";
    for (const std::string& trait : change.new_traits) text += ", now " + trait;
    writer.cut(2, paint_of(change.kind), text);
  }
  left_out(writer, diff.files.size(), kShownFiles);
}

std::string tag_words(const TagEvidence& tag) {
  switch (tag.state) {
    case TagEvidence::State::kFound:
      return tag.tag + " at commit " + tag.commit.substr(0, 12) + " in " + tag.repository;
    case TagEvidence::State::kMissing:
      return "none in " + tag.repository +
             (tag.habit.empty() ? "" : "; earlier ones are named " + tag.habit);
    case TagEvidence::State::kNotApplicable:
      return "not applicable" + (tag.reason.empty() ? "" : ": " + tag.reason);
    case TagEvidence::State::kUnknown:
      return "unknown" + (tag.reason.empty() ? "" : ": " + tag.reason);
  }
  return {};
}

std::string provenance_words(const ProvenanceEvidence& evidence) {
  if (!evidence.foreign.empty()) return evidence.foreign;
  if (!evidence.invalid.empty()) return "NOT PROVEN: " + evidence.invalid;
  const Provenance& stated = evidence.stated;
  const std::string run =
      evidence.verified && !evidence.verified->run.empty() ? ", run " + evidence.verified->run : "";
  return "from " + stated.repository + (stated.workflow.empty() ? "" : " by " + stated.workflow) +
         (stated.ref.empty() ? "" : " at " + stated.ref) +
         (stated.commit.empty() ? "" : ", commit " + stated.commit.substr(0, 12)) +
         (evidence.verified ? " (verified: " + std::to_string(evidence.verified->checks) +
                                  " checks; signed " + format_minute(evidence.verified->signed_at) +
                                  ", identity by " + evidence.verified->issuer + run + ")"
                            : " (the registry's claim, not verified)");
}

std::string source_words(const SourceEvidence& evidence) {
  if (evidence.state == SourceEvidence::State::kUnavailable) return "unknown: " + evidence.reason;
  const SourceComparison& found = evidence.found;
  const auto some = [](const std::vector<std::string>& paths) {
    constexpr std::size_t kNamed = 3;
    std::string text;
    for (std::size_t i = 0; i < paths.size() && i < kNamed; ++i)
      text += (i == 0 ? " (" : ", ") + paths[i];
    if (paths.size() > kNamed) text += ", ...";
    return text.empty() ? text : text + ")";
  };
  return std::to_string(found.same) + " files are those of " + evidence.named_by + " at commit " +
         evidence.commit.substr(0, 12) + ", " + std::to_string(found.differs.size()) + " differ" +
         some(found.differs) + ", " + std::to_string(found.absent.size()) +
         " files or folders are not in it" + some(found.absent);
}

std::string branch_words(const BranchEvidence& evidence) {
  const std::string commit = evidence.commit.substr(0, 12) + " (" + evidence.named_by + ")";
  switch (evidence.state) {
    case BranchEvidence::State::kOnBranch:
      return commit + " is on a branch";
    case BranchEvidence::State::kOnNone:
      return commit + " is on NO branch" +
             (evidence.earlier.empty()       ? ""
              : evidence.earlier_on_branches ? "; those of earlier releases are"
                                             : "; not all of earlier releases are either");
    case BranchEvidence::State::kUnknown:
      return "unknown: " + evidence.reason;
  }
  return {};
}

void write_outside(TextWriter& writer, const ReportInput& input) {
  if (input.observed == nullptr) return;
  if (input.observed->tag)
    writer.wrap(13, "  git tag", Paint::kDim, tag_words(*input.observed->tag));
  if (input.observed->signature_valid)
    writer.wrap(13, "  signature", Paint::kDim,
                *input.observed->signature_valid ? "valid" : "INVALID");
  const auto read = input.observed->provenance.find(input.judged->version);
  if (read != input.observed->provenance.end())
    writer.wrap(13, "  built", Paint::kDim, provenance_words(read->second));
  const auto source = input.observed->sources.find(input.judged->version);
  if (source != input.observed->sources.end())
    writer.wrap(13, "  source", Paint::kDim, source_words(source->second));
  if (input.observed->branch)
    writer.wrap(13, "  branch", Paint::kDim, branch_words(*input.observed->branch));
}

void write_head(TextWriter& writer, const ReportInput& input) {
  const Judged& judged = *input.judged;
  const auto& published = judged.subject.published;
  writer.line(
      writer.paint(Paint::kBold, log::printable(judged.subject.name + "@" + judged.version)) +
      "  " + writer.paint(paint_of(judged.verdict.action), to_string(judged.verdict.action)));
  if (judged.subject.lowest_risk)
    writer.wrap(13, "  risk", Paint::kGreen,
                "the lowest: proven to be built as the release before, its files are the source's, "
                "nothing gained",
                Paint::kGreen);
  writer.wrap(13, "  published", Paint::kDim,
              published ? format_minute(*published) + ", " +
                              human_duration(std::max(input.now - *published, Millis{0})) + " ago"
                        : "at an unknown time");
  if (judged.evidence) {
    writer.wrap(13, "  tarball", Paint::kDim,
                human_bytes(judged.evidence->tarball_size) + " packed, " +
                    human_bytes(judged.evidence->tree.unpacked_size) + " in " +
                    std::to_string(judged.evidence->tree.files.size()) + " files");
  } else {
    writer.wrap(13, "  tarball", Paint::kDim, "not inspected: judged on the packument");
  }
  writer.wrap(
      13, "  compared", Paint::kDim,
      judged.baseline.empty()
          ? "with nothing: " + why_uncompared(judged.findings)
          : "with " + judged.baseline + (judged.baseline_evidence ? "" : " (its packument only)"));
  write_outside(writer, input);
  if (!input.feed_asked) writer.wrap(13, "  feeds", Paint::kDim, kNoFeed);
}

void write_finding(TextWriter& writer, const Finding& finding) {
  const std::string severity(to_string(finding.severity));
  writer.wrap(12, "  " + severity, paint_of(finding.severity), finding.id + ": " + finding.message);
  for (const ProofLine& proof : proof_lines(finding.proof)) {
    switch (proof.kind) {
      case ProofLine::Kind::kBefore:
        writer.wrap(14, "            -", Paint::kRed, proof.text, Paint::kRed);
        break;
      case ProofLine::Kind::kAfter:
        writer.wrap(14, "            +", Paint::kGreen, proof.text, Paint::kGreen);
        break;
      case ProofLine::Kind::kItem:
        writer.wrap(16, "              ·", Paint::kDim, proof.text, Paint::kDim);
        break;
      case ProofLine::Kind::kFact:
        writer.wrap(12, "", Paint::kDim, proof.label + ": " + proof.text, Paint::kDim);
        break;
    }
  }
}

void write_findings(TextWriter& writer, const Judged& judged) {
  writer.line();
  writer.line(writer.paint(Paint::kBold, "findings") + "  " +
              (judged.findings.empty() ? "none" : std::to_string(judged.findings.size())));
  std::vector<const Finding*> ordered;
  for (const Finding& finding : judged.findings) ordered.push_back(&finding);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Finding* a, const Finding* b) { return a->severity > b->severity; });
  for (const Finding* finding : ordered) write_finding(writer, *finding);
}

void write_reason(TextWriter& writer, const Reason& reason) {
  // The floor, a rejection and a missing inspection are no rules of the file.
  const bool of_file = !reason.at.file.empty();
  std::string text = (of_file ? "rule " : "") + reason.rule;
  if (of_file) text += " (" + reason.at.str() + ")";
  if (!reason.message.empty()) text += ": " + reason.message;
  writer.wrap(14, "  " + std::string(to_string(reason.action)), paint_of(reason.action), text);
  if (!reason.findings.empty()) {
    std::string because = "because of ";
    for (const std::string& id : reason.findings)
      because += (&id == &reason.findings.front() ? "" : ", ") + id;
    writer.wrap(14, "", Paint::kDim, because, Paint::kDim);
  }
  if (!reason.waived_by.empty()) {
    writer.wrap(14, "", Paint::kDim, "not applied: " + reason.waived_by, Paint::kDim);
  } else if (reason.ends) {
    writer.wrap(14, "", Paint::kDim, "ends by itself " + format_minute(*reason.ends), Paint::kDim);
  }
}

void write_verdict(TextWriter& writer, const ReportInput& input) {
  const Judged& judged = *input.judged;
  const Verdict& verdict = judged.verdict;
  std::string head = writer.paint(paint_of(verdict.action), to_string(verdict.action));
  if (verdict.action == Action::kQuarantine)
    head += verdict.ends ? " until " + format_minute(*verdict.ends) + " (in " +
                               human_duration(*verdict.ends - input.now) + ")"
                         : " until approved";
  writer.line();
  writer.line(writer.paint(Paint::kBold, "verdict") + "  " + head);
  if (verdict.would != verdict.action)
    writer.wrap(2, "", Paint::kPlain,
                "would be " + std::string(to_string(verdict.would)) +
                    " without monitor mode and break glass");
  if (!verdict.approved_by.empty())
    writer.wrap(2, "", Paint::kPlain, "approved by " + verdict.approved_by);
  if (verdict.reasons.empty()) writer.line("  no rule matches");
  for (const Reason& reason : verdict.reasons) write_reason(writer, reason);
  const std::vector<std::string> ways = remedies(judged.subject, verdict, input.now);
  if (!ways.empty()) writer.line("  what would change it:");
  for (const std::string& way : ways) writer.wrap(4, "  -", Paint::kDim, way);
}

}  // namespace

std::string report_text(const ReportInput& input) {
  TextWriter writer(input.colour, input.width);
  write_head(writer, input);
  const ReleaseDiff diff = diff_of(input);
  write_changes(writer, "install scripts", diff.hooks);
  write_changes(writer, "commands (bin)", diff.bin);
  write_changes(writer, "people and origin", diff.people);
  write_dependencies(writer, diff.dependencies);
  write_files(writer, diff);
  write_findings(writer, *input.judged);
  write_verdict(writer, input);
  return writer.take();
}

}  // namespace npmgate
