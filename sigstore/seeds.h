// The trusted root and registry keys that the program was built with.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace npmgate::sigstore {

// "@sigstore/tuf 5.0.1"
std::string_view seeds_origin();

struct Seeds {
  std::string trusted_root, registry_keys;  // texts for their parsers
};
// kInternal if the package holds something else than it did when it was pinned.
Result<Seeds> read_seeds();

}  // namespace npmgate::sigstore
