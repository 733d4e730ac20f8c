#include "sandbox/worker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <new>

#include "base/fd.h"
#include "base/mapping.h"
#include "base/number.h"
#include "base/text.h"
#include "sandbox/self_test.h"

namespace npmgate {
namespace {

struct Request {
  std::string payload;
  Fd tarball;
};

// The worker's end of the socket. Whatever goes wrong with it ends the process: nobody is left to
// answer to.
class Channel {
 public:
  void send(std::string_view payload) const {
    const std::string bytes = frame(payload);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = ::sendto(kWorkerSocket, bytes.data() + sent, bytes.size() - sent,
                                 MSG_NOSIGNAL, nullptr, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) ::_exit(kWorkerProtocol);
      sent += static_cast<std::size_t>(n);
    }
  }

  Request receive() const {
    Request request;
    std::array<char, kFrameHeader> header{};
    fill(header.data(), header.size(), &request.tarball);
    const auto size = payload_size({header.data(), header.size()}, kMaxRequest);
    if (!size) ::_exit(kWorkerProtocol);
    request.payload.resize(*size);
    fill(request.payload.data(), request.payload.size(), nullptr);
    return request;
  }

 private:
  // The socket's end at the start of a frame is how a worker is told to go.
  void fill(char* to, std::size_t size, Fd* descriptor) const {
    for (std::size_t got = 0; got < size;) {
      const ssize_t n = read_some(to + got, size - got, descriptor);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) ::_exit(n == 0 && got == 0 && descriptor != nullptr ? 0 : kWorkerProtocol);
      got += static_cast<std::size_t>(n);
    }
  }

  ssize_t read_some(char* to, std::size_t size, Fd* descriptor) const {
    iovec part{to, size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(kWorkerSocket, &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* const with = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (with != nullptr && with->cmsg_type == SCM_RIGHTS && descriptor != nullptr) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(with), sizeof fd);
      descriptor->reset(fd);
    }
    return n;
  }
};

void compare(const DiffRequest& wanted, std::span<const std::byte> both,
             const ArchiveLimits& limits, WorkReply& reply) {
  if (wanted.baseline_size > both.size()) {
    reply.failed = "the baseline's tarball is not there";
    return;
  }
  const auto size = static_cast<std::size_t>(wanted.baseline_size);
  auto diff = content_diff(both.first(size), both.subspan(size), wanted.paths, diff_limits(limits));
  if (diff) {
    reply.diff = std::move(*diff);
  } else {
    reply.failed = diff.error().context;
  }
}

void compare(const SourceRequest& wanted, std::span<const std::byte> both,
             const ArchiveLimits& limits, WorkReply& reply) {
  if (wanted.tarball_size > both.size()) {
    reply.failed = "the tarball is not there";
    return;
  }
  const auto size = static_cast<std::size_t>(wanted.tarball_size);
  auto found = compare_with_source(both.first(size), both.subspan(size), wanted, limits);
  if (found) {
    reply.source = std::move(*found);
  } else {
    reply.failed = ascii_line(found.error().context, 200);
  }
}

WorkReply work_on(const WorkRequest& request, const Fd& tarball) {
  WorkReply reply;
  reply.job = request.job;
  if (!request.attempt.empty()) {
    reply.attempt_errno = try_attempt(request.attempt);
    if (!reply.attempt_errno) reply.failed = "no such attempt";
    return reply;
  }
  const Mapping mapping(tarball);
  if (!mapping.given()) {
    reply.failed = "no tarball came with the request";
    return reply;
  }
  if (request.diff) {
    compare(*request.diff, mapping.bytes(), request.limits, reply);
  } else if (request.source) {
    compare(*request.source, mapping.bytes(), request.limits, reply);
  } else {
    reply.contents = read_contents(mapping.bytes(), request.stated, request.limits);
  }
  return reply;
}

std::string answer(const Request& request) {
  const auto work = decode_request(request.payload);
  if (!work) ::_exit(kWorkerProtocol);
  WorkReply failed;
  failed.job = work->job;
  try {
    std::string text = encode(work_on(*work, request.tarball));
    if (text.size() <= kMaxReply) return text;
    failed.failed = "what the tarball holds takes more than " + std::to_string(kMaxReply >> 20) +
                    " MiB to describe";
  } catch (const std::bad_alloc&) {
    failed.failed = "inspecting it takes more memory than a worker may have";
  } catch (const std::exception&) {
    failed.failed = "an unexpected error in the worker";
  }
  return encode(failed);
}

std::uint64_t number(const char* text) {
  const std::uint64_t value = whole_number<std::uint64_t>(text).value_or(0);
  if (value == 0) ::_exit(kWorkerProtocol);
  return value;
}

}  // namespace

bool is_worker(int argc, char** argv) {
  return argc > 1 && std::string_view(argv[1]) == kWorkerArgument;
}

void run_worker(int argc, char** argv) {
  if (argc != 4) ::_exit(kWorkerProtocol);
  const ConfineLimits limits{number(argv[2]), number(argv[3])};
  const Channel channel;
  Hello hello;
  if (!warm_up()) hello.refused = "the inspection of a package of our own fails";
  if (hello.refused.empty()) {
    const auto confined = confine(limits);
    if (confined) {
      hello.seccomp = confined->seccomp;
      hello.landlock = confined->landlock;
    } else {
      hello.refused = confined.error().context;
    }
  }
  channel.send(encode(hello));
  if (!hello.refused.empty()) ::_exit(kWorkerRefused);
  for (;;) {
    const Request request = channel.receive();
    channel.send(answer(request));
  }
}

}  // namespace npmgate
