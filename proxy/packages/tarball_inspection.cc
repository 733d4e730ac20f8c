#include "proxy/packages/tarball_inspection.h"

#include <algorithm>

#include "base/digest.h"
#include "base/metrics.h"
#include "inspect/evidence/evidence.h"
#include "proxy/packages/fetching.h"
#include "proxy/runtime/routes.h"
#include "registry/render.h"

namespace npmgate {
namespace {

constexpr std::uint64_t kMaxTarball = std::uint64_t{512} << 20;
constexpr auto kTarballLimit = std::chrono::minutes(30);    // stalls are found by progress
constexpr auto kInspectionLimit = std::chrono::minutes(2);  // the worker's own limit is shorter

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

std::string tarball_url(const PackageName& name, const UpstreamConfig& upstream,
                        const std::string& version, const Dist& dist) {
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

}  // namespace

Task<Result<TarballInspection::Writer>> TarballInspection::download(SnapshotPtr snapshot,
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

Task<Result<TarballInspection::Writer>> TarballInspection::download_once(SnapshotPtr snapshot,
                                                                         std::string version,
                                                                         Dist dist, bool fresh) {
  const auto name = PackageName::parse(snapshot->name);
  const UpstreamConfig& upstream = *route(deps_.config, *name);
  std::function<Result<Writer>()> open = [this, dist]() -> Result<Writer> {
    auto made = deps_.blobs.create(algorithms_for(dist));
    if (!made) return made.error();
    return Writer(std::move(*made));
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
Task<Result<void>> TarballInspection::examine(Writer writer, InspectionInput& input,
                                              Evidence& evidence) {
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

Task<Result<SnapshotPtr>> TarballInspection::inspect_now(SnapshotPtr snapshot,
                                                         std::string version) {
  const std::string key = release_key(*snapshot, version);
  auto inspected = co_await inspect_once(snapshot, version);
  if (!inspected) {
    note_failure(failures_, deps_.metrics, key, snapshot->upstream, inspected.error());
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

Task<Result<SnapshotPtr>> TarballInspection::inspect_once(SnapshotPtr snapshot,
                                                          std::string version) {
  const PackumentVersion* found = snapshot->packument->find(version);
  if (found == nullptr || !found->servable) {
    co_return fail(Code::kNotFound, Origin::kUpstream,
                   snapshot->name + "@" + version + " is not in the registry");
  }
  const auto started = std::chrono::steady_clock::now();
  RunningInspections::Mark mark(running_, snapshot->name, version);
  mark.step("its tarball is fetched");
  auto writer = co_await download(snapshot, version, found->release.dist);
  if (!writer) co_return writer.error();
  mark.step("its tarball is read");
  InspectionInput input;
  input.raw_manifest = std::string(found->raw);
  input.release = found->release;
  input.limits = deps_.config.limits;
  input.now = deps_.clock.now();
  Evidence made;
  auto examined = co_await examine(*writer, input, made);
  if (!examined) co_return examined.error();
  if (!made.integrity.matches || made.tarball_size == 0) {
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
  co_return cache_.update(snapshot, add);
}

Task<Result<SnapshotPtr>> TarballInspection::inspect(SnapshotPtr snapshot, std::string version) {
  const PackumentVersion* found = snapshot->packument->find(version);
  if (found == nullptr) co_return co_await inspect_now(snapshot, version);
  const std::string key =
      snapshot->name + "@" + version + "#" + digest(Algorithm::kSha256, found->raw).hex();
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, snapshot,
                                                  version]() -> Task<Result<SnapshotPtr>> {
    SnapshotPtr newest = cache_.in_memory(snapshot->name);
    if (!newest || newest->packument != snapshot->packument) newest = snapshot;
    const EvidencePtr known = current_evidence(*newest, *newest->packument->find(version));
    if (known && !due_again(*known, deps_.clock.now())) co_return newest;
    co_return co_await inspect_now(newest, version);
  };
  auto done = co_await readings_.join(key, std::move(work), kTarballLimit + kInspectionLimit);
  if (!done)
    co_return fail(Code::kTimeout, Origin::kSelf,
                   "reading " + snapshot->name + "@" + version + " took too long", true);
  co_return std::move(*done);
}

Task<Result<SnapshotPtr>> TarballInspection::inspect_alone(SnapshotPtr snapshot,
                                                           std::string version, Millis limit) {
  const std::string key = snapshot->name + "@" + version;
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, snapshot, version] {
    return inspect_now(snapshot, version);
  };
  auto done = co_await repeats_.join(key, std::move(work), limit);
  if (!done)
    co_return fail(Code::kTimeout, Origin::kSelf,
                   "the inspection of " + snapshot->name + "@" + version + " took too long", true);
  co_return std::move(*done);
}

std::optional<Error> TarballInspection::remembered(const PackageSnapshot& snapshot,
                                                   const std::string& version) {
  return failures_.remembered(release_key(snapshot, version));
}

Task<Result<void>> TarballInspection::refetch(SnapshotPtr snapshot, std::string version,
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

}  // namespace npmgate
