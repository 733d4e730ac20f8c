#include <charconv>

#include "proxy/sink.h"

namespace npmgate {
namespace {

constexpr auto kLimit = std::chrono::seconds(15);
constexpr std::size_t kMaxAnswer = 256 * 1024;

}  // namespace

std::optional<Millis> retry_after(const FetchReply& reply, Time now) {
  const std::string_view text = reply.headers.get("retry-after");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && seconds >= 0 &&
      seconds < 1'000'000'000)
    return Millis(std::chrono::seconds(seconds));
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return *date > now ? *date - now : Millis(0);
}

Task<SendOutcome> send_hook(Upstream& upstream, const SinkSettings& sink, AlertMessage message,
                            Time now) {
  FetchRequest request;
  request.method = "POST";
  request.url = sink.url;
  request.ca_file = sink.ca;
  request.limit = kLimit;
  request.max_body = kMaxAnswer;
  if (sink.type == SinkType::kWebhook) {
    request.body = webhook_body(message);
    request.headers = webhook_headers(request.body, message.key, sink.secret, now);
  } else {
    request.body = sink.type == SinkType::kSlack ? slack_body(message) : teams_body(message);
    request.headers.emplace_back("Content-Type", "application/json");
    request.once = true;
  }
  auto reply = co_await upstream.fetch(std::move(request));
  if (!reply)
    co_return SendOutcome(SendOutcome::Kind::kRetry, std::string(to_string(reply.error().code)) +
                                                         ": no answer from the address");
  const std::string status = "status " + std::to_string(reply->status);
  if (reply->status >= 200 && reply->status < 300)
    co_return SendOutcome(SendOutcome::Kind::kSent, status);
  // 410 is how a service says that the address was taken away for good (RFC 9110, 15.5.11).
  if (reply->status == 410) co_return SendOutcome(SendOutcome::Kind::kDead, status);
  co_return SendOutcome(SendOutcome::Kind::kRetry, status, retry_after(*reply, now));
}

}  // namespace npmgate
