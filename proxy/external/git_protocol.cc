#include "proxy/external/git_protocol.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "base/hex.h"
#include "base/text.h"

namespace npmgate {
namespace {

constexpr std::string_view kTags = "refs/tags/";
constexpr std::string_view kBranches = "refs/heads/";
constexpr std::string_view kPeeled = "^{}";

// gitprotocol-common: four hex digits give the length including themselves; 0000 flush, 0001
// delimiter, 0002 end of response.
struct Packet {
  bool flush = false;
  std::string_view text;  // without the trailing line feed
  std::string_view data;  // with it
  int special = 0;        // of a `flush`: 0 to 3
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
    return Packet{true, {}, {}, length};
  }
  const auto size = static_cast<std::size_t>(length);
  if (size > body.size()) return std::nullopt;
  const std::string_view data = body.substr(4, size - 4);
  body.remove_prefix(size);
  std::string_view text = data;
  if (text.ends_with('\n')) text.remove_suffix(1);
  return Packet{false, text, data};
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

Error refusal(std::string_view words) {
  // upload-pack's own words, "upload-pack: not our ref <id>".
  const bool missing = words.find("not our ref") != words.npos;
  return fail(missing ? Code::kNotFound : Code::kUnavailable, Origin::kUpstream,
              missing ? "the repository does not have the commit any more, or never had it"
                      : "the git server refused: " + std::string(words.substr(0, 200)));
}

// After "version 2": one capability a line, "fetch=shallow wait-for-done filter".
bool offers_filter(std::string_view body) {
  while (const auto line = next_packet(body)) {
    if (line->flush) return false;
    std::string_view words = line->text;
    if (!words.starts_with("fetch=")) continue;
    words.remove_prefix(words.find('=') + 1);
    for (std::size_t end = 0; end != words.npos; words.remove_prefix(end + 1)) {
      end = words.find(' ');
      if (words.substr(0, end) == "filter") return true;
      if (end == words.npos) break;
    }
    return false;
  }
  return false;
}

// Of an answer to ls-refs: name and the commit it stands for, annotated tags peeled.
Result<void> each_ref(std::string_view body,
                      const std::function<void(std::string_view, std::string)>& take) {
  while (true) {
    const auto line = next_packet(body);
    if (!line) return malformed();
    if (line->flush) return {};
    if (line->text.starts_with("ERR ")) return refusal(line->text.substr(4));
    const std::size_t blank = line->text.find(' ');
    if (blank == std::string_view::npos || !is_object_id(line->text.substr(0, blank)))
      return malformed();
    std::string commit(line->text.substr(0, blank));
    const std::string_view rest = line->text.substr(blank + 1);
    constexpr std::string_view kMark = " peeled:";
    if (const std::size_t at = rest.find(kMark); at != std::string_view::npos) {
      const std::string_view peeled = rest.substr(at + kMark.size());
      commit = peeled.substr(0, peeled.find(' '));
      if (!is_object_id(commit)) return malformed();
    }
    take(rest.substr(0, rest.find(' ')), std::move(commit));
  }
}

}  // namespace

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return kHexDigits.find(c) != std::string_view::npos; });
}

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
      out.filter = offers_filter(body);
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
  const auto done = each_ref(body, [&](std::string_view name, std::string commit) {
    if (name.starts_with(kTags)) tags[std::string(name.substr(kTags.size()))] = std::move(commit);
  });
  if (!done) return done.error();
  return tags;
}

std::string ls_branches_request() {
  return packet("command=ls-refs\n") + packet("agent=npm-gate") + "0001" +
         packet("ref-prefix " + std::string(kBranches) + "\n") + "0000";
}

Result<std::vector<std::string>> parse_branches(std::string_view body) {
  std::vector<std::string> tips;
  std::set<std::string, std::less<>> known;
  const auto done = each_ref(body, [&](std::string_view name, std::string commit) {
    if (name.starts_with(kBranches) && known.insert(commit).second)
      tips.push_back(std::move(commit));
  });
  if (!done) return done.error();
  return tips;
}

std::string fetch_request(const std::string& object, Fetched what) {
  std::string body = packet("command=fetch\n") + packet("agent=npm-gate") + "0001" +
                     packet("no-progress\n") + packet("ofs-delta\n");
  if (what == Fetched::kCommitAndTrees) body += packet("deepen 1\n") + packet("filter blob:none\n");
  return body + packet("want " + object + "\n") + packet("done\n") + "0000";
}

std::string unreached_request(const std::vector<std::string>& commits,
                              const std::vector<std::string>& tips) {
  std::string body = packet("command=fetch\n") + packet("agent=npm-gate") + "0001" +
                     packet("no-progress\n") + packet("ofs-delta\n") + packet("filter blob:none\n");
  for (const std::string& commit : commits) body += packet("want " + commit + "\n");
  for (const std::string& tip : tips) body += packet("have " + tip + "\n");
  return body + packet("done\n") + "0000";
}

Result<std::uint32_t> count_objects(std::string_view pack) {
  // gitformat-pack: "PACK", version, number of objects; the last two of four bytes each.
  constexpr std::size_t kHead = 12;
  if (pack.size() < kHead || !pack.starts_with("PACK")) return malformed();
  std::uint32_t count = 0;
  for (const char byte : pack.substr(8, 4)) count = count << 8 | static_cast<std::uint8_t>(byte);
  return count;
}

Result<std::string> parse_fetch(std::string_view body) {
  bool packfile = false;
  std::string pack;
  while (true) {
    const auto line = next_packet(body);
    if (!line) return malformed();
    if (!packfile) {
      if (line->text.starts_with("ERR ")) return refusal(line->text.substr(4));
      // Sections before it ("shallow-info") end with a delimiter; without a packfile there is no
      // answer.
      if (line->flush && line->special != 1) return malformed();
      packfile = line->text == "packfile";
      continue;
    }
    if (line->flush) {
      if (pack.empty()) return malformed();
      return pack;
    }
    if (line->data.empty()) return malformed();
    const char band = line->data.front();
    const std::string_view rest = line->data.substr(1);
    if (band == 1) {
      pack += rest;
    } else if (band == 3) {
      return refusal(rest);
    } else if (band != 2) {
      return malformed();
    }
  }
}

}  // namespace npmgate
