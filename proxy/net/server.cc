#include "proxy/net/server.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <map>

#include "base/digest.h"
#include "base/gzip.h"
#include "base/hex.h"
#include "base/text.h"
#include "proxy/net/message_body.h"
#include "proxy/net/message_head.h"
#include "proxy/net/query.h"
#include "proxy/net/request_counts.h"
#include "proxy/net/sessions.h"

namespace npmgate {
namespace {

namespace ssl = net::ssl;
using tcp = net::ip::tcp;
using error_code = boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kFilePiece = 256 * 1024;   // measured: larger writes gain nothing on loopback
constexpr std::size_t kBodyPiece = 1024 * 1024;  // what has to leave within one write limit
constexpr std::size_t kHeadPiece = 4096;         // most heads of package managers are below 1 KiB
constexpr std::size_t kRecord = 16 * 1024;       // the largest TLS record (RFC 8446, 5.1)
constexpr std::size_t kFirstPlainRead = 1024;    // what an idle connection holds
constexpr std::size_t kFirstRead = 4096;         // of a request over TLS; most fit into it
constexpr auto kLinger = std::chrono::seconds(2);
constexpr std::size_t kBodyRead = 64 * 1024;  // of a request's body at a time
// How long one who has just connected may take to ask when the gate ends.
constexpr auto kGrace = std::chrono::milliseconds(500);
constexpr auto kTick = std::chrono::seconds(1);  // how often deadlines are looked at

// One connection, request after request (one_request()):
//
//   idle      no byte of a request is there; state_.idle, idle_limit, the buffer is given back
//   head      gather_head() until it is whole, header_limit; not to the letter -> refused
//   admitted  with a body only: the service may refuse before it is taken
//   body      read_body(): memory, or a file for what the service wants spooled; room is given back
//             once there is a response
//   answer    at_once() on the loop, else guarded(): the service's own limits hold, no deadline
//   here write     the write limits; then idle again, or over: the client asked for it, or the end
//   has begun refused   answered, lingering until the client has read it, over
//
// state_.deadline holds for the operation under way; the loop's tick closes what has passed it.
template <class Stream>
class Session {
 public:
  Session(Stream& stream, SessionState& state, const ListenOptions& options,
          const ServerLimits& limits, Service& service, Metrics& metrics, RequestCounts& counts,
          BodyRoom& room)
      : stream_(stream),
        state_(state),
        options_(options),
        limits_(limits),
        service_(service),
        metrics_(metrics),
        counts_(counts),
        memory_(room.memory, limits.max_bodies),
        files_(room.files, limits.max_spooled) {
    error_code ec;
    peer_ = state_.socket.remote_endpoint(ec).address();
    behind_proxy_ = options_.trusted_proxies.trusts(unmapped(peer_));
    peer_text_ = options_.trusted_proxies.client(peer_, {});
    state_.socket.native_non_blocking(true, ec);
  }

  Task<void> run() {
    for (bool go_on = true; go_on;) go_on = co_await one_request();
  }

 private:
  static constexpr bool kSecure = !std::is_same_v<Stream, tcp::socket>;

  Task<bool> one_request() {
    if (buffer_.size() == 0) {
      buffer_.shrink_to_fit();  // many connections lie idle
      state_.idle = true;
      wait_for_client(true);
      arm(limits_.idle_limit);
      if (!co_await first_bytes()) co_return false;
    } else {
      co_await state_.turns.wait();
    }
    state_.idle = false;
    arm(limits_.header_limit);
    const auto size = co_await gather_head();
    if (!size) co_return co_await refuse_head(size.error());
    wait_for_client(false);
    state_.fresh = false;
    auto head = parse_request_head(gathered().substr(0, *size));
    buffer_.consume(*size);
    if (!head) co_return co_await refuse_head(head.error());
    const bool keep_alive = head->keep_alive;
    const bool too_long =
        head->body.kind == BodyFraming::Kind::kLength && head->body.length > limits_.max_discarded;
    BodyDecoder decoder(head->body, Origin::kClient);
    auto request = std::make_shared<Request>(take_head(std::move(*head)));
    const auto started = SteadyClock::now();
    if (too_long) {
      Response refused = body_refused(413);
      record(*request, refused, started);
      co_return co_await refuse(std::move(refused), false);
    }
    if (!decoder.done()) {
      state_.deadline = SteadyClock::time_point::max();
      if (auto refused = co_await admitted(request)) {
        record(*request, *refused, started);
        co_return co_await refuse(std::move(*refused), request->method == "HEAD");
      }
    }
    const auto body = co_await read_body(decoder, *request);
    if (!body) co_return false;
    state_.deadline = SteadyClock::time_point::max();  // services have limits of their own
    Response response;
    if (*body != 0) {
      response = body_refused(*body);
    } else if (auto finished = at_once(*request)) {
      response = std::move(*finished);
    } else {
      response = co_await guarded(request);
    }
    memory_.give_back();
    files_.give_back();
    record(*request, response, started);
    if (*body != 0) co_return co_await refuse(std::move(response), false);
    const bool keep = keep_alive && !state_.stopping;
    co_return co_await write(response, keep, request->method == "HEAD");
  }

  void wait_for_client(bool waits) {
    state_.waiting = waits;
    state_.since = SteadyClock::now();
  }

  // What a refused client still sends is read and thrown away for a while: it would miss the
  // answer, since closing with unread bytes resets the connection (RFC 9112, 9.6).
  Task<void> linger() {
    std::vector<char> thrown_away(kBodyRead);
    const auto begun = SteadyClock::now();
    for (std::uint64_t total = 0; total <= limits_.max_discarded;) {
      state_.deadline = begun + kLinger + std::chrono::seconds(total / limits_.min_body_rate);
      auto [error, count] =
          co_await state_.socket.async_read_some(net::buffer(thrown_away), kTuple);
      if (error) co_return;
      total += count;
    }
  }

  Task<bool> more_of_body() {
    if (buffer_.size() > 0) co_return true;
    const auto space = buffer_.prepare(kBodyRead);
    auto [error, count] = co_await stream_.async_read_some(space, kTuple);
    buffer_.commit(count);
    co_return !error;
  }

  std::string_view gathered() const {
    const auto data = buffer_.cdata();
    return {static_cast<const char*>(data.data()), data.size()};
  }

  // The size of the head at the start of the buffer, once it is whole. kTooLarge; kMalformed: no
  // request begins like this; kUnavailable: the client is gone.
  Task<Result<std::size_t>> gather_head() {
    std::size_t seen = 0;
    for (;;) {
      // An empty line before a request is passed over (RFC 9112, 2.2).
      if (seen <= 1 && gathered().starts_with("\r\n")) {
        buffer_.consume(2);
        seen = 0;
      }
      const auto first = static_cast<unsigned char>(gathered().empty() ? 'G' : gathered().front());
      // A TLS greeting on a plain port, for one: nothing else would come.
      if ((first < 0x21 && first != '\r' && first != '\n') || first > 0x7e)
        co_return fail(Code::kMalformed, Origin::kClient, "bad method");
      const std::size_t size = head_size(gathered(), seen);
      const bool whole = size != std::string_view::npos;
      if (whole && size <= limits_.max_header) co_return size;
      if (whole || buffer_.size() > limits_.max_header)
        co_return fail(Code::kTooLarge, Origin::kClient, "the header is too large");
      seen = buffer_.size();
      const auto space = buffer_.prepare(kHeadPiece);
      auto [error, count] = co_await stream_.async_read_some(space, kTuple);
      if (error) co_return fail(Code::kUnavailable, Origin::kClient, error.message());
      buffer_.commit(count);
    }
  }

  // Waits for the next request to begin; false if the client is gone. Read, not waited for: what
  // TLS has read off the socket already (a request in one segment with the end of the handshake)
  // does not make the socket readable, and to wait for it costs a system call more (epoll_ctl).
  Task<bool> first_bytes() {
    const auto space = buffer_.prepare(kSecure ? kFirstRead : kFirstPlainRead);
    auto [error, count] = co_await stream_.async_read_some(space, kTuple);
    buffer_.commit(count);
    co_return !error;
  }

  Task<bool> refuse_head(Error error) {
    if (error.code == Code::kUnavailable) co_return false;
    metrics_.add("npm_gate_bad_requests_total", "listener=\"" + options_.name + "\"");
    Response refused = error_response(error.code == Code::kTooLarge ? 431 : 400,
                                      "npm-gate: the request is refused: " + error.context);
    co_return co_await refuse(std::move(refused), false);
  }

  Task<bool> refuse(Response refused, bool head_only) {
    co_await write(refused, false, head_only);
    co_await linger();
    co_return false;
  }

  Request take_head(MessageHead head) {
    Request request;
    request.method = std::move(head.method);
    request.target = std::move(head.target);
    request.headers = std::move(head.headers);
    request.peer = peer_text_;
    request.proxied = behind_proxy_;
    request.id = request_id(request);
    if (request.proxied) {
      request.peer = options_.trusted_proxies.client(peer_, request.headers.get("x-forwarded-for"));
      request.secure = equal_ignoring_case(request.headers.get("x-forwarded-proto"), "https");
    }
    request.secure = request.secure || kSecure;
    return request;
  }

  // 0: read; a status: refuse with it and close; nullopt: the client is gone.
  Task<std::optional<int>> read_body(BodyDecoder& decoder, Request& request) {
    if (decoder.done()) co_return 0;
    arm(limits_.body_limit);
    if (equal_ignoring_case(request.headers.get("expect"), "100-continue")) {
      const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [error, count] = co_await net::async_write(stream_, net::buffer(go_on), kTuple);
      if (error) co_return std::nullopt;
    }
    const BodyRule rule = service_.body_rule(request.method, request.target);
    const auto begun = SteadyClock::now();
    std::shared_ptr<SpoolFile> file;
    std::uint64_t total = 0;
    int refused = 0;
    while (!decoder.done()) {
      if (!co_await more_of_body()) co_return std::nullopt;
      const auto step = decoder.next(gathered());
      if (!step) co_return 400;
      total += step->body.size();
      if (total > limits_.max_discarded) co_return 413;
      state_.deadline =
          begun + limits_.body_limit + std::chrono::seconds(total / limits_.min_body_rate);
      // Else read and thrown away: a client that is still sending would miss the answer.
      if (rule.limit != 0 && refused == 0) {
        refused = total > rule.limit ? 413 : keep_piece(request, file, rule, step->body);
        if (refused != 0) drop_body(request, file);
      }
      buffer_.consume(step->used);
    }
    if (refused != 0) co_return refused;
    request.spooled = std::move(file);
    if (equal_ignoring_case(request.headers.get("content-encoding"), "gzip") && rule.limit > 0) {
      std::function<Result<bool>()> inflate = [&request, limit = rule.limit]() -> Result<bool> {
        auto plain = gzip_expand(request.body, limit);
        if (!plain) return fail(Code::kMalformed, Origin::kClient, "not gzip");
        request.body = std::move(*plain);
        return true;
      };
      state_.deadline = SteadyClock::time_point::max();
      Result<bool> inflated = false;
      if (options_.pool == nullptr) inflated = inflate();
      if (options_.pool != nullptr) inflated = co_await options_.pool->offload(std::move(inflate));
      if (!inflated) co_return inflated.error().code == Code::kUnavailable ? 503 : 400;
      // What it takes now; what it took before is some hundredths of that.
      if (!memory_.take(request.body.size() * rule.weight)) {
        drop_body(request, file);
        co_return 503;
      }
    }
    co_return 0;
  }

  // 0, or the status to refuse the request with.
  int keep_piece(Request& request, std::shared_ptr<SpoolFile>& file, const BodyRule& rule,
                 std::string_view piece) {
    const bool large = request.body.size() + piece.size() > limits_.spool_from;
    const bool spools =
        rule.spool && !options_.spool_folder.empty() && !request.headers.has("content-encoding");
    if (!file && !(large && spools)) {
      if (!memory_.take(piece.size() * rule.weight)) return 503;
      request.body.append(piece);
      return 0;
    }
    if (!file) {
      auto made = SpoolFile::create(options_.spool_folder);
      if (!made) return disk_refuses(made.error());
      file = std::move(*made);
      if (const int refused = to_file(*file, request.body); refused != 0) return refused;
      std::string().swap(request.body);
      memory_.give_back();
    }
    return to_file(*file, piece);
  }

  int to_file(SpoolFile& file, std::string_view piece) {
    if (!files_.take(piece.size())) return 503;
    const auto done = file.append(piece);
    return done ? 0 : disk_refuses(done.error());
  }

  static int disk_refuses(const Error& error) {
    log::error("request-body", to_string(error));
    return 503;
  }

  void drop_body(Request& request, std::shared_ptr<SpoolFile>& file) {
    std::string().swap(request.body);
    file.reset();
    memory_.give_back();
    files_.give_back();
  }

  static Response body_refused(int status) {
    if (status == 413) return error_response(413, "npm-gate: the request body is too large");
    if (status != 503) return error_response(status, "npm-gate: the request body is not readable");
    Response later =
        error_response(503, "npm-gate: overloaded: too many large requests at once; try again");
    later.set("retry-after", "5");
    return later;
  }

  Task<std::optional<Response>> admitted(std::shared_ptr<Request> request) {
    std::string what;
    try {
      co_return co_await service_.admit(request);
    } catch (const std::exception& e) {
      what = e.what();
    }
    co_return unexpected(*request, what);
  }

  static Response unexpected(const Request& request, const std::string& what) {
    log::error("unexpected", what,
               {{"target", loggable_target(request.target)}, {"request", request.id}});
    return error_response(500, "npm-gate: an unexpected error; the log of the gate says more");
  }

  std::optional<Response> at_once(Request& request) {
    std::string what;
    try {
      return service_.at_once(request);
    } catch (const std::exception& e) {
      what = e.what();
    }
    return unexpected(request, what);
  }

  Task<Response> guarded(std::shared_ptr<Request> request) {
    std::string what;
    try {
      co_return co_await service_.handle(request);
    } catch (const std::exception& e) {
      what = e.what();
    }
    co_return unexpected(*request, what);
  }

  // Also gives the answer the request's id, under which the log tells of it.
  void record(const Request& request, Response& response, SteadyClock::time_point started) {
    response.set("x-request-id", request.id);
    const std::chrono::duration<double> took = SteadyClock::now() - started;
    counts_.count(response.kind.empty() ? "other" : response.kind, response.status, took.count());
    if (options_.log_requests)
      log::debug("request", loggable_target(request.target),
                 {{"method", request.method},
                  {"status", response.status},
                  {"client", request.peer},
                  {"request", request.id}});
    if (response.status >= 500) tell_failure(request, response);
  }

  void tell_failure(const Request& request, const Response& response) {
    std::string why;
    for (const auto& [name, value] : response.headers) {
      if (name == "npm-notice") why = value;
    }
    log::warn("request-failed", why.empty() ? "no reason given" : why,
              {{"target", loggable_target(request.target)},
               {"method", request.method},
               {"status", response.status},
               {"client", request.peer},
               {"request", request.id}});
  }

  Task<bool> write(const Response& response, bool keep, bool head_only) {
    if (response.status == kNoAnswer) {
      error_code ignored;
      state_.socket.set_option(net::socket_base::linger(true, 0), ignored);
      co_return false;
    }
    const bool sent = co_await send(response, keep, head_only);
    if (sent && !keep) co_await close();
    co_return sent&& keep;
  }

  // Who reads slower than the minimum is let go: what is sent holds memory or a file open.
  void arm_write(std::uint64_t sent) {
    state_.deadline =
        sending_since_ + limits_.write_limit + std::chrono::seconds(sent / limits_.min_write_rate);
  }

  Task<bool> send(const Response& response, bool keep, bool head_only) {
    sending_since_ = SteadyClock::now();
    const bool bodyless = head_only || response.status == 304 || response.status == 204;
    const bool file = !bodyless && response.blob;
    std::string rest = status_and_fields(response);
    rest += keep ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n";
    Pieces pieces;
    if (response.finished_head) pieces.add(*response.finished_head);
    pieces.add(rest);
    if (!bodyless && !file && response.body) pieces.add(*response.body);
    if (!co_await send_pieces(pieces, file)) co_return false;
    if (file)
      co_return co_await send_file(*response.blob, response.offset,
                                   response.offset + response.length());
    co_return true;
  }

  // What is written in one go: head, what depends on the moment, body.
  class Pieces {
   public:
    void add(std::string_view text) {
      if (!text.empty()) all_[count_++] = {const_cast<char*>(text.data()), text.size()};
    }
    iovec* data() { return all_.data() + done_; }
    std::size_t count() const { return count_ - done_; }
    std::string_view first() const {
      return {static_cast<const char*>(all_[done_].iov_base), all_[done_].iov_len};
    }
    void written(std::size_t bytes) {
      while (done_ < count_ && bytes >= all_[done_].iov_len) bytes -= all_[done_++].iov_len;
      if (done_ == count_) return;
      all_[done_].iov_base = static_cast<char*>(all_[done_].iov_base) + bytes;
      all_[done_].iov_len -= bytes;
    }

   private:
    std::array<iovec, 3> all_{};
    std::size_t count_ = 0, done_ = 0;
  };

  // One gathered write takes all that the socket has room for; a large body goes on when there is
  // room again, so that every connection gets its turn. False if the client is gone.
  Task<bool> send_pieces(Pieces pieces, bool more) {
    std::uint64_t total = 0;
    if constexpr (kSecure) {
      // What is small goes into one record, and out with one write.
      std::string small;
      while (pieces.count() > 0 && small.size() < kRecord) {
        const std::string_view piece = pieces.first().substr(0, kRecord - small.size());
        small += piece;
        pieces.written(piece.size());
      }
      arm_write(total);
      auto [broken, written] = co_await net::async_write(stream_, net::buffer(small), kTuple);
      if (broken) co_return false;
      total += written;
      while (pieces.count() > 0) {
        const std::string_view piece = pieces.first().substr(0, kBodyPiece);
        arm_write(total);
        auto [error, count] = co_await net::async_write(stream_, net::buffer(piece), kTuple);
        if (error) co_return false;
        total += count;
        pieces.written(count);
      }
      co_return true;
    } else {
      while (true) {
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = pieces.count();
        const ssize_t sent = ::sendmsg(stream_.native_handle(), &message,
                                       MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
        if (sent < 0 && errno != EAGAIN && errno != EINTR) co_return false;
        if (sent > 0) {
          total += static_cast<std::uint64_t>(sent);
          pieces.written(static_cast<std::size_t>(sent));
        }
        if (pieces.count() == 0) co_return true;
        arm_write(total);
        auto [error] = co_await stream_.async_wait(tcp::socket::wait_write, kTuple);
        if (error) co_return false;
      }
    }
  }

  Task<bool> send_file(const BlobStore::Handle& blob, std::uint64_t from, std::uint64_t end) {
    if constexpr (kSecure) {
      std::vector<char> piece(kFilePiece);
      for (std::uint64_t at = from; at < end;) {
        const auto wanted = std::min<std::uint64_t>(piece.size(), end - at);
        const ssize_t got = ::pread(blob.fd, piece.data(), wanted, static_cast<off_t>(at));
        if (got <= 0) co_return false;
        arm_write(at - from);
        auto [error, count] = co_await net::async_write(
            stream_, net::buffer(piece.data(), static_cast<std::size_t>(got)), kTuple);
        if (error) co_return false;
        at += static_cast<std::uint64_t>(got);
      }
      co_return true;
    } else {
      auto at = static_cast<off_t>(from);
      while (static_cast<std::uint64_t>(at) < end) {
        // A piece at a time: a client that reads as fast as we send would keep the loop to itself.
        const auto left = std::min<std::uint64_t>(kBodyPiece, end - static_cast<std::uint64_t>(at));
        const ssize_t sent = ::sendfile(stream_.native_handle(), blob.fd, &at, left);
        arm_write(static_cast<std::uint64_t>(at) - from);
        if (sent > 0) {
          if (static_cast<std::uint64_t>(at) < end) co_await net::post(net::use_awaitable);
          continue;
        }
        if (sent == 0 || (errno != EAGAIN && errno != EINTR)) co_return false;
        auto [error] = co_await stream_.async_wait(tcp::socket::wait_write, kTuple);
        if (error) co_return false;
      }
      co_return true;
    }
  }

  Task<void> close() {
    if constexpr (kSecure) {
      arm(std::chrono::seconds(5));
      co_await stream_.async_shutdown(kTuple);
    }
    error_code ignored;
    state_.socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  // An id that a proxy in front has given is kept: its log and ours tell of the same request.
  std::string request_id(const Request& request) {
    const std::string_view given = request.headers.get("x-request-id");
    const bool plain = !given.empty() && given.size() <= 64 &&
                       given.find_first_not_of(
                           "0123456789abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") == std::string_view::npos;
    if (request.proxied && plain) return std::string(given);
    std::string id = connection_id_;
    for (int shift = 12; shift >= 0; shift -= 4) id += kHexDigits[(requests_ >> shift) & 15U];
    ++requests_;
    return id;
  }

  void arm(SteadyClock::duration limit) { state_.deadline = SteadyClock::now() + limit; }

  Stream& stream_;
  SessionState& state_;
  const ListenOptions& options_;
  const ServerLimits& limits_;
  Service& service_;
  Metrics& metrics_;
  RequestCounts& counts_;
  net::ip::address peer_;
  std::string peer_text_;  // of a client that comes itself
  bool behind_proxy_ = false;
  BodyBudget memory_, files_;
  SteadyClock::time_point sending_since_{};
  const std::string connection_id_ = random_hex(6);  // with requests_: the ids of its requests
  unsigned requests_ = 0;
  boost::beast::flat_buffer buffer_;
};

class ServerImpl final : public Server {
 public:
  ServerImpl(ListenOptions options, ServerLimits limits, Service& service, Metrics& metrics)
      : options_(std::move(options)), limits_(limits), service_(service), metrics_(metrics) {}

  Result<void> bind(std::vector<net::io_context*> loops) {
    error_code ec;
    const auto address =
        net::ip::make_address(options_.address == "localhost" ? "127.0.0.1" : options_.address, ec);
    if (ec)
      return fail(Code::kMalformed, Origin::kPolicy,
                  "listen address '" + options_.address + "' is not an IP address");
    tcp::endpoint endpoint(address, options_.port);
    for (net::io_context* loop : loops) {
      auto acceptor = std::make_unique<tcp::acceptor>(*loop);
      options_.socket >= 0 ? adopt(*acceptor, endpoint, ec) : open(*acceptor, endpoint, ec);
      if (ec) {
        return fail(Code::kUnavailable, Origin::kSelf,
                    "cannot listen on " + options_.address + ":" + std::to_string(endpoint.port()) +
                        ": " + ec.message() + "; choose another with --listen");
      }
      endpoint.port(acceptor->local_endpoint().port());
      sessions_.push_back(
          std::make_unique<LoopSessions>(limits_.pipelined_per_round, metrics_, options_.name));
      acceptors_.push_back(std::move(acceptor));
    }
    port_ = endpoint.port();
    for (std::size_t i = 0; i < loops.size(); ++i) start(*loops[i], *acceptors_[i], *sessions_[i]);
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return connections_; }

  void stop() override {
    stopping_ = true;
    for (std::size_t i = 0; i < acceptors_.size(); ++i) {
      net::post(acceptors_[i]->get_executor(),
                [acceptor = acceptors_[i].get(), sessions = sessions_[i].get()] {
                  error_code ignored;
                  acceptor->close(ignored);
                  for (SessionState* session : sessions->sessions) {
                    // Who has sent a request that is not read yet gets its answer.
                    if (session->idle && !session->fresh && session->socket.available(ignored) == 0)
                      session->socket.close(ignored);
                  }
                });
    }
  }

 private:
  // Every loop accepts from the socket that was handed over; closing a copy closes no backlog.
  void adopt(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, error_code& ec) {
    const int copy = ::fcntl(options_.socket, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) ec.assign(errno, boost::system::system_category());
    if (!ec) acceptor.assign(endpoint.protocol(), copy, ec);
  }

  void open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, error_code& ec) {
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    // Another process on the same port must be an error, so only our own further acceptors share
    // it.
    if (!ec && acceptors_.empty()) probe(endpoint, ec);
    if (!ec)
      acceptor.set_option(net::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(net::socket_base::max_listen_connections, ec);
  }

  static void probe(tcp::endpoint endpoint, error_code& ec) {
    if (endpoint.port() == 0) return;
    net::io_context scratch;
    tcp::acceptor first(scratch);
    first.open(endpoint.protocol(), ec);
    if (!ec) first.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) first.bind(endpoint, ec);
    if (!ec) first.listen(1, ec);
  }

  void start(net::io_context& loop, tcp::acceptor& acceptor, LoopSessions& sessions) {
    auto accepting = [this, &acceptor, &sessions]() -> Task<void> {
      co_await accept_loop(acceptor, sessions);
    };
    spawn_detached(loop.get_executor(), "accept", std::move(accepting));
    auto reaping = [this, &sessions]() -> Task<void> { co_await reap_loop(sessions); };
    spawn_detached(loop.get_executor(), "reap", std::move(reaping));
  }

  // Whatever goes wrong with one connection, the next ones are accepted.
  Task<void> accept_loop(tcp::acceptor& acceptor, LoopSessions& sessions) {
    auto executor = co_await net::this_coro::executor;
    while (!stopping_) {
      std::string trouble;
      try {
        auto [error, socket] = co_await acceptor.async_accept(kTuple);
        if (error && stopping_) co_return;
        if (error) {
          trouble = error.message();
        } else {
          take_in(executor, std::move(socket), sessions);
        }
      } catch (const std::exception& e) {
        trouble = e.what();
      }
      if (trouble.empty()) continue;
      // Out of descriptors or memory: connections wait in the backlog until some are free again.
      log::warn("accept", trouble);
      net::steady_timer pause(executor, std::chrono::milliseconds(100));
      co_await wait_for(pause);
    }
  }

  // Over a limit the connection that has waited longest makes room, of the address that has too
  // many or the most, of this loop if one waits there; if none waits, the new one is closed.
  void take_in(const net::any_io_executor& executor, tcp::socket socket, LoopSessions& sessions) {
    error_code ec;
    const auto peer = socket.remote_endpoint(ec).address();
    if (ec) return;  // gone already
    const std::string address =
        options_.trusted_proxies.trusts(unmapped(peer)) ? "" : counted_address(peer);
    const bool many = !address.empty() && of_address(address) >= limits_.max_per_address;
    const bool full = many || connections_.load() >= limits_.max_connections;
    const bool elsewhere = full && !sessions.evict(many ? address : "");
    if (full && !elsewhere) count_over(true, many);
    auto shared = std::make_shared<tcp::socket>(std::move(socket));
    auto serve = [this, shared, &sessions, address, elsewhere, many]() -> Task<void> {
      if (elsewhere) {
        std::string whose = many ? address : "";
        const bool room = co_await evict_elsewhere(sessions, std::move(whose));
        count_over(room, many);
        if (!room) co_return;
      }
      co_await serve_one(shared, sessions, address);
    };
    spawn_detached(executor, "session", std::move(serve));
  }

  void count_over(bool room, bool many) {
    metrics_.add(room ? "npm_gate_connections_evicted_total" : "npm_gate_connections_refused_total",
                 "listener=\"" + options_.name + "\",limit=\"" + (many ? "address" : "all") + "\"");
  }

  // The kernel chooses the loop that accepts: all of an address may be another's.
  Task<bool> evict_elsewhere(const LoopSessions& own, std::string address) {
    for (std::size_t i = 0; i < sessions_.size() && !stopping_; ++i) {
      if (sessions_[i].get() == &own) continue;
      auto there = evict_in(*sessions_[i], address);
      const bool room = co_await net::co_spawn(acceptors_[i]->get_executor(), std::move(there),
                                               net::use_awaitable);
      if (room) co_return true;
    }
    co_return false;
  }

  static Task<bool> evict_in(LoopSessions& sessions, std::string address) {
    co_return sessions.evict(std::move(address));
  }

  std::size_t of_address(const std::string& address) {
    const std::lock_guard lock(mutex_);
    const auto found = by_address_.find(address);
    return found == by_address_.end() ? 0 : found->second;
  }

  void count(int change, const std::string& address) {
    connections_ += static_cast<std::size_t>(change);
    if (!address.empty()) {
      const std::lock_guard lock(mutex_);
      std::size_t& number = by_address_[address];
      number += static_cast<std::size_t>(change);
      if (number == 0) by_address_.erase(address);
    }
    metrics_.set("npm_gate_connections", "listener=\"" + options_.name + "\"",
                 static_cast<double>(connections_.load()));
  }

  Task<void> serve_one(std::shared_ptr<tcp::socket> socket, LoopSessions& sessions,
                       std::string address) {
    struct Counted {
      Counted(ServerImpl& s, const std::string& a) : server(s), from(a) { server.count(1, from); }
      ~Counted() { server.count(-1, from); }
      ServerImpl& server;
      const std::string& from;
    } counted(*this, address);
    error_code ignored;
    socket->set_option(tcp::no_delay(true), ignored);
    if (options_.tls) {
      auto context = options_.tls();
      ssl::stream<tcp::socket> stream(std::move(*socket), *context);
      SessionState state(stream.next_layer(), sessions.turns, stopping_, address);
      const Listed listed(sessions, state);
      state.idle = false;
      state.deadline = SteadyClock::now() + limits_.header_limit;
      auto [error] = co_await stream.async_handshake(ssl::stream_base::server, kTuple);
      if (error) co_return;
      Session<ssl::stream<tcp::socket>> session(stream, state, options_, limits_, service_,
                                                metrics_, sessions.requests, bodies_);
      co_await session.run();
    } else {
      SessionState state(*socket, sessions.turns, stopping_, address);
      const Listed listed(sessions, state);
      Session<tcp::socket> session(*socket, state, options_, limits_, service_, metrics_,
                                   sessions.requests, bodies_);
      co_await session.run();
    }
  }

  // One timer per loop instead of one per connection and operation: a deadline is met to within a
  // second, for the price of one comparison.
  Task<void> reap_loop(LoopSessions& sessions) {
    auto executor = co_await net::this_coro::executor;
    net::steady_timer tick(executor);
    for (;;) {  // also while the last answers are sent
      tick.expires_after(kTick);
      co_await wait_for(tick);
      const auto now = SteadyClock::now();
      for (SessionState* session : sessions.sessions) {
        // As the gate ends also those that became idle, or were let in, as the others were closed.
        if (session->deadline < now ||
            (stopping_ && session->idle && now - session->since > kGrace))
          cut(*session);
      }
    }
  }

  // Who does not read in time is reset: the system would go on sending what it holds of the answer.
  static void cut(SessionState& session) {
    error_code ignored;
    if (!session.waiting) session.socket.set_option(net::socket_base::linger(true, 0), ignored);
    session.socket.close(ignored);
  }

  ListenOptions options_;
  ServerLimits limits_;
  Service& service_;
  Metrics& metrics_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
  std::vector<std::unique_ptr<LoopSessions>> sessions_;
  std::atomic<std::size_t> connections_{0};
  std::mutex mutex_;
  std::map<std::string, std::size_t> by_address_;
  BodyRoom bodies_;
  std::atomic<bool> stopping_{false};
  std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> start_server(std::vector<net::io_context*> loops,
                                             ListenOptions options, ServerLimits limits,
                                             Service& service, Metrics& metrics) {
  auto server = std::make_unique<ServerImpl>(std::move(options), limits, service, metrics);
  if (auto bound = server->bind(std::move(loops)); !bound) return bound.error();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace npmgate
