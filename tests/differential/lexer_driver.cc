// Reads scripts on standard input, each behind its length (32 bits, little endian), and prints one
// line for each: what the lexer and the syntax tree take for code, by the names q0q, q1q … that
// stand in the script.
//   LOST STATE CODE LITERAL TREE
// LOST: 1 if the lexer takes nothing for a comment; STATE: parsed, errors, too-large, too-long;
// CODE and LITERAL: numbers outside and inside of literals in the lexer's text; TREE: numbers of
// names, in whichever way engines may read the script. "-" for none.
#include <cstdint>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include "inspect/code/lexer.h"
#include "inspect/syntax/source_variants.h"
#include "inspect/syntax/syntax_tree.h"

namespace npmgate {
namespace {

using Numbers = std::set<unsigned>;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Calls `take(number, offset)` for each q1q in the text.
template <class Take>
void each_name(std::string_view text, const Take& take) {
  for (auto at = text.find('q'); at != text.npos; at = text.find('q', at + 1)) {
    auto end = at + 1;
    unsigned number = 0;
    while (end < text.size() && is_digit(text[end]))
      number = number * 10 + static_cast<unsigned>(text[end++] - '0');
    if (end > at + 1 && end < text.size() && text[end] == 'q') take(number, at);
  }
}

std::string joined(const Numbers& numbers) {
  std::string out;
  for (const auto number : numbers) out += (out.empty() ? "" : ",") + std::to_string(number);
  return out.empty() ? "-" : out;
}

std::string_view state_name(code::ParseState state) {
  switch (state) {
    case code::ParseState::kParsed:
      return "parsed";
    case code::ParseState::kErrors:
      return "errors";
    case code::ParseState::kTooLarge:
      return "too-large";
    case code::ParseState::kTooLong:
      break;
  }
  return "too-long";
}

void describe(std::string_view script, std::string& out) {
  const PlainCode plain = plain_code(script, Syntax::kScript);
  Numbers code, literal, tree;
  each_name(plain.text, [&](unsigned number, std::size_t at) {
    bool inside = false;
    for (const auto& each : plain.literals)
      inside = inside || (at >= each.begin && at < std::size_t{each.begin} + each.size);
    (inside ? literal : code).insert(number);
  });
  const auto parsed = code::SyntaxTree::parse(script, code::Grammar::kJavaScript, {});
  const auto add_names = [&tree](const code::SyntaxTree& read) {
    for (code::NodeId id = 0; id < read.nodes().size(); ++id) {
      const auto kind = read.nodes()[id].kind;
      const bool name = kind == code::Kind::kIdentifier || kind == code::Kind::kPropertyName ||
                        kind == code::Kind::kPrivateName || kind == code::Kind::kShorthand ||
                        kind == code::Kind::kShorthandPattern;
      if (name)
        each_name(read.text(id), [&](unsigned number, std::size_t) { tree.insert(number); });
    }
  };
  add_names(parsed);
  // As read_code() does.
  for (const auto& other : code::other_readings(script, parsed))
    add_names(code::SyntaxTree::parse(other, code::Grammar::kJavaScript, {}));
  out += plain.lost ? "1 " : "0 ";
  out += state_name(parsed.state());
  for (const auto* numbers : {&code, &literal, &tree}) out += " " + joined(*numbers);
  out += '\n';
}

}  // namespace
}  // namespace npmgate

int main() {
  std::ios::sync_with_stdio(false);
  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  std::string out;
  for (std::size_t at = 0; at + 4 <= input.size();) {
    std::uint32_t size = 0;
    for (unsigned i = 0; i < 4; ++i)
      size |= std::uint32_t{static_cast<unsigned char>(input[at + i])} << (8 * i);
    at += 4;
    if (size > input.size() - at) return 2;
    npmgate::describe(std::string_view(input).substr(at, size), out);
    at += size;
  }
  std::cout << out;
  return 0;
}
