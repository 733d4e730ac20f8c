// What a decision about releases means for those who asked for them.
#pragma once

#include <string>

#include "store/state_store.h"

namespace npmgate {

// Whom an approval is for; both empty: everybody.
struct ForSome {
  std::string token, project;
  bool is_for_all() const { return token.empty() && project.empty(); }
  // "project shop", "token ci", "token ci of project shop"; "" for everybody.
  std::string text() const;
};

// Answers every open request for a version of `name` that is in `versions` (a version, a range or
// "*"), each with its audit entry; an approval for some answers those askers alone. Blocks on disk.
Result<void> answer_requests(StateStore& store, const std::string& name,
                             const std::string& versions, const RequestStore::Answer& answer,
                             const ForSome& some = {});

}  // namespace npmgate
