// A release that is its baseline once more under another version number: what maintainers publish
// over a hijacked one.
#pragma once

#include <string>
#include <string_view>

#include "inspect/evidence/evidence.h"

namespace npmgate {

// SHA-256 hex of everything that a package.json says but its version, whatever its white space; ""
// where it is no JSON object.
std::string package_json_rest(std::string_view package_json);

// True where nothing that could run differs: both tarballs were read whole; every file is there in
// both with the same bytes and mode, but for package.json's version and documents (*.md that are
// plain text, not executable and reached by no install hook); the packument says the same of both;
// and it was published by one of the baseline's maintainers, or by its trusted publisher. Where any
// of it is unknown: false. A baseline that loads a *.md file as code is not recognised as such.
bool restored_baseline(const Release& release, const Evidence& evidence, const Release& baseline,
                       const Evidence& baseline_evidence);

}  // namespace npmgate
