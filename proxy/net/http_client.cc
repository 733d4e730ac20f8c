#include "proxy/net/http_client.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <variant>

#include "base/digest.h"
#include "base/gzip.h"
#include "base/time.h"
#include "proxy/net/egress.h"

namespace npmgate {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = net::ssl;
using tcp = net::ip::tcp;
using SteadyTime = std::chrono::steady_clock::time_point;
using error_code = boost::system::error_code;

constexpr auto kConnectLimit = std::chrono::seconds(10);
constexpr int kMaxRedirects = 3;  // docs/threats.md, H5
constexpr int kMaxInterim = 5;
// One stalled read: a body that drips slower than this is given up before the whole limit.
constexpr auto kReadLimit = std::chrono::seconds(30);
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

Error too_large(const Url& url, const FetchRequest& request) {
  return fail(Code::kTooLarge, Origin::kUpstream,
              "the answer of " + url.origin() + " is larger than " + human_bytes(request.max_body));
}

// The body lies in the FetchRequest, which outlives the exchange.
using Message = http::request<http::span_body<const char>>;
using Parser = http::response_parser<http::buffer_body>;
using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;

struct Connection {
  explicit Connection(const net::any_io_executor& ex)
      : executor(ex), stream(std::in_place_type<Plain>, ex) {
    // Beast reads into what the buffer has room for, and 512 bytes at a time where that is nothing.
    buffer.reserve(kReadSize);
  }
  net::any_io_executor executor;
  std::variant<Plain, Tls> stream;
  std::shared_ptr<ssl::context> context;  // outlives the stream that uses it
  beast::flat_buffer buffer;
  SteadyTime idle_since;
  bool reused = false;
  bool via_proxy = false;  // plain http through a proxy: absolute-form request target
  std::string proxy_authorization;
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

struct Head {
  Head() {}
  std::unique_ptr<Parser> parser;
  error_code error;
};

class HttpClient final : public Upstream {
 public:
  explicit HttpClient(ClientOptions options)
      : options_(std::move(options)),
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
    for (int attempt = 0;; ++attempt) {
      auto connection = co_await connect(url, request, deadline, once || attempt > 0);
      if (!connection) co_return connection.error();
      const bool reused = (*connection)->reused;
      bool answered = false;
      auto reply = co_await exchange(std::move(*connection), url, request, authorization, deadline,
                                     answered);
      // A pooled connection may have been closed by the server while it lay idle: only then is the
      // same request sent again.
      if (reply || !reused || answered || attempt > 0) co_return reply;
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
    // Shared: a timer that has run out as the answer came still calls its handler afterwards.
    auto resolver = std::make_shared<tcp::resolver>(connection.executor);
    auto timer = std::make_shared<net::steady_timer>(connection.executor, limit);
    timer->async_wait([resolver](const error_code& ec) {
      if (!ec) resolver->cancel();
    });
    auto [resolve_error, found] =
        co_await resolver->async_resolve(peer.host, std::to_string(peer.port), kTuple);
    timer->cancel();
    if (resolve_error) co_return io_error("cannot resolve", peer, resolve_error);
    std::vector<tcp::endpoint> endpoints;
    for (const auto& entry : found) {
      if (!public_only || is_public_address(entry.endpoint().address()))
        endpoints.push_back(entry.endpoint());
    }
    if (endpoints.empty()) {
      co_return fail(Code::kRefused, Origin::kUpstream,
                     peer.host + " has no public address: not asked");
    }
    connection.lowest().expires_at(limit);
    auto [connect_error, endpoint] = co_await connection.lowest().async_connect(endpoints, kTuple);
    if (connect_error) co_return io_error("cannot connect to", peer, connect_error);
    error_code ignored;
    connection.lowest().socket().set_option(tcp::no_delay(true), ignored);
    co_return Result<void>();
  }

  // RFC 9110, 9.3.6: CONNECT host:port, then bytes both ways.
  Task<Result<void>> tunnel(Connection& connection, const Url& url, std::string authorization,
                            SteadyTime limit) {
    const std::string authority = url.origin().substr(url.scheme.size() + 3);
    http::request<http::empty_body> request(http::verb::connect, authority, 11);
    request.set(http::field::host, authority);
    if (!authorization.empty()) request.set(http::field::proxy_authorization, authorization);
    connection.lowest().expires_at(limit);
    auto [write_error, written] =
        co_await http::async_write(std::get<Plain>(connection.stream), request, kTuple);
    if (write_error) co_return io_error("cannot ask the proxy for", url, write_error);
    http::response_parser<http::empty_body> parser;
    parser.skip(true);
    auto [read_error, count] = co_await http::async_read_header(std::get<Plain>(connection.stream),
                                                                connection.buffer, parser, kTuple);
    if (read_error) co_return io_error("no answer from the proxy for", url, read_error);
    if (parser.get().result_int() / 100 != 2) {
      co_return fail(Code::kUnavailable, Origin::kUpstream,
                     "the proxy refused " + url.origin() + ": status " +
                         std::to_string(parser.get().result_int()),
                     true);
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
                                    SteadyTime deadline, bool& answered) {
    auto message = compose(*connection, url, request, authorization);
    connection->lowest().expires_at(deadline);
    const error_code unsent = co_await send(*connection, *message, request);
    // A server may answer and close before it has read everything: its answer says why.
    auto head = co_await read_head(*connection, request, deadline);
    if (head.error && unsent) co_return io_error("cannot send to", url, unsent);
    if (head.error == http::error::body_limit) co_return too_large(url, request);
    if (head.error) co_return io_error("no answer from", url, head.error);
    answered = true;
    Parser& parser = *head.parser;
    const unsigned status = parser.get().result_int();
    if (status < 200 || status > 599) {
      co_return fail(Code::kUnavailable, Origin::kUpstream,
                     url.origin() + " answered with the status " + std::to_string(status), true);
    }

    FetchReply reply;
    reply.status = static_cast<int>(status);
    for (const auto& field : parser.get())
      reply.headers.add(std::string(field.name_string()), std::string(field.value()));
    auto body = co_await read_body(*connection, parser, url, request, reply, deadline);
    if (!body) co_return body.error();
    // What came unasked for behind the answer would be taken for the next one.
    const bool in_step = parser.is_done() && connection->buffer.size() == 0;
    const bool keep = parser.get().keep_alive() && in_step && !unsent;
    if (keep) give_back(std::move(connection), url, request);
    co_return reply;
  }

  std::shared_ptr<Message> compose(const Connection& connection, const Url& url,
                                   const FetchRequest& request, const std::string& authorization) {
    auto message = std::make_shared<Message>();
    message->method_string(request.method);
    message->target(connection.via_proxy ? url.scheme + "://" + url.host_header() + url.path
                                         : url.path);
    message->set(http::field::host, url.host_header());
    message->set(http::field::user_agent, options_.user_agent);
    // Tarballs are never re-encoded in transit: the bytes that are hashed are the bytes that are
    // served.
    message->set(http::field::accept_encoding, request.sink ? "identity" : "gzip");
    for (const auto& [name, value] : request.headers) message->set(name, value);
    if (!authorization.empty()) message->set(http::field::authorization, authorization);
    if (!connection.proxy_authorization.empty())
      message->set(http::field::proxy_authorization, connection.proxy_authorization);
    message->body() = {request.body.data(), request.body.size()};
    if (request.spooled) {
      message->content_length(request.spooled->size());
    } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
      message->prepare_payload();
    }
    return message;
  }

  Task<error_code> send(Connection& connection, Message& message, const FetchRequest& request) {
    error_code error = co_await write(connection, message);
    std::vector<char> piece(request.spooled ? kPiece : 0);
    for (std::uint64_t at = 0; !error && request.spooled && at < request.spooled->size();) {
      const auto got = request.spooled->read(at, piece);
      if (!got || *got == 0) co_return net::error::make_error_code(net::error::fault);
      error = co_await write_bytes(connection, net::buffer(piece.data(), *got));
      at += *got;
    }
    co_return error;
  }

  Task<error_code> write(Connection& connection, Message& message) {
    if (auto* plain = std::get_if<Plain>(&connection.stream)) {
      auto [error, count] = co_await http::async_write(*plain, message, kTuple);
      co_return error;
    }
    auto [error, count] =
        co_await http::async_write(std::get<Tls>(connection.stream), message, kTuple);
    co_return error;
  }

  Task<error_code> write_bytes(Connection& connection, net::const_buffer bytes) {
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
  Task<Head> read_head(Connection& connection, const FetchRequest& request, SteadyTime deadline) {
    Head head;
    for (int interim = 0; interim <= kMaxInterim; ++interim) {
      head.parser = std::make_unique<Parser>();
      head.parser->header_limit(64 * 1024);
      head.parser->body_limit(request.max_body);
      if (request.method == "HEAD") head.parser->skip(true);
      head.error = co_await read_header(connection, *head.parser, deadline);
      const unsigned status = head.error ? 0 : head.parser->get().result_int();
      if (status / 100 != 1 || status == 101) break;
    }
    co_return head;
  }

  Task<error_code> read_header(Connection& connection, Parser& parser, SteadyTime deadline) {
    connection.lowest().expires_at(deadline);
    if (auto* plain = std::get_if<Plain>(&connection.stream)) {
      auto [error, count] =
          co_await http::async_read_header(*plain, connection.buffer, parser, kTuple);
      co_return error;
    }
    auto [error, count] = co_await http::async_read_header(std::get<Tls>(connection.stream),
                                                           connection.buffer, parser, kTuple);
    co_return error;
  }

  Task<error_code> read_some(Connection& connection, Parser& parser) {
    if (auto* plain = std::get_if<Plain>(&connection.stream)) {
      auto [error, count] =
          co_await http::async_read_some(*plain, connection.buffer, parser, kTuple);
      co_return error;
    }
    auto [error, count] = co_await http::async_read_some(std::get<Tls>(connection.stream),
                                                         connection.buffer, parser, kTuple);
    co_return error;
  }

  Task<Result<void>> read_body(Connection& connection, Parser& parser, const Url& url,
                               const FetchRequest& request, FetchReply& reply,
                               SteadyTime deadline) {
    const bool to_sink = request.sink && reply.status == 200;
    std::uint64_t total = 0;
    std::vector<char> piece(to_sink ? kPiece : 64 * 1024);
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      parser.get().body().more = true;
      connection.lowest().expires_at(
          std::min(deadline, std::chrono::steady_clock::now() + kReadLimit));
      error_code error = co_await read_some(connection, parser);
      if (error == http::error::need_buffer) error = {};
      if (error == http::error::body_limit) co_return too_large(url, request);
      if (error) co_return io_error("the answer broke off from", url, error);
      const std::string_view data(piece.data(), piece.size() - parser.get().body().size);
      total += data.size();
      if (total > request.max_body) co_return too_large(url, request);
      if (to_sink) {
        if (auto taken = request.sink(data); !taken) co_return taken.error();
      } else {
        reply.body.append(data);
      }
    }
    if (!to_sink && reply.headers.get("content-encoding") == "gzip" && !reply.body.empty()) {
      auto plain = gzip_expand(reply.body, request.max_body);
      if (!plain)
        co_return fail(Code::kMalformed, Origin::kUpstream,
                       "the answer of " + url.origin() + " is not valid gzip", true);
      reply.body = std::move(*plain);
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
