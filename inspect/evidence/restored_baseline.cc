#include "inspect/evidence/restored_baseline.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "inspect/code/package_json.h"

namespace npmgate {
namespace {

constexpr std::uint32_t kExecutable = 0111;

bool reached(const Tree& tree, const std::string& path) {
  return std::any_of(tree.hooks.begin(), tree.hooks.end(), [&](const HookReach& hook) {
    return std::find(hook.files.begin(), hook.files.end(), path) != hook.files.end();
  });
}

bool is_document(const Tree& tree, const FileFacts& file) {
  const auto plain = file.kind == FileKind::kText || file.kind == FileKind::kOther;
  return file.path.ends_with(".md") && plain && !file.code && (file.mode & kExecutable) == 0 &&
         !reached(tree, file.path);
}

// The files that could run, in order of their paths.
std::vector<const FileFacts*> working_files(const Tree& tree) {
  std::vector<const FileFacts*> files;
  for (const FileFacts& file : tree.files) {
    if (file.path != "package.json" && !is_document(tree, file)) files.push_back(&file);
  }
  return files;
}

bool same_files(const Tree& a, const Tree& b) {
  const auto ours = working_files(a), theirs = working_files(b);
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                    [](const FileFacts* x, const FileFacts* y) {
                      return x->path == y->path && x->sha256 == y->sha256 && x->mode == y->mode;
                    });
}

bool read_whole(const Evidence& evidence) {
  return !evidence.archive_refusal && !evidence.package_json_refusal &&
         evidence.integrity.checked && evidence.integrity.matches && evidence.unavailable.empty() &&
         !evidence.tree.package_json_rest.empty();
}

bool same_statement(const Release& release, const Release& baseline) {
  Manifest manifest = release.manifest;
  manifest.version = baseline.manifest.version;
  manifest.deprecated = baseline.manifest.deprecated;
  return manifest == baseline.manifest;
}

bool by_the_same_hands(const Release& release, const Release& baseline) {
  if (!release.publisher || release.publisher->person.name.empty()) return false;
  if (release.publisher->trusted_publisher) {
    return baseline.publisher &&
           baseline.publisher->trusted_publisher == release.publisher->trusted_publisher;
  }
  const auto& maintainers = baseline.maintainers;
  return maintainers &&
         std::any_of(maintainers->begin(), maintainers->end(), [&](const Person& person) {
           return person.name == release.publisher->person.name;
         });
}

}  // namespace

std::string package_json_rest(std::string_view package_json) {
  auto object = package_json_object(package_json);
  if (!object) return {};
  object->erase("version");
  return sha256_hex(boost::json::serialize(*object));
}

bool restored_baseline(const Release& release, const Evidence& evidence, const Release& baseline,
                       const Evidence& baseline_evidence) {
  return read_whole(evidence) && read_whole(baseline_evidence) &&
         evidence.tree.package_json_rest == baseline_evidence.tree.package_json_rest &&
         same_files(evidence.tree, baseline_evidence.tree) && same_statement(release, baseline) &&
         by_the_same_hands(release, baseline);
}

}  // namespace npmgate
