#include "proxy/net/http.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/log.h"
#include "base/number.h"
#include "base/text.h"

namespace npmgate {
namespace {

constexpr std::string_view kOws = " \t";  // RFC 9110, 5.6.3
// A refusal's sentence (400) with the link and whom to ask behind it.
constexpr std::size_t kLongestNotice = 800;
constexpr std::size_t kLongestSentence = 4000;

// Calls `visit` with each element of a comma-separated list.
template <class F>
void each_element(std::string_view list, F&& visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    visit(trimmed(list.substr(0, comma), kOws));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// Whether the parameters behind a coding hold a quality of zero (RFC 9110, 12.4.2: OWS around ';',
// the name without case, at most three decimals).
bool zero_quality(std::string_view parameters) {
  while (!parameters.empty()) {
    parameters.remove_prefix(1);  // the ';'
    const std::size_t end = parameters.find(';');
    const std::string_view parameter = trimmed(parameters.substr(0, end), kOws);
    const std::size_t equals = parameter.find('=');
    if (equals != std::string_view::npos &&
        equal_ignoring_case(trimmed(parameter.substr(0, equals), kOws), "q")) {
      const std::string_view value = trimmed(parameter.substr(equals + 1), kOws);
      return value.starts_with('0') && value.find_first_of("123456789") == std::string_view::npos;
    }
    parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end);
  }
  return false;
}

void add_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string status_and_fields(const Response& response) {
  std::string head;
  head.reserve(512);
  if (!response.finished_head) {
    head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
    head.append(response.reason.empty() ? standard_reason(response.status)
                                        : std::string_view(response.reason));
    head.append("\r\n");
  }
  for (const auto& [name, value] : response.headers) add_field(head, name, value);
  if (response.finished_head) return head;
  add_field(head, "server", "npm-gate");
  if (response.status != 304 && response.status != 204)
    add_field(head, "content-length", std::to_string(response.length()));
  return head;
}

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return {};
}

bool Headers::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const auto& field) { return equal_ignoring_case(field.first, name); });
}

std::string_view standard_reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

std::optional<ByteRange> byte_range(std::string_view range, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (range.size() < kUnit.size() || !equal_ignoring_case(range.substr(0, kUnit.size()), kUnit))
    return std::nullopt;
  range = trimmed(range.substr(kUnit.size()));
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view left = range.substr(0, dash), right = range.substr(dash + 1);
  const auto first = whole_number<std::uint64_t>(left), last = whole_number<std::uint64_t>(right);
  if ((!left.empty() && !first) || (!right.empty() && !last) || (!first && !last))
    return std::nullopt;
  if (!first) {  // the last bytes
    const std::uint64_t count = std::min(*last, size);
    return ByteRange{size - count, count};
  }
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return ByteRange{};
  const std::uint64_t end = last && *last < size - 1 ? *last + 1 : size;
  return ByteRange{*first, end - *first};
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool gzip = false, star = false, gzip_named = false;
  each_element(accept_encoding, [&](std::string_view element) {
    const std::size_t semicolon = element.find(';');
    const std::string_view coding = trimmed(element.substr(0, semicolon), kOws);
    const bool refused =
        semicolon != std::string_view::npos && zero_quality(element.substr(semicolon));
    if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) {
      gzip_named = true;
      gzip = !refused;
    } else if (coding == "*") {
      star = !refused;
    }
  });
  return gzip_named ? gzip : star;
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  bool matches = false;
  const auto opaque = [](std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
  };
  each_element(if_none_match, [&](std::string_view element) {
    matches = matches || element == "*" || opaque(element) == opaque(etag);
  });
  return matches;
}

Response text_response(int status, std::string body, std::string content_type) {
  Response response;
  response.status = status;
  response.set("content-type", std::move(content_type));
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

Response json_response(int status, std::string body) {
  return text_response(status, std::move(body), "application/json");
}

Response error_response(int status, std::string_view sentence, std::string_view reason) {
  // Clients print it as it is, and it may quote what an upstream wrote.
  const std::string shown = log::printable(sentence, kLongestSentence);
  Response response =
      json_response(status, boost::json::serialize(boost::json::value{{"error", shown}}));
  response.set("npm-notice", header_safe(sentence, kLongestNotice));
  response.set("cache-control", "no-store");
  // Short: a status line over some hundred bytes is cut or refused by proxies in front.
  response.reason = header_safe(reason, 200);
  return response;
}

namespace {

constexpr std::string_view kDenied = " denies access with the status ";

// The status that an error of denied_by_upstream() is told with; 0: it is another one. 401 would
// make clients think of their own credentials for the gate.
int denied_status(const Error& error) {
  if (error.code != Code::kRefused || error.origin != Origin::kUpstream) return 0;
  const std::size_t at = error.context.find(kDenied);
  if (at == std::string::npos) return 0;
  return error.context.compare(at + kDenied.size(), 3, "451") == 0 ? 451 : 403;
}

// Paths of the gate's data are nobody's business but the log's.
std::string client_text(const Error& error) {
  if (error.origin != Origin::kDisk) return "npm-gate: " + error.context;
  log::error("disk", to_string(error));
  const bool full = error.context.find("No space left") != std::string::npos ||
                    error.context.find("disk is full") != std::string::npos;
  return full ? "npm-gate: no space left on the gate's disk; its admin has to make room"
              : "npm-gate: the gate cannot use its own data right now; its log says why";
}

}  // namespace

Error denied_by_upstream(std::string_view upstream, int status, std::string_view what,
                         std::string_view said) {
  std::string sentence = "the upstream " + std::string(upstream) + std::string(kDenied) +
                         std::to_string(status) + " to " + std::string(what);
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(said, ec);
  const boost::json::value* reason = nullptr;
  for (const char* key : {"error", "message", "reason"}) {
    if (!ec && parsed.is_object() && reason == nullptr)
      reason = parsed.get_object().if_contains(key);
  }
  if (reason != nullptr && reason->is_string())
    sentence += ": " + log::printable(std::string_view(reason->get_string()), 200);
  return fail(Code::kRefused, Origin::kUpstream, std::move(sentence));
}

Response response_for(const Error& error) {
  const std::string sentence = client_text(error);
  switch (error.code) {
    case Code::kNotFound:
      return error_response(404, sentence);
    case Code::kMalformed:
    case Code::kTooLarge:
      if (error.origin == Origin::kClient)
        return error_response(error.code == Code::kTooLarge ? 413 : 400, sentence);
      return error_response(502, sentence);
    case Code::kRefused:
      if (const int denied = denied_status(error))
        return error_response(denied, sentence, "the upstream denies access");
      return error_response(error.origin == Origin::kUpstream ? 502 : 403, sentence);
    case Code::kIntegrityMismatch:
      return error_response(502, sentence);
    case Code::kTimeout:
    case Code::kUnavailable: {
      Response response = error_response(503, sentence);
      response.set("retry-after", "5");
      return response;
    }
    case Code::kCorrupt:
    case Code::kInternal:
      return error_response(500, sentence);
  }
  return error_response(500, sentence);
}

}  // namespace npmgate
