// What the gate itself adds to the answer of an audit.
#include <algorithm>
#include <boost/json/array.hpp>

#include "base/digest.h"
#include "judge/active_policy.h"
#include "judge/judge.h"
#include "proxy/registry/pages.h"
#include "proxy/registry/services.h"
#include "store/state_store.h"

namespace npmgate {
namespace {

// As the bulk endpoint of npm's registry answers (measured: npm, pnpm, yarn 4, bun and deno show
// title and url).
boost::json::object advisory_json(const ReleaseRow& row, const std::string& sentence,
                                  const std::string& base_url) {
  // Clients take the id for a number; far above those of the public database.
  const std::string digest = sha256_hex(row.name + "@" + row.version);
  const std::int64_t id =
      std::int64_t{1'000'000'000} + std::strtoll(digest.substr(0, 7).c_str(), nullptr, 16);
  return {{"id", id},
          {"url", release_link(base_url, row.name, row.version)},
          {"title", "npm-gate: " + sentence},
          {"severity", "critical"},
          {"vulnerable_versions", row.version},
          {"cwe", boost::json::array{}},
          {"cvss", boost::json::object{{"score", 0}, {"vectorString", nullptr}}}};
}

}  // namespace

// Every listed release that is refused for a reason other than its age becomes an advisory, so that
// `npm audit` says so on every machine that has it (SPEC, section 6).
Result<boost::json::object> RegistryServices::own_advisories(const boost::json::object& asked,
                                                             const std::string& base_url) const {
  boost::json::object merged;
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  const Time now = deps_.clock.now();
  for (const auto& [key, versions] : asked) {
    const std::string name(key);
    if (!PackageName::parse(name) || !versions.is_array()) continue;
    auto rows = deps_.store.releases_of(name);
    if (!rows) return rows.error();
    const std::vector<Decision> decisions = rules->of(name);
    for (const auto& wanted : versions.get_array()) {
      if (!wanted.is_string()) continue;
      ReleaseRow row;
      row.subject.name = row.name = name;
      row.subject.version = row.version = std::string(wanted.get_string());
      row.subject.semver = Version::parse_loose(row.version);
      for (ReleaseRow& known : *rows) {
        if (known.version == row.version) row = known;
      }
      row.findings = findings_now(row, rules->feed.get());
      const Verdict verdict = decide(*rules->policy, row.subject, row.findings, decisions, now);
      const bool for_age =
          std::all_of(verdict.reasons.begin(), verdict.reasons.end(), [](const Reason& reason) {
            return reason.cooldown || reason.action < Action::kQuarantine;
          });
      if (verdict.served() || for_age) continue;
      auto& list = merged[name];
      if (!list.is_array()) list = boost::json::array();
      list.get_array().push_back(
          advisory_json(row, refusal_sentence(row.subject, verdict, row.findings), base_url));
    }
  }
  return merged;
}

}  // namespace npmgate
