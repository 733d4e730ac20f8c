#include "proxy/packages/inspector.h"

namespace npmgate {

Task<Result<Inspected>> InProcessInspector::read(InspectionJob job) {
  auto work = [job = std::move(job)]() -> Result<Inspected> {
    Inspected inspected;
    inspected.contents = read_contents(job.tarball, job.stated, job.limits);
    return inspected;
  };
  co_return co_await pool_.offload(std::move(work));
}

}  // namespace npmgate
