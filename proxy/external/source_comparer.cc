#include "proxy/external/source_comparer.h"

#include <algorithm>

#include "base/log.h"
#include "proxy/inspection/joined_file.h"
#include "registry/repository.h"

namespace npmgate {
namespace {

// A v2 server lists its capabilities, some 200 bytes; an old one all its refs, which are not read.
constexpr std::size_t kMaxCapabilities = std::size_t{8} << 20;
// What will hardly change is not asked for with every look: a host without filters, a tree over the
// limit; a commit that is not there may still be pushed.
constexpr auto kLater = std::chrono::hours(24);
constexpr auto kSoon = std::chrono::hours(1);

Millis again_after(const Error& error) {
  switch (error.code) {
    case Code::kTooLarge:
    case Code::kRefused:
      return kLater;
    case Code::kNotFound:
    case Code::kMalformed:
      return kSoon;
    case Code::kUnavailable:  // what a worker says that will say so again
      return error.origin == Origin::kSelf && !error.retry ? Millis(kLater) : Millis(0);
    default:
      return Millis(0);
  }
}

constexpr Millis kLookAgain{20};

// A place among those that run; freed when the comparison ends, however it does.
class Place {
 public:
  explicit Place(std::atomic<int>& running) : running_(running) {}
  ~Place() {
    if (taken_) --running_;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool take(int most) {
    for (int now = running_.load(); now < most && !taken_;)
      taken_ = running_.compare_exchange_weak(now, now + 1);
    return taken_;
  }

 private:
  std::atomic<int>& running_;
  bool taken_ = false;
};

}  // namespace

Task<SourceEvidence> SourceComparer::compare(SourceWanted wanted) {
  SourceEvidence evidence;
  evidence.asked = clock_.now();
  evidence.commit = wanted.commit;
  evidence.named_by = wanted.named_by;
  evidence.sha512 = wanted.sha512;
  const auto where = parse_repository(wanted.repository);
  if (!where) {
    evidence.reason = "no repository that can be asked is named";
    co_return evidence;
  }
  evidence.repository = where->url();
  const std::string host = git_host(evidence.repository);
  evidence.reason = client_.trouble(host);
  if (evidence.reason.empty() && !is_object_id(wanted.commit))
    evidence.reason = "what names the commit is no object id";
  if (!evidence.reason.empty()) co_return evidence;
  Place place(running_);
  while (!place.take(kMostAtOnce)) {
    if (std::chrono::steady_clock::now() >= wanted.until) {
      evidence.reason = "no time was left: too many sources are being compared at once";
      co_return evidence;
    }
    net::steady_timer timer(co_await net::this_coro::executor, kLookAgain);
    co_await wait_for(timer);
  }
  auto found = co_await compare_now(std::move(wanted), evidence.repository, host);
  if (found) {
    evidence.state = SourceEvidence::State::kCompared;
    evidence.found = std::move(*found);
    co_return evidence;
  }
  evidence.reason = printable(found.error().context, 300);
  evidence.again = evidence.asked + again_after(found.error());
  co_return evidence;
}

Task<Result<SourceComparison>> SourceComparer::compare_now(SourceWanted wanted, std::string url,
                                                           std::string host) {
  std::function<Result<Blob>()> look = [this, sha512 = wanted.sha512] {
    return blobs_.open(sha512);
  };
  auto blob = co_await pool_.offload(std::move(look));
  if (!blob)
    co_return fail(Code::kUnavailable, Origin::kSelf, "the tarball is not here any more", true);
  const auto started = std::chrono::steady_clock::now();
  auto opened = co_await client_.open(url, kMaxCapabilities);
  client_.note(host, !opened && opened.error().code != Code::kNotFound);
  if (!opened) co_return opened.error();
  if (!opened->advertised.v2 || !opened->advertised.filter)
    co_return fail(
        Code::kRefused, Origin::kUpstream,
        host + " gives no trees without all their files (no filter in git's protocol 2)");
  auto pack =
      co_await fetch(*opened, wanted.commit, Fetched::kCommitAndTrees, kMaxPack, wanted.until);
  if (!pack) co_return pack.error();
  const std::size_t bytes = pack->size();
  SourceJob job;
  job.request.commit = wanted.commit;
  job.request.directory = wanted.directory;
  job.request.name = wanted.name;
  auto found = co_await compare_in_worker(*blob, std::move(*pack), std::move(job));
  if (!found) co_return found.error();
  if (!found->manifest_blob.empty())
    co_await read_manifest(wanted, std::move(*opened), *blob, *found);
  const auto took = std::chrono::steady_clock::now() - started;
  log::debug("source", "a tarball was compared with its source",
             {{"package", wanted.name},
              {"commit", wanted.commit},
              {"bytes", bytes},
              {"ms", std::chrono::duration_cast<Millis>(took).count()}});
  co_return found;
}

Task<void> SourceComparer::read_manifest(SourceWanted wanted, GitClient::Opened opened, Blob blob,
                                         SourceComparison& found) {
  SourceJob job;
  job.request.commit = wanted.commit;
  job.request.manifest_blob = found.manifest_blob;
  auto pack = co_await fetch(std::move(opened), found.manifest_blob, Fetched::kObject, kMaxManifest,
                             wanted.until);
  if (!pack) co_return;
  auto beside = co_await compare_in_worker(std::move(blob), std::move(*pack), std::move(job));
  if (!beside) co_return;
  found.manifest_read = beside->manifest_read;
  found.manifest_added = std::move(beside->manifest_added);
  found.manifest_changed = std::move(beside->manifest_changed);
}

Task<Result<std::string>> SourceComparer::fetch(GitClient::Opened opened, std::string object,
                                                Fetched what, std::size_t max_body,
                                                std::chrono::steady_clock::time_point until) {
  const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now());
  // A server has to look for the trees before it sends the first byte.
  const Millis limit = std::min(left, 2 * client_.options().timeout);
  if (limit <= Millis(0))
    co_return fail(Code::kTimeout, Origin::kSelf, "no time was left to ask for the source");
  std::string body = fetch_request(object, what);
  auto answer = co_await client_.ask(std::move(opened), std::move(body), max_body, limit);
  if (!answer && answer.error().code == Code::kTooLarge)
    co_return fail(Code::kTooLarge, Origin::kUpstream,
                   "the source's trees take more than " + std::to_string(max_body >> 20) + " MiB");
  if (!answer) co_return answer.error();
  std::function<Result<std::string>()> read = [text = std::move(*answer)] {
    return parse_fetch(text);
  };
  co_return co_await pool_.offload(std::move(read));
}

Task<Result<SourceComparison>> SourceComparer::compare_in_worker(Blob blob, std::string pack,
                                                                 SourceJob job) {
  std::function<Result<std::shared_ptr<const Fd>>()> join = [blob, pack = std::move(pack)] {
    return joined_file({blob.get()}, pack);
  };
  auto both = co_await pool_.offload(std::move(join));
  if (!both) co_return both.error();
  job.request.tarball_size = blob->size;
  job.limits = limits_;
  job.both = *both;
  co_return co_await inspector_.compare_source(std::move(job));
}

}  // namespace npmgate
