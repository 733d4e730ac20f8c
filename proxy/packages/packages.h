// Packages as the gate knows them: the services about them, each constructed once, in the order in
// which one needs the other.
#pragma once

#include "proxy/packages/release_inspection.h"

namespace npmgate {

// Who needs one of these is given that one; this is for whoever constructs them, and for services
// that answer about packages as a whole.
struct Packages {
  // `collector`: null if outside sources are not asked. All outlive this.
  Packages(const Dependencies& deps, ExternalEvidenceCollector* collector);
  Packages(const Packages&) = delete;
  Packages& operator=(const Packages&) = delete;

  FailureMemory failures;  // of packuments by name, of tarballs by name@version
  ComparisonRetries retries;
  PackageCache cache;
  PackageJudge judging;
  ExternalEvidenceRefresh evidence;
  PackumentFetcher packuments;
  TarballInspection tarballs;
  ReleaseInspection releases;
};

}  // namespace npmgate
