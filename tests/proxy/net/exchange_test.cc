// The whole HTTP exchange in process, over loopback: raw bytes at a listener, raw bytes of an
// upstream; whole, byte by byte and in odd pieces. Whatever comes, the next exchange is as good as
// the first.
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <random>
#include <thread>

#include "proxy/net/http_client.h"
#include "proxy/net/message_head.h"
#include "proxy/net/server.h"
#include "tests/support/run_task.h"
#include "tests/support/scripted_server.h"

namespace npmgate {
namespace {

using testing::run_task;
using testing::ScriptedServer;
using tcp = net::ip::tcp;

constexpr std::size_t kLarge = std::size_t{32} << 20;

// Says what it was asked; /large is an answer of that size.
class Echo final : public Service {
 public:
  Task<Response> handle(std::shared_ptr<Request> request) override {
    if (request->target == "/large") co_return text_response(200, std::string(kLarge, 'x'));
    co_return text_response(200, request->method + " " + request->target + " [" +
                                     std::to_string(request->body.size()) + "]");
  }
  BodyRule body_rule(std::string_view, std::string_view) const override {
    return {std::size_t{1} << 20};
  }
};

// A listener on its own thread, as `serve` runs one.
class Listener {
 public:
  explicit Listener(ServerLimits limits = {}) {
    ListenOptions options;
    options.address = "127.0.0.1";
    server_ = std::move(*start_server({&loop_}, options, limits, echo_, metrics_));
    thread_ = std::thread([this] { run_loop(loop_, [this] { metrics_.add("escaped"); }); });
  }
  ~Listener() {
    loop_.stop();
    thread_.join();
    loop_.shutdown();  // what still waits refers to the server
  }
  std::uint16_t port() const { return server_->port(); }
  double escaped() const { return metrics_.value("escaped"); }

 private:
  struct Loop : net::io_context {
    Loop() : net::io_context(1) {}
    using net::io_context::shutdown;
  } loop_;
  Echo echo_;
  Metrics metrics_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

// Everything that comes back for `bytes`, sent in pieces of `piece` bytes, until the other side
// closes (it does: the bytes end with our half of the connection).
std::string raw(std::uint16_t port, std::string_view bytes, std::size_t piece) {
  net::io_context context;
  tcp::socket socket(context);
  socket.connect({net::ip::address_v4::loopback(), port});
  socket.set_option(tcp::no_delay(true));
  boost::system::error_code ec;
  for (std::size_t at = 0; at < bytes.size() && !ec; at += piece)
    net::write(socket, net::buffer(bytes.substr(at, piece)), ec);
  socket.shutdown(tcp::socket::shutdown_send, ec);
  std::string answer;
  net::read(socket, net::dynamic_buffer(answer), ec);
  return answer;
}

// "200 GET / [0]" for each answer in `bytes`, with its body where it is the echo's.
std::vector<std::string> answers_in(std::string bytes) {
  std::vector<std::string> answers;
  while (bytes.starts_with("HTTP/1.1 ")) {
    const std::size_t size = head_size(bytes);
    if (size == std::string::npos) break;
    const auto head = parse_answer_head(std::string_view(bytes).substr(0, size), false);
    EXPECT_TRUE(head) << bytes;
    if (!head) break;
    std::string text = std::to_string(head->status);
    const std::size_t length = head->body.length;
    if (head->status == 200) text += " " + bytes.substr(size, length);
    answers.push_back(text);
    bytes.erase(0, size + length);
  }
  return answers;
}

struct Row {
  const char* name;
  std::string bytes;
  std::vector<std::string> answers;
};

std::vector<Row> rows() {
  const std::string big(70'000, 'a');
  const std::string post = "POST /p HTTP/1.1\r\nHost: a\r\n";
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string get = "GET /g HTTP/1.1\r\nHost: a\r\n\r\n";
  return {
      {"plain", get, {"200 GET /g [0]"}},
      {"pipelined", get + get + get, {"200 GET /g [0]", "200 GET /g [0]", "200 GET /g [0]"}},
      {"an empty line between", get + "\r\n" + get, {"200 GET /g [0]", "200 GET /g [0]"}},
      {"a body and the next",
       post + "Content-Length: 3\r\n\r\nabc" + get,
       {"200 POST /p [3]", "200 GET /g [0]"}},
      {"chunks and the next",
       chunked + "3\r\nabc\r\n0\r\n\r\n" + get,
       {"200 POST /p [3]", "200 GET /g [0]"}},
      {"trailers and the next",
       chunked + "0\r\nX-A: 1\r\nAuthorization: Bearer x\r\n\r\n" + get,
       {"200 POST /p [0]", "200 GET /g [0]"}},
      {"a trailer over 64 KiB", chunked + "0\r\nX-A: " + big + "\r\n\r\n" + get, {"400"}},
      {"a trailer's name over 64 KiB", chunked + "0\r\n" + big + ": 1\r\n\r\n" + get, {"400"}},
      {"an extension over 64 KiB", chunked + "1;" + big + "\r\na\r\n0\r\n\r\n" + get, {"400"}},
      {"a trailer without end", chunked + "0\r\n" + big + big, {"400"}},
      {"PUT with such a trailer",
       "PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + big +
           "\r\n\r\n",
       {"400"}},
      {"DELETE with such a trailer",
       "DELETE /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + big +
           "\r\n\r\n",
       {"400"}},
      {"bad chunk", chunked + "zz\r\n" + get, {"400"}},
      {"a header over the limit", "GET / HTTP/1.1\r\nHost: a\r\nX: " + big + "\r\n\r\n", {"431"}},
      {"a target over the limit", "GET /" + big + " HTTP/1.1\r\nHost: a\r\n\r\n", {"431"}},
      {"a length over the limit",
       post + "Content-Length: 99999999999999\r\n\r\n" + std::string(100, 'x'),
       {"413"}},
      {"a length over 64 bits", post + "Content-Length: 18446744073709551617\r\n\r\n", {"400"}},
      {"a body cut off", post + "Content-Length: 10\r\n\r\nabc", {}},
      {"a head cut off", "GET / HTTP/1.1\r\nHost", {}},
      {"nothing", "", {}},
      {"a TLS greeting", std::string("\x16\x03\x01\x02\x00", 5), {"400"}},
      {"gzip that is none",
       post + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc" + get,
       {"400"}},
      {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", {"200 OPTIONS * [0]"}},
      {"no keep-alive", "GET /g HTTP/1.0\r\n\r\n" + get, {"200 GET /g [0]"}},
      {"bad escapes in the target",
       "GET /%zz%0 HTTP/1.1\r\nHost: a\r\n\r\n",
       {"200 GET /%zz%0 [0]"}},
  };
}

TEST(Exchange, EveryRequestInEveryPiece) {
  Listener listener;
  for (const Row& row : rows()) {
    const bool large = row.bytes.size() > 4000;
    for (const std::size_t piece :
         {std::size_t{1} << 20, large ? std::size_t{1000} : std::size_t{1}, std::size_t{777}}) {
      const auto answers = answers_in(raw(listener.port(), row.bytes, piece));
      EXPECT_EQ(answers, row.answers) << row.name << " by " << piece;
      EXPECT_EQ(raw(listener.port(), "GET / HTTP/1.0\r\n\r\n", 99).substr(0, 12), "HTTP/1.1 200")
          << "after " << row.name;
    }
  }
  EXPECT_EQ(listener.escaped(), 0);
}

// Every byte changed once, and every prefix: no state of the exchange lets anything escape.
TEST(Exchange, EveryByteChanged) {
  Listener listener;
  const std::string good =
      "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nab\r\n0\r\nX: "
      "1\r\n\r\n";
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char with : {'\0', '\n', '\r', ' ', ':', '9', '\xff'}) {
      std::string bytes = good;
      bytes[at] = with;
      raw(listener.port(), bytes, bytes.size());
    }
    raw(listener.port(), good.substr(0, at), at + 1);
  }
  EXPECT_EQ(answers_in(raw(listener.port(), good, 3)), std::vector<std::string>{"200 POST /p [2]"});
  EXPECT_EQ(listener.escaped(), 0);
}

Result<FetchReply> fetch_url(Upstream& client, net::io_context& context, const std::string& url) {
  FetchRequest request;
  request.url = url;
  request.limit = std::chrono::seconds(20);
  return run_task(context, client.fetch(std::move(request)));
}

struct AnswerRow {
  const char* name;
  std::string bytes;
  std::string body;  // "error": none
};

std::vector<AnswerRow> answer_rows() {
  const std::string big(70'000, 'a');
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string closes = "Connection: close\r\n\r\n";
  return {
      {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab"},
      {"chunks", chunked + "2\r\nab\r\n0\r\n\r\n", "ab"},
      {"trailers", chunked + "2\r\nab\r\n0\r\nX-A: 1\r\n\r\n", "ab"},
      {"until close", "HTTP/1.1 200 OK\r\n" + closes + "ab", "ab"},
      {"HTTP/1.0 until close", "HTTP/1.0 200 OK\r\nX: connection: close\r\n\r\nab", "ab"},
      {"interim answers",
       "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
       "Content-Length: 2\r\n\r\nab",
       "ab"},
      {"no reason phrase", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nab", "ab"},
      {"a field of 50 KB",
       "HTTP/1.1 200 OK\r\nX: " + std::string(50'000, 'x') + "\r\nContent-Length: 2\r\n\r\nab",
       "ab"},
      {"a trailer over 64 KiB", chunked + "0\r\nX: " + big + "\r\n\r\n", "error"},
      {"a trailer's name over 64 KiB", chunked + "0\r\n" + big + ": 1\r\n\r\n", "error"},
      {"an extension over 64 KiB", chunked + "2;" + big + "\r\nab\r\n0\r\n\r\n", "error"},
      {"a header over 64 KiB", "HTTP/1.1 200 OK\r\nX: " + big + "\r\nContent-Length: 0\r\n\r\n",
       "error"},
      {"too many fields",
       [] {
         std::string text = "HTTP/1.1 200 OK\r\n";
         for (int i = 0; i < 1000; ++i) text += "X-" + std::to_string(i) + ": 1\r\n";
         return text + "Content-Length: 2\r\n\r\nab";
       }(),
       "error"},
      {"NUL in a value", std::string("HTTP/1.1 200 OK\r\nX: a\0\r\nContent-Length: 0\r\n\r\n", 45),
       "error"},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\nab",
       "error"},
      {"length and chunks",
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "error"},
      {"another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n" + closes + "ab", "error"},
      {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n" + closes, "error"},
      {"a length over the limit", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nab",
       "error"},
      {"bad chunk", chunked + "zz\r\n", "error"},
      {"a switch of protocols", "HTTP/1.1 101 Switching\r\n\r\n", "error"},
      {"a status of 999", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", "error"},
      {"interim without end",
       [] {
         std::string text;
         for (int i = 0; i < 50; ++i) text += "HTTP/1.1 100 Continue\r\n\r\n";
         return text;
       }(),
       "error"},
      {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "error"},
  };
}

TEST(Exchange, EveryAnswerOfAnUpstreamInEveryPiece) {
  net::io_context context{1};
  for (const AnswerRow& row : answer_rows()) {
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{777}, std::size_t{1}}) {
      if (piece == 1 && row.bytes.size() > 4000) continue;
      ScriptedServer server(
          [&](const std::string& head) {
            // Hangs up behind the answer, so that a client that waits for more is told.
            return head.find("/good ") != std::string::npos
                       ? std::string("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood")
                       : row.bytes;
          },
          piece, true);
      const auto client = make_http_client({});
      const auto reply = fetch_url(*client, context, server.url());
      EXPECT_EQ(reply ? reply->body : "error", row.body)
          << row.name << " by " << piece << (reply ? "" : ": " + to_string(reply.error()));
      const auto good = fetch_url(*client, context, server.url() + "good");
      EXPECT_TRUE(good && good->body == "good") << "after " << row.name;
    }
  }
}

// Bytes changed, cut out, doubled and joined at random, from one seed: both sides as a whole.
std::string mutated(std::minstd_rand& random, const std::vector<std::string>& seeds) {
  const auto below = [&random](std::size_t n) { return n == 0 ? 0 : random() % n; };
  std::string bytes = seeds[below(seeds.size())];
  for (std::size_t change = 0; change <= below(4); ++change) {
    const std::size_t at = below(bytes.size()), length = below(20);
    const std::string& other = seeds[below(seeds.size())];
    const std::size_t from = below(other.size());
    switch (below(4)) {
      case 0:
        if (!bytes.empty()) bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, length));
        break;
      default:
        bytes.insert(at, other.substr(from, length * 4));
    }
  }
  return bytes;
}

TEST(Exchange, RandomBytesAtTheListenerLeaveItAsItWas) {
  Listener listener;
  std::vector<std::string> seeds;
  for (const Row& row : rows()) {
    if (row.bytes.size() < 4000) seeds.push_back(row.bytes);
  }
  std::minstd_rand random(1);
  for (int i = 0; i < 1500; ++i) {
    const std::string bytes = mutated(random, seeds);
    raw(listener.port(), bytes, 1 + random() % 200);
  }
  EXPECT_EQ(raw(listener.port(), "GET / HTTP/1.0\r\n\r\n", 99).substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(listener.escaped(), 0);
}

TEST(Exchange, RandomAnswersOfAnUpstreamLeaveTheClientAsItWas) {
  net::io_context context{1};
  std::vector<std::string> seeds;
  for (const AnswerRow& row : answer_rows()) {
    if (row.bytes.size() < 4000) seeds.push_back(row.bytes);
  }
  std::minstd_rand random(2);
  std::string bytes;
  ScriptedServer server(
      [&](const std::string& head) {
        return head.find("/good ") != std::string::npos
                   ? std::string("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood")
                   : bytes;
      },
      64, true);
  const auto client = make_http_client({});
  for (int i = 0; i < 600; ++i) {
    bytes = mutated(random, seeds);
    fetch_url(*client, context, server.url());
  }
  const auto good = fetch_url(*client, context, server.url() + "good");
  EXPECT_TRUE(good && good->body == "good");
}

// Who reads next to nothing of a large answer is let go.
TEST(Exchange, AReaderThatTricklesIsClosed) {
  ServerLimits limits;
  limits.write_limit = std::chrono::seconds(1);
  limits.min_write_rate = std::size_t{1} << 30;
  Listener listener(limits);
  net::io_context context;
  tcp::socket socket(context);
  socket.open(tcp::v4());
  socket.set_option(net::socket_base::receive_buffer_size(4096));
  socket.connect({net::ip::address_v4::loopback(), listener.port()});
  net::write(socket, net::buffer(std::string("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")));
  std::size_t got = 0;
  boost::system::error_code ec;
  std::array<char, 256> piece;
  while (!ec) {
    got += socket.read_some(net::buffer(piece), ec);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_LT(got, kLarge);
}

// A step of a library's own operation that throws is outside every coroutine of ours.
TEST(Exchange, ALoopOutlivesAnExceptionOfAHandler) {
  net::io_context context{1};
  int escaped = 0, ran = 0;
  net::post(context, [] { throw std::length_error("of a handler"); });
  net::post(context, [] { throw 42; });
  net::post(context, [&ran] { ++ran; });
  run_loop(context, [&escaped] { ++escaped; });
  EXPECT_EQ(escaped, 2);
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace npmgate
