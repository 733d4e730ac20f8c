// A development certificate authority and server certificates signed by it; checks of a certificate
// and key pair. Over OpenSSL.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

// Writes <folder>/ca.crt, ca.key (made once, kept when there), server.crt and server.key (made
// again) for the given host names and IP addresses. Keys are P-256, mode 0600; the CA lives 10
// years, the server certificate 397 days (what clients accept at most: CA/Browser Forum baseline
// requirements, 6.3.2).
Result<std::vector<std::string>> write_development_pair(const std::string& folder,
                                                        const std::vector<std::string>& names,
                                                        Time now);

struct CertificateReport {
  std::string subject, issuer;
  std::vector<std::string> names;  // DNS names and IP addresses
  Time not_before{}, not_after{};
  std::vector<std::string> problems;  // empty = fine
};
// Looks at expiry (also within 14 days), host names (the one given, if any) and whether the key
// belongs to the certificate.
Result<CertificateReport> check_pair(const std::string& certificate, const std::string& key,
                                     const std::string& host, Time now);

}  // namespace npmgate
