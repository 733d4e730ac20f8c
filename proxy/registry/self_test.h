// The package that the gate itself serves and always quarantines: a way to see a refusal without
// anything bad (SPEC, section 6).
#pragma once

#include <string>

#include "proxy/net/http.h"
#include "registry/target.h"

namespace npmgate {

// No upstream is asked for this name.
inline constexpr std::string_view kSelfTestName = "npm-gate-self-test";
inline constexpr std::string_view kSelfTestVersion = "1.0.0";

bool is_self_test(const Target& target);
// Packument and tarball: 403 with the sentence of a quarantine.
Response self_test_refusal(const Target& target, const Request& request);
// What it is and how to try it, as JSON or HTML.
Response self_test_page(const Request& request, bool html);

}  // namespace npmgate
