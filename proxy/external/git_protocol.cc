#include "proxy/external/git_protocol.h"

#include <algorithm>
#include <optional>

#include "base/hex.h"
#include "base/text.h"

namespace npmgate {
namespace {

constexpr std::string_view kTags = "refs/tags/";
constexpr std::string_view kPeeled = "^{}";

// gitprotocol-common: four hex digits give the length including themselves; 0000 flush, 0001
// delimiter, 0002 end of response.
struct Packet {
  bool flush = false;
  std::string_view text;  // without the trailing line feed
};

std::optional<Packet> next_packet(std::string_view& body) {
  if (body.size() < 4) return std::nullopt;
  int length = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = hex_digit(body[static_cast<std::size_t>(i)]);
    if (digit < 0) return std::nullopt;
    length = length * 16 + digit;
  }
  if (length < 4) {
    body.remove_prefix(4);
    return Packet{true, {}};
  }
  const auto size = static_cast<std::size_t>(length);
  if (size > body.size()) return std::nullopt;
  std::string_view text = body.substr(4, size - 4);
  body.remove_prefix(size);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return Packet{false, text};
}

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return kHexDigits.find(c) != std::string_view::npos; });
}

std::string packet(std::string_view text) {
  const std::size_t size = text.size() + 4;
  std::string out{kHexDigits[size >> 12 & 15], kHexDigits[size >> 8 & 15],
                  kHexDigits[size >> 4 & 15], kHexDigits[size & 15]};
  return out + std::string(text);
}

Error malformed() {
  return fail(Code::kMalformed, Origin::kUpstream,
              "the git server did not answer in git's protocol");
}

}  // namespace

Result<GitAdvertisement> parse_advertisement(std::string_view body) {
  GitAdvertisement out;
  bool any = false;
  while (!body.empty()) {
    const auto line = next_packet(body);
    if (!line) return malformed();
    any = true;
    if (line->flush || line->text.starts_with("# service=")) continue;
    if (line->text == "version 2") {
      out.v2 = true;
      return out;
    }
    const std::string_view ref = line->text.substr(0, line->text.find('\0'));
    const std::size_t blank = ref.find(' ');
    if (blank == std::string_view::npos || !is_object_id(ref.substr(0, blank))) {
      if (ref.starts_with("version ")) continue;
      return malformed();
    }
    std::string_view name = ref.substr(blank + 1);
    if (!name.starts_with(kTags)) continue;
    name.remove_prefix(kTags.size());
    // "tag^{}" follows "tag" and names the commit that an annotated tag stands for.
    if (name.ends_with(kPeeled)) name.remove_suffix(kPeeled.size());
    out.tags[std::string(name)] = ref.substr(0, blank);
  }
  if (!any) return malformed();
  return out;
}

std::string ls_refs_request(const std::vector<std::string>& tags) {
  std::string body =
      packet("command=ls-refs\n") + packet("agent=npm-gate") + "0001" + packet("peel\n");
  for (const std::string& tag : tags)
    body += packet("ref-prefix " + std::string(kTags) + tag + "\n");
  return body + "0000";
}

Result<GitTags> parse_ls_refs(std::string_view body) {
  GitTags tags;
  while (true) {
    const auto line = next_packet(body);
    if (!line) return malformed();
    if (line->flush) return tags;
    if (line->text.starts_with("ERR "))
      return fail(Code::kUnavailable, Origin::kUpstream,
                  "the git server refused: " + std::string(line->text.substr(4, 200)));
    const std::size_t blank = line->text.find(' ');
    if (blank == std::string_view::npos || !is_object_id(line->text.substr(0, blank)))
      return malformed();
    std::string commit(line->text.substr(0, blank));
    std::string_view rest = line->text.substr(blank + 1);
    const std::string_view name = rest.substr(0, rest.find(' '));
    constexpr std::string_view kMark = " peeled:";
    if (const std::size_t at = rest.find(kMark); at != std::string_view::npos) {
      const std::string_view peeled = rest.substr(at + kMark.size());
      commit = peeled.substr(0, peeled.find(' '));
      if (!is_object_id(commit)) return malformed();
    }
    if (name.starts_with(kTags)) tags[std::string(name.substr(kTags.size()))] = commit;
  }
}

}  // namespace npmgate
