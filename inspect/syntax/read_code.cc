// From the text of one file to what it can do: parsed once, or in two ways if readers may differ.
#include <algorithm>

#include "inspect/syntax/analysis.h"
#include "inspect/syntax/evaluator.h"
#include "inspect/syntax/source_variants.h"

namespace npmgate::code {

std::string shown(std::string_view text, std::size_t limit) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < limit; ++i) {
    const auto rest = text.substr(i);
    if (rest.starts_with(kOwnRoot)) {
      out += '.';
      i += kOwnRoot.size() - 1;
    } else if (rest.starts_with(kWorkRoot)) {
      out += "<project>";
      i += kWorkRoot.size() - 1;
    } else if (text[i] == kHole) {
      if (!out.ends_with('*')) out += '*';
    } else if (text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
      if (!out.ends_with(' ')) out += ' ';
    } else {
      out += text[i] >= 0x20 && text[i] < 0x7F ? text[i] : '?';
    }
  }
  if (out.size() > limit) out.resize(limit);
  return out;
}

namespace {

template <class T>
void sort_unique(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

FileReading read_code(std::string_view path, std::string_view text, const ParseLimits& limits,
                      const std::set<std::string>& called) {
  FileReading out;
  // The grammar ends at a NUL, which engines take in comments and literals.
  std::string blank;
  if (text.find('\0') != text.npos) {
    blank = text;
    std::replace(blank.begin(), blank.end(), '\0', ' ');
    text = blank;
  }
  auto tree = SyntaxTree::parse(text, grammar_of(path), limits);
  const auto plain = without_name_escapes(tree);
  if (!plain.empty()) tree = SyntaxTree::parse(plain, grammar_of(path), limits);
  switch (tree.state()) {
    case ParseState::kTooLarge:
      out.reading.unread = "too-large";
      return out;
    case ParseState::kTooLong:
      out.reading.unread = "too-long";
      return out;
    case ParseState::kErrors:
      out.reading.unread = "errors";
      break;
    case ParseState::kParsed:
      break;
  }
  analyse(tree, {path, 0, called}, out);
  // Read in every way if engines and the grammar may take different text for a comment or a
  // literal.
  for (const auto& other : other_readings(text, tree)) {
    const auto again = SyntaxTree::parse(other, grammar_of(path), limits);
    if (!again.nodes().empty()) analyse(again, {path, 0, called}, out);
  }
  auto& list = out.reading.capabilities;
  std::sort(list.begin(), list.end(), [](const Capability& a, const Capability& b) {
    return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
  });
  sort_unique(out.loads);
  // One that is run and read is run.
  for (std::size_t i = 1; i < out.loads.size(); ++i)
    if (out.loads[i].name == out.loads[i - 1].name &&
        out.loads[i].module == out.loads[i - 1].module)
      out.loads[i - 1].evaluated = true;
  sort_unique(out.loads);
  sort_unique(out.calls);
  sort_unique(out.hosts);
  return out;
}

}  // namespace npmgate::code
