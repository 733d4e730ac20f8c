// Workers that do what no worker should: what the gate makes of them is tested.
#pragma once

#include <string_view>

#include "sandbox/process.h"

namespace npmgate::testing {

// A worker started with these options greets, and then answers every request like `kind`:
//   garbage     bytes that are no frame          half        half a frame, then it ends
//   stuck       half a frame, then nothing       huge        a frame that announces 2 GiB
//   exit        exits with 5                     crash       raises SIGSEGV
//   silent      nothing                          other-job   a reply to another request
//   implausible contents no archive has          twice       the right reply, and another one
//   no-json     a frame that holds no JSON       slow        20 ms later, what a good worker says
// and before any request:
//   mute        never greets                     refuses     greets with a reason not to work
//   bad-hello   greets with something else       dies        ends at once
WorkerOptions bad_worker(std::string_view kind);
WorkerOptions good_worker();

bool is_bad_worker(int argc, char** argv);
int run_bad_worker(std::string_view kind);

}  // namespace npmgate::testing
