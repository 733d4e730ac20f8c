// Who is asked about a release: the gate's own workings in this process, or a running gate over
// HTTP.
#pragma once

#include <string>

#include "app/audit/audit.h"
#include "app/offline/offline_gate.h"

namespace npmgate {

// Fetches and inspects what has no evidence yet, as `npm-gate inspect` does. `offline`: recorded
// evidence only. The gate must outlive it.
AskRelease ask_offline(OfflineGate& gate, bool offline);

// Asks the release pages of the gate at `url` (trailing slash); a release it has not inspected yet
// is asked for by a HEAD of its tarball first. `token`: client token, "" = none; `project`: the one
// that asks, "" = not said. The client must outlive it.
AskRelease ask_gate(Upstream& client, const std::string& url, const std::string& token,
                    const std::string& project = {});

}  // namespace npmgate
