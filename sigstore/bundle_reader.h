// A bundle inside another document. Internal to sigstore/; includes simdjson.
#pragma once

#include "sigstore/bundle.h"
#include "sigstore/fields.h"

namespace npmgate::sigstore {

// As parse_bundle; `value` comes from a document without duplicate keys.
Result<Bundle> read_bundle(const json::Element& value);

}  // namespace npmgate::sigstore
