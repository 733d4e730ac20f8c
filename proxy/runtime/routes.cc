#include "proxy/runtime/routes.h"

#include "base/text.h"

namespace npmgate {

// Letters in either case: a name that is spelled otherwise must not go to another registry.
const UpstreamConfig* route(const Config& config, const PackageName& name) {
  const std::string scope_asked = lower_ascii(name.scope()), whole = lower_ascii(name.str());
  for (const UpstreamConfig& upstream : config.upstreams) {
    if (upstream.scopes.empty() && upstream.packages.empty()) return &upstream;
    for (const std::string& scope : upstream.scopes) {
      if (scope_asked == lower_ascii(scope)) return &upstream;
    }
    for (const std::string& glob : upstream.packages) {
      if (glob_match(lower_ascii(glob), whole)) return &upstream;
    }
  }
  return nullptr;
}

}  // namespace npmgate
