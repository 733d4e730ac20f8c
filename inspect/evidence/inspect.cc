// From the bytes of one tarball to its evidence.
#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <deque>
#include <iterator>
#include <set>

#include "base/digest.h"
#include "base/text.h"
#include "inspect/archive/path_rules.h"
#include "inspect/code/commands.h"
#include "inspect/code/features.h"
#include "inspect/code/lexer.h"
#include "inspect/evidence/evidence.h"
#include "inspect/evidence/restored_baseline.h"
#include "inspect/hooks/hook_inputs.h"
#include "inspect/hooks/hook_reach.h"
#include "inspect/hooks/package_json.h"
#include "inspect/hooks/reach.h"
#include "inspect/hooks/reading_memo.h"

namespace npmgate {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Known from the download, or computed now.
Digest digest_of(const InspectionInput& input, Algorithm algorithm) {
  for (const Digest& known : input.digests)
    if (known.algorithm == algorithm) return known;
  return digest(algorithm, input.tarball);
}

// Hex digest of a shasum as SRI; text that is no SHA-1 stays as it is and matches nothing, as in
// clients.
IntegrityFact check_shasum(const std::string& shasum, const InspectionInput& input) {
  IntegrityFact fact{
      .checked = true, .matches = false, .algorithm = "sha1", .expected = shasum, .actual = ""};
  const auto actual = digest_of(input, Algorithm::kSha1);
  fact.actual = actual.sri();
  const auto bytes = hex_decode(shasum);
  if (!bytes || bytes->size() != digest_size(Algorithm::kSha1)) return fact;
  const Digest expected{Algorithm::kSha1, *bytes};
  fact.expected = expected.sri();
  fact.matches = expected == actual;
  return fact;
}

// As npm's ssri: the strongest algorithm named decides, any of its digests may match.
IntegrityFact check_integrity(const InspectionInput& input) {
  const Dist& dist = input.release.dist;
  const auto named = strongest(parse_integrity(dist.integrity));
  if (named.empty())
    return dist.shasum.empty() ? IntegrityFact{} : check_shasum(dist.shasum, input);
  const auto algorithm = named.front().algorithm;
  const auto actual = digest_of(input, algorithm);
  const auto match = std::find(named.begin(), named.end(), actual);
  IntegrityFact fact{.checked = true,
                     .matches = match != named.end(),
                     .algorithm = std::string(to_string(algorithm)),
                     .expected = "",
                     .actual = actual.sri()};
  fact.expected = fact.matches ? match->sri() : named.front().sri();
  return fact;
}

std::string_view below_top(std::string_view path, const std::string& top) {
  if (path.starts_with(top)) path.remove_prefix(top.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

// The path's last name as some file system takes it: macOS and Windows do not tell case apart,
// Windows drops dots at the end.
std::string name_key(std::string_view path) {
  return collision_key(path.substr(path.rfind('/') + 1));
}

// "node_modules/a", "node_modules/@s/a", "node_modules/a/node_modules/b": the folder of a bundled
// package's own package.json; "" for any other path.
std::string_view bundled_folder(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == path.npos) return {};
  const auto folder = path.substr(0, slash);
  const std::string lower = lower_ascii(folder);
  std::string_view rest = lower;
  while (rest.starts_with("node_modules/")) {
    rest.remove_prefix(13);
    const auto scope = rest.starts_with('@') ? rest.find('/') : 0;
    if (scope == rest.npos) return {};
    const auto end = rest.find('/', scope + (scope > 0));
    if (end == rest.npos) return name_key(path) == "package.json" ? folder : std::string_view();
    rest.remove_prefix(end + 1);
  }
  return {};
}

constexpr std::string_view kGyp = "binding.gyp";
constexpr std::string_view kShrinkwrap = "npm-shrinkwrap.json";

// Hosts in the `binary` member of a package.json: node-pre-gyp and prebuild-install fetch the built
// addon from there.
std::vector<std::string> binary_hosts(std::string_view package_json) {
  const auto object = package_json_object(package_json);
  const auto* binary = object ? object->if_contains("binary") : nullptr;
  return binary == nullptr ? std::vector<std::string>()
                           : endpoints_in(boost::json::serialize(*binary));
}

bool is_measured(const SourceFile& file) {
  if (file.kind == FileKind::kScript || file.kind == FileKind::kShell) return true;
  // kOther with text is an executable without an ending (classify).
  return file.kind == FileKind::kOther &&
         file.body.substr(0, 8000).find('\0') == std::string_view::npos;
}

// What is neither run nor read as text: its digest is all that is told of it.
bool is_binary(std::string_view path, std::string_view head, std::uint32_t mode) {
  const FileKind kind = classify(path, head, mode);
  return kind == FileKind::kNative ||
         (kind == FileKind::kOther && head.substr(0, 8000).find('\0') != std::string_view::npos);
}

class TreeBuilder {
 public:
  TreeBuilder(const Archive& archive, const Manifest& stated, Contents& contents)
      : archive_(archive), stated_(stated), contents_(contents), tree_(contents.tree) {}

  void build() {
    tree_.top = archive_.top;
    tree_.entries = archive_.entries.size();
    list_files();
    read_manifests();
    const SourceTree sources(std::move(sources_));
    for (std::size_t i = 0; i < tree_.files.size(); ++i)
      if (is_measured(sources.files()[i])) measure(tree_.files[i], sources.files()[i]);
    follow_hooks(sources);
    measure_reached(sources);
    code::read_reached(sources, package_json_, tree_);
    extend_hooks(sources);
  }

 private:
  struct Listed {
    std::string_view path;  // below the top directory
    const ArchiveEntry* entry;
  };

  // What the link leads to, under the link's name. The first `own` of `listed` are the archive's.
  void follow(const ArchiveLink& link, std::size_t own, std::vector<Listed>& listed) {
    const auto name = below_top(link.path, archive_.top);
    const auto target = below_top(link.target, archive_.top);
    tree_.links.push_back({std::string(name), std::string(target)});
    for (std::size_t i = 0; i < own; ++i) {
      const std::string_view path = listed[i].path;
      const bool inside =
          path.starts_with(target) && (path.size() == target.size() || path[target.size()] == '/');
      if (!inside) continue;
      alias_paths_.push_back(std::string(name) + std::string(path.substr(target.size())));
      listed.push_back({alias_paths_.back(), listed[i].entry});
    }
  }

  void list_files() {
    std::vector<Listed> listed;
    for (const auto& entry : archive_.entries)
      if (!entry.directory) listed.push_back({below_top(entry.path, archive_.top), &entry});
    const std::size_t own = listed.size();
    for (const auto& link : archive_.links) follow(link, own, listed);
    tree_.entries += listed.size() - own;
    std::ranges::sort(listed, {}, &Listed::path);
    for (const auto& [path, entry] : listed) {
      const auto body = text_of(entry->body);
      const auto kind = classify(path, body, entry->mode);
      tree_.unpacked_size += entry->size;
      tree_.files.push_back({std::string(path),
                             entry->mode,
                             entry->size,
                             entry->sha256.empty() ? sha256_hex(body) : entry->sha256,
                             kind,
                             std::nullopt,
                             std::nullopt,
                             {}});
      sources_.push_back({path, body, kind});
    }
    for (const auto& file : tree_.files) {
      const std::string name = name_key(file.path);
      if (name == kGyp || name == kShrinkwrap) special_.insert(collision_key(file.path));
    }
    tree_.has_binding_gyp = special_.contains(kGyp);
    tree_.has_shrinkwrap = special_.contains(kShrinkwrap);
  }

  void read_manifests() {
    const auto* own = tree_.find("package.json");
    if (own == nullptr) {
      contents_.package_json_refusal =
          JsonRefusal{"missing", "no package.json in the top directory"};
    } else {
      auto parsed = parse_package_json(sources_[index_of(*own)].body);
      contents_.package_json_refusal = std::move(parsed.refusal);
      if (!contents_.package_json_refusal) {
        tree_.package_json = std::move(parsed.manifest);
        tree_.package_json_rest = package_json_rest(sources_[index_of(*own)].body);
        package_json_ = sources_[index_of(*own)].body;
      }
    }
    for (const auto& source : sources_) {
      const auto folder = bundled_folder(source.path);
      if (folder.empty()) continue;
      auto parsed = parse_package_json(source.body);
      BundledPackage package{.path = std::string(folder),
                             .manifest = {},
                             .has_binding_gyp = false,
                             .refusal = std::move(parsed.refusal)};
      if (!package.refusal) package.manifest = std::move(parsed.manifest);
      package.has_binding_gyp = special_.contains(collision_key(package.path + "/binding.gyp"));
      tree_.bundled.push_back(std::move(package));
    }
  }
  std::size_t index_of(const FileFacts& file) const {
    return static_cast<std::size_t>(&file - tree_.files.data());
  }

  static void measure(FileFacts& facts, const SourceFile& source) {
    facts.code = code::ReadingMemo::of_thread().measure(facts.sha256, source.body,
                                                        syntax_of(source.path, source.body));
  }

  // Hooks of the tarball, then those that only the packument states or states otherwise: which of
  // them a client runs depends on the client (docs/threats.md).
  void follow_hooks(const SourceTree& sources) {
    HookFollower follower(sources, tree_.package_json.scripts, package_json_);
    const auto& inside = tree_.package_json.scripts;
    const auto& stated = stated_.scripts;
    for (const auto* scripts : {&inside, &stated}) {
      for (const auto hook : kInstallHooks) add_hook(follower, *scripts, hook, scripts == &stated);
      for (const auto hook : kPrepareHooks) add_hook(follower, *scripts, hook, scripts == &stated);
    }
    const bool bare = stated_.name.empty();  // a .tgz file without packument
    if (tree_.has_binding_gyp &&
        (builds_implicitly(inside) || (!bare && builds_implicitly(stated))))
      tree_.hooks.push_back(follower.follow_build());
  }
  void add_hook(HookFollower& follower, const StringMap& scripts, std::string_view hook,
                bool from_packument) {
    const auto it = scripts.find(hook);
    if (it == scripts.end()) return;
    if (from_packument) {
      const auto own = tree_.package_json.scripts.find(hook);
      if (own != tree_.package_json.scripts.end() && own->second == it->second) return;
    }
    HookReach reach = follower.follow(std::string(hook), it->second);
    if (parse_command(reach.command, tree_.package_json.scripts).builds_addon) {
      std::vector<std::string> hosts;
      std::ranges::set_union(reach.endpoints, binary_hosts(package_json_),
                             std::back_inserter(hosts));
      reach.endpoints = std::move(hosts);
    }
    tree_.hooks.push_back(std::move(reach));
  }
  // node-gyp runs unless `install` says something else; beside a `preinstall` yarn 1 and 4 alone
  // run it (measured on eight clients; `gypfile: false` stops two of them).
  static bool builds_implicitly(const StringMap& scripts) {
    const auto install = scripts.find("install");
    return install == scripts.end() ||
           install->second.find_first_not_of(" \t\r\n") == std::string::npos;
  }

  // What a hook runs is code, whatever its name.
  void measure_reached(const SourceTree& sources) {
    for (const auto& hook : tree_.hooks) {
      for (const auto& path : hook.files) {
        const auto* found = tree_.find(path);
        if (found == nullptr) continue;
        const auto i = index_of(*found);
        const bool data = found->kind == FileKind::kNative || found->kind == FileKind::kJson;
        if (!found->code && !data) measure(tree_.files[i], sources.files()[i]);
      }
    }
  }

  // What a hook's files load in ways that only the syntax tree shows (workers, programs, import()
  // of a folded name) belongs to it as well.
  void extend_hooks(const SourceTree& sources) {
    for (auto& hook : tree_.hooks) {
      std::set<std::size_t> seen;
      std::vector<std::size_t> open;
      for (const auto& path : hook.files)
        if (const auto* found = tree_.find(path); found != nullptr)
          if (seen.insert(index_of(*found)).second) open.push_back(index_of(*found));
      std::set<std::string, std::less<>> urls(hook.urls.begin(), hook.urls.end());
      while (!open.empty()) {
        const auto file = open.back();
        open.pop_back();
        for (const auto next : tree_.files[file].loads) {
          if (!tree_.files[next].reading || !seen.insert(next).second) continue;
          open.push_back(next);
          hook.files.push_back(tree_.files[next].path);
          merge_urls(plain_code(sources.files()[next].body,
                                syntax_of(tree_.files[next].path, sources.files()[next].body))
                         .text,
                     urls);
        }
      }
      if (urls.size() > hook.urls.size()) hook.urls = bounded(urls);
      const auto added = [&](const std::string& input) {
        return std::find(hook.files.begin(), hook.files.end(), input) != hook.files.end();
      };
      std::erase_if(hook.inputs, added);
    }
  }

  const Archive& archive_;
  const Manifest& stated_;
  Contents& contents_;
  Tree& tree_;
  std::deque<std::string> alias_paths_;  // names that links give; views into it
  std::vector<SourceFile> sources_;
  std::string_view package_json_;               // the accepted one's text; else empty
  std::set<std::string, std::less<>> special_;  // collision keys of files that clients act on
};

void identify_manifest(const InspectionInput& input, Evidence& evidence) {
  if (input.raw_manifest.empty()) return;
  evidence.manifest_sha256 = manifest_identity(input.raw_manifest);
  const auto canonical = canonical_manifest(input.raw_manifest);
  if (!canonical) evidence.unavailable.push_back({"packument-field", canonical.error().context});
}

}  // namespace

Evidence identify_release(const InspectionInput& input) {
  Evidence evidence;
  evidence.release = input.release;
  evidence.gathered = input.now;
  evidence.tarball_size = input.tarball.size();
  evidence.name = input.release.manifest.name;
  evidence.version = input.release.manifest.version;
  identify_manifest(input, evidence);
  if (input.tarball.empty()) {
    evidence.unavailable.push_back({"tarball", "no bytes"});
    return evidence;
  }
  evidence.tarball_sha512 = digest_of(input, Algorithm::kSha512).hex();
  evidence.integrity = check_integrity(input);
  return evidence;
}

bool wants_contents(const Evidence& identified) {
  return identified.tarball_size != 0 && identified.integrity.matches;
}

Contents read_contents(std::span<const std::byte> tarball, const Manifest& stated,
                       const ArchiveLimits& limits) {
  Contents contents;
  const auto result = read_archive(tarball, limits, is_binary);
  contents.archive_refusal = result.refusal;
  if (!result.refusal) TreeBuilder(result.archive, stated, contents).build();
  return contents;
}

Evidence with_contents(Evidence identified, Contents contents) {
  identified.archive_refusal = std::move(contents.archive_refusal);
  identified.package_json_refusal = std::move(contents.package_json_refusal);
  identified.tree = std::move(contents.tree);
  const auto& inside = identified.tree.package_json;
  if (identified.name.empty()) identified.name = inside.name;
  if (identified.version.empty()) identified.version = inside.version;
  return identified;
}

Evidence inspect_tarball(const InspectionInput& input) {
  Evidence evidence = identify_release(input);
  if (!wants_contents(evidence)) return evidence;
  auto contents = read_contents(input.tarball, input.release.manifest, input.limits);
  return with_contents(std::move(evidence), std::move(contents));
}

}  // namespace npmgate
