// When an undelivered message is tried again.
#pragma once

#include <optional>

#include "base/time.h"

namespace npmgate {

// Wait before attempt number `attempts` + 1: 10 s doubled with every failure, at most an hour, of
// which the second half is chosen by `chance` in [0, 1) so that many messages do not come back at
// once. `asked_for`: what the other side wanted (Retry-After), a lower limit; capped at a day.
Millis retry_wait(int attempts, double chance, std::optional<Millis> asked_for = std::nullopt);

// How long events wait for company: `wait` doubled for every message the sink got in the last hour,
// at most `max_wait`.
Millis batch_delay(Millis wait, Millis max_wait, int sent_last_hour);

}  // namespace npmgate
