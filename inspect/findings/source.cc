// The tarball's files beside those of the commit that it is said to be made from, compared with
// what the baseline's were like: build output never is the source's, and nobody is blamed for it.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

constexpr std::string_view kManifest = "package.json";

// Compared, and about the very bytes that were inspected; null else.
const SourceEvidence* compared_source(const Comparison& sides, const Release& release,
                                      const Evidence* evidence) {
  if (sides.history == nullptr || evidence == nullptr) return nullptr;
  const auto it = sides.history->sources.find(release.manifest.version);
  if (it == sides.history->sources.end() || it->second.state != SourceEvidence::State::kCompared ||
      it->second.sha512 != evidence->tarball_sha512)
    return nullptr;
  return &it->second;
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash + 1);
}

// "d.ts" and "min.js" are made by other hands than "ts" and "js".
std::string_view kind_of(std::string_view path) {
  const std::string_view name = base_name(path);
  const std::size_t last = name.rfind('.');
  if (last == name.npos || last == 0) return name;
  const std::size_t before = name.rfind('.', last - 1);
  if (before == name.npos || before == 0) return name.substr(last + 1);
  const std::string_view middle = name.substr(before + 1, last - before - 1);
  return middle == "d" || middle == "min" ? name.substr(before + 1) : name.substr(last + 1);
}

// What the baseline's files say about files of a kind in a folder.
class Habit {
 public:
  Habit(const Tree& tree, const SourceComparison& found) : tree_(tree), found_(found) {}

  // Whether files like `path`, which the baseline does not have, always were the source's: of its
  // kind in its folder, else any in its folder, else of its kind further up with all below, else
  // all.
  bool matches(std::string_view path) {
    const std::pair key(folder_of(path), kind_of(path));
    const auto known = known_.find(key);
    if (known != known_.end()) return known->second;
    return known_[key] = decide(key.first, key.second);
  }

 private:
  bool decide(std::string_view folder, std::string_view kind) const {
    if (const auto here = all_same(folder, kind, true)) return *here;
    if (const auto here = all_same(folder, {}, true)) return *here;
    for (std::string_view up = folder; !up.empty();) {
      up = folder_of(up.substr(0, up.size() - 1));
      if (const auto below = all_same(up, kind, false)) return *below;
    }
    if (const auto all = all_same({}, kind, false)) return *all;
    return all_same({}, {}, false).value_or(false);
  }

  // nullopt: there are none. `kind` empty: of every kind. `direct`: not in folders below.
  std::optional<bool> all_same(std::string_view folder, std::string_view kind, bool direct) const {
    std::optional<bool> all;
    for (const FileFacts& file : files_below(tree_, folder)) {
      if (file.path == kManifest || (!kind.empty() && kind_of(file.path) != kind) ||
          (direct && folder_of(file.path) != folder))
        continue;
      if (found_.status_of(file.path) != SourceStatus::kSame) return false;
      all = true;
    }
    return all;
  }

  const Tree& tree_;
  const SourceComparison& found_;
  std::map<std::pair<std::string_view, std::string_view>, bool> known_;  // by folder and kind
};

struct Strange {
  std::string path;
  SourceStatus status;
};

std::vector<Strange> strange_files(const Comparison& sides, const SourceComparison& now,
                                   const SourceComparison& was) {
  Habit habit(*sides.before_tree, was);
  std::vector<Strange> out;
  for (const FileFacts& file : sides.tree->files) {
    const SourceStatus status = now.status_of(file.path);
    if (status == SourceStatus::kSame) continue;
    // A package.json with other bytes is looked at by what it says.
    if (file.path == kManifest && status == SourceStatus::kDiffers) continue;
    const bool known = find_file(*sides.before_tree, file.path) != nullptr;
    const bool expected =
        known ? was.status_of(file.path) == SourceStatus::kSame : habit.matches(file.path);
    if (expected) out.push_back({file.path, status});
  }
  return out;
}

std::string_view section_of(std::string_view field) {
  return field.substr(0, field.find('.'));
}

// What package.json says and the source's does not, and did not have from the way of publishing
// before: a tool that rewrites dependencies does so every time, and adds none.
std::vector<std::string> strange_fields(const SourceComparison& now, const SourceComparison& was) {
  const bool unknown = was.status_of(kManifest) != SourceStatus::kSame && !was.manifest_read;
  if (!now.manifest_read || unknown) return {};
  const auto has = [](const std::vector<std::string>& sorted, const std::string& field) {
    return std::binary_search(sorted.begin(), sorted.end(), field);
  };
  std::vector<std::string> out;
  for (const std::string& field : now.manifest_added) {
    if (!has(was.manifest_added, field)) out.push_back(field);
  }
  for (const std::string& field : now.manifest_changed) {
    const bool usual = section_of(field) != "scripts" &&
                       std::any_of(was.manifest_changed.begin(), was.manifest_changed.end(),
                                   [&](const std::string& other) {
                                     return section_of(other) == section_of(field);
                                   });
    if (!usual && !has(was.manifest_changed, field) && !has(was.manifest_added, field))
      out.push_back(field);
  }
  return out;
}

bool is_prose(std::string_view path) {
  const std::string kind = lower_ascii(kind_of(path));
  const std::string name = lower_ascii(base_name(path));
  return kind == "md" || kind == "txt" || kind == "markdown" || name.starts_with("license") ||
         name.starts_with("licence") || name.starts_with("notice");
}

std::string place(const SourceEvidence& source) {
  return source.named_by + " (" + source.commit.substr(0, 12) + ")";
}

std::string sentence(const SourceEvidence& source, const std::vector<Strange>& files,
                     const std::vector<std::string>& fields, const std::string& baseline) {
  const std::size_t more = files.size() + fields.size() - 1;
  const std::string others = more == 0 ? "" : " and " + std::to_string(more) + " more";
  if (!fields.empty())
    return "package.json has " + fields.front() + others + ", which the source at " +
           place(source) + " does not say; in " + baseline + " it did";
  const Strange& first = files.front();
  return first.path + others +
         (first.status == SourceStatus::kDiffers ? " differs from the source at "
                                                 : " is not in the source at ") +
         place(source) + "; in " + baseline + " such files were the source's";
}

}  // namespace

std::vector<Finding> file_not_in_source(const Comparison& sides) {
  if (sides.before == nullptr || sides.tree == nullptr || sides.before_tree == nullptr) return {};
  const SourceEvidence* now = compared_source(sides, sides.release, sides.evidence);
  const SourceEvidence* was = compared_source(sides, *sides.before, sides.before_evidence);
  if (now == nullptr || was == nullptr) return {};
  std::vector<Strange> files = strange_files(sides, now->found, was->found);
  const std::vector<std::string> fields = strange_fields(now->found, was->found);
  if (files.empty() && fields.empty()) return {};
  std::stable_partition(files.begin(), files.end(),
                        [](const Strange& file) { return !is_prose(file.path); });
  const bool prose = fields.empty() && is_prose(files.front().path);
  json::object proof{{"repository", now->repository},
                     {"commit", now->commit},
                     {"named_by", now->named_by},
                     {"directory", now->found.directory},
                     {"baseline", sides.before->manifest.version},
                     {"baseline_commit", was->commit}};
  json::array listed, said;
  for (const Strange& file : files)
    listed.push_back({{"path", file.path},
                      {"is", file.status == SourceStatus::kDiffers ? "differs" : "absent"}});
  for (const std::string& field : fields) said.emplace_back(field);
  put_list(proof, "files", std::move(listed));
  put_list(proof, "package_json", std::move(said));
  return {make("file-not-in-source", prose ? Severity::kLow : Severity::kHigh, "source",
               sentence(*now, files, fields, sides.before->manifest.version), std::move(proof))};
}

}  // namespace npmgate::detect
