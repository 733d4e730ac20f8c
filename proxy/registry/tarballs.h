// Tarball answers: no byte of a release leaves before its verdict, and what leaves is the blob that
// was judged.
#pragma once

#include <string>

#include "proxy/net/http.h"
#include "proxy/packages/packages.h"
#include "proxy/runtime/audit_writer.h"

namespace npmgate {

class TarballService {
 public:
  TarballService(Dependencies deps, Packages& packages, AuditWriter& audit_writer)
      : deps_(deps), packages_(packages), audit_writer_(audit_writer) {}

  // GET /name/-/file.tgz. 200 with the blob, 403 with the verdict's sentence, 404, or 503 where it
  // could not be judged in time.
  Task<Response> get(PackageName name, std::string version, std::string file,
                     const Request& request);

 private:
  struct Ruling {  // what judging said, in values that outlive the Judge
    Ruling() {}
    bool known = false, inspected = false, recheck = false, served = false, pinned = false,
         upstream_replaced = false;
    std::string content_id, sentence, raw_manifest, policy_hash, action;
    // Served under monitor mode or break-glass: what would have happened, by which rule, and what
    // let it through. Empty otherwise.
    std::string would, would_rule, despite;
  };
  static void note_despite(const Verdict& verdict, Ruling& ruling);
  void record_override(const Ruling& ruling, AuditEntry& audit);
  Task<Result<Ruling>> rule(SnapshotPtr snapshot, std::string version);
  // Pins what was ruled on. Where other content was accepted first (by a request beside this one),
  // `ruling` becomes the one on that, and a refusal where that cannot be served.
  Task<Result<SnapshotPtr>> accept(SnapshotPtr snapshot, std::string version, Ruling& ruling);
  Task<Response> send(SnapshotPtr snapshot, std::string version, const Ruling& ruling,
                      const Request& request);
  Task<Result<std::shared_ptr<const BlobStore::Handle>>> open(SnapshotPtr snapshot,
                                                              std::string version,
                                                              std::string sha512);
  Task<Response> pass_through(SnapshotPtr snapshot, std::string version, const Request& request);
  Response refuse(const PackageSnapshot& snapshot, const std::string& version, const Ruling& ruling,
                  const Request& request);

  Dependencies deps_;
  Packages& packages_;
  AuditWriter& audit_writer_;
};

}  // namespace npmgate
