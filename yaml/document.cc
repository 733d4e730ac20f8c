#include "yaml/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

#include "base/log.h"
#include "base/text.h"

namespace npmgate {
namespace {

// Policies nest about 8 deep. yaml-cpp itself gives up near 500, after it built that much stack.
constexpr int kMaxDepth = 32;
// Enough to repair a file by; the rest are mostly echoes of the first.
constexpr std::size_t kMaxProblems = 50;

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Characters that YAML 1.2 (section 5.1) does not let stand in a stream, and encodings that
// yaml-cpp would guess at.
std::optional<Problem> bad_character(std::string_view text, const std::string& file) {
  Position at{file, 1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const CodePoint point = first_code_point(text.substr(i));
    if (!point.valid) return Problem{at, "not UTF-8 text"};
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      return Problem{at, "a control character; write it as an escape in a double-quoted text"};
    }
    i += point.size;
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else {
      ++at.column;
    }
  }
  return std::nullopt;
}

// YAML directives stand before the first content only.
std::optional<Problem> directive(std::string_view text, const std::string& file) {
  int line = 1;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view current = text.substr(0, end);
    if (current.starts_with('%')) {
      return Problem{{file, line, 1}, "YAML directives are not read; remove this line"};
    }
    if (current.find_first_not_of(" \t\r") != std::string_view::npos && !current.starts_with('#')) {
      return std::nullopt;
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    ++line;
  }
  return std::nullopt;
}

// yaml-cpp 0.7 ends a quoted text silently at the end of the file.
bool quote_is_closed(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != '\'') return true;
      ++i;
    }
  }
  return false;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const std::string& file, YamlDocument& out)
      : text_(text), file_(file), out_(out) {}

  bool stopped() const { return stopped_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    stop(position(mark),
         "a second document, or content behind the end of the first; one file is one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (stopped_) return;
    check_anchor(mark, anchor);
    YamlNode node;
    node.at = null_position(mark);
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    if (stopped_) return;
    report(position(mark), "aliases are not read; write the value out, or use lists and include");
    YamlNode node;
    node.at = position(mark);
    add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (stopped_) return;
    check_anchor(mark, anchor);
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.at = position(mark);
    node.scalar = value;
    // yaml-cpp names "!" for quoted and block scalars, "?" for plain ones, and the tag itself if
    // one is written.
    node.quoted = tag == "!";
    const char first = char_at(mark);
    if ((tag != "!" && tag != "?") || first == '!') {
      report(node.at, "tags are not read; remove it");
    } else if (node.quoted && (first == '"' || first == '\'') &&
               !quote_is_closed(text_.substr(offset(mark)))) {
      report(node.at, "this quoted text is never closed");
    }
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

  void syntax(const YAML::Mark& mark, const std::string& message) {
    if (!stopped_) stop(position(mark), "not YAML here: " + log::printable(message, 120));
  }

  Position position(const YAML::Mark& mark) const {
    if (mark.is_null() || mark.pos < 0) return {file_, 1, 1};
    const std::size_t end = offset(mark);
    const std::size_t begin =
        end - std::min(end, static_cast<std::size_t>(std::max(mark.column, 0)));
    return {file_, mark.line + 1,
            static_cast<int>(code_points(text_.substr(begin, end - begin))) + 1};
  }

 private:
  struct Frame {
    YamlNode node;
    std::optional<YamlNode> key;  // map: read, its value not yet
    std::set<std::string, std::less<>> keys;
  };

  std::size_t offset(const YAML::Mark& mark) const {
    return std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size());
  }
  char char_at(const YAML::Mark& mark) const {
    const std::size_t at = offset(mark);
    return at < text_.size() ? text_[at] : '\0';
  }

  void report(Position at, std::string message) {
    if (out_.problems.size() >= kMaxProblems) {
      stopped_ = true;
      return;
    }
    out_.problems.push_back({std::move(at), std::move(message)});
  }
  void stop(Position at, std::string message) {
    report(std::move(at), std::move(message));
    stopped_ = true;
  }

  void check_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    report(position(mark), "anchors are not read; write the value out, or use lists and include");
  }

  // yaml-cpp hands out the position of whatever comes next if a value is left empty.
  Position null_position(const YAML::Mark& mark) const {
    const std::string_view rest = text_.substr(offset(mark));
    for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
      if (rest.starts_with(word) &&
          rest.substr(word.size()).find_first_not_of(" \t\r\n,]}#") != 0) {
        return position(mark);
      }
    }
    if (stack_.empty()) return position(mark);
    const Frame& top = stack_.back();
    if (top.key) return top.key->at;
    return top.node.at;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    if (stopped_) return;
    check_anchor(mark, anchor);
    if (tag != "?" && !tag.empty()) report(position(mark), "tags are not read; remove it");
    if (static_cast<int>(stack_.size()) >= kMaxDepth) {
      stop(position(mark), "nested deeper than " + std::to_string(kMaxDepth));
      return;
    }
    Frame frame;
    frame.node.kind = kind;
    frame.node.at = position(mark);
    stack_.push_back(std::move(frame));
  }

  void close() {
    if (stopped_ || stack_.empty()) return;
    YamlNode node = std::move(stack_.back().node);
    stack_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (stack_.empty()) {
      out_.root = std::move(node);
      return;
    }
    Frame& top = stack_.back();
    if (top.node.kind == YamlNode::Kind::kSequence) {
      top.node.items.push_back(std::move(node));
    } else if (!top.key) {
      take_key(top, std::move(node));
    } else {
      top.node.members.push_back({std::move(*top.key), std::move(node)});
      top.key.reset();
    }
  }

  void take_key(Frame& top, YamlNode key) {
    if (key.kind != YamlNode::Kind::kScalar) {
      report(key.at, "a key must be a word");
    } else if (key.scalar == "<<" && !key.quoted) {
      report(key.at, "merge keys are not read; write the values out, or use include");
    } else if (!top.keys.insert(key.scalar).second) {
      report(key.at, "duplicate key '" + log::printable(key.scalar, 60) + "'");
    }
    top.key = std::move(key);
  }

  std::string_view text_;
  const std::string& file_;
  YamlDocument& out_;
  std::vector<Frame> stack_;
  int documents_ = 0;
  bool stopped_ = false;
};

void run_parser(std::string_view text, TreeBuilder& builder) {
  std::istringstream in{std::string(text)};
  try {
    YAML::Parser parser(in);
    while (!builder.stopped() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {  // how yaml-cpp says "syntax error"
    builder.syntax(error.mark, error.msg);
  }
}

}  // namespace

std::string Position::str() const {
  return log::printable(file) + ":" + std::to_string(line) + ":" + std::to_string(column);
}

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto it = std::find_if(members.begin(), members.end(),
                               [&](const auto& member) { return member.first.scalar == key; });
  return it == members.end() ? nullptr : &it->second;
}

YamlDocument parse_yaml(std::string_view text, const std::string& file, std::size_t max_bytes) {
  YamlDocument document;
  document.root.at = {file, 1, 1};
  if (text.size() > max_bytes) {
    document.problems.push_back(
        {{file, 1, 1}, "larger than " + std::to_string(max_bytes >> 20) + " MiB"});
    return document;
  }
  if (text.starts_with(kUtf8Bom)) text.remove_prefix(kUtf8Bom.size());
  auto refused = bad_character(text, file);
  if (!refused) refused = directive(text, file);
  if (refused) {
    document.problems.push_back(std::move(*refused));
    return document;
  }
  TreeBuilder builder(text, file, document);
  run_parser(text, builder);
  if (!document.problems.empty()) {
    document.root = YamlNode{};
    document.root.at = {file, 1, 1};
  }
  return document;
}

}  // namespace npmgate
