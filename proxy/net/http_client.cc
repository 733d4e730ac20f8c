#include "proxy/net/http_client.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <tuple>
#include <variant>

#include "base/digest.h"
#include "base/gzip.h"
#include "base/time.h"
#include "proxy/net/egress.h"
#include "proxy/net/message_body.h"
#include "proxy/net/message_head.h"
#include "proxy/net/name_resolver.h"

namespace npmgate {
namespace {

namespace beast = boost::beast;
namespace ssl = net::ssl;
using tcp = net::ip::tcp;
using SteadyTime = std::chrono::steady_clock::time_point;
using error_code = boost::system::error_code;

constexpr auto kConnectLimit = std::chrono::seconds(10);
constexpr int kMaxRedirects = 3;  // docs/threats.md, H5
constexpr int kMaxInterim = 5;
constexpr std::chrono::milliseconds kPatience{40'000};
// A body that drips slower than FetchRequest::min_rate is given up after this.
constexpr auto kDripAfter = std::chrono::seconds(30);
constexpr std::size_t kPiece = 256 * 1024;

Error io_error(std::string_view what, const Url& url, const error_code& ec) {
  const bool late = ec == beast::error::timeout || ec == net::error::timed_out;
  const bool untrusted = ec.category() == net::error::get_ssl_category() &&
                         ec.message().find("certificate") != std::string::npos;
  const Code code = late ? Code::kTimeout : untrusted ? Code::kRefused : Code::kUnavailable;
  return fail(code, Origin::kUpstream, std::string(what) + " " + url.origin() + ": " + ec.message(),
              !untrusted);
}

constexpr std::size_t kReadSize = std::size_t{64} << 10;
constexpr std::size_t kMaxHead = std::size_t{64} << 10;

Error too_large(const Url& url, const FetchRequest& request) {
  return fail(Code::kTooLarge, Origin::kUpstream,
              "the answer of " + url.origin() + " is larger than " + human_bytes(request.max_body));
}

using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;

struct Connection {
  explicit Connection(const net::any_io_executor& ex)
      : executor(ex), stream(std::in_place_type<Plain>, ex) {}
  net::any_io_executor executor;
  std::variant<Plain, Tls> stream;
  std::shared_ptr<ssl::context> context;  // outlives the stream that uses it
  beast::flat_buffer buffer;
  SteadyTime idle_since;
  bool reused = false;
  bool via_proxy = false;  // plain http through a proxy: absolute-form request target
  std::string proxy_authorization;
  std::string_view gathered() const {
    return {static_cast<const char*>(buffer.cdata().data()), buffer.size()};
  }
  beast::tcp_stream& lowest() {
    return std::visit([](auto& s) -> beast::tcp_stream& { return beast::get_lowest_layer(s); },
                      stream);
  }
  ~Connection() {
    error_code ignored;
    lowest().socket().close(ignored);
  }
};
using ConnectionPtr = std::unique_ptr<Connection>;

class HttpClient final : public Upstream {
 public:
  explicit HttpClient(ClientOptions options)
      : options_(std::move(options)),
        names_(options_.lookup),
        http_proxy_(read_proxy(options_.proxies.http)),
        https_proxy_(read_proxy(options_.proxies.https)) {}

  Task<Result<FetchReply>> fetch(FetchRequest request) override {
    const SteadyTime deadline = std::chrono::steady_clock::now() + request.limit;
    std::string url_text = request.url;
    std::string authorization = request.authorization;
    std::optional<Url> first;
    for (int hop = 0; hop <= kMaxRedirects; ++hop) {
      const std::optional<Url> url = parse_target_url(url_text);
      if (!url)
        co_return fail(Code::kRefused, Origin::kUpstream,
                       "not an http(s) URL: " + log::printable(url_text, 120));
      if (!first) first = url;
      if (url->origin() != first->origin()) {
        authorization.clear();
        const bool downgrade = first->scheme == "https" && url->scheme != "https";
        if (downgrade || !request.allow_redirect || !request.allow_redirect(*url)) {
          co_return fail(
              Code::kRefused, Origin::kUpstream,
              "redirect from " + first->origin() + " to " + url->origin() + " is not allowed");
        }
      }
      auto reply = co_await exchange_with_retry(*url, request, authorization, deadline);
      if (!reply) co_return reply.error();
      const bool redirect = reply->status == 301 || reply->status == 302 || reply->status == 303 ||
                            reply->status == 307 || reply->status == 308;
      if (!redirect || request.method != "GET") {
        reply->url = url_text;
        co_return std::move(*reply);
      }
      const std::string_view location = reply->headers.get("location");
      url_text = resolve_location(*url, location);
      if (url_text.empty())
        co_return fail(Code::kUnavailable, Origin::kUpstream,
                       "redirect without a usable location from " + url->origin());
    }
    co_return fail(Code::kRefused, Origin::kUpstream,
                   "more than 3 redirects from " + first->origin());
  }

 private:
  // Request URLs may carry a query, base URLs may not.
  static std::optional<Url> parse_target_url(std::string_view text) {
    const std::size_t hash = text.find('#');
    text = text.substr(0, hash);
    const std::size_t query = text.find('?');
    auto url = parse_url(text.substr(0, query));
    if (url && query != std::string_view::npos) url->path += text.substr(query);
    for (const char c : url ? std::string_view(url->path) : std::string_view()) {
      if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return std::nullopt;
    }
    return url;
  }

  static std::string resolve_location(const Url& base, std::string_view location) {
    if (location.starts_with("http://") || location.starts_with("https://"))
      return std::string(location);
    if (location.starts_with("//")) return base.scheme + ":" + std::string(location);
    if (location.starts_with("/")) return base.origin() + std::string(location);
    return {};
  }

  Task<Result<FetchReply>> exchange_with_retry(const Url& url, const FetchRequest& request,
                                               std::string authorization, SteadyTime deadline) {
    // A write is never sent twice: it gets a connection that cannot have died while it lay idle.
    const bool once = request.once || request.method == "PUT" || request.method == "DELETE";
    // What broke off is asked for again at once, over another connection; a sink has seen a part.
    const bool repeatable = request.method == "GET" && !once && !request.sink;
    for (int attempt = 0;; ++attempt) {
      auto connection =
          co_await connect(url, request, deadline, once || request.fresh || attempt > 0);
      if (!connection) co_return connection.error();
      const bool reused = (*connection)->reused;
      bool answered = false;
      // Who waits in vain for a head asks once more over another connection, and more patiently.
      SteadyTime head_until = deadline;
      if (request.min_rate > 0) {
        const auto patience = request.fresh || attempt > 0 ? kPatience : request.stall;
        head_until = std::min<SteadyTime>(deadline, std::chrono::steady_clock::now() + patience);
      }
      auto reply = co_await exchange(std::move(*connection), url, request, authorization, deadline,
                                     head_until, answered);
      if (reply || attempt > 0) co_return reply;
      // A pooled connection may have been closed by the server while it lay idle.
      const bool was_closed = reused && !answered;
      const bool broken = reply.error().retry && (reply.error().code == Code::kUnavailable ||
                                                  reply.error().code == Code::kTimeout);
      if (!was_closed && !(repeatable && broken)) co_return reply;
    }
  }

  Task<Result<ConnectionPtr>> connect(const Url& url, const FetchRequest& request,
                                      SteadyTime deadline, bool fresh) {
    auto executor = co_await net::this_coro::executor;
    const std::string key = pool_key(url, request, executor);
    if (!fresh) {
      if (ConnectionPtr idle = take_idle(key)) co_return idle;
    }
    auto connection = std::make_unique<Connection>(executor);
    const auto limit = std::min(deadline, std::chrono::steady_clock::now() + kConnectLimit);
    const Proxy& proxy = proxy_for(url);
    if (!proxy) co_return proxy.error();
    const bool proxied = proxy->has_value();
    const Url& peer = proxied ? (*proxy)->url : url;
    if (auto done = co_await open_socket(*connection, peer,
                                         request.public_addresses_only && !proxied, limit);
        !done) {
      co_return done.error();
    }
    if (proxied && url.scheme == "https") {
      if (auto done = co_await tunnel(*connection, url, (*proxy)->authorization, limit); !done)
        co_return done.error();
    }
    connection->via_proxy = proxied && url.scheme == "http";
    if (connection->via_proxy) connection->proxy_authorization = (*proxy)->authorization;
    if (url.scheme == "https") {
      if (auto done = co_await handshake(*connection, url, request, limit); !done)
        co_return done.error();
    }
    co_return connection;
  }

  Task<Result<void>> open_socket(Connection& connection, const Url& peer, bool public_only,
                                 SteadyTime limit) {
    auto addresses = co_await names_.resolve(peer.host, limit);
    if (!addresses) {
      Error error = addresses.error();
      error.context = "cannot resolve " + peer.origin() + ": " + error.context;
      co_return error;
    }
    if (public_only)
      std::erase_if(*addresses, [](const auto& address) { return !is_public_address(address); });
    if (addresses->empty()) {
      co_return fail(Code::kRefused, Origin::kUpstream,
                     peer.host + " has no public address: not asked");
    }
    if (const error_code failed = co_await connect_to_one(connection, *addresses, peer.port, limit))
      co_return io_error("cannot connect to", peer, failed);
    error_code ignored;
    connection.lowest().socket().set_option(tcp::no_delay(true), ignored);
    co_return Result<void>();
  }

  // One after another; an address that swallows what is sent to it (IPv6 without a way out, a host
  // that is down) leaves the others their share of the time.
  static Task<error_code> connect_to_one(Connection& connection,
                                         const NameResolver::Addresses& addresses,
                                         std::uint16_t port, SteadyTime limit) {
    error_code error;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const SteadyTime now = std::chrono::steady_clock::now();
      connection.lowest().expires_at(now + (limit - now) / (addresses.size() - i));
      const tcp::endpoint endpoint(addresses[i], port);
      std::tie(error) = co_await connection.lowest().async_connect(endpoint, kTuple);
      if (!error) break;
      error_code ignored;
      connection.lowest().socket().close(ignored);
    }
    co_return error;
  }

  // RFC 9110, 9.3.6: CONNECT host:port, then bytes both ways.
  Task<Result<void>> tunnel(Connection& connection, const Url& url, std::string authorization,
                            SteadyTime limit) {
    const std::string authority = url.origin().substr(url.scheme.size() + 3);
    std::string head = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    add_field(head, "Proxy-Authorization", authorization);
    head += "\r\n";
    connection.lowest().expires_at(limit);
    const error_code unsent = co_await write(connection, net::buffer(head));
    if (unsent) co_return io_error("cannot ask the proxy for", url, unsent);
    // What follows a good answer is the tunnel, not a body.
    const auto answer = co_await read_one_head(connection, url, true);
    if (!answer) co_return answer.error();
    if (answer->status / 100 != 2) {
      co_return fail(
          Code::kUnavailable, Origin::kUpstream,
          "the proxy refused " + url.origin() + ": status " + std::to_string(answer->status), true);
    }
    connection.buffer.clear();
    co_return Result<void>();
  }

  Task<Result<void>> handshake(Connection& connection, const Url& url, const FetchRequest& request,
                               SteadyTime limit) {
    auto context = tls_context(request.ca_file);
    if (!context) co_return context.error();
    connection.context = *context;
    Plain plain = std::move(std::get<Plain>(connection.stream));
    auto& tls = connection.stream.emplace<Tls>(std::move(plain), *connection.context);
    error_code ec;
    const bool address = !boost::asio::ip::make_address(url.host, ec).is_unspecified() && !ec;
    if (!address && SSL_set_tlsext_host_name(tls.native_handle(), url.host.c_str()) != 1) {
      co_return fail(Code::kInternal, Origin::kSelf,
                     "cannot set the TLS server name for " + url.host);
    }
    tls.set_verify_mode(ssl::verify_peer);
    tls.set_verify_callback(ssl::host_name_verification(url.host));
    beast::get_lowest_layer(tls).expires_at(limit);
    auto [error] = co_await tls.async_handshake(ssl::stream_base::client, kTuple);
    if (error) {
      const long verify = SSL_get_verify_result(tls.native_handle());
      if (verify != X509_V_OK) {
        // Asio's check of the name leaves no reason behind.
        const std::string why = verify == X509_V_ERR_UNSPECIFIED
                                    ? "it names other hosts, not " + url.host
                                    : X509_verify_cert_error_string(verify);
        co_return fail(Code::kRefused, Origin::kUpstream,
                       "the certificate of " + url.origin() + " is not trusted: " + why);
      }
      co_return io_error("TLS handshake with", url, error);
    }
    co_return Result<void>();
  }

  Result<std::shared_ptr<ssl::context>> tls_context(const std::string& ca_file) {
    const std::lock_guard lock(mutex_);
    auto& context = contexts_[ca_file];
    if (context) return context;
    auto made = std::make_shared<ssl::context>(ssl::context::tls_client);
    error_code ec;
    made->set_default_verify_paths(ec);
    if (!ca_file.empty()) made->load_verify_file(ca_file, ec);
    if (ec)
      return fail(Code::kUnavailable, Origin::kPolicy,
                  "cannot load trust anchors " + ca_file + ": " + ec.message());
    SSL_CTX_set_min_proto_version(made->native_handle(), TLS1_2_VERSION);
    context = made;
    return context;
  }

  Task<Result<FetchReply>> exchange(ConnectionPtr connection, const Url& url,
                                    const FetchRequest& request, std::string authorization,
                                    SteadyTime deadline, SteadyTime head_until, bool& answered) {
    const std::string message = compose(*connection, url, request, authorization);
    connection->lowest().expires_at(deadline);
    const error_code unsent = co_await send(*connection, message, request);
    // A server may answer and close before it has read everything: its answer says why.
    connection->lowest().expires_at(head_until);
    auto head = co_await read_head(*connection, url, request);
    if (!head && unsent) co_return io_error("cannot send to", url, unsent);
    if (!head) co_return head.error();
    answered = true;
    if (head->status < 200 || head->status > 599) {
      co_return fail(Code::kUnavailable, Origin::kUpstream,
                     url.origin() + " answered with the status " + std::to_string(head->status),
                     true);
    }
    using Kind = BodyFraming::Kind;
    if (head->body.kind == Kind::kLength && head->body.length > request.max_body)
      co_return too_large(url, request);
    FetchReply reply;
    reply.status = head->status;
    reply.headers = std::move(head->headers);
    BodyDecoder decoder(head->body, Origin::kUpstream);
    auto body = co_await read_body(*connection, decoder, url, request, reply, deadline);
    if (!body) co_return body.error();
    // What came unasked for behind the answer would be taken for the next one.
    const bool in_step = decoder.done() && connection->buffer.size() == 0;
    if (head->keep_alive && in_step && !unsent) give_back(std::move(connection), url, request);
    co_return reply;
  }

  // Values come from package managers and from upstreams: no line ends in them.
  static void add_field(std::string& head, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    head.append(name).append(": ").append(header_safe(value, kMaxHead)).append("\r\n");
  }

  std::string compose(const Connection& connection, const Url& url, const FetchRequest& request,
                      const std::string& authorization) {
    std::string head = request.method + " ";
    if (connection.via_proxy) head += url.scheme + "://" + url.host_header();
    head += url.path + " HTTP/1.1\r\n";
    add_field(head, "Host", url.host_header());
    const auto given = [&request](std::string_view name) {
      return std::any_of(request.headers.begin(), request.headers.end(),
                         [&](const auto& field) { return beast::iequals(field.first, name); });
    };
    if (!given("User-Agent")) add_field(head, "User-Agent", options_.user_agent);
    // Tarballs are never re-encoded in transit: the bytes that are hashed are the bytes that are
    // served.
    if (!given("Accept-Encoding"))
      add_field(head, "Accept-Encoding", request.sink ? "identity" : "gzip");
    for (const auto& [name, value] : request.headers) add_field(head, name, value);
    add_field(head, "Authorization", authorization);
    add_field(head, "Proxy-Authorization", connection.proxy_authorization);
    const std::uint64_t size = request.spooled ? request.spooled->size() : request.body.size();
    if (size > 0 || request.method == "POST" || request.method == "PUT")
      add_field(head, "Content-Length", std::to_string(size));
    return head + "\r\n";
  }

  Task<error_code> send(Connection& connection, std::string_view head,
                        const FetchRequest& request) {
    const std::array<net::const_buffer, 2> both{net::buffer(head), net::buffer(request.body)};
    error_code error = co_await write(connection, both);
    std::vector<char> piece(request.spooled ? kPiece : 0);
    for (std::uint64_t at = 0; !error && request.spooled && at < request.spooled->size();) {
      const auto got = request.spooled->read(at, piece);
      if (!got || *got == 0) co_return net::error::make_error_code(net::error::fault);
      error = co_await write(connection, net::buffer(piece.data(), *got));
      at += *got;
    }
    co_return error;
  }

  template <class Buffers>
  Task<error_code> write(Connection& connection, Buffers bytes) {
    if (auto* plain = std::get_if<Plain>(&connection.stream)) {
      auto [error, count] = co_await net::async_write(*plain, bytes, kTuple);
      co_return error;
    }
    auto [error, count] =
        co_await net::async_write(std::get<Tls>(connection.stream), bytes, kTuple);
    co_return error;
  }

  // The head of the final answer. Interim ones (RFC 9110, 15.2: 100 Continue, 103 Early Hints) have
  // no body and are passed over.
  Task<Result<MessageHead>> read_head(Connection& connection, const Url& url,
                                      const FetchRequest& request) {
    for (int interim = 0;; ++interim) {
      auto head = co_await read_one_head(connection, url, request.method == "HEAD");
      if (!head || head->status / 100 != 1 || head->status == 101 || interim == kMaxInterim)
        co_return head;
    }
  }

  Task<Result<MessageHead>> read_one_head(Connection& connection, const Url& url, bool bodyless) {
    std::size_t seen = 0;
    for (;;) {
      const std::size_t size = head_size(connection.gathered(), seen);
      const bool whole = size != std::string_view::npos;
      if (whole && size <= kMaxHead) {
        auto head = parse_answer_head(connection.gathered().substr(0, size), bodyless);
        connection.buffer.consume(size);
        if (head) co_return head;
        co_return fail(Code::kUnavailable, Origin::kUpstream,
                       "no valid HTTP answer from " + url.origin() + ": " + head.error().context,
                       true);
      }
      if (whole || connection.buffer.size() > kMaxHead)
        co_return fail(Code::kUnavailable, Origin::kUpstream,
                       "the header of the answer of " + url.origin() + " is too large", true);
      seen = connection.buffer.size();
      if (const error_code error = co_await read_some(connection))
        co_return io_error("no answer from", url, error);
    }
  }

  Task<error_code> read_some(Connection& connection) {
    const auto space = connection.buffer.prepare(kReadSize);
    if (auto* plain = std::get_if<Plain>(&connection.stream)) {
      auto [error, count] = co_await plain->async_read_some(space, kTuple);
      connection.buffer.commit(count);
      co_return error;
    }
    auto [error, count] = co_await std::get<Tls>(connection.stream).async_read_some(space, kTuple);
    connection.buffer.commit(count);
    co_return error;
  }

  Task<Result<void>> read_body(Connection& connection, BodyDecoder& decoder, const Url& url,
                               const FetchRequest& request, FetchReply& reply,
                               SteadyTime deadline) {
    const bool to_sink = request.sink && reply.status == 200;
    std::uint64_t total = 0;
    const SteadyTime begun = std::chrono::steady_clock::now();
    while (!decoder.done()) {
      if (connection.buffer.size() == 0) {
        const SteadyTime now = std::chrono::steady_clock::now();
        SteadyTime limit = std::min<SteadyTime>(deadline, now + request.stall);
        if (request.min_rate > 0)
          limit = std::min<SteadyTime>(
              limit, begun + kDripAfter + std::chrono::seconds(total / request.min_rate));
        connection.lowest().expires_at(limit);
        const error_code error = co_await read_some(connection);
        // A TLS peer may end without its farewell only if the length was told before.
        if (error == net::error::eof && decoder.whole_at_close()) break;
        if (error) co_return io_error("the answer broke off from", url, error);
      }
      const auto step = decoder.next(connection.gathered());
      if (!step)
        co_return fail(Code::kUnavailable, Origin::kUpstream,
                       "the answer of " + url.origin() + " is " + step.error().context, true);
      total += step->body.size();
      if (total > request.max_body) co_return too_large(url, request);
      if (to_sink) {
        if (auto taken = request.sink(step->body); !taken) co_return taken.error();
      } else {
        reply.body.append(step->body);
      }
      connection.buffer.consume(step->used);
    }
    if (!to_sink && !request.as_sent && reply.headers.get("content-encoding") == "gzip" &&
        !reply.body.empty()) {
      std::function<Result<bool>()> inflate = [&reply, &request, &url]() -> Result<bool> {
        auto plain = gzip_expand(reply.body, request.max_body);
        if (!plain)
          return fail(Code::kMalformed, Origin::kUpstream,
                      "the answer of " + url.origin() + " is not valid gzip", true);
        reply.body = std::move(*plain);
        return true;
      };
      Result<bool> inflated = false;
      if (options_.pool == nullptr) inflated = inflate();
      if (options_.pool != nullptr) inflated = co_await options_.pool->offload(std::move(inflate));
      if (!inflated) co_return inflated.error();
    }
    co_return Result<void>();
  }

  std::string pool_key(const Url& url, const FetchRequest& request,
                       const net::any_io_executor& executor) {
    const auto* context = &net::query(executor, net::execution::context);
    return url.origin() + "|" + request.ca_file + "|" + (request.public_addresses_only ? "p" : "") +
           "|" + std::to_string(reinterpret_cast<std::uintptr_t>(context));
  }

  ConnectionPtr take_idle(const std::string& key) {
    const std::lock_guard lock(mutex_);
    auto& idle = idle_[key];
    while (!idle.empty()) {
      ConnectionPtr connection = std::move(idle.back());
      idle.pop_back();
      if (std::chrono::steady_clock::now() - connection->idle_since > options_.idle_limit) continue;
      connection->reused = true;
      return connection;
    }
    return nullptr;
  }

  void give_back(ConnectionPtr connection, const Url& url, const FetchRequest& request) {
    connection->lowest().expires_never();
    connection->idle_since = std::chrono::steady_clock::now();
    const std::string key = pool_key(url, request, connection->executor);
    const std::lock_guard lock(mutex_);
    auto& idle = idle_[key];
    if (idle.size() < options_.max_idle_per_origin) idle.push_back(std::move(connection));
  }

  // Nothing: requests go to the origin itself. An error: there is a proxy that cannot be used.
  using Proxy = Result<std::optional<ForwardProxy>>;

  static Proxy read_proxy(const std::string& named) {
    if (named.empty()) return std::optional<ForwardProxy>();
    auto proxy = parse_forward_proxy(named);
    if (!proxy) return proxy.error();
    return std::optional(std::move(*proxy));
  }

  const Proxy& proxy_for(const Url& url) const {
    static const Proxy kNone{std::optional<ForwardProxy>()};
    if (bypasses_proxy(options_.proxies.none, url)) return kNone;
    return url.scheme == "https" ? https_proxy_ : http_proxy_;
  }

  ClientOptions options_;
  NameResolver names_;
  Proxy http_proxy_, https_proxy_;
  std::mutex mutex_;
  std::map<std::string, std::vector<ConnectionPtr>> idle_;
  std::map<std::string, std::shared_ptr<ssl::context>> contexts_;
};

}  // namespace

std::unique_ptr<Upstream> make_http_client(ClientOptions options) {
  return std::make_unique<HttpClient>(std::move(options));
}

}  // namespace npmgate
