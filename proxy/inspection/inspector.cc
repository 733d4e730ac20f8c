#include "proxy/inspection/inspector.h"

#include "base/mapping.h"

namespace npmgate {

Task<Result<Inspected>> InProcessInspector::read(InspectionJob job) {
  auto work = [job = std::move(job)]() -> Result<Inspected> {
    Inspected inspected;
    inspected.contents = read_contents(job.tarball, job.stated, job.limits);
    return inspected;
  };
  co_return co_await pool_.offload(std::move(work));
}

Task<Result<ContentDiff>> InProcessInspector::compare(DiffJob job) {
  std::function<Result<ContentDiff>()> work = [job = std::move(job)]() -> Result<ContentDiff> {
    if (const auto ready = prepare_line_diff(); !ready) return ready.error();
    const Mapping both(*job.both);
    const auto size = static_cast<std::size_t>(job.request.baseline_size);
    if (size > both.bytes().size())
      return fail(Code::kUnavailable, Origin::kSelf, "the baseline's tarball is not there");
    return content_diff(both.bytes().first(size), both.bytes().subspan(size), job.request.paths,
                        diff_limits(job.limits));
  };
  co_return co_await pool_.offload(std::move(work));
}

Task<Result<SourceComparison>> InProcessInspector::compare_source(SourceJob job) {
  std::function<Result<SourceComparison>()> work =
      [job = std::move(job)]() -> Result<SourceComparison> {
    if (const auto ready = prepare_line_diff(); !ready) return ready.error();
    const Mapping both(*job.both);
    const auto size = static_cast<std::size_t>(job.request.tarball_size);
    if (size > both.bytes().size())
      return fail(Code::kUnavailable, Origin::kSelf, "the tarball is not there");
    return compare_with_source(both.bytes().first(size), both.bytes().subspan(size), job.request,
                               job.limits);
  };
  co_return co_await pool_.offload(std::move(work));
}

}  // namespace npmgate
