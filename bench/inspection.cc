// How fast tarballs are inspected, beside what anybody pays who only unpacks them: the same files,
// one process, one thread, CPU time, the best of several rounds each.
//
//   inspection_bench FOLDER [ROUNDS] [MAX_MIB]
//
// FOLDER holds .tgz files. Prints CPU seconds, unpacked MB/s and the ratio to libarchive's own
// walk.
#include <archive.h>
#include <archive_entry.h>
#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "inspect/archive/archive.h"
#include "inspect/evidence/evidence.h"
#include "inspect/findings/findings.h"
#include "registry/semver.h"

namespace {

using Bytes = std::vector<std::byte>;

struct Set {
  std::vector<Bytes> tarballs;
  std::vector<std::size_t> unpacked;  // bytes of the tar inside
  std::vector<npmgate::Evidence> evidence;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  // (baseline, release)
  std::size_t packed_bytes = 0, tar_bytes = 0;
};

// Inflated, since ISIZE is not at the end of early packages: zeros follow it there.
std::size_t unpacked_size(const Bytes& tarball) {
  return npmgate::read_archive(tarball, {}).archive.tar.size();
}

npmgate::Evidence inspect(const Bytes& tarball) {
  npmgate::InspectionInput input;
  input.tarball = tarball;
  npmgate::Evidence evidence = npmgate::inspect_tarball(input);
  evidence.release.manifest = evidence.tree.package_json;
  return evidence;
}

// Neighbouring versions of one package, in semver order.
void pair_up(Set& set) {
  std::map<std::string, std::vector<std::pair<npmgate::Version, std::size_t>>> by_name;
  for (std::size_t i = 0; i < set.evidence.size(); ++i) {
    const npmgate::Manifest& manifest = set.evidence[i].release.manifest;
    if (const auto version = npmgate::Version::parse_loose(manifest.version))
      by_name[manifest.name].emplace_back(*version, i);
  }
  for (auto& [name, versions] : by_name) {
    std::sort(versions.begin(), versions.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 1; i < versions.size(); ++i)
      set.pairs.emplace_back(versions[i - 1].second, versions[i].second);
  }
}

Set load(const std::string& folder, std::size_t max_bytes) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".tgz") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  Set set;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    Bytes bytes(data, data + text.size());
    npmgate::Evidence evidence = inspect(bytes);
    if (evidence.archive_refusal) continue;
    const std::size_t unpacked = unpacked_size(bytes);
    if (set.tar_bytes + unpacked > max_bytes) continue;
    set.packed_bytes += bytes.size();
    set.unpacked.push_back(unpacked);
    set.tar_bytes += set.unpacked.back();
    set.tarballs.push_back(std::move(bytes));
    set.evidence.push_back(std::move(evidence));
  }
  pair_up(set);
  return set;
}

std::vector<std::byte> inflate_zlib(const Bytes& tarball, std::size_t size) {
  std::vector<std::byte> out(size);
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(tarball.data()));
  stream.avail_in = static_cast<uInt>(tarball.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return out;
}

std::vector<std::byte> inflate_libdeflate(const Bytes& tarball, std::size_t size) {
  std::vector<std::byte> out(size);
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflater(
      libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  std::size_t got = 0;
  libdeflate_gzip_decompress(inflater.get(), tarball.data(), tarball.size(), out.data(), out.size(),
                             &got);
  return out;
}

// Every entry's bytes looked at once. `raw`: a tar without gzip around it.
std::size_t walk(const std::byte* data, std::size_t size, bool raw) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), &archive_read_free);
  archive_read_support_format_tar(reader.get());
  if (!raw) archive_read_support_filter_gzip(reader.get());
  archive_read_open_memory(reader.get(), data, size);
  archive_entry* entry = nullptr;
  std::size_t total = 0;
  while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    const void* block = nullptr;
    std::size_t length = 0;
    la_int64_t offset = 0;
    while (archive_read_data_block(reader.get(), &block, &length, &offset) == ARCHIVE_OK)
      total += length;
  }
  return total;
}

struct Measured {
  std::string name;
  double seconds = 0;
  std::size_t bytes = 0;
};

// Of this thread: what other programs do on the machine is not measured.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

class Runner {
 public:
  explicit Runner(int rounds) : rounds_(rounds) {}

  void measure(std::string name, std::size_t bytes, const std::function<std::size_t()>& work) {
    double best = 1e9;
    for (int i = 0; i < rounds_; ++i) {
      const double start = cpu_seconds();
      sink_ += work();
      best = std::min(best, cpu_seconds() - start);
    }
    rows_.push_back({std::move(name), best, bytes});
  }
  void print(const std::string& reference) const {
    const auto base = std::find_if(rows_.begin(), rows_.end(),
                                   [&](const Measured& row) { return row.name == reference; });
    const double unit = base->seconds / static_cast<double>(base->bytes);
    std::printf("| work | CPU seconds | unpacked MB/s | time relative to %s |\n",
                reference.c_str());
    std::printf("| --- | --- | --- | --- |\n");
    for (const Measured& row : rows_) {
      const auto bytes = static_cast<double>(row.bytes);
      std::printf("| %s | %.3f | %.0f | %.2f |\n", row.name.c_str(), row.seconds,
                  bytes / row.seconds / 1e6, row.seconds / bytes / unit);
    }
    std::fprintf(stderr, "(checksum of the work: %zu)\n", sink_);
  }

 private:
  int rounds_;
  std::vector<Measured> rows_;
  std::size_t sink_ = 0;
};

// With the baseline: both tarballs inspected, and what changed between them found.
std::size_t compare(const Set& set) {
  std::size_t found = 0;
  for (const auto& [before, now] : set.pairs) {
    const npmgate::Evidence old_evidence = inspect(set.tarballs[before]);
    const npmgate::Evidence evidence = inspect(set.tarballs[now]);
    npmgate::FindingInput input;
    input.release = &evidence.release;
    input.evidence = &evidence;
    input.baseline = &old_evidence.release;
    input.baseline_evidence = &old_evidence;
    found += npmgate::derive_findings(input).size();
  }
  return found;
}

std::size_t findings_only(const Set& set) {
  std::size_t found = 0;
  for (const auto& [before, now] : set.pairs) {
    npmgate::FindingInput input;
    input.release = &set.evidence[now].release;
    input.evidence = &set.evidence[now];
    input.baseline = &set.evidence[before].release;
    input.baseline_evidence = &set.evidence[before];
    found += npmgate::derive_findings(input).size();
  }
  return found;
}

void measure_all(const Set& set, Runner& runner) {
  const auto each = [&set](auto work) {
    return [&set, work] {
      std::size_t total = 0;
      for (std::size_t i = 0; i < set.tarballs.size(); ++i)
        total += work(set.tarballs[i], set.unpacked[i]);
      return total;
    };
  };
  const std::size_t bytes = set.tar_bytes;
  runner.measure("inflate, zlib", bytes, each([](const Bytes& tarball, std::size_t size) {
                   return inflate_zlib(tarball, size).size();
                 }));
  runner.measure("inflate, libdeflate", bytes, each([](const Bytes& tarball, std::size_t size) {
                   return inflate_libdeflate(tarball, size).size();
                 }));
  runner.measure("libarchive, gzip and tar", bytes, each([](const Bytes& tarball, std::size_t) {
                   return walk(tarball.data(), tarball.size(), false);
                 }));
  runner.measure("libdeflate and libarchive's tar walk", bytes,
                 each([](const Bytes& tarball, std::size_t size) {
                   const auto tar = inflate_libdeflate(tarball, size);
                   return walk(tar.data(), tar.size(), true);
                 }));
  runner.measure("the strict profile (read_archive)", bytes,
                 each([](const Bytes& tarball, std::size_t) {
                   return npmgate::read_archive(tarball, {}).archive.entries.size();
                 }));
  runner.measure("inspection", bytes, each([](const Bytes& tarball, std::size_t) {
                   return inspect(tarball).tree.files.size();
                 }));
  std::size_t pair_bytes = 0;
  for (const auto& [before, now] : set.pairs)
    pair_bytes += set.unpacked[before] + set.unpacked[now];
  runner.measure("inspection with baseline: two tarballs, delta, findings", pair_bytes,
                 [&set] { return compare(set); });
  runner.measure("of that: delta and findings", pair_bytes, [&set] { return findings_only(set); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: inspection_bench FOLDER [ROUNDS] [MAX_MIB]\n");
    return 2;
  }
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 3;
  const std::size_t max_mib = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1024;
  const Set set = load(argv[1], max_mib << 20);
  if (set.tarballs.empty()) {
    std::fprintf(stderr, "inspection_bench: no .tgz file in %s\n", argv[1]);
    return 2;
  }
  std::printf(
      "%zu tarballs, %.1f MB packed, %.1f MB unpacked; %zu neighbouring pairs; best of %d\n\n",
      set.tarballs.size(), static_cast<double>(set.packed_bytes) / 1e6,
      static_cast<double>(set.tar_bytes) / 1e6, set.pairs.size(), rounds);
  Runner runner(rounds);
  measure_all(set, runner);
  runner.print("libarchive, gzip and tar");
  return 0;
}
