// Whole-buffer gzip (libdeflate): compress finished answers, expand bodies that other parties sent
// gzip-encoded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace npmgate {

// One gzip member, level 6 (the level the sizes in docs were measured with). Never fails but by
// exhaustion.
std::string gzip_compress(std::string_view data);
// Expands one member; kMalformed if it is none or bytes follow it, kTooLarge if more than
// `limit` bytes come out. `origin` is who sent the data.
Result<std::string> gzip_expand(std::string_view data, std::size_t limit,
                                Origin origin = Origin::kUpstream);

}  // namespace npmgate
