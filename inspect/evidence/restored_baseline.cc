#include "inspect/evidence/restored_baseline.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "inspect/hooks/package_json.h"

namespace npmgate {
namespace {

bool same_files(const Tree& a, const Tree& b) {
  return std::equal(a.files.begin(), a.files.end(), b.files.begin(), b.files.end(),
                    [](const FileFacts& x, const FileFacts& y) {
                      const bool counts = x.path != "package.json";
                      return x.path == y.path && x.mode == y.mode &&
                             (!counts || x.sha256 == y.sha256);
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
