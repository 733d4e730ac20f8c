// The upstream client against a server that answers with scripted bytes.
#include "proxy/net/http_client.h"

#include <gtest/gtest.h>

#include "base/gzip.h"
#include "tests/support/run_task.h"
#include "tests/support/scripted_server.h"

namespace npmgate {
namespace {

using testing::run_task;
using testing::ScriptedServer;

std::string answer(const std::string& status, const std::string& body,
                   const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" +
         more + "\r\n" + body;
}

Result<FetchReply> fetch(Upstream& client, FetchRequest request) {
  // Outlives every client of these tests, as it must.
  static net::io_context context{1};
  return run_task(context, client.fetch(std::move(request)));
}

Result<FetchReply> fetch(FetchRequest request) {
  const auto client = make_http_client({});
  return fetch(*client, std::move(request));
}

FetchRequest get(const std::string& url) {
  FetchRequest request;
  request.url = url;
  return request;
}

TEST(HttpClient, SendsWhatItSaysItSends) {
  ScriptedServer server(
      [](const std::string&) { return answer("200 OK", "body", "etag: \"x\"\r\n"); });
  FetchRequest request = get(server.url() + "a?b=c");
  request.headers.emplace_back("Accept", "application/json");
  request.authorization = "Bearer t";
  const auto reply = fetch(std::move(request));
  ASSERT_TRUE(reply) << to_string(reply.error());
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "body");
  EXPECT_EQ(reply->headers.get("etag"), "\"x\"");
  const std::string head = server.requests().at(0);
  EXPECT_TRUE(head.starts_with("GET /a?b=c HTTP/1.1\r\n")) << head;
  EXPECT_NE(head.find("Authorization: Bearer t\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("Accept-Encoding: gzip\r\n"), std::string::npos) << head;
}

TEST(HttpClient, AStatusIsNoError) {
  ScriptedServer server([](const std::string&) { return answer("404 Not Found", "{}"); });
  const auto reply = fetch(get(server.url()));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 404);
}

TEST(HttpClient, ExpandsGzipButNeverForASink) {
  ScriptedServer server([](const std::string& head) {
    if (head.find("identity") != std::string::npos) return answer("200 OK", "raw");
    return answer("200 OK", gzip_compress("plain text"), "content-encoding: gzip\r\n");
  });
  EXPECT_EQ(fetch(get(server.url()))->body, "plain text");
  std::string got;
  FetchRequest request = get(server.url());
  request.sink = [&got](std::string_view piece) -> Result<void> {
    got += piece;
    return {};
  };
  const auto reply = fetch(std::move(request));
  ASSERT_TRUE(reply);
  EXPECT_EQ(got, "raw");
  EXPECT_EQ(reply->body, "");
}

TEST(HttpClient, BrokenAnswersAreUnavailable) {
  const std::pair<const char*, std::string> rows[] = {
      {"nothing", ""},
      {"half a head", "HTTP/1.1 200 OK\r\ncontent-le"},
      {"no HTTP", "hello\r\n\r\n"},
      {"half a body", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf"},
      {"half a chunk",
       "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n64\r\nhalf"},
      {"bad chunk",
       "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n"},
  };
  for (const auto& [name, bytes] : rows) {
    ScriptedServer server([bytes = bytes](const std::string&) {
      return bytes.empty() ? bytes
                           : bytes + (bytes.find("\r\n\r\n") == std::string::npos ? "" : "");
    });
    FetchRequest request = get(server.url());
    request.limit = std::chrono::seconds(2);
    const auto reply = fetch(std::move(request));
    ASSERT_FALSE(reply) << name;
    EXPECT_TRUE(reply.error().code == Code::kUnavailable || reply.error().code == Code::kTimeout)
        << name << ": " << to_string(reply.error());
    EXPECT_EQ(reply.error().origin, Origin::kUpstream) << name;
  }
}

TEST(HttpClient, TooLargeIsSaidBeforeItIsRead) {
  ScriptedServer server(
      [](const std::string&) { return answer("200 OK", std::string(5000, 'x')); });
  FetchRequest request = get(server.url());
  request.max_body = 1000;
  const auto reply = fetch(std::move(request));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kTooLarge);
}

TEST(HttpClient, GzipBombsAreBounded) {
  ScriptedServer server([](const std::string&) {
    return answer("200 OK", gzip_compress(std::string(1 << 20, 'x')), "content-encoding: gzip\r\n");
  });
  FetchRequest request = get(server.url());
  request.max_body = 64 * 1024;
  EXPECT_FALSE(fetch(std::move(request)));
}

TEST(HttpClient, ASinkThatFailsEndsTheExchange) {
  ScriptedServer server(
      [](const std::string&) { return answer("200 OK", std::string(5000, 'x')); });
  FetchRequest request = get(server.url());
  request.sink = [](std::string_view) -> Result<void> {
    return fail(Code::kUnavailable, Origin::kDisk, "disk full");
  };
  const auto reply = fetch(std::move(request));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().origin, Origin::kDisk);
}

TEST(HttpClient, KeepsConnectionsAndRepeatsOnceWhereAnIdleOneWasClosed) {
  int count = 0;
  ScriptedServer server([&count](const std::string&) {
    // The second request on the first connection meets a hang-up.
    return ++count == 2 ? std::string() : answer("200 OK", std::to_string(count));
  });
  const auto client = make_http_client({});
  EXPECT_EQ(fetch(*client, get(server.url()))->body, "1");
  EXPECT_EQ(fetch(*client, get(server.url()))->body, "3");
  EXPECT_EQ(server.requests().size(), 3u);
}

// An answer that is read as the one to another question would put one package in another's place.
TEST(HttpClient, AnswersStayWithTheirQuestions) {
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
  ScriptedServer server([&hints](const std::string& head) {
    if (head.starts_with("GET /hinted ")) return hints + hints + answer("200 OK", "hinted");
    if (head.starts_with("GET /two ")) return answer("200 OK", "one") + answer("200 OK", "two");
    return answer("200 OK", "other");
  });
  const auto client = make_http_client({});
  EXPECT_EQ(fetch(*client, get(server.url() + "hinted"))->body, "hinted");
  EXPECT_EQ(fetch(*client, get(server.url() + "two"))->body, "one");
  EXPECT_EQ(fetch(*client, get(server.url() + "other"))->body, "other");
}

TEST(HttpClient, StatusesThatEndNoAnswerAreUnavailable) {
  for (const char* status : {"101 Switching Protocols", "600 What", "999 What"}) {
    ScriptedServer server([status](const std::string&) { return answer(status, ""); });
    const auto reply = fetch(get(server.url()));
    ASSERT_FALSE(reply) << status;
    EXPECT_EQ(reply.error().code, Code::kUnavailable) << status;
  }
}

// One bad moment of a connection; not a second one, and never a write or what a sink has seen.
TEST(HttpClient, RepeatsOnceWhatBrokeOff) {
  ScriptedServer server([](const std::string&) { return std::string(); });
  EXPECT_FALSE(fetch(get(server.url())));
  EXPECT_EQ(server.requests().size(), 2u);
  FetchRequest once = get(server.url());
  once.once = true;
  EXPECT_FALSE(fetch(std::move(once)));
  EXPECT_EQ(server.requests().size(), 3u);
  FetchRequest write = get(server.url());
  write.method = "PUT";
  EXPECT_FALSE(fetch(std::move(write)));
  EXPECT_EQ(server.requests().size(), 4u);
  FetchRequest pieces = get(server.url());
  pieces.sink = [](std::string_view) { return Result<void>(); };
  EXPECT_FALSE(fetch(std::move(pieces)));
  EXPECT_EQ(server.requests().size(), 5u);
}

TEST(HttpClient, RedirectsStayAtTheOrigin) {
  ScriptedServer server([](const std::string& head) {
    if (head.starts_with("GET /from ")) return answer("302 Found", "", "location: /to\r\n");
    return answer("200 OK", "there");
  });
  FetchRequest request = get(server.url() + "from");
  request.authorization = "Bearer t";
  const auto reply = fetch(std::move(request));
  ASSERT_TRUE(reply) << to_string(reply.error());
  EXPECT_EQ(reply->body, "there");
  EXPECT_NE(server.requests().at(1).find("Bearer t"), std::string::npos);
}

TEST(HttpClient, RedirectsElsewhereAreRefusedOrCarryNoCredentials) {
  ScriptedServer other([](const std::string&) { return answer("200 OK", "elsewhere"); });
  ScriptedServer server([&other](const std::string&) {
    return answer("302 Found", "", "location: " + other.url() + "x\r\n");
  });
  FetchRequest refused = get(server.url());
  refused.authorization = "Bearer t";
  const auto no = fetch(std::move(refused));
  ASSERT_FALSE(no);
  EXPECT_EQ(no.error().code, Code::kRefused);
  EXPECT_TRUE(other.requests().empty());

  FetchRequest allowed = get(server.url());
  allowed.authorization = "Bearer t";
  allowed.allow_redirect = [](const Url&) { return true; };
  const auto yes = fetch(std::move(allowed));
  ASSERT_TRUE(yes) << to_string(yes.error());
  EXPECT_EQ(yes->body, "elsewhere");
  EXPECT_EQ(other.requests().at(0).find("Bearer"), std::string::npos) << other.requests().at(0);
}

TEST(HttpClient, RedirectLoopsEnd) {
  ScriptedServer server(
      [](const std::string&) { return answer("302 Found", "", "location: /x\r\n"); });
  const auto reply = fetch(get(server.url()));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kRefused);
  EXPECT_EQ(server.requests().size(), 4u);
}

TEST(HttpClient, LocationsThatAreNoUrlsAreRefused) {
  for (const char* location : {"", "to", "file:///etc/passwd", "http://", "javascript:1"}) {
    ScriptedServer server([location](const std::string&) {
      return answer("302 Found", "", std::string("location: ") + location + "\r\n");
    });
    EXPECT_FALSE(fetch(get(server.url()))) << location;
  }
}

TEST(HttpClient, PrivateAddressesOnRequestOnly) {
  ScriptedServer server([](const std::string&) { return answer("200 OK", "inside"); });
  FetchRequest request = get(server.url());
  request.public_addresses_only = true;
  const auto reply = fetch(std::move(request));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kRefused);
  EXPECT_TRUE(server.requests().empty());
}

TEST(HttpClient, UrlsThatCannotBeAskedAreRefused) {
  for (const char* url : {"", "ftp://registry.example/", "http://127.0.0.1:1/a b",
                          "http://127.0.0.1:1/a\r\nx: y", "http://user@127.0.0.1:1/"}) {
    const auto reply = fetch(get(url));
    ASSERT_FALSE(reply) << url;
    EXPECT_EQ(reply.error().code, Code::kRefused) << url;
  }
}

TEST(HttpClient, NobodyThereIsUnavailable) {
  std::string url;
  {
    const ScriptedServer gone([](const std::string&) { return std::string(); });
    url = gone.url();
  }
  const auto reply = fetch(get(url));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_TRUE(reply.error().retry);
}

TEST(HttpClient, PlainHttpGoesThroughTheProxyInAbsoluteForm) {
  ScriptedServer proxy([](const std::string&) { return answer("200 OK", "by proxy"); });
  ClientOptions options;
  options.proxies.http = proxy.url();
  const auto client = make_http_client(options);
  const auto reply = fetch(*client, get("http://registry.example/pkg"));
  ASSERT_TRUE(reply) << to_string(reply.error());
  EXPECT_EQ(reply->body, "by proxy");
  EXPECT_TRUE(proxy.requests().at(0).starts_with("GET http://registry.example/pkg HTTP/1.1"))
      << proxy.requests().at(0);
}

TEST(HttpClient, TheProxysPasswordGoesToTheProxy) {
  for (const char* url : {"http://registry.example/pkg", "https://registry.example/pkg"}) {
    ScriptedServer proxy([](const std::string&) { return answer("403 Forbidden", "no"); });
    ClientOptions options;
    options.proxies.http = options.proxies.https =
        "http://user:pass@" + proxy.url().substr(std::string("http://").size());
    const auto client = make_http_client(options);
    (void)fetch(*client, get(url));
    const std::string request = proxy.requests().at(0);
    EXPECT_NE(request.find("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"), std::string::npos)
        << request;
  }
}

TEST(HttpClient, NothingGoesAroundAProxyThatCannotBeUsed) {
  ScriptedServer origin([](const std::string&) { return answer("200 OK", "direct"); });
  ClientOptions options;
  options.proxies.http = "socks5://127.0.0.1:1";
  const auto client = make_http_client(options);
  const auto reply = fetch(*client, get(origin.url()));
  ASSERT_FALSE(reply);
  EXPECT_TRUE(origin.requests().empty());
}

TEST(HttpClient, AProxyThatRefusesIsNamed) {
  ScriptedServer proxy([](const std::string&) { return answer("403 Forbidden", "no"); });
  ClientOptions options;
  options.proxies.https = proxy.url();
  const auto client = make_http_client(options);
  const auto reply = fetch(*client, get("https://registry.example/pkg"));
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().context.find("proxy"), std::string::npos) << reply.error().context;
  EXPECT_TRUE(proxy.requests().at(0).starts_with("CONNECT registry.example:443 HTTP/1.1"));
}

}  // namespace
}  // namespace npmgate
