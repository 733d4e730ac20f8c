#include "proxy/packages/packages.h"

#include <algorithm>
#include <random>

#include "base/digest.h"
#include "base/text.h"
#include "inspect/evidence/evidence.h"
#include "registry/render.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxPackument =
    std::size_t{256} << 20;  // docs/threats.md, R4; the largest real one seen is 21 MB
constexpr std::uint64_t kMaxTarball = std::uint64_t{512} << 20;
constexpr auto kPackumentLimit = std::chrono::seconds(60);
constexpr auto kTarballLimit = std::chrono::minutes(30);  // stalls are found by progress
constexpr std::uint64_t kMinRate = 1024;                  // bytes a second
constexpr auto kStall = std::chrono::seconds(8);          // twice within what a client waits
// Between two looks that find a package gone, at least; less if packuments are fresh for less.
constexpr Millis kSecondLook{60'000};
// Background inspections of one package per look and in flight over all packages: they must not
// crowd out what clients wait for.
constexpr std::size_t kBackgroundPerPackage = 8;
constexpr int kBackgroundInFlight = 2;
// Parsed packuments kept in memory, counted as three times their text (measured: raw text +
// extracted fields).
constexpr std::size_t kSnapshotBytes = std::size_t{512} << 20;

std::string document_key(const UpstreamConfig& upstream, const PackageName& name) {
  return upstream.url + name.str();
}

// The upstream's token, for its own origin only: tarballs may lie at another host.
std::string authorization_for(const UpstreamConfig& upstream, const std::string& url) {
  const auto asked = parse_url(url);
  const auto base = parse_url(upstream.url);
  const bool own = asked && base && asked->origin() == base->origin();
  return own ? upstream.authorization() : std::string();
}

// Of one release, for what could not be fetched of it.
std::string release_key(const PackageSnapshot& snapshot, const std::string& version) {
  return snapshot.name + "@" + version;
}

std::string first_integrity(const Dist& dist) {
  return dist.integrity.empty() ? dist.shasum : dist.integrity;
}

StateStore::PackumentSighting look_of(const Packument& packument, const UpstreamConfig& upstream,
                                      Time at) {
  StateStore::PackumentSighting look;
  look.name = packument.name().str();
  look.upstream = upstream.name;
  look.at = at;
  look.dist_tags = packument.dist_tags();
  for (const PackumentVersion& version : packument.versions()) {
    look.versions.emplace_back(version.version, first_integrity(version.release.dist));
  }
  return look;
}

bool is_denial(int status) {
  return status == 401 || status == 403 || status == 451;
}

// A tarball that is not what was promised, or could not be looked into: see due_again().
bool came_wrong(const Evidence& evidence) {
  return !evidence.integrity.matches ||
         std::ranges::any_of(evidence.unavailable, [](const Unavailable& missing) {
           return missing.source == "tarball";
         });
}

// Says how to get a tarball that the packument places at a host that the gate does not ask.
std::string elsewhere(const Dist& dist, const std::string& asked, const UpstreamConfig& upstream) {
  const auto named = parse_url(dist.tarball);
  const auto used = parse_url(asked);
  if (!named || !used || named->origin() == used->origin()) return {};
  return "; its packument places it at " + named->host_header() +
         ": add that to tarball_hosts of the upstream " + upstream.name + " in gate.yaml";
}

std::vector<Algorithm> algorithms_for(const Dist& dist) {
  std::vector<Algorithm> also{Algorithm::kSha1};
  for (const Digest& digest : parse_integrity(dist.integrity)) {
    if (digest.algorithm == Algorithm::kSha256 || digest.algorithm == Algorithm::kSha384)
      also.push_back(digest.algorithm);
  }
  return also;
}

}  // namespace

Packages::Packages(Dependencies deps, ExternalEvidenceCollector* collector)
    : deps_(deps),
      collector_(collector),
      failures_(deps.clock,
                [] {
                  thread_local std::minstd_rand random{std::random_device{}()};
                  return std::uniform_real_distribution<double>(0, 1)(random);
                }),
      retries_(deps.metrics) {}

// Letters in either case: a name that is spelled otherwise must not go to another registry.
const UpstreamConfig* Packages::route(const PackageName& name) const {
  const std::string scope_asked = lower_ascii(name.scope()), whole = lower_ascii(name.str());
  for (const UpstreamConfig& upstream : deps_.config.upstreams) {
    if (upstream.scopes.empty() && upstream.packages.empty()) return &upstream;
    for (const std::string& scope : upstream.scopes) {
      if (scope_asked == lower_ascii(scope)) return &upstream;
    }
    for (const std::string& glob : upstream.packages) {
      if (glob_match(lower_ascii(glob), whole)) return &upstream;
    }
  }
  return nullptr;
}

Judge Packages::judge_half_known(const SnapshotPtr& snapshot, const PolicySnapshot& rules) const {
  JudgeOptions options;
  options.recent = deps_.config.recent;
  options.popular = popular_packages();
  options.feed = rules.feed;
  return judge_with(snapshot, rules, options);
}

Judge Packages::judge(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                      JudgeOptions options) {
  options.sibling = [this](const Release& parent, const std::string& name,
                           const std::string& version) {
    return sibling_state(parent, name, version);
  };
  options.observed_only = collector_ != nullptr;
  options.recent = deps_.config.recent;
  options.popular = popular_packages();
  options.feed = rules.feed;
  return judge_with(snapshot, rules, options);
}

Judge Packages::judge_with(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                           JudgeOptions options) const {
  const auto name = PackageName::parse(snapshot->name);
  const UpstreamConfig* upstream = name ? route(*name) : nullptr;
  const bool trusted = upstream != nullptr && !upstream->inspect;
  options.retry = [this, name = snapshot->name, now = deps_.clock.now()](std::string_view version) {
    return retries_.look(name, version, now);
  };
  return Judge(snapshot, trusted ? exact_waivers(rules.policy) : rules.policy,
               rules.of(snapshot->name), options, deps_.clock.now());
}

std::shared_ptr<const Policy> Packages::exact_waivers(
    const std::shared_ptr<const Policy>& policy) const {
  const std::lock_guard lock(waivers_mutex_);
  if (waivers_of_ != policy) {
    auto waivers = std::make_shared<Policy>();
    for (const Waiver& waiver : policy->waivers) {
      if (waiver.exact) waivers->waivers.push_back(waiver);
    }
    waivers_of_ = policy;
    waivers_ = std::move(waivers);
  }
  return waivers_;
}

SnapshotPtr Packages::in_memory(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(name);
  if (it == entries_.end()) return nullptr;
  ages_.splice(ages_.end(), ages_, it->second.age);
  return it->second.snapshot;
}

SnapshotPtr Packages::keep(std::shared_ptr<PackageSnapshot> next, bool same_content) {
  if (!same_content || next->revision == 0) next->revision = ++revisions_;
  next->ask_again = next_observation(*next);
  const std::string name = next->name;
  const std::size_t bytes = next->packument ? next->packument->bytes() * 3 + 4096 : 4096;
  const std::lock_guard lock(mutex_);
  auto [it, fresh] = entries_.try_emplace(name);
  if (fresh) it->second.age = ages_.insert(ages_.end(), name);
  bytes_ += bytes - it->second.bytes;
  it->second.bytes = bytes;
  it->second.snapshot = next;
  ages_.splice(ages_.end(), ages_, it->second.age);
  while (bytes_ > kSnapshotBytes && ages_.size() > 1) {
    const auto victim = entries_.find(ages_.front());
    bytes_ -= victim->second.bytes;
    entries_.erase(victim);
    ages_.pop_front();
  }
  return next;
}

SnapshotPtr Packages::update(const SnapshotPtr& base,
                             const std::function<void(PackageSnapshot&)>& change,
                             bool same_content) {
  // Two changes of one package may meet here: the later one starts from what the earlier one kept.
  const std::lock_guard lock(updating_);
  const SnapshotPtr newest = in_memory(base->name);
  auto next = std::make_shared<PackageSnapshot>(newest ? *newest : *base);
  change(*next);
  ++updates_of(base->name);
  return keep(std::move(next), same_content);
}

std::uint64_t& Packages::updates_of(const std::string& name) {
  return updates_[std::hash<std::string>{}(name) % updates_.size()];
}

void Packages::forget(const std::string& name) {
  failures_.succeeded(name);
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  bytes_ -= it->second.bytes;
  ages_.erase(it->second.age);
  entries_.erase(it);
}

Result<void> Packages::drop(const PackageName& name) {
  forget(name.str());
  const UpstreamConfig* upstream = route(name);
  if (upstream == nullptr) return {};
  return deps_.store.remove_document(document_key(*upstream, name));
}

// What is known of a package's releases besides its packument.
Result<void> Packages::read_known(PackageSnapshot& next) {
  next.observations.clear();
  next.comparisons.clear();
  auto evidence = deps_.store.evidence_of(next.name);
  if (!evidence) return evidence.error();
  next.evidence = std::move(*evidence);
  auto pins = deps_.store.pins_of(next.name);
  if (!pins) return pins.error();
  next.pins = std::move(*pins);
  auto tags = deps_.store.tags_of(next.name);
  if (!tags) return tags.error();
  auto texts = deps_.store.observations_of(next.name);
  if (!texts) return texts.error();
  for (const auto& [version, text] : *texts) {
    if (const std::string_view compared = compared_version(version); !compared.empty()) {
      auto comparison = comparison_from_text(text);
      // One that is lost: the release was never compared.
      if (comparison) next.comparisons[std::string(compared)] = std::move(*comparison);
      continue;
    }
    auto observed = observations_from_text(text);
    // Lost ones are asked for again with the next inspection.
    if (observed) next.observations[version] = std::move(*observed);
  }
  for (auto& [version, tag] : *tags) {
    const auto known = next.observations.find(version);
    if (known != next.observations.end()) known->second.tag = std::move(tag);
  }
  return {};
}

Result<SnapshotPtr> Packages::build(const PackageName& name, const UpstreamConfig& upstream,
                                    std::string body, Time fetched, bool look) {
  auto packument = Packument::parse(std::move(body), name, kMaxPackument);
  if (!packument) return packument.error();
  auto next = std::make_shared<PackageSnapshot>();
  next->name = name.str();
  next->upstream = upstream.name;
  next->times_real = upstream.times_publish;
  next->packument = *packument;
  next->fetched = fetched;
  if (look && !(*packument)->has_times() && !(*packument)->versions().empty()) {
    const std::lock_guard lock(waivers_mutex_);
    if (untimed_.insert(upstream.name).second)
      log::warn("times",
                "the upstream states no publish times: ages count from the first sight of a "
                "release, and cooldowns hold what is seen first for that long",
                {{"upstream", upstream.name}, {"package", name.str()}});
  }
  auto record = look ? deps_.store.record_sighting(look_of(**packument, upstream, fetched))
                     : deps_.store.package(name.str());
  if (!record) return record.error();
  next->record = std::move(*record);
  constexpr int kAttempts = 4;
  for (int attempt = 1;; ++attempt) {
    std::unique_lock lock(updating_);
    const std::uint64_t before = updates_of(next->name);
    lock.unlock();
    if (auto done = read_known(*next); !done) return done.error();
    lock.lock();
    // What an inspection or a pin added meanwhile is on disk, but was perhaps not yet when it was
    // read.
    if (updates_of(next->name) == before || attempt == kAttempts)
      return SnapshotPtr(keep(std::move(next)));
  }
}

Result<SnapshotPtr> Packages::load_from_disk(const PackageName& name,
                                             const UpstreamConfig& upstream) {
  auto document = deps_.store.document(document_key(upstream, name));
  if (!document) return document.error();
  if (!*document) return SnapshotPtr();
  return build(name, upstream, std::move((*document)->body), (*document)->fetched, false);
}

Result<SnapshotPtr> Packages::stored(const PackageName& name) {
  const UpstreamConfig* upstream = route(name);
  if (upstream == nullptr) return SnapshotPtr();
  return load_from_disk(name, *upstream);
}

Task<Result<SnapshotPtr>> Packages::get(PackageName name, bool force, Millis limit) {
  const UpstreamConfig* upstream = route(name);
  if (upstream == nullptr)
    co_return fail(Code::kNotFound, Origin::kPolicy, "no upstream is configured for " + name.str());
  SnapshotPtr known = in_memory(name.str());
  if (!known) {
    auto load = [this, name, upstream] { return load_from_disk(name, *upstream); };
    auto loaded = co_await deps_.pool.offload(std::move(load));
    if (loaded) known = *loaded;
    if (!loaded)
      log::warn("document", "a kept packument could not be used",
                {{"package", name.str()}, {"error", to_string(loaded.error())}});
  }
  const Time now = deps_.clock.now();
  if (known && known->ask_again && *known->ask_again <= now) {
    auto executor = co_await net::this_coro::executor;
    observe_behind(known, executor);
  }
  if (known && !force) {
    const Millis age = now - known->fetched;
    if (age >= Millis(0) && age < deps_.config.fresh) co_return known;
    if (age >= Millis(0) && age < deps_.config.stale) {
      auto executor = co_await net::this_coro::executor;
      if (!failures_.remembered(name.str())) revalidate_behind(name, known, executor);
      co_return known;
    }
  }
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, name, known] {
    return refresh_now(name, known);
  };
  std::optional<Result<SnapshotPtr>> refreshed;
  if (auto error = failures_.remembered(name.str())) {
    refreshed = Result<SnapshotPtr>(std::move(*error));
  } else {
    refreshed = co_await refreshes_.join(name.str(), std::move(work), limit);
  }
  if (!refreshed)
    co_return fail(Code::kTimeout, Origin::kUpstream,
                   "the upstream did not answer for " + name.str() + " in time", true);
  const bool down = !*refreshed && (*refreshed).error().origin == Origin::kUpstream &&
                    (*refreshed).error().code != Code::kNotFound;
  if (down && known && now - known->fetched < deps_.config.stale) {
    co_return mark_stale(known);
  }
  co_return std::move(*refreshed);
}

// Nothing that answers are made of has changed: what was rendered stays.
SnapshotPtr Packages::mark_stale(const SnapshotPtr& known) {
  const SnapshotPtr newest = in_memory(known->name);
  if (newest && newest->stale) return newest;
  auto mark = [](PackageSnapshot& next) { next.stale = true; };
  return update(known, mark, true);
}

void Packages::note_failure(const std::string& what, const std::string& upstream,
                            const Error& error) {
  if (error.origin != Origin::kUpstream) return;
  const bool absent = error.code == Code::kNotFound;
  failures_.failed(what, error, absent ? FailureMemory::kAbsent : FailureMemory::kTrouble);
  if (absent) return;
  deps_.metrics.add(
      "npm_gate_upstream_failures_total",
      "upstream=\"" + upstream + "\",code=\"" + std::string(to_string(error.code)) + "\"");
  log::warn("fetch-failed", error.context, {{"what", what}, {"upstream", upstream}});
}

void Packages::revalidate_behind(PackageName name, SnapshotPtr old, net::any_io_executor executor) {
  auto body = [this, name, old]() -> Task<void> {
    SingleFlight<Result<SnapshotPtr>>::Work work = [this, name, old] {
      return refresh_now(name, old);
    };
    auto done = co_await refreshes_.join(name.str(), std::move(work), kPackumentLimit);
    if (done && !*done) {
      log::warn("upstream", "revalidation failed; the kept packument is served",
                {{"package", name.str()}, {"error", to_string(done->error())}});
      mark_stale(old);
    }
  };
  spawn_detached(executor, "revalidate " + name.str(), std::move(body));
}

Task<Result<Packages::Fetched>> Packages::fetch_packument(PackageName name,
                                                          const UpstreamConfig& upstream,
                                                          std::string etag, std::string modified,
                                                          bool fresh) {
  FetchRequest request;
  request.fresh = fresh;
  request.stall = kStall;
  request.min_rate = kMinRate;
  request.url = upstream.url + name.url_path();
  request.headers.emplace_back("Accept", "application/json");
  if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
  if (!modified.empty()) request.headers.emplace_back("If-Modified-Since", modified);
  request.authorization = upstream.authorization();
  request.ca_file = upstream.ca;
  request.max_body = kMaxPackument;
  request.limit = kPackumentLimit;
  deps_.metrics.add("npm_gate_upstream_requests_total", R"(kind="packument")");
  auto reply = co_await deps_.upstream.fetch(std::move(request));
  if (!reply) co_return reply.error();
  if (reply->status < 500) retries_.answered(upstream.name);
  Fetched fetched;
  if (reply->status == 304) {
    fetched.unchanged = true;
    co_return fetched;
  }
  if (reply->status == 404 || reply->status == 410) {
    co_return fail(Code::kNotFound, Origin::kUpstream,
                   name.str() + " is not in the registry " + upstream.name);
  }
  if (is_denial(reply->status))
    co_return denied_by_upstream(upstream.name, reply->status, name.str(), reply->body);
  if (reply->status != 200) {
    co_return fail(Code::kUnavailable, Origin::kUpstream,
                   "the upstream " + upstream.name + " answered " + std::to_string(reply->status) +
                       " for " + name.str(),
                   true);
  }
  fetched.etag = reply->headers.get("etag");
  fetched.last_modified = reply->headers.get("last-modified");
  fetched.body = std::move(reply->body);
  co_return fetched;
}

Task<Result<SnapshotPtr>> Packages::refresh_now(PackageName name, SnapshotPtr old) {
  auto refreshed = co_await refresh_once(name, old, false);
  // A login page, half a document: asked for again at once, over another connection.
  if (!refreshed && refreshed.error().code == Code::kMalformed)
    refreshed = co_await refresh_once(name, old, true);
  if (refreshed) {
    failures_.succeeded(name.str());
  } else {
    note_failure(name.str(), route(name)->name, refreshed.error());
  }
  co_return refreshed;
}

Task<Result<SnapshotPtr>> Packages::refresh_once(PackageName name, SnapshotPtr old, bool fresh) {
  // A fetch that ended after the caller had looked for `old` and before it joined is the one that
  // it asks for.
  SnapshotPtr newer = in_memory(name.str());
  if (newer && (!old || newer->fetched > old->fetched)) co_return newer;
  const UpstreamConfig* upstream = route(name);
  const std::string key = document_key(*upstream, name);
  std::string etag, modified;
  if (old) {
    using Found = std::optional<StateStore::Document>;
    std::function<Result<Found>()> read = [this, key] { return deps_.store.document(key); };
    auto document = co_await deps_.pool.offload(std::move(read));
    if (document && *document) {
      etag = (*document)->etag;
      modified = (*document)->last_modified;
    }
  }
  auto fetched = co_await fetch_packument(name, *upstream, etag, modified, fresh);
  if (!fetched) {
    const Error error = fetched.error();
    const bool gone = old && error.code == Code::kNotFound && error.origin == Origin::kUpstream;
    if (gone) co_return co_await vanished(name, *upstream, old, error);
    co_return error;
  }
  const Time now = deps_.clock.now();
  if (fetched->unchanged && old) {
    std::function<Result<bool>()> touch = [this, key, now]() -> Result<bool> {
      if (auto done = deps_.store.touch_document(key, now); !done) return done.error();
      return true;
    };
    auto touched = co_await deps_.pool.offload(std::move(touch));
    if (!touched) co_return touched.error();
    // The revision, and so the rendered answers, stay: nothing but the time of the look has
    // changed.
    auto look = [now](PackageSnapshot& next) {
      next.fetched = now;
      next.stale = false;
      next.missing_since.reset();
      next.record.last_look = now;
    };
    co_return update(old, look, true);
  }
  std::function<Result<SnapshotPtr>()> store =
      [this, name, upstream, key, now, body = std::move(fetched->body), etag = fetched->etag,
       last = fetched->last_modified]() mutable -> Result<SnapshotPtr> {
    StateStore::Document document;
    document.body = body;
    document.etag = etag;
    document.last_modified = last;
    document.fetched = now;
    auto built = build(name, *upstream, std::move(body), now, true);
    // Only a document that could be read replaces the one on disk.
    if (built) {
      if (auto done = deps_.store.put_document(key, document); !done) return done.error();
    }
    return built;
  };
  auto built = co_await deps_.pool.offload(std::move(store));
  if (!built && built.error().code == Code::kMalformed)
    deps_.metrics.add("npm_gate_upstream_garbage_total");
  co_return built;
}

Task<Result<SnapshotPtr>> Packages::vanished(PackageName name, const UpstreamConfig& upstream,
                                             SnapshotPtr old, Error missing) {
  const Time now = deps_.clock.now();
  if (old->packument && old->packument->versions().empty()) {
    auto looked = [now](PackageSnapshot& next) {
      next.fetched = now;
      next.stale = false;
    };
    co_return update(old, looked, true);
  }
  // One answer may be a mistake of a moment (a mirror that is being filled, a deployment).
  const Millis apart = std::min(deps_.config.fresh, kSecondLook);
  if (!old->missing_since || now - *old->missing_since < apart) {
    if (!old->missing_since) {
      log::warn("vanished", "the upstream has a package no more that it had; asked once more soon",
                {{"package", name.str()}, {"upstream", upstream.name}});
      auto mark = [now](PackageSnapshot& next) { next.missing_since = now; };
      update(old, mark, true);
    }
    co_return missing;
  }
  log::warn("withdrawn", "the upstream took a package back as a whole",
            {{"package", name.str()}, {"upstream", upstream.name}});
  deps_.metrics.add("npm_gate_packages_withdrawn_total");
  std::function<Result<SnapshotPtr>()> withdraw = [this, name, &upstream,
                                                   now]() -> Result<SnapshotPtr> {
    StateStore::Document document;
    document.body = R"({"name":")" + name.str() + R"(","versions":{}})";
    document.fetched = now;
    auto built = build(name, upstream, document.body, now, true);
    if (!built) return built;
    if (auto done = deps_.store.put_document(document_key(upstream, name), document); !done)
      return done.error();
    if (auto changed = rejudge(*built); !changed) return changed.error();
    return built;
  };
  auto withdrawn = co_await deps_.pool.offload(std::move(withdraw));
  if (withdrawn && told_) told_(name.str());
  co_return withdrawn;
}

std::string Packages::tarball_url(const PackageName& name, const UpstreamConfig& upstream,
                                  const std::string& version, const Dist& dist) const {
  const std::string own = upstream.url + tarball_path(name, version);
  const auto url = parse_url(dist.tarball);
  const auto base = parse_url(upstream.url);
  if (!url || !base) return own;
  if (url->origin() == base->origin()) return dist.tarball;
  const auto& hosts = upstream.tarball_hosts;
  const bool downgrade = base->scheme == "https" && url->scheme != "https";
  const bool allowed =
      !downgrade && std::find(hosts.begin(), hosts.end(), url->host_header()) != hosts.end();
  // A tarball that the packument places elsewhere is asked for at the upstream itself, as npm does
  // with its registry.
  return allowed ? dist.tarball : own;
}

Task<Result<std::shared_ptr<BlobStore::Writer>>> Packages::download(SnapshotPtr snapshot,
                                                                    std::string version, Dist dist,
                                                                    bool fresh) {
  auto writer = co_await download_once(snapshot, version, dist, fresh);
  if (writer || fresh) co_return writer;
  const Error& error = writer.error();
  const bool broken = error.origin == Origin::kUpstream && error.retry &&
                      (error.code == Code::kUnavailable || error.code == Code::kTimeout);
  if (!broken || error.context.find(" answered ") != std::string::npos) co_return writer;
  co_return co_await download_once(snapshot, version, dist, true);
}

Task<Result<std::shared_ptr<BlobStore::Writer>>> Packages::download_once(SnapshotPtr snapshot,
                                                                         std::string version,
                                                                         Dist dist, bool fresh) {
  const auto name = PackageName::parse(snapshot->name);
  const UpstreamConfig& upstream = *route(*name);
  std::function<Result<std::shared_ptr<BlobStore::Writer>>()> open =
      [this, dist]() -> Result<std::shared_ptr<BlobStore::Writer>> {
    auto made = deps_.blobs.create(algorithms_for(dist));
    if (!made) return made.error();
    return std::shared_ptr<BlobStore::Writer>(std::move(*made));
  };
  auto writer = co_await deps_.pool.offload(std::move(open));
  if (!writer) co_return writer.error();
  FetchRequest request;
  request.url = tarball_url(*name, upstream, version, dist);
  request.authorization = authorization_for(upstream, request.url);
  request.ca_file = upstream.ca;
  request.max_body = kMaxTarball;
  request.limit = kTarballLimit;
  request.stall = kStall;
  request.min_rate = kMinRate;
  request.fresh = fresh;
  const std::string request_url = request.url;
  const std::vector<std::string>& hosts = upstream.tarball_hosts;
  request.allow_redirect = [hosts](const Url& url) {
    return std::find(hosts.begin(), hosts.end(), url.host_header()) != hosts.end();
  };
  request.sink = [writer = *writer](std::string_view data) { return writer->append(data); };
  deps_.metrics.add("npm_gate_upstream_requests_total", R"(kind="tarball")");
  auto reply = co_await deps_.upstream.fetch(std::move(request));
  if (!reply) co_return reply.error();
  const std::string what = snapshot->name + "@" + version;
  if (reply->status == 404 || reply->status == 410) {
    co_return fail(Code::kNotFound, Origin::kUpstream,
                   "the tarball of " + what + " is not in the registry " + upstream.name +
                       elsewhere(dist, request_url, upstream));
  }
  if (is_denial(reply->status))
    co_return denied_by_upstream(upstream.name, reply->status, "the tarball of " + what, "");
  if (reply->status != 200) {
    co_return fail(Code::kUnavailable, Origin::kUpstream,
                   "the upstream " + upstream.name + " answered " + std::to_string(reply->status) +
                       " for the tarball of " + what,
                   true);
  }
  co_return std::move(*writer);
}

// Which release the bytes are, here; what they hold, by the inspector.
Task<Result<void>> Packages::examine(std::shared_ptr<BlobStore::Writer> writer,
                                     InspectionInput& input, Evidence& evidence) {
  using Reader = std::shared_ptr<const Fd>;
  std::function<Result<Reader>()> identify = [writer, &input, &evidence]() -> Result<Reader> {
    input.digests = writer->digests();
    const auto bytes = writer->bytes();
    if (!bytes) return bytes.error();
    input.tarball = *bytes;
    evidence = identify_release(input);
    auto reader = writer->reader();
    if (!reader) return reader.error();
    return std::make_shared<const Fd>(std::move(*reader));
  };
  auto reader = co_await deps_.pool.offload(std::move(identify));
  if (!reader) co_return reader.error();
  if (!wants_contents(evidence)) co_return Result<void>();
  InspectionJob job;
  job.stated = input.release.manifest;
  job.limits = input.limits;
  job.tarball = input.tarball;
  job.owner = writer;
  job.reader = std::move(*reader);
  auto inspected = co_await deps_.inspector.read(std::move(job));
  if (!inspected) co_return inspected.error();
  if (inspected->unavailable.empty()) {
    evidence = with_contents(std::move(evidence), std::move(inspected->contents));
  } else {
    evidence.unavailable.push_back({"tarball", inspected->unavailable});
  }
  co_return Result<void>();
}

Task<Result<SnapshotPtr>> Packages::inspect_now(SnapshotPtr snapshot, std::string version) {
  const std::string key = release_key(*snapshot, version);
  auto inspected = co_await inspect_once(snapshot, version);
  if (!inspected) {
    note_failure(key, snapshot->upstream, inspected.error());
    co_return inspected;
  }
  const PackumentVersion* found = (*inspected)->packument->find(version);
  const EvidencePtr evidence = found != nullptr ? current_evidence(**inspected, *found) : nullptr;
  if (evidence && came_wrong(*evidence)) {
    const Error wrong = fail(Code::kIntegrityMismatch, Origin::kUpstream,
                             key + " did not come as it was promised", true);
    failures_.failed(key, wrong, FailureMemory::kContent);
  } else {
    failures_.succeeded(key);
  }
  co_return inspected;
}

Task<Result<SnapshotPtr>> Packages::inspect_once(SnapshotPtr snapshot, std::string version) {
  const PackumentVersion* found = snapshot->packument->find(version);
  if (found == nullptr || !found->servable) {
    co_return fail(Code::kNotFound, Origin::kUpstream,
                   snapshot->name + "@" + version + " is not in the registry");
  }
  const auto started = std::chrono::steady_clock::now();
  auto writer = co_await download(snapshot, version, found->release.dist);
  if (!writer) co_return writer.error();
  InspectionInput input;
  input.raw_manifest = std::string(found->raw);
  input.release = found->release;
  input.limits = deps_.config.limits;
  input.now = deps_.clock.now();
  Evidence made;
  auto examined = co_await examine(*writer, input, made);
  if (!examined) co_return examined.error();
  if (!made.integrity.matches) {
    // Perhaps one bad transfer, or a mirror in mid-update.
    auto second = co_await download(snapshot, version, found->release.dist, true);
    Evidence again;
    if (second) examined = co_await examine(*second, input, again);
    if (second && examined) {
      writer = std::move(second);
      made = std::move(again);
    }
  }
  std::function<Result<EvidencePtr>()> keep_evidence = [this, made = std::move(made),
                                                        writer = *writer]() -> Result<EvidencePtr> {
    if (made.integrity.matches) {
      if (auto done = writer->commit(); !done) return done.error();
    }
    if (auto done = deps_.store.put_evidence(made); !done) return done.error();
    return std::make_shared<const Evidence>(made);
  };
  auto evidence = co_await deps_.pool.offload(std::move(keep_evidence));
  if (!evidence) co_return evidence.error();
  deps_.metrics.add("npm_gate_inspections_total");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  deps_.metrics.observe("npm_gate_inspection_seconds", "", took.count());
  auto add = [&evidence](PackageSnapshot& next) { add_evidence(next, *evidence); };
  co_return update(snapshot, add);
}

Task<Result<SnapshotPtr>> Packages::inspect(SnapshotPtr snapshot, std::string version,
                                            Millis limit) {
  if (auto error = failures_.remembered(release_key(*snapshot, version))) {
    const PackumentVersion* found =
        snapshot->packument ? snapshot->packument->find(version) : nullptr;
    // What came is known; it is not yet time to fetch it again.
    if (found != nullptr && current_evidence(*snapshot, *found)) co_return snapshot;
    co_return std::move(*error);
  }
  const std::string key = snapshot->name + "@" + version + "#" +
                          std::to_string(snapshot->packument ? snapshot->packument->bytes() : 0);
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, snapshot, version] {
    return inspect_with_baseline(snapshot, version);
  };
  auto done = co_await inspections_.join(key, std::move(work), limit);
  if (!done)
    co_return fail(Code::kTimeout, Origin::kSelf,
                   "the inspection of " + snapshot->name + "@" + version +
                       " has not ended yet; try again shortly",
                   true);
  co_return std::move(*done);
}

Task<Result<SnapshotPtr>> Packages::inspect_alone(SnapshotPtr snapshot, std::string version,
                                                  Millis limit) {
  const std::string key = "alone:" + snapshot->name + "@" + version;
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, snapshot, version] {
    return inspect_now(snapshot, version);
  };
  auto done = co_await inspections_.join(key, std::move(work), limit);
  if (!done)
    co_return fail(Code::kTimeout, Origin::kSelf,
                   "the inspection of " + snapshot->name + "@" + version + " took too long", true);
  co_return std::move(*done);
}

Task<SnapshotPtr> Packages::observe(ExternalEvidenceCollector& collector, SnapshotPtr snapshot,
                                    std::string version, std::string baseline) {
  ExternalEvidence observed = co_await collector.observe(snapshot, version, baseline);
  auto add = [&](PackageSnapshot& next) { next.observations[version] = observed; };
  co_return update(snapshot, add);
}

Task<Result<SnapshotPtr>> Packages::pin(SnapshotPtr snapshot, Pin wanted) {
  std::function<Result<Pin>()> write = [this, wanted]() -> Result<Pin> {
    auto pinned = deps_.store.pin(wanted);
    if (!pinned) return pinned;
    // Evidence of before a restore may lack its row; the pin is what counts.
    auto marked = deps_.store.mark_served(pinned->name, pinned->version, pinned->content_id);
    if (!marked && marked.error().code != Code::kNotFound) return marked.error();
    return pinned;
  };
  auto pinned = co_await deps_.pool.offload(std::move(write));
  if (!pinned) co_return pinned.error();
  auto add = [&pinned](PackageSnapshot& next) { next.pins[pinned->version] = *pinned; };
  co_return update(snapshot, add);
}

Task<Result<void>> Packages::refetch(SnapshotPtr snapshot, std::string version,
                                     std::string sha512) {
  const PackumentVersion* found =
      snapshot->packument ? snapshot->packument->find(version) : nullptr;
  if (found == nullptr)
    co_return fail(
        Code::kNotFound, Origin::kUpstream,
        "the tarball of " + snapshot->name + "@" + version + " is gone here and upstream");
  auto writer = co_await download(snapshot, version, found->release.dist);
  if (!writer) co_return writer.error();
  std::function<Result<bool>()> check = [writer = *writer, sha512]() -> Result<bool> {
    const std::vector<Digest> digests = writer->digests();
    if (digests.empty() || digests.front().hex() != sha512) {
      return fail(Code::kIntegrityMismatch, Origin::kUpstream,
                  "the upstream now sends other bytes than those that were accepted");
    }
    if (auto done = writer->commit(); !done) return done.error();
    return true;
  };
  auto checked = co_await deps_.pool.offload(std::move(check));
  if (!checked) co_return checked.error();
  co_return Result<void>();
}

void Packages::inspect_later(SnapshotPtr snapshot, net::any_io_executor executor) {
  if (background_.fetch_add(1) >= kBackgroundInFlight) {
    background_.fetch_sub(1);
    return;
  }
  auto body = [this, snapshot]() -> Task<void> {
    struct Done {
      std::atomic<int>& count;
      explicit Done(std::atomic<int>& c) : count(c) {}
      ~Done() { count.fetch_sub(1); }
    } done(background_);
    const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
    std::function<Result<std::vector<std::string>>()> list =
        [this, snapshot, rules]() -> Result<std::vector<std::string>> {
      return judge(snapshot, *rules).background_work();
    };
    auto work = co_await deps_.pool.offload(std::move(list));
    if (!work) co_return;
    SnapshotPtr current = snapshot;
    for (std::size_t i = 0; i < work->size() && i < kBackgroundPerPackage; ++i) {
      auto next = co_await inspect(current, (*work)[i], std::chrono::minutes(6));
      if (next) current = *next;
    }
  };
  spawn_detached(executor, "background inspection of " + snapshot->name, std::move(body));
}

}  // namespace npmgate
