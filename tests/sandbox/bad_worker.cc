#include "tests/sandbox/bad_worker.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

namespace npmgate::testing {
namespace {

constexpr char kArgument[] = "--bad-worker";

void say(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(kWorkerSocket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) ::_exit(1);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

struct Asked {
  WorkRequest request;
  std::string tarball;
};

// Header and descriptor in one call, as the gate sends them.
Asked hear() {
  std::array<char, kFrameHeader> header{};
  iovec part{header.data(), header.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(kWorkerSocket, &message, MSG_WAITALL) != kFrameHeader) ::_exit(0);
  int fd = -1;
  if (const cmsghdr* with = CMSG_FIRSTHDR(&message)) std::memcpy(&fd, CMSG_DATA(with), sizeof fd);
  std::string payload(*payload_size({header.data(), header.size()}, kMaxRequest), '\0');
  for (std::size_t got = 0; got < payload.size();) {
    const ssize_t n = ::recv(kWorkerSocket, payload.data() + got, payload.size() - got, 0);
    if (n <= 0) ::_exit(0);
    got += static_cast<std::size_t>(n);
  }
  Asked asked{*decode_request(payload), {}};
  std::array<char, 65536> buffer{};
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), at);
    if (n <= 0) break;
    asked.tarball.append(buffer.data(), static_cast<std::size_t>(n));
    at += n;
  }
  ::close(fd);
  return asked;
}

std::string right_reply(const Asked& asked) {
  WorkReply reply;
  reply.job = asked.request.job;
  reply.contents = read_contents(std::as_bytes(std::span(asked.tarball)), asked.request.stated,
                                 asked.request.limits);
  return frame(encode(reply));
}

std::string implausible_reply(std::uint64_t job) {
  WorkReply reply;
  reply.job = job;
  reply.contents.emplace();
  reply.contents->archive_refusal = ArchiveRefusal{false, "made-up", "a rule of the worker's own"};
  return frame(encode(reply));
}

void pause_for_ever() {
  for (;;) ::pause();
}

void misbehave(std::string_view kind, const Asked& asked) {
  const std::string right = right_reply(asked);
  if (kind == "garbage") say(std::string(100'000, 'x'));
  if (kind == "half" || kind == "stuck") say(std::string_view(right).substr(0, right.size() / 2));
  if (kind == "half") ::_exit(0);
  if (kind == "huge") say(std::string("NGW\1\0\0\0\x80", 8) + "{}");
  if (kind == "exit") ::_exit(5);
  if (kind == "crash") ::raise(SIGSEGV);
  if (kind == "other-job") say(frame(encode(WorkReply{asked.request.job + 1, {}, "no", {}})));
  if (kind == "implausible") say(implausible_reply(asked.request.job));
  if (kind == "no-json") say(frame("{\"job\":"));
  if (kind == "twice") say(right + right);
  if (kind == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (kind == "slow") say(right);
  if (kind == "silent" || kind == "stuck") pause_for_ever();
}

}  // namespace

WorkerOptions bad_worker(std::string_view kind) {
  WorkerOptions options;
  options.arguments = {kArgument, std::string(kind)};
  return options;
}

WorkerOptions good_worker() {
  return {};
}

bool is_bad_worker(int argc, char** argv) {
  return argc > 2 && std::string_view(argv[1]) == kArgument;
}

int run_bad_worker(std::string_view kind) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A sanitizer would report the crash that is wanted.
  ::signal(SIGSEGV, SIG_DFL);
  if (kind == "dies") return 3;
  if (kind == "mute") pause_for_ever();
  if (kind == "bad-hello") say(frame("hello"));
  say(frame(encode(Hello{true, 1, kind == "refuses" ? "no filter today" : ""})));
  if (kind == "deaf") pause_for_ever();
  for (;;) misbehave(kind, hear());
}

}  // namespace npmgate::testing
