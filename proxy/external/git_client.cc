#include "proxy/external/git_client.h"

#include <algorithm>

namespace npmgate {
namespace {

constexpr int kFailuresToStop = 3;
constexpr auto kHostPause = std::chrono::minutes(10);

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

std::string git_host(const std::string& url) {
  const auto parsed = parse_url(url);
  return parsed ? parsed->host : std::string();
}

FetchRequest GitClient::request(std::string url, const std::string& host, std::size_t max_body,
                                Millis limit) const {
  FetchRequest request;
  request.public_addresses_only = !contains(options_.private_hosts, host);
  request.url = std::move(url);
  request.headers.emplace_back("Git-Protocol", "version=2");
  request.max_body = max_body;
  request.limit = limit;
  request.ca_file = options_.ca_file;
  const std::vector<std::string>& hosts = options_.hosts;
  request.allow_redirect = [hosts](const Url& to) {
    return to.scheme == "https" && contains(hosts, to.host);
  };
  return request;
}

std::string GitClient::trouble(const std::string& host) {
  if (!contains(options_.hosts, host)) return host + " is not among git.hosts";
  const std::lock_guard lock(mutex_);
  const auto it = hosts_.find(host);
  if (it == hosts_.end() || it->second.failures < kFailuresToStop ||
      clock_.now() >= it->second.until)
    return {};
  return host + " did not answer " + std::to_string(it->second.failures) +
         " times in a row; it is asked again later";
}

void GitClient::note(const std::string& host, bool failed) {
  const std::lock_guard lock(mutex_);
  HostState& state = hosts_[host];
  state.failures = failed ? state.failures + 1 : 0;
  state.until = clock_.now() + kHostPause;
}

Task<Result<GitClient::Opened>> GitClient::open(std::string url, std::size_t max_body) {
  Opened opened;
  opened.host = git_host(url);
  FetchRequest first =
      request(url + "/info/refs?service=git-upload-pack", opened.host, max_body, options_.timeout);
  auto reply = co_await upstream_.fetch(std::move(first));
  if (!reply) co_return reply.error();
  if (reply->status != 200) {
    const bool gone = reply->status == 401 || reply->status == 403 || reply->status == 404;
    co_return fail(
        gone ? Code::kNotFound : Code::kUnavailable, Origin::kUpstream,
        url + " answered " + std::to_string(reply->status) + (gone ? " (private or gone)" : ""));
  }
  auto advertised = parse_advertisement(reply->body);
  if (!advertised) co_return advertised.error();
  opened.advertised = std::move(*advertised);
  opened.base = reply->url.substr(0, reply->url.find("/info/refs"));
  co_return opened;
}

Task<Result<std::string>> GitClient::ask(Opened repository, std::string body, std::size_t max_body,
                                         Millis limit) {
  FetchRequest post =
      request(repository.base + "/git-upload-pack", repository.host, max_body, limit);
  post.method = "POST";
  post.headers.emplace_back("Content-Type", "application/x-git-upload-pack-request");
  post.body = std::move(body);
  auto reply = co_await upstream_.fetch(std::move(post));
  if (!reply) co_return reply.error();
  if (reply->status != 200)
    co_return fail(Code::kUnavailable, Origin::kUpstream,
                   repository.base + " answered " + std::to_string(reply->status));
  co_return std::move(reply->body);
}

}  // namespace npmgate
