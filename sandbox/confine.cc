#include "sandbox/confine.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "sandbox/wire.h"

namespace npmgate {
namespace {

// 0, 1, 2, the socket, one tarball, one for Landlock's ruleset.
constexpr rlim_t kDescriptors = 8;

Error refused(const std::string& what) {
  return fail(Code::kUnavailable, Origin::kSelf,
              what + ": " + std::generic_category().message(errno));
}

// Never above what the process may have already.
bool limit(__rlimit_resource resource, rlim_t wanted) {
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) return false;
  const rlim_t value = now.rlim_max == RLIM_INFINITY ? wanted : std::min(now.rlim_max, wanted);
  const rlimit next{value, value};
  return ::setrlimit(resource, &next) == 0;
}

Result<void> limit_resources(const ConfineLimits& limits) {
  // In sanitizer builds stderr may be a file that a report goes to.
  const bool done =
      limit(RLIMIT_CORE, 0) && (kSanitized || limit(RLIMIT_FSIZE, 0)) && limit(RLIMIT_NPROC, 0) &&
      limit(RLIMIT_MEMLOCK, 0) && limit(RLIMIT_MSGQUEUE, 0) && limit(RLIMIT_NOFILE, kDescriptors) &&
      limit(RLIMIT_CPU, limits.cpu_seconds) && (kSanitized || limit(RLIMIT_AS, limits.memory));
  if (!done) return refused("a resource limit cannot be set");
  return {};
}

Result<void> drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return refused("capabilities cannot be dropped");
  return {};
}

// The parent may have ended before the signal was asked for.
Result<void> die_with_parent() {
  const pid_t parent = ::getppid();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return refused("PR_SET_PDEATHSIG");
  if (::getppid() != parent) ::_exit(0);
  return {};
}

}  // namespace

Result<Confinement> confine(const ConfineLimits& limits) {
  if (auto done = die_with_parent(); !done) return done.error();
  if (::syscall(SYS_close_range, kWorkerSocket + 1, ~0U, 0) != 0)
    return refused("close_range (Linux 5.9)");
  if (::chdir("/") != 0) return refused("chdir /");
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return refused("PR_SET_DUMPABLE");
  if (auto done = limit_resources(limits); !done) return done.error();
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("PR_SET_NO_NEW_PRIVS");
  if (auto done = drop_capabilities(); !done) return done.error();
  auto landlock = restrict_with_landlock();
  if (!landlock) return landlock.error();
  // stdin is /dev/null: nothing that the worker writes reaches the gate's log.
  if (!kSanitized && ::dup2(STDIN_FILENO, STDERR_FILENO) < 0) return refused("closing stderr");
  if (auto done = install_seccomp_filter(); !done) return done.error();
  return Confinement{true, *landlock};
}

}  // namespace npmgate
