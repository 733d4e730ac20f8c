#include "inspect/syntax/source_variants.h"

#include <utility>

#include "inspect/syntax/value.h"

namespace npmgate::code {

std::string without_arrow_comments(std::string_view text) {
  std::string out;
  for (auto at = text.find("-->"); at != text.npos; at = text.find("-->", at + 3)) {
    bool fresh = false;
    auto before = at;
    while (!fresh) {
      while (before > 0 && (text[before - 1] == ' ' || text[before - 1] == '\t')) --before;
      fresh = before == 0 || text[before - 1] == '\n' || text[before - 1] == '\r';
      if (fresh || before < 4 || text.substr(before - 2, 2) != "*/") break;
      const auto open = text.rfind("/*", before - 3);
      if (open == text.npos) break;
      fresh = text.substr(open, before - open).find_first_of("\n\r") != text.npos;
      before = open;
    }
    if (!fresh) continue;
    if (out.empty()) out = text;
    for (auto i = at; i < out.size() && out[i] != '\n' && out[i] != '\r'; ++i) out[i] = ' ';
  }
  return out;
}

std::string without_html_comments(std::string_view text) {
  std::string out(text);
  for (auto at = out.find("<!--"); at != out.npos; at = out.find("<!--", at + 5))
    out.insert(at + 1, 1, ' ');
  return out;
}

namespace {

// Whether the word is an operator there whatever the program is: in an async function, a generator.
bool is_surely_operator(const SyntaxTree& tree, NodeId id) {
  const bool await = tree[id].kind == Kind::kAwait;
  for (auto at = tree[id].parent; at != kNoNode; at = tree[at].parent) {
    if (!is_function(tree[at].kind)) continue;
    const auto text = tree.text(at);
    const auto head = text.substr(0, text.find('('));
    return await ? head.find("async") != head.npos : head.find('*') != head.npos;
  }
  return false;
}

}  // namespace

std::string without_operator_words(const SyntaxTree& tree) {
  std::string out;
  for (NodeId id = 0; id < tree.nodes().size(); ++id) {
    const auto kind = tree[id].kind;
    if ((kind != Kind::kAwait && kind != Kind::kYield) || tree[id].first == kNoNode) continue;
    auto first = tree[id].first;
    // Of a chain of members and calls the innermost.
    while (tree[first].first != kNoNode && tree[first].kind != Kind::kRegex &&
           tree[tree[first].first].begin == tree[first].begin)
      first = tree[first].first;
    if (tree[first].kind != Kind::kRegex || is_surely_operator(tree, id)) continue;
    if (out.empty()) out = tree.source();
    out[tree[id].begin] = '_';
  }
  return out;
}

std::vector<std::string> other_readings(std::string_view text, const SyntaxTree& tree) {
  std::vector<std::string> out;
  const auto add = [&out](std::string other) {
    if (!other.empty()) out.push_back(std::move(other));
  };
  if (text.find("-->") != text.npos) add(without_arrow_comments(text));
  if (out.empty() && text.find("<!--") != text.npos && is_module(tree))
    add(without_html_comments(text));
  if (text.find("await") == text.npos && text.find("yield") == text.npos) return out;
  if (out.empty()) {
    add(without_operator_words(tree));
  } else {
    // Both at once.
    const std::string first = out.front();
    add(without_operator_words(tree));
    add(without_operator_words(SyntaxTree::parse(first, Grammar::kJavaScript)));
  }
  return out;
}

std::string without_name_escapes(const SyntaxTree& tree) {
  std::string out;
  std::size_t at = 0;
  const auto source = tree.source();
  if (source.find("\\u") == source.npos) return out;
  for (NodeId id = 0; id < tree.nodes().size(); ++id) {
    const auto kind = tree[id].kind;
    if (kind != Kind::kIdentifier && kind != Kind::kPropertyName && kind != Kind::kShorthand &&
        kind != Kind::kShorthandPattern)
      continue;
    if (tree.text(id).find('\\') == std::string_view::npos || tree[id].begin < at) continue;
    out += source.substr(at, tree[id].begin - at);
    out += unescape(tree.text(id));
    at = tree[id].end;
  }
  if (at > 0) out += source.substr(at);
  return out;
}

bool is_module(const SyntaxTree& tree) {
  for (auto at = tree.nodes().empty() ? kNoNode : tree[0].first; at != kNoNode; at = tree[at].next)
    if (tree[at].kind == Kind::kImport || tree[at].kind == Kind::kExport) return true;
  return false;
}

}  // namespace npmgate::code
