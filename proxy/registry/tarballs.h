// Tarball answers: no byte of a release leaves before its verdict, and what leaves is the blob that
// was judged.
//
// The life of a request:
//
//   at_once(), kept()  a finished decision with its open file, if it is right          -> respond()
//   snapshot           the package as of now; if the upstream is gone, what is kept of a release
//   that
//                      was accepted once
//   inspect            what was never inspected
//   rule()             judged with values that outlive the Judge; once more after an inspection
//   that
//                      the first ruling asked for
//   refuse()           403 with the sentence, noted in the audit trail
//   accept()           pinned: from here on this content is what the version means; another request
//                      may have pinned other content first, which is ruled on then
//   send(), open()     the blob as it was verified; one that is gone or changed is fetched again
//   respond()          whole, a range, or 304; noted in ledger and audit trail
//
// Kept are only decisions that let a pinned release through and that time alone does not change at
// once; they are right as long as the package's and the rules' revisions are the same.
#pragma once

#include <string>

#include "base/finished_cache.h"
#include "proxy/net/http.h"
#include "proxy/packages/packages.h"
#include "proxy/runtime/audit_writer.h"
#include "store/disk/disk.h"

namespace npmgate {

class TarballService {
 public:
  TarballService(Dependencies deps, Packages& packages, AuditWriter& audit_writer)
      : deps_(deps), packages_(packages), audit_writer_(audit_writer) {}

  // The part of storage.memory that decisions on tarballs with their open files may take, small
  // tarballs themselves among them.
  static std::size_t kept_bytes(const Config& config) { return config.cache_bytes / 16; }

  // The same as get() if the decision is finished, right and nothing is due: on the loop,
  // without waiting for anything.
  std::optional<Response> at_once(const PackageName& name, std::string_view file,
                                  const Request& request);
  // GET /name/-/file.tgz. 200 with the blob, 403 with the verdict's sentence, 404, or 503 if it
  // could not be judged in time.
  Task<Response> get(PackageName name, std::string version, std::string file,
                     const Request& request);

 private:
  struct Ruling {  // what judging said, in values that outlive the Judge
    Ruling() {}
    bool known = false, inspected = false, recheck = false, served = false, pinned = false,
         upstream_replaced = false;
    bool own = false;  // served by an approval for whoever asks, and for nobody else
    std::string content_id, sentence, raw_manifest, policy_hash, action;
    // Served under monitor mode or break-glass: what would have happened, by which rule, and what
    // let it through. Empty otherwise.
    std::string would, would_rule, despite;
    // What it was ruled on, and until when time alone changes nothing.
    std::uint64_t snapshot_revision = 0, rules_revision = 0;
    std::optional<Time> valid_until;
  };
  // A finished decision to serve, with the tarball: right as long as the package's revision and the
  // rules are what they were, as a packument's answer is.
  struct Kept {
    PackageStatePtr state;
    std::string name, version;
    Ruling ruling;
    Time until{};  // judged again from then on
    std::string etag;
    Bytes head;                                     // of 200
    Bytes body;                                     // of a small tarball; else:
    std::shared_ptr<const BlobStore::Handle> blob;  // verified when it was opened
    FileStamp stamp;                                // what it was then
  };
  using KeptPtr = std::shared_ptr<const Kept>;
  struct Opened {
    Opened() {}
    Bytes body;
    std::shared_ptr<const BlobStore::Handle> blob;
    FileStamp stamp;
  };
  static void note_despite(const Verdict& verdict, Ruling& ruling);
  static std::string detail_despite(const Ruling& ruling);
  void record_override(const Kept& kept, const std::string& client);
  Task<Result<Ruling>> rule(SnapshotPtr snapshot, std::string version, Audience audience);
  // Pins what was ruled on. If other content was accepted first (by a request beside this one),
  // `ruling` becomes the one on that, and a refusal if that cannot be served.
  Task<Result<SnapshotPtr>> accept(SnapshotPtr snapshot, std::string version, Ruling& ruling,
                                   Audience audience);
  // The decision, if it is finished and right.
  KeptPtr kept(const PackageName& name, std::string_view file) const;
  Response respond(const Kept& kept, const Request& request);
  void record_served(const Kept& kept, const Request& request);
  Task<Response> send(SnapshotPtr snapshot, std::string version, std::string file,
                      const Ruling& ruling, const Request& request);
  Task<Result<Opened>> open(SnapshotPtr snapshot, std::string version, std::string sha512);
  Task<Response> pass_through(SnapshotPtr snapshot, std::string version, std::string file,
                              const Request& request);
  Response refuse(const PackageSnapshot& snapshot, const std::string& version, const Ruling& ruling,
                  const Request& request);

  Dependencies deps_;
  Packages& packages_;
  AuditWriter& audit_writer_;
  FinishedCache<Kept> kept_;
};

}  // namespace npmgate
