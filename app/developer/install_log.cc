#include "app/developer/install_log.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "registry/name.h"
#include "registry/semver.h"
#include "registry/target.h"

namespace npmgate {
namespace {

using Words = std::vector<std::string_view>;

// Whether a line ends within a URL: pnpm 12 breaks them behind a dash or a slash.
bool in_url(std::string_view text) {
  const std::size_t blank = text.find_last_of(kBlanks);
  const std::string_view word = text.substr(blank == std::string_view::npos ? 0 : blank + 1);
  return word.find("://") != std::string_view::npos && (word.ends_with('-') || word.ends_with('/'));
}

// Words without colours and without the frames that clients draw around lines.
std::string plain(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {  // ECMA-48, 5.4: CSI
      i += 2;
      while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
      i = std::min(i + 1, text.size());
      continue;
    }
    if (text[i] == '\n' && in_url(out)) {
      i = std::min(text.find_first_not_of(kBlanks, i), text.size());
      continue;
    }
    const CodePoint point = first_code_point(text.substr(i));
    const bool frame = point.valid && point.value >= 0x2500 && point.value <= 0x257F;
    out += frame ? std::string(" ") : std::string(text.substr(i, point.size));
    i += point.size;
  }
  return out;
}

Words words_of(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const std::size_t start = text.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

// Without quotes and the punctuation of a sentence.
std::string_view bare(std::string_view word) {
  return trimmed(word, "\"'`,;:.()");
}

std::optional<WantedRelease> release_in(std::string_view word) {
  word = bare(word);
  const std::size_t at = word.rfind('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  WantedRelease wanted{std::string(word.substr(0, at)), std::string(word.substr(at + 1))};
  if (const std::size_t alias = wanted.name.find("@npm:"); alias != std::string::npos)
    wanted.name = wanted.name.substr(alias + 5);
  if (wanted.spec.starts_with("npm:")) wanted.spec = wanted.spec.substr(4);
  if (!PackageName::parse(wanted.name) || !Range::parse(wanted.spec)) return std::nullopt;
  return wanted;
}

std::optional<WantedRelease> pair_of(std::string_view name, std::string_view spec) {
  WantedRelease wanted{std::string(bare(name)), std::string(bare(spec))};
  if (!PackageName::parse(wanted.name) || !Range::parse(wanted.spec)) return std::nullopt;
  return wanted;
}

// A tarball's URL: https://gate/prefix/@scope/name/-/name-1.0.0.tgz
std::optional<WantedRelease> tarball_in(std::string_view word) {
  word = bare(word);
  const std::size_t dash = word.find("/-/");
  if (dash == std::string_view::npos || !word.ends_with(".tgz") ||
      word.find("://") == std::string_view::npos)
    return std::nullopt;
  std::size_t start = word.rfind('/', dash - 1);
  if (start == std::string_view::npos) return std::nullopt;
  const std::size_t scope = word.rfind('/', start - 1);
  if (scope != std::string_view::npos && word[scope + 1] == '@') start = scope;
  const Target target = parse_target("GET", word.substr(start));
  const auto* tarball = std::get_if<TarballTarget>(&target);
  if (tarball == nullptr || tarball->version.empty()) return std::nullopt;
  return WantedRelease{tarball->name.str(), tarball->version};
}

class LogReader {
 public:
  explicit LogReader(Words words) : words_(std::move(words)) {}

  std::optional<WantedRelease> at(std::size_t i) const {
    // npm, pnpm: No matching version found for NAME@SPEC
    if (is(i, {"matching", "version", "found", "for"})) return release_in(word(i + 4));
    // yarn 1: Couldn't find any versions for "NAME" that matches "SPEC"
    if (is(i, {"any", "versions", "for"}) && is(i + 4, {"that", "matches"}))
      return pair_of(word(i + 3), word(i + 6));
    // bun: No version matching "SPEC" found for specifier "NAME"
    if (is(i, {"No", "version", "matching"}) && is(i + 4, {"found", "for", "specifier"}))
      return pair_of(word(i + 7), word(i + 3));
    // yarn 4: NAME@npm:SPEC: No candidates found
    if (is(i + 1, {"No", "candidates", "found"})) return release_in(word(i));
    // The gate's own sentence, wherever a client prints it.
    if (is(i + 1, {"is", "quarantined"}) || is(i + 1, {"is", "blocked:"}))
      return release_in(word(i));
    return tarball_in(word(i));
  }

 private:
  std::string_view word(std::size_t i) const { return i < words_.size() ? words_[i] : ""; }
  bool is(std::size_t i, std::initializer_list<std::string_view> wanted) const {
    for (const std::string_view each : wanted) {
      if (word(i++) != each) return false;
    }
    return true;
  }
  Words words_;
};

}  // namespace

std::vector<WantedRelease> wanted_in_log(std::string_view text) {
  const std::string shown = plain(text);
  const Words words = words_of(shown);
  const LogReader reader(words);
  std::vector<WantedRelease> found;
  for (std::size_t i = 0; i < words.size() && found.size() < kMaxWanted; ++i) {
    auto wanted = reader.at(i);
    if (wanted && std::find(found.begin(), found.end(), *wanted) == found.end())
      found.push_back(std::move(*wanted));
  }
  return found;
}

}  // namespace npmgate
