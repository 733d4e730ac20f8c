// Whether an npm registry answers at an upstream's URL: asked by init and at the gate's start, so
// that a mistake in the URL is known before the first client waits for it.
#pragma once

#include "base/result.h"
#include "proxy/net/async.h"
#include "proxy/net/http_client.h"
#include "proxy/runtime/config.h"

namespace npmgate {

// Asks for one small document, for 10 s at most. Ok: something that speaks as a registry answered
// (a package manifest, or a JSON error such as 404). Else an error whose context is one sentence:
// what was asked and what came back.
Task<Result<void>> probe_upstream(Upstream& client, UpstreamConfig upstream);
// The same from outside any loop.
Result<void> probe_upstream_now(const UpstreamConfig& upstream);

}  // namespace npmgate
