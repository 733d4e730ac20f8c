// RFC 3161 time stamps over a signature.
#pragma once

#include <string_view>

#include "base/result.h"
#include "sigstore/trusted_root.h"

namespace npmgate::sigstore {

// When `signature` was stamped, by an authority of the root that was in force then; kRefused else.
// `response`: TimeStampResp in DER. The imprint is SHA-256, SHA-384 or SHA-512 of the signature.
Result<Time> verify_timestamp(std::string_view response, std::string_view signature,
                              const TrustedRoot& root);

}  // namespace npmgate::sigstore
