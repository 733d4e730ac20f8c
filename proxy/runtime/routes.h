// Which registry answers for which name.
#pragma once

#include "proxy/runtime/config.h"
#include "registry/name.h"

namespace npmgate {

// The one upstream that answers for a name; null if none is configured for it. Points into
// `config`.
const UpstreamConfig* route(const Config& config, const PackageName& name);

}  // namespace npmgate
