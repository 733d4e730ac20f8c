#include "inspect/syntax/syntax_tree.h"

#include <time.h>
#include <tree_sitter/api.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

extern "C" {
const TSLanguage* tree_sitter_javascript();
const TSLanguage* tree_sitter_typescript();
const TSLanguage* tree_sitter_tsx();
}

namespace npmgate::code {
namespace {

struct KindName {
  std::string_view name;
  Kind kind;
};

// Names of node types in tree-sitter-javascript 0.23.1 and tree-sitter-typescript 0.23.2
// (src/node-types.json).
constexpr KindName kKindNames[] = {
    {"arguments", Kind::kArguments},
    {"array", Kind::kArray},
    {"array_pattern", Kind::kArrayPattern},
    {"arrow_function", Kind::kArrow},
    {"assignment_expression", Kind::kAssignment},
    {"assignment_pattern", Kind::kAssignmentPattern},
    {"object_assignment_pattern", Kind::kAssignmentPattern},
    {"augmented_assignment_expression", Kind::kAugmentedAssignment},
    {"await_expression", Kind::kAwait},
    {"binary_expression", Kind::kBinary},
    {"statement_block", Kind::kBlock},
    {"call_expression", Kind::kCall},
    {"as_expression", Kind::kCast},
    {"satisfies_expression", Kind::kCast},
    {"non_null_expression", Kind::kCast},
    {"type_assertion", Kind::kCast},
    {"instantiation_expression", Kind::kCast},
    {"catch_clause", Kind::kCatch},
    {"class", Kind::kClass},
    {"class_declaration", Kind::kClass},
    {"abstract_class_declaration", Kind::kClass},
    {"class_body", Kind::kClassBody},
    {"class_heritage", Kind::kClassHeritage},
    {"computed_property_name", Kind::kComputedKey},
    {"variable_declarator", Kind::kDeclarator},
    {"ERROR", Kind::kError},
    {"export_statement", Kind::kExport},
    {"export_clause", Kind::kExportClause},
    {"field_definition", Kind::kField},
    {"public_field_definition", Kind::kField},
    {"for_in_statement", Kind::kForIn},
    {"function_declaration", Kind::kFunction},
    {"function_expression", Kind::kFunction},
    {"generator_function", Kind::kFunction},
    {"generator_function_declaration", Kind::kFunction},
    {"identifier", Kind::kIdentifier},
    {"import_statement", Kind::kImport},
    {"import", Kind::kImportCall},
    {"import_clause", Kind::kImportClause},
    {"import_require_clause", Kind::kImportRequire},
    {"import_specifier", Kind::kImportSpecifier},
    {"lexical_declaration", Kind::kLexicalDeclaration},
    {"for_statement", Kind::kLoop},
    {"while_statement", Kind::kLoop},
    {"do_statement", Kind::kLoop},
    {"member_expression", Kind::kMember},
    {"meta_property", Kind::kMetaProperty},
    {"method_definition", Kind::kMethod},
    {"named_imports", Kind::kNamedImports},
    {"namespace_import", Kind::kNamespaceImport},
    {"new_expression", Kind::kNew},
    {"null", Kind::kNull},
    {"number", Kind::kNumber},
    {"object", Kind::kObject},
    {"object_pattern", Kind::kObjectPattern},
    {"pair", Kind::kPair},
    {"pair_pattern", Kind::kPairPattern},
    {"required_parameter", Kind::kParameter},
    {"optional_parameter", Kind::kParameter},
    {"formal_parameters", Kind::kParameters},
    {"parenthesized_expression", Kind::kParenthesized},
    {"private_property_identifier", Kind::kPrivateName},
    {"program", Kind::kProgram},
    {"property_identifier", Kind::kPropertyName},
    {"regex", Kind::kRegex},
    {"rest_pattern", Kind::kRestPattern},
    {"return_statement", Kind::kReturn},
    {"sequence_expression", Kind::kSequence},
    {"shorthand_property_identifier", Kind::kShorthand},
    {"shorthand_property_identifier_pattern", Kind::kShorthandPattern},
    {"spread_element", Kind::kSpread},
    {"expression_statement", Kind::kStatement},
    {"class_static_block", Kind::kStaticBlock},
    {"string", Kind::kString},
    {"subscript_expression", Kind::kSubscript},
    {"super", Kind::kSuper},
    {"template_string", Kind::kTemplate},
    {"template_substitution", Kind::kTemplatePart},
    {"ternary_expression", Kind::kTernary},
    {"this", Kind::kThis},
    {"true", Kind::kTrue},
    {"false", Kind::kFalse},
    {"unary_expression", Kind::kUnary},
    {"undefined", Kind::kUndefined},
    {"update_expression", Kind::kUpdate},
    {"variable_declaration", Kind::kVarDeclaration},
    {"yield_expression", Kind::kYield},
};

// Subtrees that say nothing about what runs.
constexpr std::string_view kSkipped[] = {
    "comment",         "html_comment",          "type_annotation",       "type_arguments",
    "type_parameters", "interface_declaration", "type_alias_declaration"};

struct FieldName {
  std::string_view name;
  Field field;
};
constexpr FieldName kFieldNames[] = {
    {"alias", Field::kAlias},
    {"alternative", Field::kAlternative},
    {"argument", Field::kArgument},
    {"arguments", Field::kArguments},
    {"body", Field::kBody},
    {"condition", Field::kCondition},
    {"consequence", Field::kConsequence},
    {"constructor", Field::kConstructor},
    {"function", Field::kFunction},
    {"index", Field::kIndex},
    {"key", Field::kKey},
    {"kind", Field::kKind},
    {"left", Field::kLeft},
    {"name", Field::kName},
    {"object", Field::kObject},
    {"operator", Field::kOperator},
    {"parameter", Field::kParameter},
    {"parameters", Field::kParameters},
    {"pattern", Field::kPattern},
    {"property", Field::kProperty},
    {"right", Field::kRight},
    {"source", Field::kSource},
    {"value", Field::kValue},
};

struct Symbol {
  Kind kind = Kind::kOther;
  bool skipped = false;
};

// The tables of one grammar, by its own numbers.
struct Tables {
  explicit Tables(const TSLanguage* language_) : language(language_) {
    symbols.resize(ts_language_symbol_count(language));
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      const auto symbol = static_cast<TSSymbol>(i);
      const std::string_view name = ts_language_symbol_name(language, symbol);
      if (ts_language_symbol_type(language, symbol) != TSSymbolTypeRegular) continue;
      for (const auto& known : kKindNames)
        if (known.name == name) symbols[i].kind = known.kind;
      symbols[i].skipped =
          std::find(std::begin(kSkipped), std::end(kSkipped), name) != std::end(kSkipped);
    }
    fields.resize(ts_language_field_count(language) + 1);
    for (const auto& known : kFieldNames) {
      const auto id = ts_language_field_id_for_name(language, known.name.data(),
                                                    static_cast<std::uint32_t>(known.name.size()));
      if (id != 0) fields[id] = known.field;
    }
  }

  const TSLanguage* language;
  std::vector<Symbol> symbols;
  std::vector<Field> fields;
};

const Tables& tables_of(Grammar grammar) {
  static const std::array<Tables, 3> kTables{Tables(tree_sitter_javascript()),
                                             Tables(tree_sitter_typescript()),
                                             Tables(tree_sitter_tsx())};
  return kTables[static_cast<std::size_t>(grammar)];
}

struct Delete {
  void operator()(TSParser* parser) const { ts_parser_delete(parser); }
  void operator()(TSTree* tree) const { ts_tree_delete(tree); }
};

class Cursor {
 public:
  explicit Cursor(TSNode root) : cursor_(ts_tree_cursor_new(root)) {}
  ~Cursor() { ts_tree_cursor_delete(&cursor_); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  TSTreeCursor* get() { return &cursor_; }

 private:
  TSTreeCursor cursor_;
};

// Brackets open at once at the deepest point, strings left out: what is in other literals may
// count, and is worth nothing beside the limit.
std::uint32_t nesting(std::string_view text, std::uint32_t limit) {
  std::uint32_t open = 0, deepest = 0;
  for (std::size_t i = 0; i < text.size() && deepest <= limit; ++i) {
    switch (text[i]) {
      case '(':
      case '[':
      case '{':
        deepest = std::max(deepest, ++open);
        break;
      case ')':
      case ']':
      case '}':
        if (open > 0) --open;
        break;
      case '"':
      case '\'': {
        // To its end on the same line; an apostrophe in a comment ends nowhere.
        const auto end = text.find_first_of(std::string_view("\n\"'", 3), i + 1);
        if (end != text.npos && text[end] == text[i]) i = end;
        break;
      }
      default:
        break;
    }
  }
  return deepest;
}

// The same with everything counted: a quote in a comment must not hide brackets from the one above.
std::uint32_t nesting_anywhere(std::string_view text) {
  std::uint32_t open = 0, deepest = 0;
  for (const char c : text) {
    if (c == '(' || c == '[' || c == '{') deepest = std::max(deepest, ++open);
    if ((c == ')' || c == ']' || c == '}') && open > 0) --open;
  }
  return deepest;
}

// Copies the tree in one walk; false if it is deeper than the limit.
bool flatten(TSNode root, const Tables& tables, std::uint32_t max_depth, std::vector<Node>& nodes) {
  Cursor cursor(root);
  struct Level {
    NodeId node = kNoNode;  // kNoNode: left out, its children belong to nobody
    NodeId last = kNoNode;  // child
  };
  std::vector<Level> open;
  for (;;) {
    const TSNode node = ts_tree_cursor_current_node(cursor.get());
    const auto symbol = ts_node_symbol(node);
    const auto known =
        symbol < tables.symbols.size() ? tables.symbols[symbol] : Symbol{Kind::kError, false};
    const auto field_id = ts_tree_cursor_current_field_id(cursor.get());
    const auto field = field_id < tables.fields.size() ? tables.fields[field_id] : Field::kNone;
    const bool kept = !known.skipped && (ts_node_is_named(node) || field != Field::kNone);
    bool descend = kept;
    if (kept) {
      const auto id = static_cast<NodeId>(nodes.size());
      nodes.push_back({known.kind, field, ts_node_start_byte(node), ts_node_end_byte(node),
                       open.empty() ? kNoNode : open.back().node, kNoNode, kNoNode});
      if (!open.empty()) {
        auto& level = open.back();
        (level.last == kNoNode ? nodes[level.node].first : nodes[level.last].next) = id;
        level.last = id;
      }
      descend = known.kind != Kind::kString && known.kind != Kind::kRegex &&
                ts_tree_cursor_goto_first_child(cursor.get());
      if (descend) {
        open.push_back({id, kNoNode});
        if (open.size() > max_depth) return false;
      }
    }
    if (descend) continue;
    while (!ts_tree_cursor_goto_next_sibling(cursor.get())) {
      if (open.empty() || !ts_tree_cursor_goto_parent(cursor.get())) return true;
      open.pop_back();
    }
  }
}

std::uint64_t cpu_microseconds() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(used.tv_nsec) / 1000;
}

// The grammar ends a first line "#!…" at a line feed only; for engines a carriage return and U+2028
// end it too, and what follows is code.
std::size_t interpreter_line(std::string_view text) {
  if (!text.starts_with("#!")) return 0;
  std::size_t end = text.find_first_of("\r\n");
  for (const std::string_view separator : {"\xE2\x80\xA8", "\xE2\x80\xA9"})
    end = std::min(end, text.find(separator));
  return std::min(end, text.size());
}

// Null if it takes more CPU time than that. tree-sitter's own limit is of the wall clock: on a busy
// machine a file would be unread today and read tomorrow. A parse that its limit stopped goes on
// where it was.
std::unique_ptr<TSTree, Delete> parse_within(TSParser* parser, std::string_view text,
                                             std::uint64_t microseconds) {
  constexpr std::uint64_t kSlice = 200'000;
  ts_parser_set_timeout_micros(parser, std::min(kSlice, microseconds));
  const auto start = cpu_microseconds();
  do {
    std::unique_ptr<TSTree, Delete> tree(ts_parser_parse_string(
        parser, nullptr, text.data(), static_cast<std::uint32_t>(text.size())));
    if (tree) return tree;
  } while (cpu_microseconds() - start < microseconds);
  return nullptr;
}

}  // namespace

Grammar grammar_of(std::string_view path) {
  if (path.ends_with(".tsx")) return Grammar::kTsx;
  if (path.ends_with(".ts") || path.ends_with(".mts") || path.ends_with(".cts"))
    return Grammar::kTypeScript;
  return Grammar::kJavaScript;
}

SyntaxTree SyntaxTree::parse(std::string_view text, Grammar grammar, const ParseLimits& limits) {
  SyntaxTree out;
  out.text_ = text;
  if (text.size() > limits.max_bytes) {
    out.state_ = ParseState::kTooLarge;
    return out;
  }
  out.state_ = ParseState::kTooLong;
  // Debian 12's tree-sitter 0.20.7 frees what it must not after 200,000 brackets that nobody
  // closes.
  if (nesting(text, limits.max_nesting) > limits.max_nesting ||
      nesting_anywhere(text) > limits.max_nesting_anywhere)
    return out;
  const auto& tables = tables_of(grammar);
  const std::unique_ptr<TSParser, Delete> parser(ts_parser_new());
  if (!ts_parser_set_language(parser.get(), tables.language)) return out;
  if (const auto skipped = static_cast<std::uint32_t>(interpreter_line(text)); skipped > 0) {
    constexpr auto kEnd = std::numeric_limits<std::uint32_t>::max();
    const TSRange rest{{0, skipped}, {kEnd, kEnd}, skipped, kEnd};
    ts_parser_set_included_ranges(parser.get(), &rest, 1);
  }
  const auto tree = parse_within(parser.get(), text, limits.max_microseconds);
  if (!tree) return out;
  const TSNode root = ts_tree_root_node(tree.get());
  out.nodes_.reserve(text.size() / 6 + 16);
  if (!flatten(root, tables, limits.max_depth, out.nodes_)) {
    out.nodes_.clear();
    return out;
  }
  for (std::size_t i = text.find('\n'); i != text.npos; i = text.find('\n', i + 1))
    out.line_ends_.push_back(static_cast<std::uint32_t>(i));
  out.state_ = ts_node_has_error(root) ? ParseState::kErrors : ParseState::kParsed;
  return out;
}

NodeId SyntaxTree::child(NodeId id, Field field) const {
  for (auto at = nodes_[id].first; at != kNoNode; at = nodes_[at].next)
    if (nodes_[at].field == field) return at;
  return kNoNode;
}

NodeId SyntaxTree::nth(NodeId id, std::size_t n) const {
  auto at = nodes_[id].first;
  for (; at != kNoNode && n > 0; --n) at = nodes_[at].next;
  return at;
}

NodeId SyntaxTree::last(NodeId id) const {
  auto found = kNoNode;
  for (auto at = nodes_[id].first; at != kNoNode; at = nodes_[at].next) found = at;
  return found;
}

std::uint32_t SyntaxTree::line(NodeId id) const {
  const auto it = std::lower_bound(line_ends_.begin(), line_ends_.end(), nodes_[id].begin);
  return static_cast<std::uint32_t>(it - line_ends_.begin()) + 1;
}

}  // namespace npmgate::code
