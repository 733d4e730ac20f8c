#include "inspect/archive/archive.h"

#include "inspect/archive/gzip_member.h"
#include "inspect/archive/libarchive_check.h"
#include "inspect/archive/path_rules.h"
#include "inspect/archive/tar_verifier.h"

namespace npmgate {

ArchiveResult read_archive(std::span<const std::byte> gzip, const ArchiveLimits& limits) {
  ArchiveResult result;
  InflateResult inflated = inflate_member(gzip, limits);
  result.refusal = std::move(inflated.refusal);
  if (result.refusal) return result;
  result.archive.tar = std::move(inflated.data);

  std::vector<TarEntry> entries;
  result.refusal = verify_tar(result.archive.tar, limits, entries);
  if (!result.refusal) result.refusal = check_paths(entries, result.archive);
  if (!result.refusal) result.refusal = compare_with_libarchive(result.archive.tar, entries);
  if (result.refusal) result.archive = Archive{};
  return result;
}

}  // namespace npmgate
