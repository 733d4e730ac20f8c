#include <algorithm>
#include <unordered_set>

#include "base/log.h"
#include "lockfile/document.h"
#include "registry/json_scan.h"

namespace npmgate {
namespace {

// npm 6 nests two levels per folder of node_modules; real files stay below 30.
constexpr int kMaxDepth = 200;

// One pass over the text; stops at the first mistake. Recursion is bounded by kMaxDepth.
class JsonReader {
 public:
  JsonReader(std::string_view text, const std::string& file, bool relaxed)
      : text_(text), file_(file), relaxed_(relaxed) {}

  DocResult read() {
    DocResult result;
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    const bool good = blanks() && value(result.root, 1) && blanks() && at_end();
    if (!good) result.problems.push_back({{file_, line_, column()}, problem_});
    return result;
  }

 private:
  bool fail(std::string message) {
    if (problem_.empty()) problem_ = std::move(message);
    return false;
  }
  bool unexpected(std::string_view wanted) {
    if (at_ >= text_.size()) return fail("the file ends here; expected " + std::string(wanted));
    return fail("expected " + std::string(wanted) + ", found '" +
                log::printable(text_.substr(at_, 12), 20) + "'");
  }
  bool at_end() { return at_ == text_.size() || unexpected("the end of the file"); }
  int column() const {
    const std::size_t begin = at_ == 0 ? std::string_view::npos : text_.rfind('\n', at_ - 1);
    return static_cast<int>(at_ - (begin == std::string_view::npos ? 0 : begin + 1)) + 1;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++at_;
      } else if (relaxed_ && text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (relaxed_ && text_.substr(at_).starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return fail("a comment that is never closed");
        line_ +=
            static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                        text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
        at_ = end + 2;
      } else {
        return true;
      }
    }
    return true;
  }

  bool value(DocNode& node, int depth) {
    node.begin = at_;
    if (node.key.empty()) node.line = line_;
    bool good = false;
    if (peek() == '{' || peek() == '[') {
      good = depth <= kMaxDepth ? container(node, depth)
                                : fail("nested deeper than " + std::to_string(kMaxDepth));
    } else if (peek() == '"') {
      node.kind = DocNode::Kind::kText;
      good = text(node.text);
    } else {
      good = word(node);
    }
    node.end = at_;
    return good;
  }

  bool container(DocNode& node, int depth) {
    const bool map = text_[at_] == '{';
    const char close = map ? '}' : ']';
    node.kind = map ? DocNode::Kind::kMap : DocNode::Kind::kList;
    ++at_;
    bool comma = true;  // an item may follow
    while (true) {
      if (!blanks()) return false;
      if (peek() == close) {
        if (comma && !node.children.empty() && !relaxed_) return unexpected("a value");
        ++at_;
        return !map || unique_keys(node);
      }
      if (!comma) return unexpected(map ? "',' or '}'" : "',' or ']'");
      node.children.emplace_back();
      if (map && !member_key(node.children.back())) return false;
      if (!value(node.children.back(), depth + 1) || !blanks()) return false;
      comma = peek() == ',';
      if (comma) ++at_;
    }
  }

  bool member_key(DocNode& child) {
    child.line = line_;
    if (peek() != '"') return unexpected("a key in double quotes");
    if (!text(child.key) || !blanks()) return false;
    if (peek() != ':') return unexpected("':'");
    ++at_;
    return blanks();
  }

  bool unique_keys(const DocNode& node) {
    std::unordered_set<std::string_view> seen;
    for (const DocNode& child : node.children) {
      if (seen.insert(child.key).second) continue;
      line_ = child.line;
      return fail("duplicate key '" + log::printable(child.key, 80) +
                  "': readers would disagree about it");
    }
    return true;
  }

  bool text(std::string& out) {
    const std::size_t begin = at_ + 1;
    std::size_t end = begin;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return fail("a text that is never closed");
    auto decoded = json::decode_string(text_.substr(begin, end - begin));
    if (!decoded)
      return fail("a malformed text: control character, unknown escape or half of a pair");
    out = std::move(*decoded);
    at_ = end + 1;
    return true;
  }

  bool word(DocNode& node) {
    const std::size_t end = text_.find_first_of(" \t\r\n,:]}{[\"/", at_);
    const std::string_view found = text_.substr(at_, std::min(end, text_.size()) - at_);
    if (found == "true" || found == "false") {
      node.kind = DocNode::Kind::kBool;
    } else if (is_number(found)) {
      node.kind = DocNode::Kind::kNumber;
    } else if (found != "null") {
      return unexpected("a value");
    }
    node.text = found;
    at_ += found.size();
    return true;
  }

  // The grammar of RFC 8259, section 6.
  static bool is_number(std::string_view text) {
    const auto digits = [&] {
      const std::size_t n = std::min(text.find_first_not_of("0123456789"), text.size());
      text.remove_prefix(n);
      return n > 0;
    };
    if (text.starts_with('-')) text.remove_prefix(1);
    const bool zero = text.starts_with('0');
    const std::size_t size = text.size();
    if (!digits() || (zero && size - text.size() > 1)) return false;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      if (!digits()) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
      text.remove_prefix(1);
      if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
      if (!digits()) return false;
    }
    return text.empty();
  }

  std::string_view text_;
  const std::string& file_;
  bool relaxed_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::string problem_;
};

}  // namespace

DocResult parse_json_document(std::string_view text, const std::string& file, bool relaxed) {
  return JsonReader(text, file, relaxed).read();
}

}  // namespace npmgate
