#include "app/offline/release_analysis.h"

namespace npmgate {

std::optional<ReleaseSpec> parse_release_spec(const std::string& text) {
  const std::size_t at = text.rfind('@');
  ReleaseSpec spec;
  spec.name = text;
  if (at != std::string::npos && at != 0) {
    spec.name = text.substr(0, at);
    spec.wanted = text.substr(at + 1);
  }
  if (!PackageName::parse(spec.name) || spec.wanted.empty()) return std::nullopt;
  return spec;
}

std::shared_ptr<const Policy> without_cooldown(const Policy& policy) {
  auto copy = std::make_shared<Policy>(policy);
  std::erase_if(copy->rules, [](const Rule& rule) { return rule.cooldown; });
  return copy;
}

ReportInput ReleaseAnalysis::report() const {
  ReportInput input;
  input.judged = judged;
  input.baseline = baseline;
  const auto& observations = judge->snapshot().observations;
  if (const auto it = observations.find(version); it != observations.end())
    input.observed = &it->second;
  input.now = judge->now();
  return input;
}

}  // namespace npmgate
