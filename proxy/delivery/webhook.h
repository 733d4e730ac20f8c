// Messages to webhooks, Slack and Teams.
#pragma once

#include "alert/render.h"
#include "alert/settings.h"
#include "proxy/delivery/sink.h"
#include "proxy/net/upstream.h"
#include "store/alert_store.h"

namespace npmgate {

// What the status of a webhook, Slack or Teams means: 2xx sent; a client error that the same
// message would meet again (a body or an address that is refused) is dead; what an admin or time
// mends (401, 403, 408, 409, 421, 423, 425, 429, 3xx, 5xx) is tried again.
SendOutcome hook_outcome(SinkType type, const FetchReply& reply, Time now);

// POSTs to a webhook, Slack or Teams address.
Task<SendOutcome> send_hook(Upstream& upstream, const SinkSettings& sink, AlertMessage message,
                            Time now);

}  // namespace npmgate
