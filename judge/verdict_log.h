// Verdicts that changed without a client asking: by an edited policy, a decision, new advisories or
// by time.
#pragma once

#include <cstddef>
#include <string_view>

#include "judge/active_policy.h"
#include "store/release_store.h"

namespace npmgate {

// Judges every stored release of `name` ("": all) again by the rules in force and records the
// verdicts that differ from the last ones recorded, with their audit entries; those that other
// rules overtake meanwhile are left to whoever brought these. Returns how many were recorded.
// Blocks on disk.
Result<std::size_t> record_changed_verdicts(ReleaseStore& store, const ActivePolicy& active_policy,
                                            Time now, std::string_view name = {});

}  // namespace npmgate
