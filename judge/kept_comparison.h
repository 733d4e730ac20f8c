// What the last complete comparison of a release showed: what stands while a later one cannot be
// made (SPEC, section 1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inspect/findings/findings.h"

namespace npmgate {

struct KeptComparison {
  std::string content_id;  // of the release that was compared
  std::string baseline;    // version, "" = none
  std::string settled;     // the last settled release, "" = none
  // Sources (those of evidence-unavailable, and the words of missing_sources()) that were unknown
  // even then. Sorted.
  std::vector<std::string> missing;
  // All that was found then, and what later, incomplete comparisons added.
  std::vector<Finding> findings;
  friend bool operator==(const KeptComparison&, const KeptComparison&) = default;
};

// As one JSON text, and back. kCorrupt on anything that the former did not write.
std::string comparison_to_text(const KeptComparison& comparison);
Result<KeptComparison> comparison_from_text(std::string_view text);

// Kept among the observations of a package (StateStore::put_observation), under a key that is no
// version.
std::string comparison_key(std::string_view version);
// The version of such a key; "" if it is a plain version.
std::string_view compared_version(std::string_view key);

}  // namespace npmgate
