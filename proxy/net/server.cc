#include "proxy/net/server.h"

#include <sys/sendfile.h>
#include <unistd.h>
#include <boost/asio/post.hpp>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <list>

#include "base/gzip.h"
#include "proxy/net/query.h"

namespace npmgate {
namespace {

namespace http = boost::beast::http;
namespace ssl = net::ssl;
using tcp = net::ip::tcp;
using error_code = boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kFilePiece = 256 * 1024;   // measured: larger writes gain nothing on loopback
constexpr std::size_t kBodyPiece = 1024 * 1024;  // what has to leave within one write limit
constexpr std::size_t kHeadPiece = 4096;         // most heads of package managers are below 1 KiB
constexpr std::size_t kFirstRead = 4096;         // of a request over TLS; most fit into it
constexpr auto kTick = std::chrono::seconds(1);  // how often deadlines are looked at

struct SessionState {
  explicit SessionState(tcp::socket& s) : socket(s) {}
  tcp::socket& socket;
  SteadyClock::time_point deadline = SteadyClock::time_point::max();
  bool idle = true;
};

// The sessions of one loop; touched by that loop's thread only.
struct LoopSessions {
  std::list<SessionState*> sessions;
};

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::string head_of(const Response& response, bool keep_alive, bool with_length) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += response.reason.empty() ? std::string(standard_reason(response.status)) : response.reason;
  head += "\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  head += "server: npm-gate\r\n";
  if (with_length) head += "content-length: " + std::to_string(response.length()) + "\r\n";
  head += keep_alive ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n";
  return head;
}

// Offset of the empty line that ends a head, also where lines end in LF alone; npos: not there yet.
std::size_t end_of_head(std::string_view data) {
  for (std::size_t at = data.find('\n'); at != std::string_view::npos;
       at = data.find('\n', at + 1)) {
    const std::string_view next = data.substr(at + 1);
    if (next.starts_with('\n') || next.starts_with("\r\n")) return at;
  }
  return std::string_view::npos;
}

bool has_folded_line(std::string_view data) {
  const std::string_view head = data.substr(0, end_of_head(data));
  return head.find("\n ") != std::string_view::npos || head.find("\n\t") != std::string_view::npos;
}

// What Beast's parser lets through and a registry must not (docs/threats.md, H1).
std::optional<std::string> suspicious(const http::request_header<>& head) {
  if (head.count(http::field::content_length) > 1) return "more than one Content-Length";
  if (head.count(http::field::content_length) > 0 && head.count(http::field::transfer_encoding) > 0)
    return "Content-Length and Transfer-Encoding";
  const std::string_view length(head[http::field::content_length]);
  if (length.find_first_not_of("0123456789") != std::string_view::npos)
    return "a Content-Length that is not one number";
  if (head.count(http::field::host) > 1) return "more than one Host";
  if (head.version() == 11 && head.count(http::field::host) == 0) return "no Host";
  if (head.target().empty() || head.target().front() != '/')
    return "the request target is not a path";
  if (head.count(http::field::transfer_encoding) > 0 &&
      !same_text(head[http::field::transfer_encoding], "chunked"))
    return "a Transfer-Encoding other than chunked";
  const bool bodyless = head.method() == http::verb::get || head.method() == http::verb::head;
  if (bodyless &&
      (head.count(http::field::transfer_encoding) > 0 ||
       (head.count(http::field::content_length) > 0 && head[http::field::content_length] != "0"))) {
    return "a body on GET";
  }
  return std::nullopt;
}

// What one connection holds of the room for request bodies, in memory or in files.
class BodyBudget {
 public:
  BodyBudget(std::atomic<std::size_t>& used, std::size_t limit) : used_(used), limit_(limit) {}
  ~BodyBudget() { give_back(); }
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;
  bool take(std::size_t bytes) {
    if (used_.fetch_add(bytes) + bytes > limit_) {
      used_.fetch_sub(bytes);
      return false;
    }
    held_ += bytes;
    return true;
  }
  void give_back() { used_.fetch_sub(std::exchange(held_, 0)); }

 private:
  std::atomic<std::size_t>& used_;
  std::size_t limit_, held_ = 0;
};

// Bytes of request bodies, of all connections of a listener.
struct BodyRoom {
  std::atomic<std::size_t> memory{0}, files{0};
};

template <class Stream>
class Session {
 public:
  Session(Stream& stream, SessionState& state, const ListenOptions& options,
          const ServerLimits& limits, Service& service, Metrics& metrics, BodyRoom& room)
      : stream_(stream),
        state_(state),
        options_(options),
        limits_(limits),
        service_(service),
        metrics_(metrics),
        memory_(room.memory, limits.max_bodies),
        files_(room.files, limits.max_spooled) {}

  Task<void> run() {
    for (bool go_on = true; go_on;) go_on = co_await one_request();
  }

 private:
  static constexpr bool kSecure = !std::is_same_v<Stream, tcp::socket>;
  using Parser = http::request_parser<http::buffer_body>;

  Task<bool> one_request() {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.max_header));
    parser.body_limit(limits_.max_discarded);
    if (buffer_.size() == 0) {
      state_.idle = true;
      arm(limits_.idle_limit);
      if (!co_await first_bytes()) co_return false;
    }
    state_.idle = false;
    arm(limits_.header_limit);
    co_await gather_head();
    const bool folded = has_folded_line(gathered());
    auto [error, count] = co_await http::async_read_header(stream_, buffer_, parser, kTuple);
    if (error) co_return co_await refuse_head(error);
    std::optional<std::string> why = suspicious(parser.get());
    // Beast unfolds such lines (RFC 9112, 5.2, lets a server refuse them); others read them as two.
    if (folded) why = "a folded header line";
    if (why) {
      Response refused = error_response(400, "npm-gate: the request is refused: " + *why);
      co_return co_await write(refused, false, false);
    }
    auto request = std::make_shared<Request>(take_head(parser));
    const auto body = co_await read_body(parser, *request);
    if (!body) co_return false;
    const auto started = SteadyClock::now();
    state_.deadline = SteadyClock::time_point::max();  // services have limits of their own
    Response response;
    if (*body != 0) {
      response = body_refused(*body);
    } else {
      response = co_await guarded(request);
    }
    memory_.give_back();
    files_.give_back();
    record(*request, response, started);
    const bool keep = parser.get().keep_alive() && *body == 0;
    co_return co_await write(response, keep, request->method == "HEAD");
  }

  std::string_view gathered() const {
    const auto data = buffer_.cdata();
    return {static_cast<const char*>(data.data()), data.size()};
  }

  // Reads until a whole head is in the buffer, or so much that the parser will refuse it; errors
  // are met again by the parser.
  Task<void> gather_head() {
    while (end_of_head(gathered()) == std::string_view::npos &&
           buffer_.size() <= limits_.max_header) {
      const auto space = buffer_.prepare(kHeadPiece);
      auto [error, count] = co_await stream_.async_read_some(space, kTuple);
      if (error) co_return;
      buffer_.commit(count);
    }
  }

  // Waits for the next request to begin; false where the client is gone. What TLS has read off the
  // socket already (a request in one segment with the end of the handshake) does not make the
  // socket readable, so that it is read, not waited for.
  Task<bool> first_bytes() {
    if constexpr (kSecure) {
      auto [error, count] = co_await stream_.async_read_some(buffer_.prepare(kFirstRead), kTuple);
      buffer_.commit(count);
      co_return !error;
    } else {
      auto [error] = co_await state_.socket.async_wait(tcp::socket::wait_read, kTuple);
      co_return !error;
    }
  }

  Task<bool> refuse_head(error_code error) {
    const bool parse = error.category() == make_error_code(http::error::bad_method).category();
    if (!parse || error == http::error::end_of_stream || error == http::error::partial_message)
      co_return false;
    const int status = error == http::error::header_limit ? 431 : 400;
    Response refused =
        error_response(status, "npm-gate: not a valid HTTP request (" + error.message() + ")");
    co_await write(refused, false, false);
    co_return false;
  }

  Request take_head(const Parser& parser) {
    Request request;
    request.method = std::string(parser.get().method_string());
    request.target = std::string(parser.get().target());
    for (const auto& field : parser.get())
      request.headers.add(std::string(field.name_string()), std::string(field.value()));
    error_code ec;
    const auto peer = state_.socket.remote_endpoint(ec).address();
    const TrustedProxies& proxies = options_.trusted_proxies;
    request.peer = proxies.client(peer, request.headers.get("x-forwarded-for"));
    if (proxies.trusts(unmapped(peer)))
      request.secure = same_text(request.headers.get("x-forwarded-proto"), "https");
    request.secure = request.secure || kSecure;
    return request;
  }

  // 0: read; a status: refuse with it and close; nullopt: the client is gone.
  Task<std::optional<int>> read_body(Parser& parser, Request& request) {
    if (parser.is_done()) co_return 0;
    arm(limits_.body_limit);
    if (same_text(std::string(parser.get()[http::field::expect]), "100-continue")) {
      const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [error, count] = co_await net::async_write(stream_, net::buffer(go_on), kTuple);
      if (error) co_return std::nullopt;
    }
    const BodyRule rule = service_.body_rule(request.method, request.target);
    const auto begun = SteadyClock::now();
    std::shared_ptr<SpoolFile> file;
    std::size_t total = 0;
    int refused = 0;
    std::vector<char> piece(64 * 1024);
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      auto [error, count] = co_await http::async_read_some(stream_, buffer_, parser, kTuple);
      if (error == http::error::body_limit) co_return 413;
      if (error && error != http::error::need_buffer) co_return std::nullopt;
      const std::size_t got = piece.size() - parser.get().body().size;
      total += got;
      state_.deadline =
          begun + limits_.body_limit + std::chrono::seconds(total / limits_.min_body_rate);
      // Read and thrown away: a client that is still sending would miss the answer.
      if (rule.limit == 0 || refused != 0) continue;
      refused = total > rule.limit ? 413 : keep_piece(request, file, rule, {piece.data(), got});
      if (refused != 0) drop_body(request, file);
    }
    if (refused != 0) co_return refused;
    request.spooled = std::move(file);
    if (same_text(request.headers.get("content-encoding"), "gzip") && rule.limit > 0) {
      auto plain = gzip_expand(request.body, rule.limit);
      if (!plain) co_return 400;
      request.body = std::move(*plain);
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
      if (!memory_.take(piece.size())) return 503;
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

  Task<Response> guarded(std::shared_ptr<Request> request) {
    std::string what;
    try {
      co_return co_await service_.handle(request);
    } catch (const std::exception& e) {
      what = e.what();
    }
    log::error("unexpected", what, {{"target", loggable_target(request->target)}});
    co_return error_response(500, "npm-gate: an unexpected error; the log of the gate says more");
  }

  void record(const Request& request, const Response& response, SteadyClock::time_point started) {
    const std::chrono::duration<double> took = SteadyClock::now() - started;
    const std::string kind(response.kind.empty() ? "other" : response.kind);
    metrics_.add("npm_gate_requests_total", "listener=\"" + options_.name + "\",kind=\"" + kind +
                                                "\",status=\"" + std::to_string(response.status) +
                                                "\"");
    metrics_.observe("npm_gate_request_seconds", "kind=\"" + kind + "\"", took.count());
    log::debug("request", loggable_target(request.target),
               {{"method", request.method}, {"status", response.status}, {"client", request.peer}});
  }

  Task<bool> write(const Response& response, bool keep, bool head_only) {
    const bool bodyless = head_only || response.status == 304 || response.status == 204;
    const std::string head =
        head_of(response, keep, response.status != 304 && response.status != 204);
    std::string_view body;
    if (!bodyless && response.body) body = *response.body;
    std::array<net::const_buffer, 2> first{net::buffer(head),
                                           net::buffer(body.substr(0, kBodyPiece))};
    arm(limits_.write_limit);
    auto [error, count] = co_await net::async_write(stream_, first, kTuple);
    if (error) co_return false;
    for (std::size_t at = kBodyPiece; at < body.size(); at += kBodyPiece) {
      const std::string_view piece = body.substr(at, kBodyPiece);
      arm(limits_.write_limit);
      auto [broken, written] = co_await net::async_write(stream_, net::buffer(piece), kTuple);
      if (broken) co_return false;
    }
    if (!bodyless && response.blob && !co_await send_file(*response.blob)) co_return false;
    if (!keep) co_await close();
    co_return keep;
  }

  Task<bool> send_file(const BlobStore::Handle& blob) {
    if constexpr (kSecure) {
      std::vector<char> piece(kFilePiece);
      for (std::uint64_t at = 0; at < blob.size;) {
        const ssize_t got = ::pread(blob.fd, piece.data(), piece.size(), static_cast<off_t>(at));
        if (got <= 0) co_return false;
        arm(limits_.write_limit);
        auto [error, count] = co_await net::async_write(
            stream_, net::buffer(piece.data(), static_cast<std::size_t>(got)), kTuple);
        if (error) co_return false;
        at += static_cast<std::uint64_t>(got);
      }
      co_return true;
    } else {
      error_code ec;
      stream_.native_non_blocking(true, ec);
      off_t at = 0;
      while (static_cast<std::uint64_t>(at) < blob.size) {
        const ssize_t sent = ::sendfile(stream_.native_handle(), blob.fd, &at,
                                        blob.size - static_cast<std::uint64_t>(at));
        if (sent > 0) continue;
        if (sent == 0 || (errno != EAGAIN && errno != EINTR)) co_return false;
        arm(limits_.write_limit);
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

  void arm(SteadyClock::duration limit) { state_.deadline = SteadyClock::now() + limit; }

  Stream& stream_;
  SessionState& state_;
  const ListenOptions& options_;
  const ServerLimits& limits_;
  Service& service_;
  Metrics& metrics_;
  BodyBudget memory_, files_;
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
      acceptor->open(endpoint.protocol(), ec);
      if (!ec) acceptor->set_option(tcp::acceptor::reuse_address(true), ec);
      // Another process on the same port must be an error, so only our own further acceptors share
      // it.
      if (!ec && acceptors_.empty()) probe(endpoint, ec);
      if (!ec)
        acceptor->set_option(net::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true),
                             ec);
      if (!ec) acceptor->bind(endpoint, ec);
      if (!ec) acceptor->listen(net::socket_base::max_listen_connections, ec);
      if (ec) {
        return fail(Code::kUnavailable, Origin::kSelf,
                    "cannot listen on " + options_.address + ":" + std::to_string(endpoint.port()) +
                        ": " + ec.message() + "; choose another with --listen");
      }
      endpoint.port(acceptor->local_endpoint().port());
      sessions_.push_back(std::make_unique<LoopSessions>());
      acceptors_.push_back(std::move(acceptor));
    }
    port_ = endpoint.port();
    for (std::size_t i = 0; i < loops.size(); ++i) start(*loops[i], *acceptors_[i], *sessions_[i]);
    return {};
  }

  std::uint16_t port() const override { return port_; }

  void stop() override {
    stopping_ = true;
    for (std::size_t i = 0; i < acceptors_.size(); ++i) {
      net::post(acceptors_[i]->get_executor(),
                [acceptor = acceptors_[i].get(), sessions = sessions_[i].get()] {
                  error_code ignored;
                  acceptor->close(ignored);
                  for (SessionState* session : sessions->sessions) {
                    if (session->idle) session->socket.close(ignored);
                  }
                });
    }
  }

 private:
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

  Task<void> accept_loop(tcp::acceptor& acceptor, LoopSessions& sessions) {
    auto executor = co_await net::this_coro::executor;
    while (!stopping_) {
      auto [error, socket] = co_await acceptor.async_accept(kTuple);
      if (stopping_) co_return;
      if (error) {
        // Out of descriptors or memory: connections wait in the backlog until some are free again.
        log::warn("accept", error.message());
        net::steady_timer pause(executor, std::chrono::milliseconds(100));
        co_await wait_for(pause);
        continue;
      }
      if (connections_.load() >= limits_.max_connections) continue;  // closed at once
      auto shared = std::make_shared<tcp::socket>(std::move(socket));
      auto serve = [this, shared, &sessions]() -> Task<void> {
        co_await serve_one(shared, sessions);
      };
      spawn_detached(executor, "session", std::move(serve));
    }
  }

  Task<void> serve_one(std::shared_ptr<tcp::socket> socket, LoopSessions& sessions) {
    metrics_.set("npm_gate_connections", "listener=\"" + options_.name + "\"",
                 static_cast<double>(++connections_));
    error_code ignored;
    socket->set_option(tcp::no_delay(true), ignored);
    if (options_.tls) {
      auto context = options_.tls();
      ssl::stream<tcp::socket> stream(std::move(*socket), *context);
      SessionState state(stream.next_layer());
      const auto entry = sessions.sessions.insert(sessions.sessions.end(), &state);
      state.idle = false;
      state.deadline = SteadyClock::now() + limits_.header_limit;
      auto [error] = co_await stream.async_handshake(ssl::stream_base::server, kTuple);
      if (!error) {
        Session<ssl::stream<tcp::socket>> session(stream, state, options_, limits_, service_,
                                                  metrics_, bodies_);
        co_await session.run();
      }
      sessions.sessions.erase(entry);
    } else {
      SessionState state(*socket);
      const auto entry = sessions.sessions.insert(sessions.sessions.end(), &state);
      Session<tcp::socket> session(*socket, state, options_, limits_, service_, metrics_, bodies_);
      co_await session.run();
      sessions.sessions.erase(entry);
    }
    metrics_.set("npm_gate_connections", "listener=\"" + options_.name + "\"",
                 static_cast<double>(--connections_));
  }

  // One timer per loop instead of one per connection and operation: a deadline is met to within a
  // second, for the price of one comparison.
  Task<void> reap_loop(LoopSessions& sessions) {
    auto executor = co_await net::this_coro::executor;
    net::steady_timer tick(executor);
    while (!stopping_) {
      tick.expires_after(kTick);
      co_await wait_for(tick);
      const auto now = SteadyClock::now();
      for (SessionState* session : sessions.sessions) {
        error_code ignored;
        if (session->deadline < now) session->socket.close(ignored);
      }
    }
  }

  ListenOptions options_;
  ServerLimits limits_;
  Service& service_;
  Metrics& metrics_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
  std::vector<std::unique_ptr<LoopSessions>> sessions_;
  std::atomic<std::size_t> connections_{0};
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
