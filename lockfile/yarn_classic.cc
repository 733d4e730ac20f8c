// yarn.lock of yarn 1: its own format. A line of patterns that ends in a colon opens an entry, two
// blanks before "key value" are its fields, four those of a list inside it.
#include <set>

#include "base/digest.h"
#include "base/log.h"
#include "lockfile/builder.h"
#include "registry/json_scan.h"

namespace npmgate {
namespace {

struct Field {
  std::string key, value;
  int line = 0;
  bool opens = false;  // "dependencies:"
};

struct Block {
  std::vector<std::string> patterns;
  std::string version, resolved, integrity;
  int line = 0, resolved_line = 0;
  std::vector<std::pair<std::string, bool>> wanted;  // "name@range", optional
};

// Takes one word off the front: quoted like JSON or up to a blank, comma or final colon.
std::optional<std::string> take_word(std::string_view& text) {
  if (text.starts_with('"')) {
    std::size_t end = 1;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    if (end >= text.size()) return std::nullopt;
    auto word = json::decode_string(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    return word;
  }
  std::size_t end = text.find_first_of(" ,\"");
  end = std::min(end, text.size());
  if (end == text.size() && text.ends_with(':')) --end;
  if (end == 0) return std::nullopt;
  std::string word(text.substr(0, end));
  text.remove_prefix(end);
  return word;
}

std::optional<std::vector<std::string>> read_patterns(std::string_view text) {
  std::vector<std::string> patterns;
  while (true) {
    auto word = take_word(text);
    if (!word) return std::nullopt;
    patterns.push_back(std::move(*word));
    if (text == ":") return patterns;
    if (!text.starts_with(", ")) return std::nullopt;
    text.remove_prefix(2);
  }
}

std::optional<Field> read_field(std::string_view text) {
  Field field;
  auto key = take_word(text);
  if (!key) return std::nullopt;
  field.key = std::move(*key);
  if (text == ":") {
    field.opens = true;
    return field;
  }
  if (!text.starts_with(' ')) return std::nullopt;
  text.remove_prefix(1);
  auto value = take_word(text);
  if (!value || !text.empty()) return std::nullopt;
  field.value = std::move(*value);
  return field;
}

class YarnReader {
 public:
  YarnReader(std::string_view text, LockBuilder& builder) : text_(text), builder_(builder) {}

  std::vector<Block> blocks() {
    for (int number = 1; !text_.empty() && !builder_.full(); ++number) {
      const std::size_t end = std::min(text_.find('\n'), text_.size());
      std::string_view line = text_.substr(0, end);
      text_.remove_prefix(std::min(end + 1, text_.size()));
      while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
      if (line.empty() || line.front() == '#') continue;
      if (!read_line(line, number))
        builder_.problem(number, line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>")
                                     ? "a merge conflict; resolve it first"
                                     : "not yarn.lock: '" + log::printable(line, 60) + "'");
    }
    return std::move(blocks_);
  }

 private:
  bool read_line(std::string_view line, int number) {
    const std::size_t indent = line.find_first_not_of(' ');
    line.remove_prefix(indent);
    if (indent == 0) {
      auto patterns = read_patterns(line);
      if (!patterns) return false;
      blocks_.push_back({std::move(*patterns), "", "", "", number, 0, {}});
      list_.clear();
      return true;
    }
    auto field = read_field(line);
    if (!field || blocks_.empty()) return false;
    field->line = number;
    if (indent == 2) return read_entry_field(*field);
    return indent == 4 && read_list_field(*field);
  }

  bool read_entry_field(const Field& field) {
    Block& block = blocks_.back();
    list_ = field.opens ? field.key : "";
    if (field.opens) return true;
    const auto set = [&](std::string& to) {
      if (!to.empty()) builder_.problem(field.line, "a second " + field.key);
      to = field.value;
    };
    if (field.key == "version") set(block.version);
    if (field.key == "resolved") {
      set(block.resolved);
      block.resolved_line = field.line;
    }
    if (field.key == "integrity") set(block.integrity);
    return true;
  }

  bool read_list_field(const Field& field) {
    if (field.opens || list_.empty()) return false;
    if (list_ == "dependencies" || list_ == "optionalDependencies")
      blocks_.back().wanted.emplace_back(field.key + "@" + field.value,
                                         list_ == "optionalDependencies");
    return true;
  }

  std::string_view text_;
  LockBuilder& builder_;
  std::vector<Block> blocks_;
  std::string list_;  // the open list of the entry
};

// What the patterns ask for: one real package, whatever it is installed as.
void note_patterns(LockEntry& entry, const Block& block, LockBuilder& builder) {
  std::set<std::string> names;
  for (const std::string& pattern : block.patterns) {
    auto [name, range] = split_at(pattern);
    if (range.starts_with("npm:")) {
      entry.alias = name;
      names.insert(split_at(range.substr(4)).first);
    } else {
      names.insert(name);
      const LockSource source = source_of(range);
      if (source != LockSource::kRegistry) {
        entry.source = source;
        entry.spec = range;
      }
    }
  }
  if (names.size() > 1)
    builder.problem(block.line, "one entry for several packages: " + *names.begin() + " and " +
                                    *names.rbegin());
  entry.name = *names.begin();
}

void note_resolved(LockEntry& entry, const Block& block, const LockBuilder& builder) {
  if (block.resolved.empty()) return;
  const LockSource source = source_of(block.resolved.substr(0, block.resolved.find('#')));
  const bool url = block.resolved.starts_with("http://") || block.resolved.starts_with("https://");
  if (source == LockSource::kGit || !url) {
    entry.source = source == LockSource::kRegistry ? LockSource::kFile : source;
    entry.spec = block.resolved;
    return;
  }
  builder.resolved_from_line(entry, block.resolved, block.resolved_line, 1);
  if (entry.source == LockSource::kRegistry &&
      !names_release(entry.resolved, entry.name, block.version)) {
    entry.source = LockSource::kRemote;
    entry.spec = entry.resolved;
  }
}

void add_block(const Block& block, LockBuilder& builder) {
  LockEntry entry;
  entry.id = block.patterns.front();
  entry.line = block.line;
  entry.version = block.version;
  entry.integrity = block.integrity;
  note_patterns(entry, block, builder);
  note_resolved(entry, block, builder);
  // Without integrity the fragment of `resolved` is the SHA-1.
  const std::size_t hash = block.resolved.find('#');
  if (const auto sha1 = hash == std::string::npos || block.resolved.size() - hash != 41
                            ? std::nullopt
                            : hex_decode(block.resolved.substr(hash + 1));
      sha1 && entry.integrity.empty())
    entry.integrity = "sha1-" + base64_encode(*sha1);
  const auto index = builder.add(std::move(entry));
  if (!index) return;
  for (const std::string& pattern : block.patterns)
    builder.also_known_as(pattern, *index, block.line);
}

}  // namespace

void read_yarn_classic(std::string_view text, LockBuilder& builder) {
  const std::vector<Block> blocks = YarnReader(text, builder).blocks();
  for (const Block& block : blocks) add_block(block, builder);
  for (const Block& block : blocks) {
    const auto from = builder.find(block.patterns.front());
    if (!from) continue;
    for (const auto& [wanted, optional] : block.wanted) {
      if (const auto to = builder.find(wanted)) builder.connect(*from, *to, optional);
    }
  }
}

}  // namespace npmgate
