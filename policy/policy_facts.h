// What judging asks of a policy as a whole, and the words of the floor that its callers share.
// Pure.
#pragma once

#include <optional>
#include <string_view>

#include "policy/policy.h"

namespace npmgate {

// Whether a rule that holds or blocks asks for a finding that only the baseline's tarball shows.
bool asks_for_comparison(const Policy& policy);
// The longest `younger_than` of the rules that hold or block; those that only record do not count.
Millis longest_hold(const Policy& policy);
// The age at which a release counts as settled without an approval: the longest hold, but no more
// than 30 days. Over a longer time a comparison tells how the package grew, not what a release
// brings.
Millis settles_after(const Policy& policy);
// The longest cooldown that says `fixes: sooner`; nullopt if none does.
std::optional<Millis> sooner_after(const Policy& policy);

// Whether the floor (SPEC, section 4) asks for the finding: only a waiver of one exact version
// lifts those.
bool is_floor_finding(std::string_view id);

// The floor's reason for a recent release whose comparison lacks its baseline's tarball: an
// evidence-unavailable finding whose proof has kHoldsUntil, the time from which the release is
// recent no longer. Policies that ask for nothing such a comparison could show do not wait for it.
inline constexpr std::string_view kNotCompared = "floor:not-compared";
inline constexpr std::string_view kHoldsUntil = "holds_until";
// The same for a release that pins another one of its own exactly, which is still held: its proof
// names that one under kWaitsFor. As a cooldown it makes the release no worse a baseline.
inline constexpr std::string_view kWaitsForSibling = "floor:waits-for-sibling";
inline constexpr std::string_view kWaitsFor = "waits_for";
// In the proof of a finding that only the comparison with the last settled release shows. An
// approval covers it by its id: which release was settled last may change, the one that was read
// does not.
inline constexpr std::string_view kSinceSettled = "since_settled";

}  // namespace npmgate
