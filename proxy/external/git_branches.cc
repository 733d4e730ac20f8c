#include "proxy/external/git_branches.h"

#include <algorithm>

namespace npmgate {
namespace {

// What a v2 server can do, and its branches; an old one's refs, which are not read.
constexpr std::size_t kMaxRefs = std::size_t{8} << 20;
// An empty pack takes 32 bytes in some lines of the protocol; an answer of more is none.
constexpr std::size_t kMaxUnreached = std::size_t{256} << 10;
constexpr std::size_t kListedRepositories = 64;  // with up to 20,000 branches

}  // namespace

Task<Result<GitBranches::ListedPtr>> GitBranches::list_now(std::string url) {
  auto opened = co_await client_.open(url, kMaxRefs);
  client_.note(git_host(url), !opened && opened.error().code != Code::kNotFound);
  if (!opened) co_return opened.error();
  if (!opened->advertised.v2 || !opened->advertised.filter)
    co_return fail(Code::kRefused, Origin::kUpstream,
                   opened->host +
                       " gives no commits without all their files (no filter in git's "
                       "protocol 2)");
  const auto listed = std::make_shared<Listed>();
  listed->opened = *opened;
  std::string body = ls_branches_request();
  auto answer = co_await client_.ask(std::move(*opened), std::move(body), kMaxRefs,
                                     client_.options().timeout);
  if (!answer) co_return answer.error();
  auto tips = parse_branches(*answer);
  if (!tips) co_return tips.error();
  listed->tips = std::move(*tips);
  listed->all = listed->tips.size() <= kMaxTips;
  if (!listed->all) listed->tips.resize(kMaxTips);
  co_return listed;
}

Task<Result<GitBranches::ListedPtr>> GitBranches::list(std::string url) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = cache_.find(url);
    if (it != cache_.end() && clock_.now() - it->second.asked < client_.options().cache)
      co_return it->second.listed;
  }
  auto listed = co_await list_now(url);
  const std::lock_guard lock(mutex_);
  if (cache_.size() >= kListedRepositories) cache_.clear();
  Known known;
  known.listed = listed;
  known.asked = clock_.now();
  cache_.insert_or_assign(url, std::move(known));
  co_return listed;
}

Task<Result<bool>> GitBranches::reach_all(std::string url, std::vector<std::string> commits,
                                          std::chrono::steady_clock::time_point until) {
  const auto found = co_await list(url);
  if (!found) co_return found.error();
  const ListedPtr listed = *found;
  // A tip needs no question.
  const std::vector<std::string>& tips = listed->tips;
  std::erase_if(commits, [&](const std::string& commit) {
    return std::find(tips.begin(), tips.end(), commit) != tips.end();
  });
  if (commits.empty()) co_return true;
  const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
  // A server may have to walk its whole history before it sends the first byte.
  const Millis limit = std::min(left, 2 * client_.options().timeout);
  if (limit <= Millis(0))
    co_return fail(Code::kTimeout, Origin::kSelf, "no time was left to ask for its branches");
  std::string body = unreached_request(commits, tips);
  auto answer = co_await client_.ask(listed->opened, std::move(body), kMaxUnreached, limit);
  bool reached = false;
  if (!answer && answer.error().code != Code::kTooLarge) co_return answer.error();
  if (answer) {
    const auto pack = parse_fetch(*answer);
    if (!pack) co_return pack.error();
    const auto objects = count_objects(*pack);
    if (!objects) co_return objects.error();
    reached = *objects == 0;
  }
  if (!reached && !listed->all)
    co_return fail(
        Code::kRefused, Origin::kUpstream,
        "the repository has more than " + std::to_string(kMaxTips) + " branches to look in");
  co_return reached;
}

}  // namespace npmgate
