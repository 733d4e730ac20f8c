// Heads and bodies of HTTP messages as pure functions: what is read, what is refused, and that it
// does not matter in which pieces the bytes come.
#include <gtest/gtest.h>

#include "proxy/net/message_body.h"
#include "proxy/net/message_head.h"

namespace npmgate {
namespace {

using Kind = BodyFraming::Kind;

TEST(HeadSize, FindsTheEmptyLineWhereverTheBytesAreCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(head_size(head + "rest"), head.size());
  for (std::size_t seen = 0; seen < head.size(); ++seen) {
    EXPECT_EQ(head_size(head.substr(0, seen)), std::string_view::npos) << seen;
    EXPECT_EQ(head_size(head, seen), head.size()) << seen;
  }
  EXPECT_EQ(head_size("a\n\nb"), 3U);
  EXPECT_EQ(head_size("a\n\r\nb"), 4U);
}

TEST(MessageHead, OfARequest) {
  const auto head =
      parse_request_head("PUT /left HTTP/1.1\r\nHost: a\r\nX-A:  b \r\nContent-Length: 12\r\n\r\n");
  ASSERT_TRUE(head) << to_string(head.error());
  EXPECT_EQ(head->method, "PUT");
  EXPECT_EQ(head->target, "/left");
  EXPECT_EQ(head->headers.get("x-a"), "b");
  EXPECT_TRUE(head->keep_alive);
  EXPECT_EQ(head->body.kind, Kind::kLength);
  EXPECT_EQ(head->body.length, 12U);
}

TEST(MessageHead, FramingOfAnswers) {
  const auto framing = [](const std::string& lines, bool to_head = false) {
    const auto head = parse_answer_head("HTTP/1.1 " + lines + "\r\n\r\n", to_head);
    EXPECT_TRUE(head) << lines << ": " << to_string(head.error());
    return head ? head->body.kind : Kind::kNone;
  };
  EXPECT_EQ(framing("200 OK\r\ncontent-length: 3"), Kind::kLength);
  EXPECT_EQ(framing("200 OK\r\ncontent-length: 0"), Kind::kNone);
  EXPECT_EQ(framing("200 OK\r\ntransfer-encoding: Chunked"), Kind::kChunked);
  EXPECT_EQ(framing("200 OK"), Kind::kUntilClose);
  EXPECT_EQ(framing("204 No Content\r\ncontent-length: 3"), Kind::kNone);
  EXPECT_EQ(framing("304 Not Modified\r\ncontent-length: 3"), Kind::kNone);
  EXPECT_EQ(framing("200 OK\r\ncontent-length: 3", true), Kind::kNone);
}

TEST(MessageHead, RefusesWhatTwoParsersCouldReadDifferently) {
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  const std::string rows[] = {
      start + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      start + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
      start + "Content-Length: 1, 1\r\n\r\n",
      start + "Content-Length: +1\r\n\r\n",
      start + "Content-Length:\r\n\r\n",
      start + "Content-Length: 18446744073709551616\r\n\r\n",
      start + "Transfer-Encoding: gzip, chunked\r\n\r\n",
      start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      start + "Transfer-Encoding : chunked\r\n\r\n",
      start + "X-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n",
      start + "Host: b\r\n\r\n",
      start + std::string("X-A: a\0b\r\n\r\n", 12),
      "POST / HTTP/1.1\r\n\r\n",
      "POST / HTTP/1.1\nHost: a\n\n",
      "POST a HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
      "\r\n\r\n",
      "\n\n",
  };
  for (const std::string& row : rows) EXPECT_FALSE(parse_request_head(row)) << row;
  EXPECT_TRUE(parse_request_head("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"));
}

// Beast's container of fields throws for these (its offsets have 16 bits).
TEST(MessageHead, LargeFieldsAreReadOrRefusedButNeverThrow) {
  const std::string big(70'000, 'a');
  const auto value = parse_answer_head("HTTP/1.1 200 OK\r\nX-A: " + big + "\r\n\r\n", false);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->headers.get("x-a").size(), big.size());
  EXPECT_TRUE(parse_answer_head("HTTP/1.1 200 OK\r\n" + big + ": 1\r\n\r\n", false));
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1000; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  const auto refused = parse_answer_head(many + "\r\n", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
}

struct Read {
  std::string body, rest;
  bool good = true, whole = false;
};

// The body of `bytes` given in pieces of `piece` bytes.
Read read_body(BodyFraming framing, std::string_view bytes, std::size_t piece) {
  BodyDecoder decoder(framing, Origin::kClient);
  Read read;
  std::string pending;
  for (std::size_t at = 0; at < bytes.size() && !decoder.done(); at += piece) {
    pending += bytes.substr(at, piece);
    while (!pending.empty() && !decoder.done()) {
      const auto step = decoder.next(pending);
      read.good = read.good && step;
      if (!step) return read;
      EXPECT_GT(step->used, 0U) << "no progress";
      read.body += step->body;
      pending.erase(0, step->used);
    }
    read.rest = pending;
    if (decoder.done()) read.rest += bytes.substr(std::min(at + piece, bytes.size()));
  }
  read.whole = decoder.done();
  return read;
}

struct ChunkedRow {
  const char* name;
  std::string bytes;
  std::optional<std::string> body;  // nullopt: refused
};

std::vector<ChunkedRow> chunked_rows() {
  const std::string big(70'000, 'a');
  return {
      {"empty", "0\r\n\r\n", ""},
      {"two chunks", "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc"},
      {"capital and leading zeros", "000A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {"extensions", "2;a=b;c=\"d\"\r\nab\r\n0;x\r\n\r\n", "ab"},
      {"blanks after the size", "2  \r\nab\r\n0\r\n\r\n", "ab"},
      {"trailers", "2\r\nab\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n", "ab"},
      {"a trailer over 64 KiB", "0\r\nX-A: " + big + "\r\n\r\n", std::nullopt},
      {"a trailer's name over 64 KiB", "0\r\n" + big + ": 1\r\n\r\n", std::nullopt},
      {"an extension over 64 KiB", "2;" + big + "\r\nab\r\n0\r\n\r\n", std::nullopt},
      {"no digits", "\r\n\r\n", std::nullopt},
      {"not a digit", "g\r\n", std::nullopt},
      {"a sign", "-1\r\n", std::nullopt},
      {"a prefix", "0x2\r\nab\r\n0\r\n\r\n", std::nullopt},
      {"a leading blank", " 2\r\nab\r\n0\r\n\r\n", std::nullopt},
      {"a size over 60 bits", "FFFFFFFFFFFFFFFFF\r\n", std::nullopt},
      {"a lone LF after the size", "2\nab\r\n0\r\n\r\n", std::nullopt},
      {"a lone LF in an extension", "2;a\nab\r\n0\r\n\r\n", std::nullopt},
      {"NUL in an extension", std::string("2;\0\r\nab\r\n0\r\n\r\n", 14), std::nullopt},
      {"more than the chunk", "2\r\nabc\r\n0\r\n\r\n", std::nullopt},
      {"a lone LF behind the chunk", "2\r\nab\n0\r\n\r\n", std::nullopt},
      {"a lone CR in a trailer", "0\r\nX: a\rb\r\n\r\n", std::nullopt},
      {"a trailer without a colon", "0\r\nX\r\n\r\n", std::nullopt},
      {"a trailer without a name", "0\r\n: 1\r\n\r\n", std::nullopt},
      {"a trailer's name with a blank", "0\r\nX : 1\r\n\r\n", std::nullopt},
      {"a request instead of the end", "0\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", std::nullopt},
      {"a folded trailer", "0\r\nX: a\r\n b\r\n\r\n", std::nullopt},
  };
}

TEST(ChunkedDecoder, EveryRowInEveryPiece) {
  for (const ChunkedRow& row : chunked_rows()) {
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1} << 20}) {
      const Read read = read_body({Kind::kChunked, 0}, row.bytes, piece);
      EXPECT_EQ(read.good && read.whole, row.body.has_value()) << row.name << " by " << piece;
      if (row.body) {
        EXPECT_EQ(read.body, *row.body) << row.name << " by " << piece;
      }
    }
  }
}

TEST(ChunkedDecoder, TakesNothingOfTheNextMessage) {
  const Read read = read_body({Kind::kChunked, 0}, "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1", 1 << 20);
  EXPECT_EQ(read.rest, "GET / HTTP/1.1");
}

// One byte of body for many bytes of extension, again and again.
TEST(ChunkedDecoder, ExtensionsOfAllChunksCountTogether) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += "1;" + std::string(400, 'x') + "\r\na\r\n";
  EXPECT_FALSE(read_body({Kind::kChunked, 0}, bytes + "0\r\n\r\n", 1 << 20).good);
}

TEST(BodyDecoder, OtherFramings) {
  const Read length = read_body({Kind::kLength, 3}, "abcdef", 2);
  EXPECT_TRUE(length.whole);
  EXPECT_EQ(length.body, "abc");
  EXPECT_EQ(length.rest, "def");
  EXPECT_TRUE(BodyDecoder({Kind::kNone, 0}, Origin::kClient).done());
  BodyDecoder close({Kind::kUntilClose, 0}, Origin::kUpstream);
  EXPECT_EQ(close.next("abc")->body, "abc");
  EXPECT_FALSE(close.done());
  EXPECT_TRUE(close.whole_at_close());
  EXPECT_FALSE(BodyDecoder({Kind::kLength, 3}, Origin::kUpstream).whole_at_close());
}

}  // namespace
}  // namespace npmgate
