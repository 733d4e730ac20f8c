// Takes from the calling process everything that inspecting one tarball does not need. Linux only.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace npmgate {

// Sanitizers reserve terabytes of address space and write reports: in such builds the address space
// is not limited and stderr stays open. Everything else is the same.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

struct ConfineLimits {
  std::uint64_t memory = std::uint64_t{1} << 30;  // bytes of address space
  std::uint64_t cpu_seconds = 80;                 // over the whole life of the process
};

struct Confinement {
  bool seccomp = false;
  int landlock = 0;  // the ABI in force; 0: the kernel has none, seccomp alone holds files back
};

// For a process with one thread whose descriptors are 0 to kWorkerSocket (wire.h). In this order:
// dies with its parent, other descriptors closed, working directory "/", no core dumps, not
// traceable, resource limits (address space, CPU, file size 0, processes 0, descriptors), no new
// privileges, no capabilities, Landlock with no path and no port allowed, seccomp. Cannot be
// undone. kUnavailable naming what the kernel refused; then the process must not go on.
Result<Confinement> confine(const ConfineLimits& limits);

// The two parts that stand in files of their own.
// An allow-list: memory, the socket, closing descriptors, time, ending. A call that code could make
// in good faith gets EPERM; one that only an intruder makes (exec, fork, socket, ptrace …) ends the
// process with SIGSYS.
Result<void> install_seccomp_filter();
// The ABI in force, 0 if the kernel has no Landlock (or has it switched off).
Result<int> restrict_with_landlock();

}  // namespace npmgate
