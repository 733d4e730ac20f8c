// Whom attestations are verified against: the trusted root and the registry's keys, built in or
// from files that may change.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proxy/runtime/config.h"
#include "sigstore/registry_keys.h"
#include "sigstore/trusted_root.h"

namespace npmgate {

struct TrustAnchors {
  sigstore::TrustedRootPtr root;
  std::vector<sigstore::RegistryKey> keys;
  std::string root_origin, keys_origin;  // a file, or the package that was built in
};

// Thread-safe. current() looks at the files' times at most once a second and reloads when they
// changed; a file that does not load leaves the old anchors in force, with a log line.
class TrustStore {
 public:
  // kUnavailable or kMalformed names the file and what is wrong with it.
  static Result<std::unique_ptr<TrustStore>> open(const SignatureConfig& config);
  // nullptr: attestations are taken as stated (`signatures: { provenance: stated }`).
  std::shared_ptr<const TrustAnchors> current();

 private:
  using Stamp = std::vector<std::pair<std::filesystem::file_time_type, std::uintmax_t>>;
  explicit TrustStore(SignatureConfig config) : config_(std::move(config)) {}
  Stamp look() const;

  SignatureConfig config_;
  std::mutex mutex_;
  std::shared_ptr<const TrustAnchors> anchors_;
  Stamp stamp_;
  std::chrono::steady_clock::time_point looked_{};
};

}  // namespace npmgate
