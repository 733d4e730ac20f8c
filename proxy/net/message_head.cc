#include "proxy/net/message_head.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

#include "base/text.h"

namespace npmgate {
namespace {

namespace http = boost::beast::http;
using error_code = boost::system::error_code;
using Text = boost::beast::string_view;

// Package managers send some 15, CDNs answer with some 30; each costs two allocations.
constexpr std::size_t kMaxFields = 500;

// Keeps fields as they came. Beast's own container throws for fields over 64 KiB, and takes the
// trailers of a body for fields.
template <bool kRequest>
class HeadParser final : public http::basic_parser<kRequest> {
 public:
  MessageHead head;
  int version = 11;  // 10 or 11
  bool too_many = false;

 private:
  void on_request_impl(http::verb, Text method, Text target, int with, error_code&) override {
    version = with;
    head.method.assign(method.data(), method.size());
    head.target.assign(target.data(), target.size());
  }
  void on_response_impl(int status, Text, int with, error_code&) override {
    version = with;
    head.status = status;
  }
  void on_field_impl(http::field, Text name, Text value, error_code& ec) override {
    too_many = head.headers.all().size() >= kMaxFields;
    if (too_many) ec = http::make_error_code(http::error::header_limit);
    head.headers.add(std::string(name.data(), name.size()),
                     std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code&) override {}
  void on_finish_impl(error_code&) override {}
  // Bodies are not read by Beast (see message_body.h).
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(Text text, error_code&) override { return text.size(); }
  void on_chunk_header_impl(std::uint64_t, Text, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text text, error_code&) override {
    return text.size();
  }
};

std::size_t count(const Headers& headers, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(headers.all().begin(), headers.all().end(),
                    [&](const auto& field) { return equal_ignoring_case(field.first, name); }));
}

// What Beast's parser lets through and neither side may (docs/threats.md, H1).
std::optional<std::string> ambiguous(const Headers& headers) {
  const std::size_t lengths = count(headers, "content-length");
  const std::size_t codings = count(headers, "transfer-encoding");
  if (lengths > 1) return "more than one Content-Length";
  if (lengths > 0 && codings > 0) return "Content-Length and Transfer-Encoding";
  if (headers.get("content-length").find_first_not_of("0123456789") != std::string_view::npos)
    return "a Content-Length that is not one number";
  if (codings > 1 ||
      (codings == 1 && !equal_ignoring_case(headers.get("transfer-encoding"), "chunked")))
    return "a Transfer-Encoding other than chunked";
  return std::nullopt;
}

std::optional<std::string> not_a_request(const MessageHead& head, int version) {
  if (count(head.headers, "host") > 1) return "more than one Host";
  if (version == 11 && !head.headers.has("host")) return "no Host";
  // "*" names the server itself (RFC 9110, 7.1); it comes with OPTIONS only.
  const bool server_wide = head.target == "*" && head.method == "OPTIONS";
  if (!server_wide && (head.target.empty() || head.target.front() != '/'))
    return "the request target is not a path";
  const bool bodyless = head.method == "GET" || head.method == "HEAD";
  if (bodyless &&
      (head.headers.has("transfer-encoding") ||
       (head.headers.has("content-length") && head.headers.get("content-length") != "0")))
    return "a body on GET";
  return std::nullopt;
}

bool has_folded_line(std::string_view head) {
  return head.find("\n ") != std::string_view::npos || head.find("\n\t") != std::string_view::npos;
}

Error malformed(bool request, std::string why, Code code = Code::kMalformed) {
  return fail(code, request ? Origin::kClient : Origin::kUpstream, std::move(why), !request);
}

template <bool kRequest>
Result<MessageHead> parse(std::string_view text, bool to_head) {
  HeadParser<kRequest> parser;
  parser.header_limit(static_cast<std::uint32_t>(text.size() + 1));
  parser.body_limit(boost::none);
  parser.skip(to_head);
  error_code ec;
  const std::size_t used = parser.put({text.data(), text.size()}, ec);
  if (parser.too_many) return malformed(kRequest, "too many header fields", Code::kTooLarge);
  if (ec == http::error::need_more || (!ec && used != text.size()))
    return malformed(kRequest, "the head does not end where its empty line is");
  if (ec) return malformed(kRequest, ec.message());
  MessageHead& head = parser.head;
  std::optional<std::string> why = ambiguous(head.headers);
  // Beast unfolds such lines (RFC 9112, 5.2, lets a receiver refuse them); others read them as two.
  if (has_folded_line(text)) why = "a folded header line";
  if (kRequest && !why) why = not_a_request(head, parser.version);
  if (why) return malformed(kRequest, *why);
  head.keep_alive = parser.keep_alive();
  using Kind = BodyFraming::Kind;
  if (parser.is_done()) {
    head.body.kind = Kind::kNone;
  } else if (parser.chunked()) {
    head.body.kind = Kind::kChunked;
  } else if (const auto length = parser.content_length()) {
    head.body = {Kind::kLength, *length};
  } else {
    head.body.kind = Kind::kUntilClose;
  }
  return std::move(head);
}

template <bool kRequest>
Result<MessageHead> guarded(std::string_view text, bool to_head) {
  try {
    return parse<kRequest>(text, to_head);
  } catch (const std::exception& e) {
    return malformed(kRequest, std::string("unexpected: ") + e.what());
  }
}

}  // namespace

std::size_t head_size(std::string_view data, std::size_t from) {
  // What was seen may end in the middle of the empty line.
  std::size_t at = data.find('\n', from < 3 ? 0 : from - 3);
  for (; at != std::string_view::npos; at = data.find('\n', at + 1)) {
    const std::string_view next = data.substr(at + 1);
    if (next.starts_with('\n')) return at + 2;
    if (next.starts_with("\r\n")) return at + 3;
  }
  return std::string_view::npos;
}

Result<MessageHead> parse_request_head(std::string_view head) {
  return guarded<true>(head, false);
}

Result<MessageHead> parse_answer_head(std::string_view head, bool to_head) {
  return guarded<false>(head, to_head);
}

}  // namespace npmgate
