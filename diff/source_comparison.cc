#include "diff/source_comparison.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "diff/line_diff.h"
#include "registry/manifest.h"

namespace npmgate {
namespace {

constexpr std::string_view kManifest = "package.json";
constexpr std::size_t kMaxFieldName = 200;
constexpr std::size_t kMaxRoots = 16;  // folders that are tried for the package's root

struct PackedFile {
  std::string_view path, body;
  std::string id;
};

std::string_view base_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::vector<PackedFile> files_of(const Archive& archive) {
  std::vector<PackedFile> files;
  for (const ArchiveEntry& entry : archive.entries) {
    if (entry.directory || entry.path.size() <= archive.top.size() + 1) continue;
    PackedFile file;
    file.path = std::string_view(entry.path).substr(archive.top.size() + 1);
    file.body = {reinterpret_cast<const char*>(entry.body.data()), entry.body.size()};
    file.id = blob_id(file.body);
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(),
            [](const PackedFile& a, const PackedFile& b) { return a.path < b.path; });
  return files;
}

const PackedFile* find_file(const std::vector<PackedFile>& files, std::string_view path) {
  const auto at = std::find_if(files.begin(), files.end(),
                               [&](const PackedFile& file) { return file.path == path; });
  return at == files.end() ? nullptr : &*at;
}

// As git checks a file in whose lines end as on Windows.
std::string with_unix_lines(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\r' || i + 1 == body.size() || body[i + 1] != '\n') out += body[i];
  }
  return out;
}

bool holds(const PackedFile& file, const std::string& id) {
  return file.id == id ||
         (file.body.find("\r\n") != file.body.npos && blob_id(with_unix_lines(file.body)) == id);
}

// "" or "packages/left/".
std::string folder_of(std::string_view stated) {
  while (stated.starts_with("./")) stated.remove_prefix(2);
  while (stated.starts_with('/')) stated.remove_prefix(1);
  while (stated.ends_with('/')) stated.remove_suffix(1);
  return stated.empty() || stated == "." ? std::string() : std::string(stated) + "/";
}

std::string find_root(const std::vector<PackedFile>& files, const SourceFiles& source,
                      const SourceRequest& request) {
  const std::string stated = folder_of(request.directory);
  if (!stated.empty() && source.contains(stated + std::string(kManifest))) return stated;
  std::vector<std::string> candidates{stated, "",
                                      "packages/" + std::string(base_of(request.name)) + "/"};
  if (const PackedFile* const manifest = find_file(files, kManifest)) {
    for (const auto& [path, id] : source) {
      if (candidates.size() < kMaxRoots && id == manifest->id && base_of(path) == kManifest)
        candidates.push_back(path.substr(0, path.size() - kManifest.size()));
    }
  }
  std::string best = stated;
  std::size_t most = 0;
  for (const std::string& folder : candidates) {
    const auto same = static_cast<std::size_t>(
        std::count_if(files.begin(), files.end(), [&](const PackedFile& file) {
          const auto at = source.find(folder + std::string(file.path));
          return at != source.end() && at->second == file.id;
        }));
    if (same > most) best = folder;
    most = std::max(most, same);
  }
  return best;
}

using Status = std::pair<std::string_view, SourceStatus>;

// Paths of one status, a folder instead of all that is in it where everything in it has that
// status.
void fold(std::span<const Status> files, std::size_t start, SourceStatus wanted,
          std::vector<std::string>& out) {
  for (std::size_t i = 0; i < files.size();) {
    const std::string_view path = files[i].first;
    const std::size_t slash = path.find('/', start);
    if (slash == path.npos) {
      if (files[i].second == wanted) out.emplace_back(path);
      ++i;
      continue;
    }
    const std::string_view folder = path.substr(0, slash + 1);
    std::size_t end = i;
    while (end < files.size() && files[end].first.starts_with(folder)) ++end;
    const auto inside = files.subspan(i, end - i);
    const bool all = std::all_of(inside.begin(), inside.end(),
                                 [&](const Status& each) { return each.second == wanted; });
    if (all) {
      out.emplace_back(folder);
    } else {
      fold(inside, slash + 1, wanted, out);
    }
    i = end;
  }
}

Result<std::vector<std::string>> folded(const std::vector<Status>& files, SourceStatus wanted) {
  std::vector<std::string> out;
  fold(files, 0, wanted, out);
  std::sort(out.begin(), out.end());
  if (out.size() > kMaxSourcePaths)
    return fail(Code::kTooLarge, Origin::kUpstream,
                "more than " + std::to_string(kMaxSourcePaths) + " paths are not the source's");
  return out;
}

Result<SourceComparison> compare_files(const std::vector<PackedFile>& files,
                                       const SourceFiles& source, const SourceRequest& request) {
  const std::string root = find_root(files, source, request);
  std::set<std::pair<std::string_view, std::string_view>> named;  // file name, id
  for (const auto& [path, id] : source) {
    if (path.starts_with(root) || path.find('/') == path.npos) named.emplace(base_of(path), id);
  }
  SourceComparison out;
  out.directory = root.substr(0, root.empty() ? 0 : root.size() - 1);
  std::vector<Status> states;
  for (const PackedFile& file : files) {
    const auto at = source.find(root + std::string(file.path));
    SourceStatus status = SourceStatus::kAbsent;
    if (at != source.end()) {
      status = holds(file, at->second) ? SourceStatus::kSame : SourceStatus::kDiffers;
    } else if (named.contains({base_of(file.path), file.id})) {
      status = SourceStatus::kSame;
    }
    if (status == SourceStatus::kSame) ++out.same;
    if (status == SourceStatus::kDiffers && file.path == kManifest) out.manifest_blob = at->second;
    states.emplace_back(file.path, status);
  }
  auto differs = folded(states, SourceStatus::kDiffers);
  if (!differs) return differs.error();
  auto absent = folded(states, SourceStatus::kAbsent);
  if (!absent) return absent.error();
  out.differs = std::move(*differs);
  out.absent = std::move(*absent);
  return out;
}

// What package managers replace when they publish: "workspace:^", "catalog:", a path.
bool is_placeholder(std::string_view spec) {
  for (const std::string_view scheme : {"workspace:", "catalog:", "link:", "portal:", "file:"}) {
    if (spec.starts_with(scheme)) return true;
  }
  return false;
}

void compare_maps(const std::string& field, const StringMap& source, const StringMap& packed,
                  SourceComparison& out) {
  for (const auto& [name, text] : packed) {
    const auto was = source.find(name);
    std::string shown = field + "." + valid_text(name, kMaxFieldName);
    if (was == source.end()) {
      out.manifest_added.push_back(std::move(shown));
    } else if (was->second != text && !is_placeholder(was->second)) {
      out.manifest_changed.push_back(std::move(shown));
    }
  }
}

Result<SourceComparison> compare_manifests(std::string_view source, std::string_view packed) {
  const ParsedManifest was = parse_package_json(source), now = parse_package_json(packed);
  if (was.refusal || now.refusal)
    return fail(Code::kMalformed, Origin::kUpstream,
                std::string("the package.json of the ") + (was.refusal ? "source" : "tarball") +
                    " is refused (" + (was.refusal ? was : now).refusal->rule + ")");
  SourceComparison out;
  out.manifest_read = true;
  const Manifest &a = was.manifest, &b = now.manifest;
  compare_maps("scripts", a.scripts, b.scripts, out);
  compare_maps("dependencies", a.dependencies, b.dependencies, out);
  compare_maps("optionalDependencies", a.optional_dependencies, b.optional_dependencies, out);
  compare_maps("peerDependencies", a.peer_dependencies, b.peer_dependencies, out);
  for (std::vector<std::string>* list : {&out.manifest_added, &out.manifest_changed}) {
    std::sort(list->begin(), list->end());
    if (list->size() > kMaxSourcePaths) list->resize(kMaxSourcePaths);
  }
  return out;
}

}  // namespace

Result<SourceComparison> compare_with_source(std::span<const std::byte> tarball,
                                             std::span<const std::byte> pack,
                                             const SourceRequest& request,
                                             const ArchiveLimits& archive,
                                             const PackLimits& limits) {
  const auto objects = read_pack(pack, limits);
  if (!objects) return objects.error();
  const ArchiveResult read = read_archive(tarball, archive);
  if (read.refusal)
    return fail(Code::kMalformed, Origin::kUpstream,
                "the tarball is refused (" + read.refusal->rule + ")");
  const std::vector<PackedFile> files = files_of(read.archive);
  if (request.manifest_blob.empty()) {
    const auto source = files_of_commit(*objects, request.commit, limits);
    if (!source) return source.error();
    return compare_files(files, *source, request);
  }
  const auto blob = objects->find(request.manifest_blob);
  const PackedFile* const manifest = find_file(files, kManifest);
  if (blob == objects->end() || blob->second.kind != GitObjectKind::kBlob || manifest == nullptr)
    return fail(Code::kMalformed, Origin::kUpstream, "the source's package.json did not come");
  return compare_manifests(blob->second.body, manifest->body);
}

}  // namespace npmgate
