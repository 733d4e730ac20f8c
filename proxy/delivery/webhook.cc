#include "proxy/delivery/webhook.h"

#include <algorithm>
#include <array>

#include "base/number.h"

namespace npmgate {
namespace {

constexpr auto kHookLimit = std::chrono::seconds(15);
constexpr std::size_t kMaxHookAnswer = 256 * 1024;
constexpr std::size_t kShownAnswer = 100;
constexpr std::array kMayPass{401, 403, 407, 408, 409, 421, 423, 425, 429};

// Slack answers with one word ("invalid_blocks", "no_service"), Teams with a sentence.
std::string detail_of(const FetchReply& reply) {
  const std::string said = log::printable(reply.body, kShownAnswer);
  return "status " + std::to_string(reply.status) + (said.empty() ? "" : ": " + said);
}

// Teams' older connectors answer 200 and tell of the failure in the text ("… endpoint returned HTTP
// error 429 …").
bool is_hidden_failure(SinkType type, const FetchReply& reply) {
  return type == SinkType::kTeams && reply.body.find("returned HTTP error") != std::string::npos;
}

}  // namespace

SendOutcome hook_outcome(SinkType type, const FetchReply& reply, Time now) {
  using Kind = SendOutcome::Kind;
  if (reply.status >= 200 && reply.status < 300) {
    if (is_hidden_failure(type, reply)) return {Kind::kRetry, detail_of(reply)};
    return {Kind::kSent, "status " + std::to_string(reply.status)};
  }
  const bool client_error = reply.status >= 400 && reply.status < 500;
  const bool may_pass = std::find(kMayPass.begin(), kMayPass.end(), reply.status) != kMayPass.end();
  if (client_error && !may_pass) return {Kind::kDead, detail_of(reply)};
  return {Kind::kRetry, detail_of(reply), retry_after(reply, now)};
}

std::optional<Millis> retry_after(const FetchReply& reply, Time now) {
  const std::string_view text = reply.headers.get("retry-after");
  const auto seconds = whole_number<std::int64_t>(text);
  if (seconds && *seconds >= 0 && *seconds < 1'000'000'000)
    return Millis(std::chrono::seconds(*seconds));
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
  request.limit = kHookLimit;
  request.max_body = kMaxHookAnswer;
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
  co_return hook_outcome(sink.type, *reply, now);
}

}  // namespace npmgate
