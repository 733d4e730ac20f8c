#include "inspect/archive/pax.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.h"
#include "inspect/archive/archive_rules.h"

namespace npmgate {
namespace {

enum class Kind { kPath, kSize, kNumber, kTime, kText, kUnknown };

// The keys that real packages carry or that common tar writers add without changing what is
// extracted. NODETAR.* comes from node-tar before 2.0, which stored whatever its caller had at
// hand; nobody reads it back. bsdtar (macOS) and GNU tar with --xattrs, --acls or --selinux write
// what a file has beside its bytes; package managers ask for none of it.
Kind kind_of(std::string_view key) {
  struct Row {
    std::string_view key;
    Kind kind;
  };
  constexpr Row kRows[] = {
      {"path", Kind::kPath},          {"size", Kind::kSize},
      {"uid", Kind::kNumber},         {"gid", Kind::kNumber},
      {"uname", Kind::kText},         {"gname", Kind::kText},
      {"mtime", Kind::kTime},         {"atime", Kind::kTime},
      {"ctime", Kind::kTime},         {"comment", Kind::kText},
      {"charset", Kind::kText},       {"SCHILY.dev", Kind::kNumber},
      {"SCHILY.ino", Kind::kNumber},  {"SCHILY.nlink", Kind::kNumber},
      {"SCHILY.fflags", Kind::kText}, {"LIBARCHIVE.creationtime", Kind::kTime},
  };
  const auto* row = std::ranges::find(kRows, key, &Row::key);
  if (row != std::end(kRows)) return row->kind;
  constexpr std::string_view kPrefixes[] = {"NODETAR.", "SCHILY.xattr.", "SCHILY.acl.",
                                            "LIBARCHIVE.xattr.", "RHT.security."};
  const auto starts = [key](std::string_view prefix) { return key.starts_with(prefix); };
  return std::ranges::any_of(kPrefixes, starts) ? Kind::kText : Kind::kUnknown;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// At most 15 digits: exact in a double, which is what JavaScript readers make of it.
constexpr std::size_t kMaxDigits = 15;

bool is_number(std::string_view text) {
  return is_digits(text) && text.size() <= kMaxDigits;
}

// -?digits(.digits)?
bool is_time(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return is_number(text);
  return is_number(text.substr(0, dot)) && is_digits(text.substr(dot + 1));
}

bool is_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_value(Kind kind, std::string_view value) {
  switch (kind) {
    case Kind::kSize:
    case Kind::kNumber:
      return is_number(value);
    case Kind::kTime:
      return is_time(value);
    default:
      // Readers that split the header at newlines and readers that follow the lengths must find the
      // same records.
      return is_utf8(value) && value.find('\n') == std::string_view::npos &&
             value.find('\0') == std::string_view::npos;
  }
}

class Parser {
 public:
  Parser(bool global, std::string_view where) : global_(global), where_(where) {}

  // Takes one record off the front of `rest`.
  std::optional<ArchiveRefusal> take(std::string_view& rest) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto digits = static_cast<std::size_t>(end - rest.data());
    if (error != std::errc() || rest.front() == '0' || digits == rest.size() || *end != ' ' ||
        length > rest.size() || length < digits + 2 || rest[length - 1] != '\n') {
      return malformed("a record has a wrong length");
    }
    const std::string_view record = rest.substr(digits + 1, length - digits - 2);
    rest.remove_prefix(length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) return malformed("a record has no '='");
    return use(record.substr(0, equals), record.substr(equals + 1));
  }

  PaxRecords take_records() { return std::move(records_); }

  ArchiveRefusal malformed(std::string_view what) const {
    return refuse("pax-malformed", std::string(what) + " in the pax header " + std::string(where_));
  }

 private:
  std::optional<ArchiveRefusal> use(std::string_view key, std::string_view value) {
    const Kind kind = kind_of(key);
    const std::string what = "key " + quoted(key) + " in the pax header " + std::string(where_);
    if (!is_key(key) || kind == Kind::kUnknown) return refuse("pax-key", what);
    if (global_ && key != "comment") return refuse("pax-global-key", what);
    if (!keys_.insert(key).second) return refuse("pax-duplicate-key", what);
    if (!is_value(kind, value)) return refuse("pax-value", what);
    if (kind == Kind::kPath) records_.path = std::string(value);
    if (kind == Kind::kSize) {
      std::uint64_t size = 0;
      std::from_chars(value.data(), value.data() + value.size(), size);
      records_.size = size;
    }
    return std::nullopt;
  }

  bool global_;
  std::string_view where_;
  std::set<std::string_view> keys_;
  PaxRecords records_;
};

}  // namespace

PaxResult parse_pax(std::string_view body, bool global, std::string_view where) {
  Parser parser(global, where);
  if (body.empty()) return {parser.malformed("no record stands"), {}};
  while (!body.empty()) {
    if (auto refusal = parser.take(body)) return {std::move(refusal), {}};
  }
  return {std::nullopt, parser.take_records()};
}

}  // namespace npmgate
