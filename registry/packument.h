// A package's document as its upstream sent it: parsed once, kept whole, versions as raw slices
// that can be copied unchanged.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/manifest.h"
#include "registry/name.h"
#include "registry/semver.h"

namespace npmgate {

struct PackumentVersion {
  std::string version;  // the key in `versions`
  std::optional<Version>
      semver;            // loose; nullopt if even that fails (such versions are never served)
  std::string_view raw;  // the manifest's JSON text inside the packument's buffer
  // Why clients read this manifest differently or not at all; the others stay. The same as
  // release.refusal, which is what judging sees.
  std::optional<JsonRefusal> refusal;
  // False: `raw` cannot be copied into a document (no valid JSON, of another release, a key that
  // is there twice, a version that is not one). Never served, whatever a policy says; of `release`
  // only name and version are filled in.
  bool servable = true;
  Release release;
};

// Immutable after parse; share by shared_ptr<const>. Views into it live as long as it does.
class Packument {
 public:
  // Reads and fully validates a full or abbreviated packument. `expected` is the name that was
  // asked for; a document for another name is kMalformed, as is anything that is not one JSON
  // object with an object `versions`. kTooLarge over `limit` bytes. An upstream's "unpublished"
  // stub (no versions) parses to zero versions.
  static Result<std::shared_ptr<const Packument>> parse(std::string raw,
                                                        const PackageName& expected,
                                                        std::size_t limit = std::size_t{256} << 20);

  const PackageName& name() const { return name_; }
  const std::vector<PackumentVersion>& versions() const {
    return versions_;
  }  // highest semver last; non-semver ones first
  const PackumentVersion* find(std::string_view version) const;
  const StringMap& dist_tags() const { return dist_tags_; }
  const std::map<std::string, std::string, std::less<>>& times() const {
    return times_;
  }  // `time` as written, versions only
  std::optional<std::vector<Person>> maintainers() const { return maintainers_; }
  bool has_times() const { return !times_.empty(); }
  std::optional<Time> modified() const { return modified_; }
  const std::optional<std::string>& created() const {
    return created_;
  }  // `time.created` as written
  // Top-level members beside versions, time, dist-tags, name, _id, _rev, _attachments, modified:
  // copied into the full form (readme, maintainers, license, repository, users …). Each validated,
  // in document order, {key, raw JSON value}.
  const std::vector<std::pair<std::string, std::string_view>>& extras() const { return extras_; }
  std::size_t bytes() const { return raw_.size(); }

 private:
  friend class PackumentReader;
  explicit Packument(PackageName name) : name_(std::move(name)) {}
  PackageName name_;
  std::string raw_;  // with simdjson padding
  std::vector<PackumentVersion> versions_;
  std::map<std::string, std::size_t, std::less<>> index_;
  StringMap dist_tags_;
  std::map<std::string, std::string, std::less<>> times_;
  std::optional<std::vector<Person>> maintainers_;
  std::optional<Time> modified_;
  std::optional<std::string> created_;
  std::vector<std::pair<std::string, std::string_view>> extras_;
};

// The parts of one raw version manifest that judgement reads; the refusal rules are
// parse_package_json's, and "no duplicate keys anywhere".
Result<Release> parse_release(std::string_view raw_manifest);

}  // namespace npmgate
