#include "proxy/external/git_tags.h"

#include <algorithm>
#include <set>

#include "registry/repository.h"

namespace npmgate {
namespace {

constexpr std::size_t kEarlier = 8;  // releases that the habit is learned from
constexpr std::size_t kMaxAdvertisement = std::size_t{8}
                                          << 20;  // a v0 server lists every ref it has
constexpr int kFailuresToStop =
    3;  // SPEC, section 3: then a host is unknown for 10 min, without waiting
constexpr auto kHostPause = std::chrono::minutes(10);
constexpr std::size_t kCacheEntries = 4096;

TagEvidence unknown(TagEvidence evidence, std::string reason) {
  evidence.state = TagEvidence::State::kUnknown;
  evidence.reason = std::move(reason);
  return evidence;
}

std::optional<TagForm> find_tag(const GitTags& tags, std::string_view name,
                                std::string_view version, std::string_view preferred) {
  std::optional<TagForm> found;
  for (TagForm& form : tag_forms(name, version)) {
    if (!tags.contains(form.tag)) continue;
    if (form.form == preferred) return form;
    if (!found) found = std::move(form);
  }
  return found;
}

}  // namespace

GitOptions git_options(const Config& config) {
  GitOptions options;
  options.hosts = config.git_hosts;
  options.private_hosts = config.git_private_hosts;
  options.ca_file = config.git_ca;
  options.timeout = config.git_timeout;
  options.cache = config.git_cache;
  return options;
}

FetchRequest GitTagSource::request(std::string url, const std::string& host) const {
  FetchRequest request;
  request.url = std::move(url);
  request.headers.emplace_back("Git-Protocol", "version=2");
  request.max_body = kMaxAdvertisement;
  request.limit = options_.timeout;
  const auto& own = options_.private_hosts;
  request.public_addresses_only = std::find(own.begin(), own.end(), host) == own.end();
  request.ca_file = options_.ca_file;
  const std::vector<std::string>& hosts = options_.hosts;
  request.allow_redirect = [hosts](const Url& to) {
    return to.scheme == "https" && std::find(hosts.begin(), hosts.end(), to.host) != hosts.end();
  };
  return request;
}

std::string GitTagSource::host_trouble(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto it = hosts_.find(host);
  if (it == hosts_.end() || it->second.failures < kFailuresToStop ||
      clock_.now() >= it->second.until)
    return {};
  return host + " did not answer " + std::to_string(it->second.failures) +
         " times in a row; it is asked again later";
}

void GitTagSource::note(const std::string& host, bool failed) {
  const std::lock_guard lock(mutex_);
  HostState& state = hosts_[host];
  state.failures = failed ? state.failures + 1 : 0;
  state.until = clock_.now() + kHostPause;
}

Task<Result<GitTags>> GitTagSource::list_now(std::string url, std::vector<std::string> wanted) {
  const std::string host = parse_url(url)->host;
  FetchRequest first = request(url + "/info/refs?service=git-upload-pack", host);
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
  if (!advertised->v2) co_return std::move(advertised->tags);
  // A repository that was renamed answers with a redirect: what follows goes to where it led.
  const std::string base = reply->url.substr(0, reply->url.find("/info/refs"));
  FetchRequest second = request(base + "/git-upload-pack", host);
  second.method = "POST";
  second.headers.emplace_back("Content-Type", "application/x-git-upload-pack-request");
  second.body = ls_refs_request(wanted);
  auto refs = co_await upstream_.fetch(std::move(second));
  if (!refs) co_return refs.error();
  if (refs->status != 200)
    co_return fail(Code::kUnavailable, Origin::kUpstream,
                   url + " answered " + std::to_string(refs->status));
  co_return parse_ls_refs(refs->body);
}

Task<Result<GitTags>> GitTagSource::list(std::string url, std::vector<std::string> wanted) {
  std::string key = url;
  for (const std::string& tag : wanted) key += "\n" + tag;
  {
    const std::lock_guard lock(mutex_);
    const auto it = cache_.find(key);
    if (it != cache_.end() && clock_.now() - it->second.asked < options_.cache)
      co_return it->second.tags;
  }
  auto tags = co_await list_now(url, std::move(wanted));
  const std::lock_guard lock(mutex_);
  if (cache_.size() >= kCacheEntries) cache_.clear();
  Known known;
  known.tags = tags;
  known.asked = clock_.now();
  cache_.insert_or_assign(key, std::move(known));
  co_return tags;
}

Task<TagEvidence> GitTagSource::ask(std::string repository, std::string name, std::string version,
                                    std::vector<std::string> earlier) {
  TagEvidence evidence;
  evidence.asked = clock_.now();
  const auto where = parse_repository(repository);
  if (!where)
    co_return unknown(std::move(evidence),
                      repository.empty() ? "no repository is named"
                                         : "the repository '" + log::printable(repository, 100) +
                                               "' is no git URL that can be asked");
  evidence.repository = where->url();
  const std::string host = where->host.substr(0, where->host.find(':'));
  if (std::find(options_.hosts.begin(), options_.hosts.end(), host) == options_.hosts.end())
    co_return unknown(std::move(evidence), host + " is not among git.hosts");
  if (std::string trouble = host_trouble(host); !trouble.empty())
    co_return unknown(std::move(evidence), trouble);
  if (earlier.size() > kEarlier) earlier.resize(kEarlier);

  std::vector<std::string> wanted;
  for (const TagForm& form : tag_forms(name, version)) wanted.push_back(form.tag);
  for (const std::string& old : earlier) {
    for (const TagForm& form : tag_forms(name, old)) wanted.push_back(form.tag);
  }
  auto tags = co_await list(evidence.repository, std::move(wanted));
  if (!tags) {
    note(host, tags.error().code != Code::kNotFound);
    co_return unknown(std::move(evidence), tags.error().context);
  }
  note(host, false);
  std::map<std::string, int> habits;
  for (const std::string& old : earlier) {
    const auto tag = find_tag(*tags, name, old, "");
    (tag ? evidence.tagged_versions : evidence.untagged_versions).push_back(old);
    if (tag) ++habits[tag->form];
  }
  int most = 0;
  for (const auto& [form, count] : habits) {
    if (count > most) evidence.habit = form;
    most = std::max(most, count);
  }
  const auto own = find_tag(*tags, name, version, evidence.habit);
  evidence.state = own ? TagEvidence::State::kFound : TagEvidence::State::kMissing;
  if (own) {
    evidence.tag = own->tag;
    evidence.commit = evidence.first_commit = tags->find(own->tag)->second;
  }
  co_return evidence;
}

}  // namespace npmgate
