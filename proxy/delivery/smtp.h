// Messages by mail.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "alert/settings.h"
#include "proxy/delivery/sink.h"

namespace npmgate {

// Hands a finished mail to the sink's server. Sent if the server took it for at least one
// recipient; dead if it refused it for good (5xx after login). Blocks: `limit` for the whole
// exchange; about a second once `given_up` is true.
SendOutcome send_mail(const SinkSettings& sink, const std::string& text, std::chrono::seconds limit,
                      const std::atomic<bool>& given_up);

}  // namespace npmgate
