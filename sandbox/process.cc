#include "sandbox/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace npmgate {
namespace {

Error system_error(const std::string& what, int number) {
  return fail(Code::kUnavailable, Origin::kSelf,
              what + ": " + std::generic_category().message(number), true);
}

std::string describe(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGSYS) return "tried a system call that it may not make";
    return "was killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  }
  return "exited with " + std::to_string(WEXITSTATUS(status));
}

// File actions and attributes that free themselves.
class SpawnPlan {
 public:
  explicit SpawnPlan(int socket) {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, socket, kWorkerSocket);
    sigset_t all{}, none{};
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

std::vector<std::string> worker_arguments(const WorkerOptions& options) {
  std::vector<std::string> words{"npm-gate"};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  words.emplace_back(kWorkerArgument);
  words.push_back(std::to_string(options.limits.memory));
  words.push_back(std::to_string(options.limits.cpu_seconds));
  return words;
}

std::vector<std::string> worker_environment() {
  std::vector<std::string> kept;
  if (!kSanitized) return kept;
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) kept.push_back(std::string(name) + "=" + value);
  }
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

// Waits for something to read; false if the patience ended.
bool readable(int fd, const Patience& patience) {
  for (;;) {
    const Deadline until = patience();  // before this looks at the clock: "now" is over then
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd wait{fd, POLLIN, 0};
    const int n = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
    if (n == 0 && left.count() <= 0) return false;
  }
}

Result<void> receive_all(int socket, char* to, std::size_t size, const Patience& patience) {
  for (std::size_t got = 0; got < size;) {
    if (!readable(socket, patience))
      return fail(Code::kTimeout, Origin::kSelf, "the worker did not answer in time");
    const ssize_t n = ::recv(socket, to + got, size - got, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(Code::kUnavailable, Origin::kSelf, "the worker closed its socket");
    got += static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace

ConfineLimits worker_limits(const ArchiveLimits& limits, std::chrono::seconds one_job) {
  constexpr std::uint64_t kBeside = std::uint64_t{512} << 20;
  // A worker is replaced once its jobs took twice the time of one (SandboxedInspector).
  constexpr std::uint64_t kJobs = 4;
  return {std::min(limits.max_unpacked, limits.max_held) + kBeside,
          kJobs * static_cast<std::uint64_t>(std::max<std::int64_t>(1, one_job.count()))};
}

WorkerProcess::WorkerProcess(pid_t pid, Fd socket, Fd handle)
    : pid_(pid), socket_(std::move(socket)), handle_(std::move(handle)) {}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(const WorkerOptions& options) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return system_error("a socket for an inspection worker", errno);
  Fd ours(ends[0]), theirs(ends[1]);
  const SpawnPlan plan(theirs.get());
  auto words = worker_arguments(options);
  auto kept = worker_environment();
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, options.program.c_str(), &plan.actions, &plan.attributes,
                                   pointers(words).data(), pointers(kept).data());
  if (failed != 0) return system_error("starting an inspection worker", failed);
  Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int refused = handle.get() < 0 ? errno : 0;
  std::unique_ptr<WorkerProcess> process(
      new WorkerProcess(pid, std::move(ours), std::move(handle)));
  if (refused != 0) return system_error("watching an inspection worker (Linux 5.3)", refused);
  return process;
}

WorkerProcess::~WorkerProcess() {
  end();
}

void WorkerProcess::kill() {
  // Not reaped yet, so the number is still this process's.
  if (!ended_) ::kill(pid_, SIGKILL);
}

std::optional<std::string> WorkerProcess::reap(int flags) {
  if (ended_) return ended_;
  int status = 0;
  pid_t done = 0;
  do {
    done = ::waitpid(pid_, &status, flags);
  } while (done < 0 && errno == EINTR);
  if (done == 0) return std::nullopt;
  ended_ = done == pid_ ? describe(status) : "is gone";
  return ended_;
}

std::optional<std::string> WorkerProcess::ended() {
  return reap(WNOHANG);
}

std::string WorkerProcess::end() {
  if (const auto already = ended()) return *already;
  kill();
  return *reap(0);
}

Result<std::size_t> send_some(int socket, std::string_view bytes, int tarball) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (tarball >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const with = CMSG_FIRSTHDR(&message);
    with->cmsg_level = SOL_SOCKET;
    with->cmsg_type = SCM_RIGHTS;
    with->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(with), &tarball, sizeof tarball);
  }
  ssize_t n = 0;
  do {
    n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return system_error("asking an inspection worker", errno);
  return static_cast<std::size_t>(n);
}

Result<void> send_request(int socket, std::string_view payload, int tarball) {
  const std::string bytes = frame(payload);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto n =
        send_some(socket, std::string_view(bytes).substr(sent), sent == 0 ? tarball : -1);
    if (!n) return n.error();
    sent += *n;
  }
  return {};
}

Result<std::string> receive_payload(int socket, std::size_t limit, const Patience& patience) {
  std::array<char, kFrameHeader> header{};
  if (auto done = receive_all(socket, header.data(), header.size(), patience); !done)
    return done.error();
  const auto size = payload_size({header.data(), header.size()}, limit);
  if (!size) return size.error();
  std::string payload(*size, '\0');
  if (auto done = receive_all(socket, payload.data(), payload.size(), patience); !done)
    return done.error();
  return payload;
}

Result<Hello> receive_hello(int socket, Deadline until) {
  auto payload = receive_payload(socket, kMaxRequest, [until] { return until; });
  if (!payload) return payload.error();
  auto hello = decode_hello(*payload);
  if (hello && !hello->refused.empty())
    return fail(Code::kUnavailable, Origin::kSelf, hello->refused);
  return hello;
}

Result<Confinement> probe_sandbox(const WorkerOptions& options) {
  auto process = WorkerProcess::start(options);
  if (!process) return process.error();
  const auto hello =
      receive_hello((*process)->socket().get(), std::chrono::steady_clock::now() + kGreetingLimit);
  if (hello) return Confinement{hello->seccomp, hello->landlock};
  const std::string how = (*process)->end();
  return fail(Code::kUnavailable, Origin::kSelf,
              "the inspection sandbox does not work on this machine: " + hello.error().context +
                  " (the worker " + how + ")");
}

std::string to_string(const Confinement& confinement) {
  std::string text = confinement.seccomp ? "seccomp" : "none";
  if (confinement.landlock > 0) text += ", landlock abi " + std::to_string(confinement.landlock);
  return text;
}

}  // namespace npmgate
