// What somebody takes who cannot have a release.
#pragma once

#include <string>
#include <string_view>

#include "judge/judge.h"

namespace npmgate {

// The version that is served now and changes least for who wanted `version`: the highest stable one
// below it of its line (major; 0.x: minor), else the lowest above it of the line, else the highest
// below it at all; those that are deprecated only if there is no other. "" if there is none.
std::string nearest_served(const Judge::Listing& listing, std::string_view version);
// The highest stable served version that fits the range; "" if none does.
std::string highest_served(const Judge::Listing& listing, const Range& range);

}  // namespace npmgate
