#include "proxy/packages/packages.h"

#include <random>

namespace npmgate {

Packages::Packages(const Dependencies& deps, ExternalEvidenceCollector* collector)
    : failures(deps.clock,
               [] {
                 thread_local std::minstd_rand random{std::random_device{}()};
                 return std::uniform_real_distribution<double>(0, 1)(random);
               }),
      retries(deps.metrics),
      cache(deps.config, deps.clock, deps.store, deps.pool, deps.metrics, collector != nullptr),
      judging(deps, cache, retries, collector != nullptr),
      evidence(deps, cache, judging, collector),
      packuments(deps, cache, judging, evidence, failures, retries),
      tarballs(deps, cache, failures),
      releases(deps, cache, judging, evidence, packuments, tarballs, retries) {}

}  // namespace npmgate
