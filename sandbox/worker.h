// The inspection worker: what the program is when it runs as `npm-gate <kWorkerArgument> …`.
#pragma once

#include "sandbox/confine.h"
#include "sandbox/wire.h"

namespace npmgate {

// First argument of a worker; main() hands everything over before it reads options. The limits
// follow: bytes of address space and seconds of CPU, decimal.
inline constexpr char kWorkerArgument[] = "--inspection-worker";
bool is_worker(int argc, char** argv);

// Confines itself, greets, and answers requests on kWorkerSocket until the other side closes it or
// says what it must not: never returns. Exit codes: 0 the socket was closed, kWorkerRefused the
// kernel does not hold it (the greeting says why), kWorkerProtocol no request of the gate's.
[[noreturn]] void run_worker(int argc, char** argv);
inline constexpr int kWorkerRefused = 70;
inline constexpr int kWorkerProtocol = 71;

// Inspects a small package of our own, so that everything a library loads or computes at its first
// use (OpenSSL's providers, libarchive's tables, the pattern automaton) is there before the files
// are gone. False: this program cannot inspect at all.
bool warm_up();

}  // namespace npmgate
