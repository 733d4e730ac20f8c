#include "sandbox/self_test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "sandbox/wire.h"

namespace npmgate {
namespace {

// By the system call itself: libc may take another way, and some refusals are its own.
template <class... Arguments>
int errno_of(long call, Arguments... arguments) {
  return ::syscall(call, arguments...) < 0 ? errno : 0;
}

int open_for_reading() {
  return errno_of(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}
int open_own_program() {
  return errno_of(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY);
}
int create_file() {
  return errno_of(SYS_openat, AT_FDCWD, "/tmp/npm-gate-worker-was-here", O_CREAT | O_WRONLY, 0600);
}
int make_directory() {
  return errno_of(SYS_mkdirat, AT_FDCWD, "/tmp/npm-gate-worker-dir", 0700);
}
int remove_file() {
  return errno_of(SYS_unlinkat, AT_FDCWD, "/tmp/npm-gate-worker-was-here", 0);
}
int look_at_file() {
  struct stat status {};
  return errno_of(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &status, 0);
}
int change_directory() {
  return errno_of(SYS_chdir, "/etc");
}
int tcp_socket() {
  return errno_of(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
int unix_socket() {
  return errno_of(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}
int connect_own_socket() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  return errno_of(SYS_connect, kWorkerSocket, &address, sizeof address);
}
int execute() {
  static char program[] = "/bin/true";
  char* arguments[] = {program, nullptr};
  return errno_of(SYS_execve, program, arguments, nullptr);
}
int new_process() {
  return errno_of(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
}
int signal_parent() {
  return errno_of(SYS_kill, ::syscall(SYS_getppid), SIGTERM);
}
int signal_thread_of_parent() {
  const long parent = ::syscall(SYS_getppid);
  return errno_of(SYS_tgkill, parent, parent, SIGTERM);
}
int trace_parent() {
  return errno_of(SYS_ptrace, PTRACE_ATTACH, ::syscall(SYS_getppid), 0, 0);
}
int become_dumpable() {
  return errno_of(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}
int outlive_parent() {
  return errno_of(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
}
int raise_limit() {
  const rlimit more{RLIM_INFINITY, RLIM_INFINITY};
  return errno_of(SYS_prlimit64, 0, RLIMIT_AS, &more, nullptr);
}
int executable_memory() {
  void* const made =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return made == MAP_FAILED ? errno : 0;
}
int make_memory_executable() {
  void* const made =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return errno_of(SYS_mprotect, made, 4096, PROT_READ | PROT_EXEC);
}
// 4 GiB: four times what a worker may have.
int much_memory() {
  void* const made = ::mmap(nullptr, std::size_t{4} << 30, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return made == MAP_FAILED ? errno : 0;
}
int write_elsewhere() {
  return errno_of(SYS_write, STDOUT_FILENO, "x", 1);
}
int send_descriptor() {
  msghdr message{};
  return errno_of(SYS_sendmsg, kWorkerSocket, &message, 0);
}
int new_namespace() {
  return errno_of(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */);
}
int change_owner() {
  return errno_of(SYS_setuid, 0);
}

constexpr std::array kAttempts = {
    Attempt{"open-for-reading", false, open_for_reading},
    Attempt{"open-own-program", false, open_own_program},
    Attempt{"create-file", false, create_file},
    Attempt{"make-directory", false, make_directory},
    Attempt{"remove-file", false, remove_file},
    Attempt{"look-at-file", false, look_at_file},
    Attempt{"change-directory", false, change_directory},
    Attempt{"write-elsewhere", false, write_elsewhere},
    Attempt{"send-descriptor", false, send_descriptor},
    Attempt{"become-dumpable", false, become_dumpable},
    Attempt{"outlive-parent", false, outlive_parent},
    Attempt{"raise-limit", false, raise_limit},
    Attempt{"executable-memory", false, executable_memory},
    Attempt{"make-memory-executable", false, make_memory_executable},
    Attempt{"much-memory", false, much_memory},
    Attempt{"change-owner", false, change_owner},
    Attempt{"signal-thread-of-parent", false, signal_thread_of_parent},
    Attempt{"tcp-socket", true, tcp_socket},
    Attempt{"unix-socket", true, unix_socket},
    Attempt{"connect", true, connect_own_socket},
    Attempt{"execute", true, execute},
    Attempt{"new-process", true, new_process},
    Attempt{"signal-parent", true, signal_parent},
    Attempt{"trace-parent", true, trace_parent},
    Attempt{"new-namespace", true, new_namespace},
};

}  // namespace

std::span<const Attempt> attempts() {
  return kAttempts;
}

std::optional<int> try_attempt(std::string_view name) {
  for (const Attempt& attempt : kAttempts) {
    if (attempt.name == name) return attempt.run();
  }
  return std::nullopt;
}

}  // namespace npmgate
