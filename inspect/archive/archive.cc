#include "inspect/archive/archive.h"

#include "inspect/archive/archive_links.h"
#include "inspect/archive/gzip_member.h"
#include "inspect/archive/libarchive_check.h"
#include "inspect/archive/path_rules.h"
#include "inspect/archive/tar_verifier.h"

namespace npmgate {

ArchiveResult read_archive(std::span<const std::byte> gzip, const ArchiveLimits& limits,
                           IsBinary is_binary) {
  ArchiveResult result;
  InflateResult inflated = inflate_member(gzip, limits, is_binary);
  result.refusal = std::move(inflated.refusal);
  if (result.refusal) return result;
  const TarImage& image = inflated.image;

  std::vector<TarEntry> entries;
  result.refusal = verify_tar(image, limits, entries);
  if (!result.refusal) result.refusal = check_paths(entries, result.archive);
  if (!result.refusal) result.refusal = check_links(entries, limits, result.archive);
  if (!result.refusal) result.refusal = check_package_json(result.archive);
  if (!result.refusal) result.refusal = compare_with_libarchive(image, entries);
  result.archive.tar = std::move(inflated.image.data);  // spans into it stay what they are
  if (result.refusal) result.archive = Archive{};
  return result;
}

}  // namespace npmgate
