#include "proxy/inspection/worker_link.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

#include "sandbox/job_clock.h"

namespace npmgate {
namespace {

// Memory for an answer is taken as it comes, not as it is announced.
constexpr std::size_t kPiece = std::size_t{256} << 10;
// Between the end of a worker's socket and that of its process lies the kernel's clearing up.
constexpr auto kDyingTime = std::chrono::milliseconds(200);

Error gone(const boost::system::error_code& ec) {
  return fail(Code::kUnavailable, Origin::kSelf, "the worker went away: " + ec.message());
}

}  // namespace

WorkerLink::WorkerLink(const net::any_io_executor& executor, std::unique_ptr<WorkerProcess> process)
    : process_(std::move(process)), socket_(executor), handle_(executor), wake_(executor) {
  socket_.assign(net::local::stream_protocol(), process_->socket().release());
  handle_.assign(process_->handle().release());
}

Result<std::shared_ptr<WorkerLink>> WorkerLink::start(const net::any_io_executor& executor,
                                                      const WorkerOptions& options) {
  auto process = WorkerProcess::start(options);
  if (!process) return process.error();
  std::shared_ptr<WorkerLink> link(new WorkerLink(executor, std::move(*process)));
  boost::system::error_code ec;
  link->socket_.non_blocking(true, ec);
  link->watch();
  return link;
}

void WorkerLink::watch() {
  std::weak_ptr<WorkerLink> weak = weak_from_this();
  handle_.async_wait(net::posix::stream_descriptor::wait_read,
                     [weak](const boost::system::error_code& ec) {
                       const auto self = weak.lock();
                       if (ec || !self) return;
                       self->dead_ = true;
                       self->wake_.cancel();
                     });
}

Task<void> WorkerLink::sleep() {
  if (dead_) co_return;
  wake_.expires_at(net::steady_timer::time_point::max());
  co_await wait_for(wake_);
}

bool WorkerLink::spoke_unasked() {
  char byte = 0;
  return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

Task<Result<std::string>> WorkerLink::greeting(std::chrono::steady_clock::duration deadline) {
  co_return co_await ask({}, -1, kMaxRequest, deadline);
}

// Kills the worker once it has had its time.
struct WorkerLink::Watch {
  Watch(const net::any_io_executor& executor, pid_t worker, JobClock::Clock::duration time)
      : timer(executor), clock(time, JobClock::Clock::now(), processor_time(worker)) {}
  net::steady_timer timer;
  JobClock clock;
  bool over = false, late = false;
};

void WorkerLink::look(std::shared_ptr<Watch> watch) {
  if (watch->over) return;  // cancelled when the timer had ended already
  const auto now = JobClock::Clock::now();
  const auto until = watch->clock.wait_until(now, processor_time(process_->pid()));
  if (until <= now) {
    watch->late = true;
    kill();
    return;
  }
  watch->timer.expires_at(until);
  watch->timer.async_wait(
      [self = shared_from_this(), watch](const boost::system::error_code& cancelled) {
        if (!cancelled) self->look(watch);
      });
}

Task<Result<std::string>> WorkerLink::ask(std::string payload, int tarball, std::size_t limit,
                                          std::chrono::steady_clock::duration time) {
  if (!payload.empty() && spoke_unasked())
    co_return fail(Code::kMalformed, Origin::kSelf, "it spoke without being asked");
  const auto watch = std::make_shared<Watch>(socket_.get_executor(), process_->pid(), time);
  look(watch);
  Result<std::string> answer = std::string();
  if (!payload.empty()) {
    std::string bytes = frame(payload);
    auto sent = co_await send(std::move(bytes), tarball);
    if (!sent) answer = sent.error();
  }
  if (answer) answer = co_await receive(limit);
  watch->over = true;
  watch->timer.cancel();
  if (watch->late) answer = fail(Code::kTimeout, Origin::kSelf, "the worker was late");
  co_return answer;
}

Task<Result<void>> WorkerLink::send(std::string bytes, int tarball) {
  std::size_t sent = 0;
  // The descriptor travels with the first bytes; an empty socket takes them at once.
  if (tarball >= 0) {
    const auto first = send_some(socket_.native_handle(), bytes, tarball);
    if (!first) co_return first.error();
    sent = *first;
  }
  const net::const_buffer rest = net::buffer(bytes.data() + sent, bytes.size() - sent);
  const auto [ec, n] = co_await net::async_write(socket_, rest, kTuple);
  if (ec) co_return gone(ec);
  co_return Result<void>();
}

Task<Result<std::string>> WorkerLink::receive(std::size_t limit) {
  std::array<char, kFrameHeader> header{};
  const net::mutable_buffer head = net::buffer(header);
  const auto [failed, n] = co_await net::async_read(socket_, head, kTuple);
  if (failed) co_return gone(failed);
  const auto size = payload_size({header.data(), header.size()}, limit);
  if (!size) co_return size.error();
  std::string payload;
  while (payload.size() < *size) {
    const std::size_t got = payload.size();
    payload.resize(std::min(*size, got + kPiece));
    const net::mutable_buffer piece = net::buffer(payload.data() + got, payload.size() - got);
    const auto [ec, m] = co_await net::async_read(socket_, piece, kTuple);
    if (ec) co_return gone(ec);
  }
  co_return payload;
}

Task<std::string> WorkerLink::end() {
  if (!dead_) {
    const auto self = shared_from_this();
    net::steady_timer timer(socket_.get_executor(), kDyingTime);
    timer.async_wait([self](const boost::system::error_code& ec) {
      if (!ec && !self->dead_) self->kill();
    });
    while (!dead_) co_await sleep();
  }
  co_return process_->end();
}

}  // namespace npmgate
