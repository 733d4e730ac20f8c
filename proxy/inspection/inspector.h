// Who reads hostile bytes: the second half of an inspection (inspect/evidence/evidence.h), in this
// process or in sandboxed workers.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "diff/content_diff.h"
#include "inspect/evidence/evidence.h"
#include "proxy/net/async.h"
#include "sandbox/wire.h"

namespace npmgate {

struct InspectionJob {
  InspectionJob() {}
  Manifest stated;  // the packument's: name and scripts count
  ArchiveLimits limits;
  std::span<const std::byte> tarball;
  std::shared_ptr<const void> owner;  // keeps `tarball` valid
  std::shared_ptr<const Fd> reader;   // the same bytes as a file, open for reading only
};

struct Inspected {
  Inspected() {}
  Contents contents;
  std::string unavailable;  // not "": there are no contents, and why; for evidence-unavailable
};

// Two tarballs to compare for a reviewer.
struct DiffJob {
  DiffJob() {}
  DiffRequest request;
  ArchiveLimits limits;
  std::shared_ptr<const Fd> both;  // the baseline's bytes, then the release's; open for reading
};

// A tarball beside the commit that it is said to be made from.
struct SourceJob {
  SourceJob() {}
  SourceRequest request;
  ArchiveLimits limits;
  std::shared_ptr<const Fd> both;  // the tarball's bytes, then the pack's; open for reading
};

class Inspector {
 public:
  virtual ~Inspector() = default;
  // Whatever is in the tarball gives a value. An error (kUnavailable, retry) means that nothing
  // could be tried: too much work waits, or no worker can be started; it says nothing about the
  // tarball. Thread-safe; resumes the caller on its own executor.
  virtual Task<Result<Inspected>> read(InspectionJob job) = 0;
  // Errors: as above, and kUnavailable without retry with the reason why there is no difference
  // (an archive that is refused, a worker that was late). Thread-safe likewise.
  virtual Task<Result<ContentDiff>> compare(DiffJob job) = 0;
  virtual Task<Result<SourceComparison>> compare_source(SourceJob job) = 0;  // likewise
  // For the log and `npm-gate version`: "seccomp, landlock abi 7", or "off".
  virtual std::string sandbox() const = 0;
};

// On the pool of this process: for tests, tools, and `inspection: { sandbox: false }`.
class InProcessInspector final : public Inspector {
 public:
  explicit InProcessInspector(Pool& pool) : pool_(pool) {}
  Task<Result<Inspected>> read(InspectionJob job) override;
  Task<Result<ContentDiff>> compare(DiffJob job) override;
  Task<Result<SourceComparison>> compare_source(SourceJob job) override;
  std::string sandbox() const override { return "off"; }

 private:
  Pool& pool_;
};

}  // namespace npmgate
