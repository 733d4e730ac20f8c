#include "feeds/osv.h"

#include <simdjson.h>

#include <algorithm>

#include "base/log.h"

namespace npmgate {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kProblemsKept = 5;

std::string_view text_of(const dom::object& object, std::string_view key) {
  std::string_view text;
  return object[key].get_string().get(text) == simdjson::SUCCESS ? text : std::string_view();
}

template <class Visit>
bool each_text(const dom::object& object, std::string_view key, Visit&& visit) {
  dom::element member;
  if (object[key].get(member) != simdjson::SUCCESS) return true;
  dom::array list;
  if (member.get_array().get(list) != simdjson::SUCCESS) return false;
  for (const dom::element item : list) {
    std::string_view text;
    if (item.get_string().get(text) != simdjson::SUCCESS) return false;
    visit(text);
  }
  return true;
}

bool is_malware(const dom::object& record) {
  bool malware = text_of(record, "id").starts_with("MAL-");
  each_text(record, "aliases",
            [&](std::string_view alias) { malware = malware || alias.starts_with("MAL-"); });
  dom::object specific;
  if (record["database_specific"].get_object().get(specific) == simdjson::SUCCESS) {
    each_text(specific, "cwe_ids",
              [&](std::string_view cwe) { malware = malware || cwe == "CWE-506"; });
  }
  return malware;
}

// False if a part could not be read; the others are in `out`.
bool read_events(const dom::object& range, std::vector<OsvEvent>& out) {
  struct Key {
    const char* name;
    OsvEvent::Kind kind;
  };
  // "limit" ends a range like "fixed" does if versions have one order.
  static constexpr Key kKeys[] = {{"introduced", OsvEvent::Kind::kIntroduced},
                                  {"fixed", OsvEvent::Kind::kFixed},
                                  {"limit", OsvEvent::Kind::kFixed},
                                  {"last_affected", OsvEvent::Kind::kLastAffected}};
  dom::array events;
  if (range["events"].get_array().get(events) != simdjson::SUCCESS) return false;
  for (const dom::element item : events) {
    dom::object event;
    if (item.get_object().get(event) != simdjson::SUCCESS) return false;
    for (const Key& key : kKeys) {
      const std::string_view version = text_of(event, key.name);
      if (version.empty() || (version == "*" && key.name == std::string_view("limit"))) continue;
      const bool everything = version == "0" && key.kind == OsvEvent::Kind::kIntroduced;
      if (!everything && !Version::parse_loose(version)) return false;
      out.push_back({key.kind, std::string(version)});
    }
  }
  return std::any_of(out.begin(), out.end(), [](const OsvEvent& event) {
    return event.kind == OsvEvent::Kind::kIntroduced;
  });
}

// A version that could not stand in a packument names nothing; a line feed would break the row.
bool is_version_text(std::string_view text) {
  return !text.empty() && text.size() <= 256 && text.find('\n') == std::string_view::npos;
}

bool read_affected(const dom::object& affected, OsvAffected& out) {
  bool good = each_text(affected, "versions", [&](std::string_view version) {
    if (is_version_text(version)) out.versions.emplace_back(version);
  });
  dom::array ranges;
  if (affected["ranges"].get_array().get(ranges) != simdjson::SUCCESS) return good;
  for (const dom::element item : ranges) {
    dom::object range;
    if (item.get_object().get(range) != simdjson::SUCCESS) return false;
    // npm's ecosystem is ordered by semver; GIT ranges name commits.
    const std::string_view type = text_of(range, "type");
    if (type != "SEMVER" && type != "ECOSYSTEM") continue;
    std::vector<OsvEvent> events;
    if (read_events(range, events)) {
      out.ranges.push_back(std::move(events));
    } else {
      good = false;
    }
  }
  return good;
}

}  // namespace

struct OsvReader::Parts {
  AdvisoryIndexBuilder& index;
  FeedCounts& counts;
  dom::parser parser{};

  Result<void> record(const dom::object& record, std::string_view source, OsvReader& reader);
};

OsvReader::OsvReader(AdvisoryIndexBuilder& index, FeedCounts& counts)
    : parts_(new Parts{index, counts}) {}
OsvReader::~OsvReader() = default;

void OsvReader::note(std::string_view source, std::string_view problem) {
  ++parts_->counts.unreadable;
  if (parts_->counts.problems.size() >= kProblemsKept) return;
  parts_->counts.problems.push_back(log::printable(source, 200) + ": " + std::string(problem));
}

Result<void> OsvReader::Parts::record(const dom::object& record, std::string_view source,
                                      OsvReader& reader) {
  ++counts.records;
  const std::string_view id = text_of(record, "id");
  if (id.empty() || id.size() > 200) {
    reader.note(source, "a record without an id");
    return {};
  }
  if (!is_malware(record)) return {};
  if (!text_of(record, "withdrawn").empty()) {
    ++counts.withdrawn;
    return {};
  }
  dom::array list;
  if (record["affected"].get_array().get(list) != simdjson::SUCCESS) {
    reader.note(source, log::printable(id, 60) + " has no list of affected packages");
    return {};
  }
  bool good = true, ours = false;
  for (const dom::element item : list) {
    dom::object affected, package;
    if (item.get_object().get(affected) != simdjson::SUCCESS ||
        affected["package"].get_object().get(package) != simdjson::SUCCESS) {
      good = false;
      continue;
    }
    if (text_of(package, "ecosystem") != "npm") continue;
    OsvAffected row;
    row.package = text_of(package, "name");
    row.id = id;
    row.summary = text_of(record, "summary");
    row.published = parse_time(text_of(record, "published"));
    good = read_affected(affected, row) && good && !row.package.empty();
    if (row.package.empty() || (row.versions.empty() && row.ranges.empty())) continue;
    ours = true;
    if (!index.add(row))
      return fail(Code::kTooLarge, Origin::kDisk, "the feed is larger than the memory it may take");
  }
  counts.malware += ours ? 1 : 0;
  if (!good) reader.note(source, log::printable(id, 60) + " is read in part only");
  return {};
}

Result<void> OsvReader::read(std::string& text, std::string_view source) {
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  dom::element root;
  if (const auto error = parts_->parser.parse(text.data(), text.size(), false).get(root)) {
    ++parts_->counts.records;
    note(source, std::string("not JSON (") + simdjson::error_message(error) + ")");
    return {};
  }
  dom::object record;
  if (root.get_object().get(record) == simdjson::SUCCESS)
    return parts_->record(record, source, *this);
  dom::array list;
  if (root.get_array().get(list) != simdjson::SUCCESS) {
    ++parts_->counts.records;
    note(source, "neither an OSV record nor an array of them");
    return {};
  }
  for (const dom::element item : list) {
    if (item.get_object().get(record) != simdjson::SUCCESS) {
      ++parts_->counts.records;
      note(source, "an array element is no OSV record");
      continue;
    }
    if (auto done = parts_->record(record, source, *this); !done) return done;
  }
  return {};
}

}  // namespace npmgate
