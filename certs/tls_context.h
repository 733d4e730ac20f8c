// Server-side TLS contexts that follow their files: a renewed certificate is used for the next
// connection, without dropping the others.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace npmgate {

struct TlsFiles {
  std::string certificate, key;  // PEM; the certificate file holds the chain, leaf first
  std::string client_ca;         // PEM; "" = clients need no certificate
};

// TLS 1.2 and 1.3, Mozilla's "intermediate" cipher list (server side TLS 5.7), session tickets,
// ALPN not used (HTTP/1.1 only). kUnavailable names the file and what is wrong with it (missing,
// not PEM, key does not belong to the certificate).
Result<std::shared_ptr<boost::asio::ssl::context>> make_server_context(const TlsFiles& files);

// Thread-safe. current() looks at the files' times at most once a second and reloads when they
// changed; a pair that does not load leaves the old one in force, with a log line.
class ReloadingTls {
 public:
  static Result<std::unique_ptr<ReloadingTls>> open(TlsFiles files);
  std::shared_ptr<boost::asio::ssl::context> current();

 private:
  // Of every file: a renewed one may carry an older time than the one before.
  using Stamp = std::vector<std::pair<std::filesystem::file_time_type, std::uintmax_t>>;
  explicit ReloadingTls(TlsFiles files) : files_(std::move(files)) {}
  Stamp look() const;

  TlsFiles files_;
  std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  Stamp stamp_;
  std::chrono::steady_clock::time_point looked_{};
};

}  // namespace npmgate
