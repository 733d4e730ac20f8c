#include "registry/packument.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "registry/extract.h"
#include "registry/json_check.h"
#include "registry/json_scan.h"

namespace npmgate {
namespace {

using json::Element;

// Bounds on what becomes objects in memory, far above real documents: a version is about 1.5 KB
// even if it is refused.
constexpr std::size_t kMaxVersions = 200'000;
constexpr std::size_t kMaxTopLevelMembers = 10'000;
constexpr std::size_t kMaxTags = 10'000;
// Of one extra or of `time`; the parser needs about ten times as much.
constexpr std::size_t kMaxPartBytes = std::size_t{32} << 20;

// Members that the gate writes itself, or that belong to one registry's database.
constexpr std::array<std::string_view, 8> kOwnMembers = {
    "_attachments", "_id", "_rev", "dist-tags", "modified", "name", "time", "versions"};

Error malformed(std::string context) {
  return fail(Code::kMalformed, Origin::kUpstream, "packument: " + std::move(context));
}

std::string duplicate_context(std::string_view key) {
  return "the member " + std::string(key) + " is there twice";
}

// Published version numbers (npm cleans them when publishing) have no other bytes; paths and log
// lines are made of them.
bool is_plain_version(std::string_view text) {
  return !text.empty() && text.size() <= 256 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '+';
  });
}

// One member of `versions` before its manifest is read.
struct Entry {
  std::string version;
  std::optional<Version> semver;
  std::string_view raw;
  bool repeated = false;
};

// Versions without semver first, then by precedence; the text decides between equals.
bool entry_less(const Entry& a, const Entry& b) {
  if (a.semver.has_value() != b.semver.has_value()) return !a.semver;
  if (a.semver) {
    const auto order = *a.semver <=> *b.semver;
    if (order != 0) return order < 0;
  }
  return a.version < b.version;
}

// Why a manifest is refused, and whether its text is good enough to be copied all the same.
struct Reading {
  std::optional<JsonRefusal> refusal;
  bool servable = true;
};

Reading unservable(std::string rule, std::string detail) {
  return {JsonRefusal{std::move(rule), std::move(detail)}, false};
}

Reading read_release(json::StrictParser& parser, std::string_view raw, bool padded,
                     Release& release) {
  if (raw.size() > json::kMaxManifestBytes) return unservable("size", "manifest larger than 4 MiB");
  if (!raw.starts_with('{')) return unservable("not-an-object", "the manifest is not an object");
  Element root;
  if (auto refusal = parser.parse(raw, padded, root)) return {std::move(refusal), false};
  Reading reading;
  reading.refusal = parser.check_unambiguous(root);
  // Deep documents stop clients whatever else is in them.
  reading.servable = !reading.refusal || reading.refusal->rule != "depth";
  if (!reading.servable) return reading;
  auto refusal = json::extract_release(root.get_object().value_unsafe(), release);
  if (!reading.refusal) reading.refusal = std::move(refusal);
  return reading;
}

}  // namespace

// Fills one Packument. Structure is found by scanning, content is believed after the strict parser
// saw all of it.
class PackumentReader {
 public:
  PackumentReader(std::string raw, const PackageName& expected)
      : packument_(new Packument(expected)) {  // the constructor is private: no make_shared
    // The padding stays behind the text. Grown in place the string would double its room.
    packument_->raw_.reserve(raw.size() + simdjson::SIMDJSON_PADDING);
    packument_->raw_ = raw;
    packument_->raw_.append(simdjson::SIMDJSON_PADDING, '\0');
    packument_->raw_.resize(raw.size());
  }

  Result<std::shared_ptr<const Packument>> read() {
    if (auto error = find_members()) return *std::move(error);
    if (auto error = check_name()) return *std::move(error);
    if (auto error = read_tags()) return *std::move(error);
    std::vector<Entry> entries;
    if (auto error = find_versions(entries)) return *std::move(error);
    read_versions(std::move(entries));
    read_times();
    if (!versions_seen_ && !unpublished_) return malformed("no versions");
    read_extras();
    return std::shared_ptr<const Packument>(std::move(packument_));
  }

 private:
  struct Part {
    std::string key;
    std::string_view value;
  };

  // The document's top level; keys decoded, in document order.
  std::optional<Error> find_members() {
    std::string_view text = packument_->raw_;
    if (text.starts_with(kUtf8Bom)) text.remove_prefix(kUtf8Bom.size());
    json::MemberScanner scanner(text);
    json::Member member;
    while (scanner.next(member)) {
      auto key = json::decode_string(member.key);
      if (!key || !simdjson::validate_utf8(*key)) return malformed("a member's name is no string");
      if (parts_.size() == kMaxTopLevelMembers) return malformed("too many members");
      parts_.push_back({*std::move(key), member.value});
    }
    if (!scanner.closed()) return malformed("not one JSON object");
    if (!json::trim(text.substr(scanner.end())).empty()) return malformed("text after the object");
    return check_repeated_members();
  }

  std::optional<Error> check_repeated_members() const {
    std::vector<std::string_view> keys;
    for (const Part& part : parts_) keys.push_back(part.key);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) return malformed(duplicate_context(*twice));
    return std::nullopt;
  }

  const Part* part(std::string_view key) const {
    const auto at = std::find_if(parts_.begin(), parts_.end(),
                                 [key](const Part& candidate) { return candidate.key == key; });
    return at == parts_.end() ? nullptr : &*at;
  }

  // The validated value of a top-level member; nullopt if there is none or it is invalid. Lives
  // until the next parse.
  std::optional<Element> parsed_part(std::string_view value, json::Duplicates& duplicates) {
    Element root;
    if (value.size() > kMaxPartBytes || parser_.parse(value, true, root) ||
        parser_.check_tree(root, duplicates)) {
      return std::nullopt;
    }
    return root;
  }

  std::optional<Error> check_name() {
    const Part* name = part("name");
    json::Duplicates none;
    const auto value = name ? parsed_part(name->value, none) : std::nullopt;
    const auto text = value ? json::as_string(*value) : std::nullopt;
    if (!text) return malformed("no name");
    if (*text != packument_->name_.str()) return malformed("of another package");
    return std::nullopt;
  }

  // A document whose tags cannot be read has no meaning to a client: they choose what is installed.
  std::optional<Error> read_tags() {
    const Part* tags = part("dist-tags");
    if (!tags) return std::nullopt;
    json::Duplicates duplicates;
    const auto value = parsed_part(tags->value, duplicates);
    json::Object object;
    if (!value || value->get_object().get(object)) return malformed("dist-tags is not an object");
    if (!duplicates.first.empty()) return malformed(duplicate_context(duplicates.first));
    for (const auto field : object) {
      if (packument_->dist_tags_.size() == kMaxTags) return malformed("too many dist-tags");
      const auto version = json::as_string(field.value);
      if (version) packument_->dist_tags_.emplace(field.key, *version);
    }
    return std::nullopt;
  }

  std::optional<Error> find_versions(std::vector<Entry>& entries) {
    const Part* versions = part("versions");
    if (!versions) return std::nullopt;
    versions_seen_ = true;
    json::MemberScanner scanner(versions->value);
    json::Member member;
    while (scanner.next(member)) {
      auto key = json::decode_string(member.key);
      if (!key || !simdjson::validate_utf8(*key)) return malformed("a version is no string");
      if (entries.size() == kMaxVersions) {
        return fail(Code::kTooLarge, Origin::kUpstream, "packument: too many versions");
      }
      auto semver = is_plain_version(*key) ? Version::parse_loose(*key) : std::nullopt;
      entries.push_back({*std::move(key), std::move(semver), member.value});
    }
    // The scanner that found this value saw it end; only its first byte can be wrong.
    if (!scanner.closed()) return malformed("versions is not an object");
    std::sort(entries.begin(), entries.end(), entry_less);
    return std::nullopt;
  }

  // Equal keys stand side by side after sorting; which of them a client takes is its parser's
  // choice, so none is served.
  static std::vector<Entry> merge_repeated(std::vector<Entry> entries) {
    std::vector<Entry> merged;
    merged.reserve(entries.size());
    for (Entry& entry : entries) {
      if (!merged.empty() && merged.back().version == entry.version) {
        merged.back().repeated = true;
      } else {
        merged.push_back(std::move(entry));
      }
    }
    return merged;
  }

  void read_versions(std::vector<Entry> found) {
    std::vector<Entry> entries = merge_repeated(std::move(found));
    std::size_t largest = 0;
    for (const Entry& entry : entries) largest = std::max(largest, entry.raw.size());
    parser_.reserve(std::min(largest, json::kMaxManifestBytes));
    packument_->versions_.reserve(entries.size());
    for (Entry& entry : entries) {
      PackumentVersion& version = packument_->versions_.emplace_back();
      Reading reading = read_version(entry, version.release);
      version.refusal = std::move(reading.refusal);
      version.servable = reading.servable;
      if (!version.servable) {
        version.release = Release();
        version.release.manifest.name = packument_->name_.str();
        version.release.manifest.version = entry.version;
      }
      version.release.refusal = version.refusal;
      version.raw = entry.raw;
      version.semver = std::move(entry.semver);
      packument_->index_.emplace(entry.version, packument_->versions_.size() - 1);
      version.version = std::move(entry.version);
    }
  }

  Reading read_version(const Entry& entry, Release& release) {
    if (!entry.semver) return unservable("version", "not a semantic version");
    if (entry.repeated) return unservable("duplicate-key", duplicate_context(entry.version));
    Reading reading = read_release(parser_, entry.raw, true, release);
    if (!reading.servable) return reading;
    if (release.manifest.version != entry.version) {
      return unservable("identity", "the manifest is of another version");
    }
    if (release.manifest.name != packument_->name_.str()) {
      return unservable("identity", "the manifest is of another package");
    }
    return reading;
  }

  void read_times() {
    json::Duplicates duplicates;
    if (const Part* modified = part("modified")) {
      const auto value = parsed_part(modified->value, duplicates);
      const auto text = value ? json::as_string(*value) : std::nullopt;
      if (text) packument_->modified_ = parse_time(*text);
    }
    const Part* time = part("time");
    const auto value = time ? parsed_part(time->value, duplicates) : std::nullopt;
    json::Object object;
    if (!value || value->get_object().get(object)) return;
    // A version stamped twice has no known time: it then counts as young as we first saw it.
    std::vector<std::string> repeated;
    for (const auto field : object) read_time(field.key, field.value, repeated);
    for (const std::string& version : repeated) packument_->times_.erase(version);
    for (const auto& [version, text] : packument_->times_) {
      packument_->versions_[packument_->index_.find(version)->second].release.published =
          parse_time(text);
    }
  }

  void read_time(std::string_view key, const Element& value, std::vector<std::string>& repeated) {
    if (key == "unpublished") unpublished_ = true;
    const auto text = json::as_string(value);
    if (!text) return;
    if (key == "created") {
      packument_->created_ = std::string(*text);
    } else if (key == "modified") {
      packument_->modified_ = parse_time(*text);
    } else if (const PackumentVersion* version = packument_->find(key);
               version && version->servable) {
      if (!packument_->times_.emplace(key, *text).second) repeated.emplace_back(key);
    }
  }

  void read_extras() {
    for (const Part& part : parts_) {
      if (std::binary_search(kOwnMembers.begin(), kOwnMembers.end(), part.key)) continue;
      json::Duplicates duplicates;
      if (part.key == "__proto__") continue;
      const auto value = parsed_part(part.value, duplicates);
      if (!value || !duplicates.first.empty()) continue;
      if (part.key == "maintainers") packument_->maintainers_ = json::as_persons(*value);
      packument_->extras_.emplace_back(part.key, part.value);
    }
  }

  // Not const-qualified inside: this is the only writer, and it lets go of it in read().
  std::shared_ptr<Packument> packument_;
  json::StrictParser parser_;
  std::vector<Part> parts_;
  bool versions_seen_ = false;
  bool unpublished_ = false;
};

Result<std::shared_ptr<const Packument>> Packument::parse(std::string raw,
                                                          const PackageName& expected,
                                                          std::size_t limit) {
  if (raw.size() > limit) {
    return fail(
        Code::kTooLarge, Origin::kUpstream,
        "packument of " + expected.str() + " is larger than " + std::to_string(limit) + " bytes");
  }
  return PackumentReader(std::move(raw), expected).read();
}

const PackumentVersion* Packument::find(std::string_view version) const {
  const auto at = index_.find(version);
  return at == index_.end() ? nullptr : &versions_[at->second];
}

Result<Release> parse_release(std::string_view raw_manifest) {
  json::StrictParser parser;
  Release release;
  const auto refusal = read_release(parser, json::trim(raw_manifest), false, release).refusal;
  if (refusal) {
    return fail(Code::kMalformed, Origin::kUpstream, refusal->rule + ": " + refusal->detail);
  }
  return release;
}

}  // namespace npmgate
