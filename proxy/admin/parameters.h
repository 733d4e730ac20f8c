// What requests to the admin API are asked with, and the answer to what cannot be understood.
#pragma once

#include <string>

#include "base/result.h"

namespace npmgate {

// kMalformed, of the client: answered as 400 with `what`, which names the parameter and what it may
// be.
Error bad_request(std::string what);

}  // namespace npmgate
