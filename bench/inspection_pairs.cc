// What a release and its baseline cost to inspect and compare, pair by pair, in CPU time of one
// thread.
//
//   inspection_pairs LIST
//
// LIST: a line for each pair, the baseline's .tgz and the release's, a blank between. Prints the
// milliseconds of each pair and their median. It compiles against the headers of 2026-11-26
// (25d4034) as well, so that two commits can be compared.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#if __has_include("inspect/evidence/evidence.h")
#include "inspect/evidence/evidence.h"
#include "inspect/findings/findings.h"
#else
#include "inspect/evidence.h"
#include "inspect/findings.h"
#endif

namespace {

using Bytes = std::vector<std::byte>;

Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

npmgate::Evidence inspect(const Bytes& tarball) {
  npmgate::InspectionInput input;
  input.tarball = tarball;
  npmgate::Evidence evidence = npmgate::inspect_tarball(input);
  evidence.release.manifest = evidence.tree.package_json;
  return evidence;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double milliseconds_of(const Bytes& before, const Bytes& now) {
  const double start = cpu_seconds();
  const npmgate::Evidence old_evidence = inspect(before);
  const npmgate::Evidence evidence = inspect(now);
  npmgate::FindingInput input;
  input.release = &evidence.release;
  input.evidence = &evidence;
  input.baseline = &old_evidence.release;
  input.baseline_evidence = &old_evidence;
  (void)npmgate::derive_findings(input).size();
  return (cpu_seconds() - start) * 1000;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: inspection_pairs LIST\n");
    return 2;
  }
  std::ifstream list(argv[1]);
  std::vector<double> all;
  for (std::string before, now; list >> before >> now;) {
    const double cost = milliseconds_of(read_file(before), read_file(now));
    std::printf("%.1f %s\n", cost, now.c_str());
    all.push_back(cost);
  }
  if (all.empty()) return 2;
  std::sort(all.begin(), all.end());
  std::printf("median of %zu pairs: %.1f ms\n", all.size(), all[all.size() / 2]);
  return 0;
}
