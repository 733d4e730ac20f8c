// The admin listener: health, metrics, and the API behind the review queue (SPEC, section 7).
#pragma once

#include <memory>
#include <string>

#include "proxy/gate.h"
#include "proxy/review.h"

namespace npmgate {

struct AdminGear {
  const Config& config;
  const Clock& clock;
  StateStore& store;
  Rulebook& rulebook;
  Metrics& metrics;
  Packages& packages;
  Pool& pool;
  ReleaseReport report = {};
};

// Every /api/v1 request needs a bearer token of scope review or admin (npm-gate token create);
// /healthz, /readyz and /metrics need none from a loopback address. Thread-safe.
class Admin final : public Service {
 public:
  explicit Admin(AdminGear gear)
      : gear_(gear),
        review_({gear.config, gear.clock, gear.store, gear.rulebook, gear.packages, gear.pool,
                 gear.report}) {}
  Task<Response> handle(std::shared_ptr<const Request> request) override;
  std::size_t body_limit(std::string_view method, std::string_view target) const override;

 private:
  struct Actor {
    std::string name, scope;
  };
  Result<Actor> authenticate(const Request& request);
  bool locked_out(const std::string& peer);
  void note_failure(const std::string& peer);
  Task<Response> api(std::string path, std::string query, const Request& request, Actor actor);
  Result<Response> downloads(const std::string& query);
  Result<Response> policy() const;

  AdminGear gear_;
  Review review_;
  std::mutex mutex_;
  struct Failures {
    int count = 0;
    Time last{};
  };
  std::map<std::string, Failures> failures_;
};

// Value of one query parameter, percent-decoded; "" where absent.
std::string query_value(std::string_view query, std::string_view key);

}  // namespace npmgate
