#include "judge/refused_releases.h"

#include "judge/judge.h"

namespace npmgate {

Result<std::vector<HeldRelease>> RefusedReleaseQuery::refused(const SubscribedRelease& wanted,
                                                              bool& known) {
  if (auto done = load(wanted.name); !done) return done.error();
  const auto range = wanted.range.empty() ? std::nullopt : Range::parse(wanted.range);
  std::map<std::string, HeldRelease> found;
  for (const ReleaseRow& row : rows_) {
    const bool fits = wanted.range.empty()
                          ? row.version == wanted.version
                          : range && row.subject.semver && range->matches(*row.subject.semver);
    if (!fits) continue;
    known = true;
    const auto pin = pins_.find(row.version);
    if (pin != pins_.end() && pin->second.content_id != row.content_id) continue;
    auto findings = findings_now(row, rules_.feed.get());
    Verdict verdict = decide(*rules_.policy, row.subject, findings, decisions_, now_);
    HeldRelease& standing = found[row.version];
    if (standing.row == nullptr || verdict.action > standing.verdict.action)
      standing = {&row, std::move(findings), std::move(verdict)};
  }
  std::vector<HeldRelease> refused;
  for (auto& [version, standing] : found) {
    if (!standing.verdict.served()) refused.push_back(std::move(standing));
  }
  return refused;
}

Result<void> RefusedReleaseQuery::load(const std::string& name) {
  if (name == name_) return {};
  auto rows = releases_.releases_of(name);
  if (!rows) return rows.error();
  auto pins = pin_store_.pins_of(name);
  if (!pins) return pins.error();
  rows_ = std::move(*rows);
  pins_ = std::move(*pins);
  decisions_ = rules_.of(name);
  name_ = name;
  return {};
}

}  // namespace npmgate
