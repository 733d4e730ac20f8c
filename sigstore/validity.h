// validFor as trusted_root.json and key files write it. Internal to sigstore/.
#pragma once

#include "sigstore/fields.h"
#include "sigstore/trusted_root.h"

namespace npmgate::sigstore {

// nullopt with a problem noted: no start, or a time that cannot be read.
std::optional<Validity> read_validity(const Fields& fields, std::string_view key);

}  // namespace npmgate::sigstore
