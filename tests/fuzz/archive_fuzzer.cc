// gzip, tar and path rules: bytes as they are, or tar blocks whose checksums and gzip frame are put
// right so that mutations reach what stands behind them.
#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "base/gzip.h"
#include "inspect/archive/archive.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kSumAt = 148;
constexpr std::size_t kSumSize = 8;
constexpr std::size_t kMagicAt = 257;

// The checksum of every block that looks like a header.
void mend_checksums(std::string& tar) {
  for (std::size_t at = 0; at + kBlock <= tar.size(); at += kBlock) {
    char* block = tar.data() + at;
    if (std::memcmp(block + kMagicAt, "ustar", 5) != 0) continue;
    std::memset(block + kSumAt, ' ', kSumSize);
    unsigned sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(block[i]);
    std::snprintf(block + kSumAt, kSumSize, "%06o", sum);
    block[kSumAt + 7] = ' ';
  }
}

std::string archive_of(std::string_view input) {
  enum : unsigned { kAsIs, kTar, kMendedTar, kFinishedTar };
  const unsigned form = take_choice(input) % 4;
  if (form == kAsIs) return std::string(input);
  std::string tar(input);
  if (form >= kMendedTar) mend_checksums(tar);
  if (form == kFinishedTar) tar.resize((tar.size() + kBlock - 1) / kBlock * kBlock + 2 * kBlock);
  return gzip_compress(tar);
}

bool sound_path(std::string_view path, std::string_view top) {
  if (!path.starts_with(top) || path.find('\\') != path.npos || path.find('\0') != path.npos) {
    return false;
  }
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    if (segment.empty() || segment == "." || segment == "..") return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

void check_accepted(const Archive& archive) {
  bool package_json = false;
  std::set<std::string> seen;
  for (const ArchiveEntry& entry : archive.entries) {
    NPM_GATE_PROMISE(sound_path(entry.path, archive.top));
    NPM_GATE_PROMISE(seen.insert(entry.path).second || entry.directory);
    package_json =
        package_json || (!entry.directory && entry.path == archive.top + "/package.json");
    if (entry.body.empty()) continue;
    NPM_GATE_PROMISE(!entry.directory);
    NPM_GATE_PROMISE(entry.body.data() >= archive.tar.data());
    NPM_GATE_PROMISE(entry.body.data() + entry.body.size() <=
                     archive.tar.data() + archive.tar.size());
  }
  NPM_GATE_PROMISE(package_json);
}

bool known_rule(std::string_view id) {
  const auto rules = archive_rules();
  return std::any_of(rules.begin(), rules.end(),
                     [&](const ArchiveRule& rule) { return rule.id == id; });
}

}  // namespace

void run(std::string_view input) {
  ArchiveLimits limits;
  limits.max_unpacked = std::uint64_t{4} << 20;
  const std::string archive = archive_of(input);
  const ArchiveResult result = read_archive(std::as_bytes(std::span(archive)), limits);
  if (result.refusal) {
    NPM_GATE_PROMISE(known_rule(result.refusal->rule) && !result.refusal->detail.empty());
    NPM_GATE_PROMISE(result.archive.entries.empty());
    // libarchive reads what the verifier accepts; if it does not, the verifier has a hole.
    NPM_GATE_PROMISE(result.refusal->rule != "walk-differs");
    return;
  }
  check_accepted(result.archive);
}

}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
