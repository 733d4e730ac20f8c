#include "app/commands/upstream_probe.h"

#include "app/cli.h"
#include "app/commands/admin_client.h"

namespace npmgate {
namespace {

constexpr auto kProbeLimit = std::chrono::seconds(10);
// A manifest is some KB; registries without this package answer an error.
constexpr const char* kAsked = "npm/latest";
constexpr std::size_t kMaxBody = std::size_t{4} << 20;

FetchRequest request_for(const UpstreamConfig& upstream) {
  FetchRequest request;
  request.url = upstream.url + kAsked;
  request.headers.emplace_back("Accept", "application/json");
  request.authorization = upstream.authorization();
  request.ca_file = upstream.ca;
  request.limit = kProbeLimit;
  request.max_body = kMaxBody;
  return request;
}

Result<void> judge_reply(const UpstreamConfig& upstream, const Result<FetchReply>& reply) {
  const std::string who = "the upstream " + upstream.name + " (" + upstream.url + ")";
  const auto no = [&](const std::string& why) {
    return fail(Code::kUnavailable, Origin::kUpstream, who + " " + why);
  };
  if (!reply) return no("does not answer: " + reply.error().context);
  const std::string status = std::to_string(reply->status);
  if (reply->status == 401 || reply->status == 403)
    return no("answers " + status + ": it wants other credentials (token_env, token_file)");
  if (reply->status >= 500) return no("answers " + status);
  const std::size_t start = reply->body.find_first_not_of(" \t\r\n");
  const bool json = start != std::string::npos && reply->body[start] == '{';
  if (reply->status != 200 && reply->status != 404)
    return no("answers " + status + ": this is not where a registry is");
  if (!json) return no("is no npm registry: what it answers is not JSON");
  return {};
}

}  // namespace

Task<Result<void>> probe_upstream(Upstream& client, UpstreamConfig upstream) {
  const auto reply = co_await client.fetch(request_for(upstream));
  co_return judge_reply(upstream, reply);
}

Result<void> probe_upstream_now(const UpstreamConfig& upstream) {
  const auto options = client_options_here();
  if (!options) return options.error();
  return judge_reply(upstream, fetch_once(request_for(upstream), *options));
}

}  // namespace npmgate
