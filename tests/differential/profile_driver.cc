// Reads archives from standard input, each as a 4-byte little-endian length and its bytes, and
// prints one JSON line for each:
//   {"entries": [["index.js", "<sha256 hex>"], …]}  accepted; files only, without the top directory
//   {"rule": "tar-linkname", "detail": "…"}         refused
// An accepted archive that cannot be installed as a local file says so in a member "package_json":
// the rule that its package.json breaks, or that name or version are none. Drives the strict
// profile for the differential test (run.py), which feeds the same bytes to other readers.
#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <iostream>
#include <optional>
#include <vector>

#include "base/digest.h"
#include "inspect/archive/archive.h"
#include "registry/manifest.h"
#include "registry/name.h"
#include "registry/semver.h"

namespace {

constexpr std::uint32_t kMaxArchive = 256u
                                      << 20;  // a larger frame is a broken pipe, not a test archive

std::optional<std::vector<std::byte>> next_archive(std::istream& in) {
  std::array<unsigned char, 4> head{};
  if (!in.read(reinterpret_cast<char*>(head.data()), head.size())) return std::nullopt;
  const std::uint32_t size = head[0] | head[1] << 8 | head[2] << 16 | std::uint32_t{head[3]} << 24;
  if (size > kMaxArchive) return std::nullopt;
  std::vector<std::byte> data(size);
  if (!in.read(reinterpret_cast<char*>(data.data()), size)) return std::nullopt;
  return data;
}

boost::json::object describe(const npmgate::ArchiveResult& result) {
  if (result.refusal) {
    return {{"rule", result.refusal->rule}, {"detail", result.refusal->detail}};
  }
  // Readers differ in what they make of links; judging tells them apart from what is refused.
  if (!result.archive.links.empty()) {
    return {{"rule", "tar-link"}, {"detail", result.archive.links.front().path}};
  }
  boost::json::object accepted;
  boost::json::array entries;
  for (const npmgate::ArchiveEntry& entry : result.archive.entries) {
    if (entry.directory) continue;
    const std::string path = entry.path.substr(result.archive.top.size() + 1);
    const std::string sha256 = entry.sha256.empty()
                                   ? npmgate::digest(npmgate::Algorithm::kSha256, entry.body).hex()
                                   : entry.sha256;
    entries.push_back({path, sha256});
    if (path != "package.json") continue;
    const auto package_json = npmgate::parse_package_json(
        {reinterpret_cast<const char*>(entry.body.data()), entry.body.size()});
    const npmgate::Manifest& manifest = package_json.manifest;
    if (package_json.refusal) {
      accepted["package_json"] = package_json.refusal->rule;
    } else if (!npmgate::PackageName::parse(manifest.name) ||
               !npmgate::Version::parse(manifest.version)) {
      accepted["package_json"] = "unnamed";
    }
  }
  accepted["entries"] = std::move(entries);
  return accepted;
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  while (const auto archive = next_archive(std::cin)) {
    std::cout << boost::json::serialize(describe(npmgate::read_archive(*archive, {}))) << std::endl;
  }
  return std::cin.eof() ? 0 : 1;
}
