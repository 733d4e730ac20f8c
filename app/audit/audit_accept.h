// A team's first day: today's tree is approved as it was inspected, so that the gate holds only
// what comes new.
#pragma once

#include <string>

#include "app/audit/audit.h"
#include "app/offline/offline_gate.h"

namespace npmgate {

struct Accepted {
  std::size_t approved = 0;  // decisions written now
  std::size_t clean = 0;     // nothing to approve: no findings, nothing held
  std::size_t before = 0;    // covered by an approval already
  std::size_t refused = 0;   // blocked, or never inspected: an approval cannot cover it
};

// One approval per inspected release that has findings or is held, bound to its content and to the
// findings shown, as `npm-gate quarantine approve` writes it. A block stays: it is waived in the
// policy file or not at all. Blocks on disk.
Result<Accepted> accept_tree(OfflineGate& gate, const Audit& audit, const std::string& reason);
std::string accepted_text(const Accepted& accepted);

}  // namespace npmgate
