#include "registry/write_document.h"

#include <functional>
#include <set>

#include "registry/json_scan.h"

namespace npmgate {
namespace {

constexpr std::size_t kLongString = std::size_t{64} << 10;
constexpr std::size_t kMaxOutline = std::size_t{32} << 20;
// A string is cut off where no escape or character is cut in two: two \u escapes take 12 bytes.
constexpr std::size_t kClear = 12;

Error unreadable() {
  return fail(Code::kMalformed, Origin::kClient,
              "the body is not a JSON object that can be read in one way only");
}

using Visit = std::function<bool(const std::string& key, std::string_view value)>;

// Visits the members of an object; false if it is broken, has a key twice, or a visit says so.
bool each_member(std::string_view object, const Visit& visit) {
  json::MemberScanner scanner(object);
  json::Member member;
  std::set<std::string> seen;
  while (scanner.next(member)) {
    const auto key = json::decode_string(member.key);
    if (!key || !seen.insert(*key).second || !visit(*key, member.value)) return false;
  }
  return scanner.closed();
}

bool read_string(std::string_view value, std::string& out) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return true;  // not a string
  const auto text = json::decode_string(value.substr(1, value.size() - 2));
  if (text) out = *text;
  return text.has_value();
}

bool read_dist(std::string_view dist, WriteDocument& out) {
  if (!dist.starts_with('{')) return true;
  return each_member(dist, [&](const std::string& key, std::string_view value) {
    std::string url;
    if (key != "tarball") return true;
    if (!read_string(value, url)) return false;
    if (!url.empty()) out.tarballs.push_back(std::move(url));
    return true;
  });
}

bool read_versions(std::string_view versions, WriteDocument& out) {
  if (!versions.starts_with('{')) return true;
  return each_member(versions, [&](const std::string& version, std::string_view manifest) {
    out.versions.push_back(version);
    if (!manifest.starts_with('{')) return true;
    return each_member(manifest, [&](const std::string& key, std::string_view value) {
      return key != "dist" || read_dist(value, out);
    });
  });
}

}  // namespace

Result<WriteDocument> read_write_document(std::string_view body) {
  WriteDocument out;
  const bool read = each_member(body, [&](const std::string& key, std::string_view value) {
    if (key == "name") return read_string(value, out.name);
    if (key == "versions") return read_versions(value, out);
    if (key == "_attachments") {
      json::MemberScanner scanner(value);
      json::Member first;
      out.attachments = value.starts_with('{') && scanner.next(first);
    }
    return true;
  });
  if (read) return out;
  return unreadable();
}

void WriteDocumentReader::keep(char c) {
  if (dropping_) return;
  outline_.push_back(c);
  ++kept_;
}

Result<void> WriteDocumentReader::add(std::string_view piece) {
  for (const char c : piece) {
    if (!in_string_) {
      if (c == '\\') return unreadable();
      outline_.push_back(c);
      in_string_ = c == '"';
      dropping_ = false;
      kept_ = plain_ = 0;
    } else if (escaped_ || c == '\\') {
      escaped_ = !escaped_;
      plain_ = 0;
      keep(c);
    } else if (c == '"') {
      in_string_ = false;
      outline_.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20) return unreadable();
      plain_ = byte < 0x80 ? plain_ + 1 : 0;
      dropping_ = dropping_ || (kept_ >= kLongString && plain_ > kClear);
      keep(c);
    }
  }
  if (outline_.size() <= kMaxOutline) return Result<void>();
  return fail(Code::kTooLarge, Origin::kClient,
              "the document is larger than 32 MiB without its tarballs");
}

}  // namespace npmgate
