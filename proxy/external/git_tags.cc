#include "proxy/external/git_tags.h"

#include <algorithm>
#include <set>

#include "registry/repository.h"

namespace npmgate {
namespace {

constexpr std::size_t kEarlier = 8;  // releases that the habit is learned from
constexpr std::size_t kMaxAdvertisement = std::size_t{8}
                                          << 20;  // a v0 server lists every ref it has
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

Task<Result<GitTags>> GitTagSource::list_now(std::string url, std::vector<std::string> wanted) {
  auto opened = co_await client_.open(url, kMaxAdvertisement);
  if (!opened) co_return opened.error();
  if (!opened->advertised.v2) co_return std::move(opened->advertised.tags);
  std::string body = ls_refs_request(wanted);
  auto refs = co_await client_.ask(std::move(*opened), std::move(body), kMaxAdvertisement,
                                   client_.options().timeout);
  if (!refs) co_return refs.error();
  co_return parse_ls_refs(*refs);
}

Task<Result<GitTags>> GitTagSource::list(std::string url, std::vector<std::string> wanted) {
  std::string key = url;
  for (const std::string& tag : wanted) key += "\n" + tag;
  {
    const std::lock_guard lock(mutex_);
    const auto it = cache_.find(key);
    if (it != cache_.end() && clock_.now() - it->second.asked < client_.options().cache)
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
  const std::string host = git_host(evidence.repository);
  if (std::string trouble = client_.trouble(host); !trouble.empty())
    co_return unknown(std::move(evidence), trouble);
  if (earlier.size() > kEarlier) earlier.resize(kEarlier);

  std::vector<std::string> wanted;
  for (const TagForm& form : tag_forms(name, version)) wanted.push_back(form.tag);
  for (const std::string& old : earlier) {
    for (const TagForm& form : tag_forms(name, old)) wanted.push_back(form.tag);
  }
  auto tags = co_await list(evidence.repository, std::move(wanted));
  if (!tags) {
    client_.note(host, tags.error().code != Code::kNotFound);
    co_return unknown(std::move(evidence), tags.error().context);
  }
  client_.note(host, false);
  std::map<std::string, int> habits;
  for (const std::string& old : earlier) {
    const auto tag = find_tag(*tags, name, old, "");
    (tag ? evidence.tagged_versions : evidence.untagged_versions).push_back(old);
    if (!tag) continue;
    evidence.tagged_commits.push_back(tags->find(tag->tag)->second);
    ++habits[tag->form];
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
