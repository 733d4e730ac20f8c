// Listening sockets that a service manager bound before the gate started (sd_listen_fds(3):
// LISTEN_PID, LISTEN_FDS, descriptors from 3 on). It keeps them open while the gate restarts: who
// connects meanwhile waits in the backlog instead of being refused.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/fd.h"
#include "base/result.h"

namespace npmgate {

struct HandedOver {
  Fd socket;
  std::string address;  // as Asio writes it
  std::uint16_t port = 0;
};

// The first descriptor that a service manager hands over (SD_LISTEN_FDS_START).
inline constexpr int kFirstHandedOver = 3;

// Takes ownership of all of them and keeps them from children; empty if they are not for process
// `self`. kMalformed: one is no listening TCP socket, or the variables are not numbers.
Result<std::vector<HandedOver>> handed_over_sockets(const EnvReader& environment, pid_t self,
                                                    int first = kFirstHandedOver);

// Takes out the one that is bound to exactly this; none (-1) if there is no such.
Fd take_socket(std::vector<HandedOver>& sockets, const std::string& address, std::uint16_t port);

}  // namespace npmgate
