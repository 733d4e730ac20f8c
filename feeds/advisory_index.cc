#include "feeds/advisory_index.h"

#include <algorithm>
#include <tuple>

namespace npmgate {
namespace {

constexpr std::size_t kMaxSummary = 200;  // as much as a finding's message shows

// One event and where it stands among the others: "0" before every version.
struct Point {
  OsvEvent::Kind kind;
  std::optional<Version> version;
};

bool before(const Point& a, const Point& b) {
  if (!a.version || !b.version) return !a.version && b.version;
  if (*a.version != *b.version) return *a.version < *b.version;
  // At one version: what begins where something was fixed goes on; what begins where it is last
  // affected ends there.
  const auto rank = [](OsvEvent::Kind kind) {
    return kind == OsvEvent::Kind::kFixed ? 0 : kind == OsvEvent::Kind::kIntroduced ? 1 : 2;
  };
  return rank(a.kind) < rank(b.kind);
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// A range that begins before everything and never ends.
bool covers_all(const std::vector<OsvEvent>& events) {
  return std::all_of(events.begin(), events.end(), [](const OsvEvent& event) {
    return event.kind == OsvEvent::Kind::kIntroduced && event.version == "0";
  });
}

bool lists(std::string_view versions, std::string_view text,
           const std::optional<Version>& version) {
  while (!versions.empty()) {
    const std::string_view line = take_line(versions);
    if (line == text) return true;
    const auto other = Version::parse_loose(line);
    if (version && other && *other == *version) return true;
  }
  return false;
}

}  // namespace

bool in_range(const std::vector<OsvEvent>& events, const Version& version) {
  std::vector<Point> points;
  for (const OsvEvent& event : events) {
    std::optional<Version> at;
    if (event.version != "0") at = Version::parse_loose(event.version);
    if (!at && event.kind != OsvEvent::Kind::kIntroduced) continue;
    points.push_back({event.kind, std::move(at)});
  }
  std::stable_sort(points.begin(), points.end(), before);
  bool affected = false;
  for (const Point& point : points) {
    if (point.kind == OsvEvent::Kind::kIntroduced) {
      affected = affected || !point.version || version >= *point.version;
    } else if (point.kind == OsvEvent::Kind::kFixed) {
      affected = affected && version < *point.version;
    } else {
      affected = affected && version <= *point.version;
    }
  }
  return affected;
}

std::pair<std::size_t, std::size_t> AdvisoryIndex::rows_of(std::string_view package) const {
  const auto less = [this](const Row& row, std::string_view name) {
    return view(row.package) < name;
  };
  const auto first = std::lower_bound(rows_.begin(), rows_.end(), package, less);
  auto last = first;
  while (last != rows_.end() && view(last->package) == package) ++last;
  return {static_cast<std::size_t>(first - rows_.begin()),
          static_cast<std::size_t>(last - rows_.begin())};
}

bool AdvisoryIndex::names(std::string_view package) const {
  const auto [first, last] = rows_of(package);
  return first != last;
}

std::vector<PackageHistory::Advisory> AdvisoryIndex::find(std::string_view package,
                                                          std::string_view version) const {
  std::vector<PackageHistory::Advisory> found;
  const auto [first, last] = rows_of(package);
  if (first == last) return found;
  const auto parsed = Version::parse_loose(version);
  for (std::size_t i = first; i < last; ++i) {
    const Row& row = rows_[i];
    const bool listed = lists(view(row.versions), version, parsed);
    bool ranged = false, bounded = false;
    std::vector<OsvEvent> events;
    for (std::string_view text = view(row.ranges); parsed && !text.empty();) {
      const std::string_view line = take_line(text);
      if (!line.empty()) {
        events.push_back({static_cast<OsvEvent::Kind>(line[0]), std::string(line.substr(1))});
        continue;
      }
      const bool inside = in_range(events, *parsed);
      ranged = ranged || inside;
      bounded = bounded || (inside && !covers_all(events));
      events.clear();
    }
    if (!listed && !ranged) continue;
    PackageHistory::Advisory advisory;
    advisory.id = view(row.id);
    advisory.summary = view(row.summary);
    if (row.published != 0) advisory.published = Time(Millis(row.published));
    advisory.over_broad = !listed && !bounded && row.versions.size != 0;
    // Several sources may carry the same advisory: the one that says most counts.
    if (!found.empty() && found.back().id == advisory.id) {
      if (found.back().over_broad) found.back() = std::move(advisory);
      continue;
    }
    found.push_back(std::move(advisory));
  }
  return found;
}

AdvisoryIndex::Slice AdvisoryIndexBuilder::put(std::string_view text) {
  const AdvisoryIndex::Slice slice{static_cast<std::uint32_t>(index_.text_.size()),
                                   static_cast<std::uint32_t>(text.size())};
  index_.text_ += text;
  return slice;
}

bool AdvisoryIndexBuilder::add(const OsvAffected& affected) {
  std::string versions, ranges;
  for (const std::string& version : affected.versions) versions += version + "\n";
  for (const auto& events : affected.ranges) {
    for (const OsvEvent& event : events) {
      ranges += static_cast<char>(event.kind);
      ranges += event.version + "\n";
    }
    ranges += "\n";
  }
  const std::string_view summary = std::string_view(affected.summary).substr(0, kMaxSummary);
  const std::size_t grows = affected.package.size() + affected.id.size() + summary.size() +
                            versions.size() + ranges.size();
  if (index_.text_.size() + grows > max_bytes_) return false;
  AdvisoryIndex::Row row;
  row.package = put(affected.package);
  row.id = put(affected.id);
  row.summary = put(summary);
  row.versions = put(versions);
  row.ranges = put(ranges);
  if (affected.published) row.published = affected.published->time_since_epoch().count();
  index_.rows_.push_back(row);
  return true;
}

AdvisoryIndex AdvisoryIndexBuilder::finish() && {
  index_.text_.shrink_to_fit();
  index_.rows_.shrink_to_fit();
  const AdvisoryIndex& index = index_;
  std::sort(index_.rows_.begin(), index_.rows_.end(), [&](const auto& a, const auto& b) {
    return std::tuple(index.view(a.package), index.view(a.id), a.package.at) <
           std::tuple(index.view(b.package), index.view(b.id), b.package.at);
  });
  return std::move(index_);
}

}  // namespace npmgate
