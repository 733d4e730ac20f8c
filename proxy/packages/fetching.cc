#include "proxy/packages/fetching.h"

#include "base/log.h"

namespace npmgate {

void note_failure(FailureMemory& failures, Metrics& metrics, const std::string& what,
                  const std::string& upstream, const Error& error) {
  if (error.origin != Origin::kUpstream) return;
  const bool absent = error.code == Code::kNotFound;
  failures.failed(what, error, absent ? FailureMemory::kAbsent : FailureMemory::kTrouble);
  if (absent) return;
  metrics.add("npm_gate_upstream_failures_total",
              "upstream=\"" + upstream + "\",code=\"" + std::string(to_string(error.code)) + "\"");
  log::warn("fetch-failed", error.context, {{"what", what}, {"upstream", upstream}});
}

}  // namespace npmgate
