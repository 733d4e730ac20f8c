// The lowest risk that a release can have: proven to be built as the release before it, its files
// are those of the tag it was built from, and it gained nothing.
#pragma once

#include <string>

#include "inspect/findings/findings.h"
#include "judge/judge.h"

namespace npmgate {

// What keeps it from being that, in words, the first of it; "": nothing does. All of it has to be
// known of the very bytes that are served and of the baseline's: verified provenance by the same
// issuer, from the same repository, by the same workflow; a tag at the commit that the certificate
// names; both tarballs compared with their source; and no finding above severity info, so that one
// more finding never makes a release of lower risk. Pure.
std::string risk_left(const Judged& judged, const PackageHistory& history);

}  // namespace npmgate
