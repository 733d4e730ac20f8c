// What a decision about releases means for those who asked for them.
#pragma once

#include <string>

#include "store/state_store.h"

namespace npmgate {

// Answers every open request for a version of `name` that is in `versions` (a version, a range or
// "*"), each with its audit entry. Blocks on disk.
Result<void> answer_requests(StateStore& store, const std::string& name,
                             const std::string& versions, const RequestStore::Answer& answer);

}  // namespace npmgate
