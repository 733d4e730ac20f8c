// The registry as clients see it: one request in, one response out. Callable without sockets.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "proxy/answers.h"
#include "proxy/http.h"
#include "proxy/packages.h"
#include "proxy/recorder.h"
#include "proxy/tarballs.h"
#include "registry/target.h"

namespace npmgate {

// One request in, one response out; exceptions are bugs. Thread-safe: called from every loop.
class Service {
 public:
  virtual ~Service() = default;
  virtual Task<Response> handle(std::shared_ptr<const Request> request) = 0;
  // Bytes of body this request may bring; 0: it is read and thrown away.
  virtual std::size_t body_limit(std::string_view method, std::string_view target) const = 0;
};

class Gate final : public Service {
 public:
  Gate(Gear gear, Observer* observer);
  Task<Response> handle(std::shared_ptr<const Request> request) override;
  std::size_t body_limit(std::string_view method, std::string_view target) const override;
  Packages& packages() { return packages_; }
  Recorder& recorder() { return recorder_; }

 private:
  Task<Response> dispatch(Target target, const Request& request);
  Task<Response> packument(PackumentTarget target, const Request& request);
  void note_refusal(const Response& response, const std::string& name, const std::string& version,
                    const Request& request);
  Task<Response> service(ServiceTarget target, const Request& request);
  Task<Response> audit_bulk(ServiceTarget target, const Request& request);
  Result<std::string> with_advisories(const boost::json::object& asked,
                                      const std::string& upstream_answer,
                                      const std::string& base_url) const;
  Task<Response> forward(const UpstreamConfig& upstream, std::string method,
                         std::string path_and_query, const Request& request, std::string body);
  Task<Response> own_page(OwnPageTarget target, const Request& request);
  Task<Response> release_page(std::string name, std::string version, const Request& request);
  Response write_refused(const WriteTarget& target) const;
  std::optional<std::string> base_url(const Request& request) const;
  const UpstreamConfig* fallback() const;

  Gear gear_;
  Packages packages_;
  Recorder recorder_;
  Answers answers_;
  Tarballs tarballs_;
  std::string prefix_;
};

}  // namespace npmgate
