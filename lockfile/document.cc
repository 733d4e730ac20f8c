#include "lockfile/document.h"

#include <algorithm>

namespace npmgate {
namespace {

DocNode converted(YamlNode&& node) {
  DocNode out;
  out.line = node.at.line;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      break;
    case YamlNode::Kind::kScalar:
      out.kind = !node.quoted && (node.scalar == "true" || node.scalar == "false")
                     ? DocNode::Kind::kBool
                     : DocNode::Kind::kText;
      out.text = std::move(node.scalar);
      break;
    case YamlNode::Kind::kSequence:
      out.kind = DocNode::Kind::kList;
      for (YamlNode& item : node.items) out.children.push_back(converted(std::move(item)));
      break;
    case YamlNode::Kind::kMap:
      out.kind = DocNode::Kind::kMap;
      for (auto& [key, value] : node.members) {
        out.children.push_back(converted(std::move(value)));
        out.children.back().key = std::move(key.scalar);
        out.children.back().line = key.at.line;
      }
      break;
  }
  return out;
}

// Where each document of the stream begins: behind a line that is "---".
std::vector<std::size_t> document_starts(std::string_view text) {
  std::vector<std::size_t> starts{0};
  bool content = false;  // a marker before any content opens the first document
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == "---" && content) starts.push_back(at);
    if (!line.empty() && line.front() != '#' && line != "---") content = true;
    at = end + 1;
  }
  return starts;
}

}  // namespace

const DocNode* DocNode::find(std::string_view wanted) const {
  if (!is_map()) return nullptr;
  const auto it = std::find_if(children.begin(), children.end(),
                               [&](const DocNode& child) { return child.key == wanted; });
  return it == children.end() ? nullptr : &*it;
}

std::string DocNode::text_of(std::string_view wanted) const {
  const DocNode* found = find(wanted);
  return found != nullptr && found->is_text() ? found->text : "";
}

bool DocNode::flag(std::string_view wanted) const {
  const DocNode* found = find(wanted);
  return found != nullptr && found->kind == Kind::kBool && found->text == "true";
}

std::vector<DocResult> parse_yaml_documents(std::string_view text, const std::string& file) {
  std::vector<DocResult> documents;
  const auto starts = document_starts(text);
  for (std::size_t i = 0; i < starts.size() && i < 4; ++i) {
    const std::size_t end = i + 1 < starts.size() ? starts[i + 1] : text.size();
    // Blank lines in place of what stands before keep the line numbers.
    std::string part(
        static_cast<std::size_t>(
            std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(starts[i]), '\n')),
        '\n');
    part.append(text.substr(starts[i], end - starts[i]));
    YamlDocument parsed = parse_yaml(part, file, kMaxLockfileBytes);
    documents.push_back({converted(std::move(parsed.root)), std::move(parsed.problems)});
  }
  return documents;
}

}  // namespace npmgate
