// What a comparison could not be made of, and what stands meanwhile. Internal to judge/ but for
// is_hold_for_comparison. Pure.
#pragma once

#include <string>
#include <vector>

#include "inspect/findings/findings.h"
#include "policy/decide.h"
#include "policy/policy_facts.h"

namespace npmgate {

// The sources that say nothing about the release now: those of its evidence-unavailable findings,
// "inspection" (its tarball was not inspected), "publisher", "maintainers" (of the baseline) and
// "feed". Sorted, unique.
// `findings`: those derived of `input`.
std::vector<std::string> missing_sources(const FindingInput& input,
                                         const std::vector<Finding>& findings, bool feed_loaded);

// Whether the baseline's tarball could add findings and was not inspected.
bool lacks_baseline(const FindingInput& input);

// Adds to `findings` what only the comparison with the last settled release (`settled`, "" = none)
// shows: those of `since` whose id `findings` do not hold at least as strictly. Marked in their
// proof (kSinceSettled), so that an approval covers them by id.
void add_since_settled(std::vector<Finding>& findings, std::vector<Finding> since,
                       const std::string& settled);

// Adds those of `kept` that `findings` do not hold already, in the order of finding_kinds().
// known-malware is not kept while a feed is loaded: what the feed says now counts; nor is what the
// upstream takes back (release-withdrawn, deprecated).
void add_kept(std::vector<Finding>& findings, const std::vector<Finding>& kept, bool feed_loaded);

// Whether the source is all that is unknown now and was not (`before`) when the release was
// compared last. It can become so by a tag that comes late: that takes no other finding's ground
// away.
bool lacks_source_alone(const std::vector<std::string>& before,
                        const std::vector<std::string>& now);
// Leaves what only a comparison with the source shows.
void keep_of_source(std::vector<Finding>& findings);

// Makes of "the baseline was not available" a finding that the floor holds for, until `until`.
// `reason`: why it failed last; "" = not asked yet. The proof does not depend on it: an approval
// covers the hold whatever the upstream said.
void hold_until_compared(std::vector<Finding>& findings, const std::string& baseline,
                         const std::string& reason, Time until);
bool is_hold_for_comparison(const Finding& finding);

// What holds a release until `sibling` (name@version), which it pins exactly, is served too, at
// the latest until `until`.
Finding wait_for_sibling(const std::string& sibling, Time until);
bool is_wait_for_sibling(const Finding& finding);

// Whether nothing but a missing comparison holds the release.
bool waits_for_comparison(const Verdict& verdict);

}  // namespace npmgate
