// Packuments from their upstream: fetched, revalidated, taken back. Thread-safe.
#pragma once

#include <string>

#include "proxy/net/upstream.h"
#include "proxy/packages/comparison_retries.h"
#include "proxy/packages/external_evidence_refresh.h"
#include "proxy/packages/failure_memory.h"

namespace npmgate {

class PackumentFetcher {
 public:
  // How long a client waits for the upstream: headers must leave within 25 s (yarn 1 gives up at
  // 33). The fetch goes on and serves the next request.
  static constexpr Millis kAskLimit{20'000};

  PackumentFetcher(Dependencies deps, PackageCache& cache, PackageJudge& judging,
                   ExternalEvidenceRefresh& evidence, FailureMemory& failures,
                   ComparisonRetries& retries)
      : deps_(deps),
        cache_(cache),
        judging_(judging),
        evidence_(evidence),
        failures_(failures),
        retries_(retries) {}

  // The package as of now: within `fresh` from memory or disk; within `stale` the old one while a
  // refresh runs behind it; else asked. `force` asks in any case. kNotFound: the upstream says 404.
  // kUnavailable: the upstream cannot be asked and nothing is kept (or too old). `limit`: how long
  // the caller waits for the upstream; kTimeout then. Outside facts that are due are asked for
  // again behind the answer.
  Task<Result<SnapshotPtr>> get(PackageName name, bool force = false, Millis limit = kAskLimit);
  Task<Result<SnapshotPtr>> refresh(PackageName name) { return get(std::move(name), true); }

  // Whether an answer about `name` that its state says to be right may be sent now: within `fresh`,
  // or within `stale` while a refresh runs behind it. Outside facts that are due are asked for
  // behind it too. The package itself is not needed and not loaded.
  bool usable(const PackageName& name, const PackageStatePtr& state, net::any_io_executor executor);

  // Drops what memory holds of a name; the next request reads disk and upstream again.
  void forget(const std::string& name);
  // The same on disk: the next request asks the upstream. Evidence, pins and tarballs stay.
  Result<void> drop(const PackageName& name);

 private:
  struct Fetched {  // what a refresh found
    Fetched() {}
    std::string body, etag, last_modified;
    bool gzip = false;  // `body` is compressed, as the upstream sent it
    bool unchanged = false;
  };

  // `old` null and `asleep`: the package is on disk only, and stays there if the upstream says that
  // nothing has changed; the result is null then.
  Task<Result<SnapshotPtr>> refresh_now(PackageName name, SnapshotPtr old, bool asleep = false);
  Task<Result<SnapshotPtr>> refresh_once(PackageName name, SnapshotPtr old, bool asleep,
                                         bool fresh);
  // What an upstream means that has a package no more (404, 410) which it had: the first time
  // nothing yet (kNotFound; a kept packument stays within `stale`), and from a second look on that
  // all of it is withdrawn: a packument without versions, pins judged as withdrawn, rows and
  // listeners told.
  Task<Result<SnapshotPtr>> vanished(PackageName name, const UpstreamConfig& upstream,
                                     SnapshotPtr old, Error missing);
  Task<Result<Fetched>> fetch_packument(PackageName name, const UpstreamConfig& upstream,
                                        std::string etag, std::string modified, bool fresh);
  void revalidate_behind(PackageName name, net::any_io_executor executor);

  Dependencies deps_;
  PackageCache& cache_;
  PackageJudge& judging_;
  ExternalEvidenceRefresh& evidence_;
  FailureMemory& failures_;
  ComparisonRetries& retries_;
  SingleFlight<Result<SnapshotPtr>> refreshes_;
};

}  // namespace npmgate
