// All advisories of the loaded feeds in memory: rows sorted by package name over one text, some
// hundred bytes a row, so that 200,000 of them take tens of MB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "feeds/feed.h"
#include "registry/semver.h"

namespace npmgate {

// One line of an OSV range's timeline (OSV schema, "affected[].ranges[].events").
struct OsvEvent {
  enum class Kind : char { kIntroduced = 'i', kFixed = 'f', kLastAffected = 'l' } kind;
  std::string version;  // "0" of kIntroduced: before everything. A valid semver otherwise
};

// What one advisory says about one package.
struct OsvAffected {
  std::string package, id, summary;
  std::optional<Time> published;
  std::vector<std::string> versions;          // named one by one
  std::vector<std::vector<OsvEvent>> ranges;  // events in any order
};

// Whether a version lies in a range (OSV schema, "Evaluation"): by semver's precedence, build
// metadata does not count.
bool in_range(const std::vector<OsvEvent>& events, const Version& version);

class AdvisoryIndex final : public Feed {
 public:
  AdvisoryIndex() = default;
  bool names(std::string_view package) const override;
  std::vector<PackageHistory::Advisory> find(std::string_view package,
                                             std::string_view version) const override;
  std::size_t rows() const { return rows_.size(); }
  std::size_t bytes() const { return text_.capacity() + rows_.capacity() * sizeof(Row); }

 private:
  friend class AdvisoryIndexBuilder;
  struct Slice {
    std::uint32_t at = 0, size = 0;
  };
  struct Row {
    Slice package, id, summary;
    Slice versions;  // each ends with a line feed
    Slice ranges;    // events as kind and version, one a line; a blank line ends a range
    std::int64_t published = 0;  // milliseconds since 1970; 0 unknown
  };
  std::string_view view(Slice slice) const {
    return std::string_view(text_).substr(slice.at, slice.size);
  }
  std::pair<std::size_t, std::size_t> rows_of(std::string_view package) const;

  std::string text_;
  std::vector<Row> rows_;
};

// Gathers rows and makes the index. False of add(): the text would grow beyond `max_bytes`.
class AdvisoryIndexBuilder {
 public:
  explicit AdvisoryIndexBuilder(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  bool add(const OsvAffected& affected);
  AdvisoryIndex finish() &&;

 private:
  AdvisoryIndex::Slice put(std::string_view text);

  std::size_t max_bytes_;
  AdvisoryIndex index_;
};

}  // namespace npmgate
