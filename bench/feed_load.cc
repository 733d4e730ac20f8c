// feed-load ZIP: seconds to walk an OSV export, to load it, memory that is kept, and the cost of a
// lookup. Driven by feeds.py.
#include <sys/resource.h>

#include <chrono>
#include <iostream>

#include "feeds/feed_files.h"

using namespace npmgate;
using Clock_ = std::chrono::steady_clock;

namespace {

double seconds_since(Clock_::time_point start) {
  return std::chrono::duration<double>(Clock_::now() - start).count();
}

long peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "feed-load ZIP\n";
    return 2;
  }
  const std::string path = argv[1];
  auto start = Clock_::now();
  std::uint64_t bytes = 0;
  const auto walked = read_zip(
      path, {}, [](std::string_view) { return true; },
      [&](std::string_view, std::string& text) -> Result<void> {
        bytes += text.size();
        return {};
      });
  const double walk = seconds_since(start);
  if (!walked) {
    std::cerr << walked.error().context << "\n";
    return 3;
  }
  const long before = peak_mib();
  start = Clock_::now();
  const auto loaded = load_feeds({path}, {});
  const double load = seconds_since(start);
  if (!loaded) {
    std::cerr << loaded.error().context << "\n";
    return 3;
  }
  constexpr int kLookups = 200'000;
  std::size_t found = 0;
  start = Clock_::now();
  for (int i = 0; i < kLookups; ++i)
    found += loaded->index->find("package-" + std::to_string(i), "1.0.0").size();
  const double lookup = seconds_since(start) / kLookups;
  std::cout << "unpacked         " << (bytes >> 20) << " MiB\n"
            << "plain walk       " << walk << " s\n"
            << "load             " << load << " s, " << load / walk << " of the walk\n"
            << "kept             " << (loaded->index->bytes() >> 20) << " MiB for "
            << loaded->index->rows() << " rows\n"
            << "peak             " << peak_mib() << " MiB, " << before << " before loading\n"
            << "lookup           " << lookup * 1e9 << " ns (" << found << " found)\n";
  return 0;
}
