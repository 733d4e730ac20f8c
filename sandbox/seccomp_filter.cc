#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "sandbox/confine.h"
#include "sandbox/wire.h"

namespace npmgate {
namespace {

// Memory, locks, time, randomness, ending: nothing that reaches beyond the process.
constexpr int kAllowed[] = {
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(sched_yield),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

// No code of a worker makes them, whatever it reads. (open and its like are not here: libraries try
// them in good faith, and EPERM is answer enough.)
constexpr int kFatal[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(bpf),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(memfd_create),
    SCMP_SYS(kill),
};

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release) {
    if (!context_) status_ = -ENOMEM;
  }
  template <class... Conditions>
  void add(std::uint32_t action, int call, Conditions... conditions) {
    if (status_ != 0) return;
    status_ = seccomp_rule_add(context_.get(), action, call, sizeof...(conditions), conditions...);
    // A call that this architecture does not have (fork on arm64) needs no rule.
    if (status_ == -EDOM || call < 0) status_ = 0;
  }
  int load() {
    if (status_ == 0) status_ = seccomp_load(context_.get());
    return status_;
  }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
  int status_ = 0;
};

// As SCMP_CMP makes them, by a C99 literal that clang refuses in C++.
constexpr scmp_arg_cmp equal(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
constexpr scmp_arg_cmp without_bits(unsigned argument, scmp_datum_t bits) {
  return {argument, SCMP_CMP_MASKED_EQ, bits, 0};
}

}  // namespace

Result<void> install_seccomp_filter() {
  Filter filter;
  for (const int call : kAllowed) filter.add(SCMP_ACT_ALLOW, call);
  for (const int call : kFatal) filter.add(SCMP_ACT_KILL_PROCESS, call);
  const auto socket = equal(0, kWorkerSocket);
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(recvmsg), socket);
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(sendto), socket);
  if (kSanitized) {
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(write), equal(0, STDERR_FILENO));
    filter.add(SCMP_ACT_ALLOW, SCMP_SYS(sigaltstack));
  }
  // Memory, but none that can be executed.
  const auto no_code = without_bits(2, PROT_EXEC);
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(mmap), no_code);
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), no_code);
  // abort() signals its own process, nobody else's.
  filter.add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill), equal(0, static_cast<scmp_datum_t>(::getpid())));
  if (const int status = filter.load(); status != 0) {
    return fail(Code::kUnavailable, Origin::kSelf,
                "the kernel refuses a seccomp filter: " + std::generic_category().message(-status));
  }
  return {};
}

}  // namespace npmgate
