// JavaScript and TypeScript parsed by tree-sitter's grammars into a flat list of nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace npmgate::code {

enum class Grammar : std::uint8_t { kJavaScript, kTypeScript, kTsx };
// By the file's ending: .ts .mts .cts, .tsx, JavaScript for every other.
Grammar grammar_of(std::string_view path);

// The kinds that analysis tells apart; the grammars' own names are in syntax_tree.cc.
enum class Kind : std::uint8_t {
  kOther,
  kArguments,
  kArray,
  kArrayPattern,
  kArrow,
  kAssignment,
  kAssignmentPattern,
  kAugmentedAssignment,
  kAwait,
  kBinary,
  kBlock,
  kCall,
  kCast,  // TypeScript's as, satisfies, !, <T>x
  kCatch,
  kClass,
  kClassBody,
  kClassHeritage,
  kComputedKey,
  kDeclarator,
  kError,
  kExport,
  kExportClause,
  kField,
  kForIn,
  kFunction,
  kIdentifier,
  kImport,
  kImportCall,  // the word in import(…)
  kImportClause,
  kImportRequire,  // TypeScript's import x = require(…)
  kImportSpecifier,
  kLexicalDeclaration,
  kLoop,  // for, while, do
  kMember,
  kMetaProperty,
  kMethod,
  kNamedImports,
  kNamespaceImport,
  kNew,
  kNull,
  kNumber,
  kObject,
  kObjectPattern,
  kPair,
  kPairPattern,
  kParameter,  // TypeScript's, with a pattern inside
  kParameters,
  kParenthesized,
  kPrivateName,
  kProgram,
  kPropertyName,
  kRegex,
  kRestPattern,
  kReturn,
  kSequence,
  kShorthand,
  kShorthandPattern,
  kSpread,
  kStatement,  // an expression as a statement
  kStaticBlock,
  kString,
  kSubscript,
  kSuper,
  kTemplate,
  kTemplatePart,
  kTernary,
  kThis,
  kTrue,
  kFalse,
  kUnary,
  kUndefined,
  kUpdate,
  kVarDeclaration,
  kYield,
};

// What a node is to its parent.
enum class Field : std::uint8_t {
  kNone,
  kAlias,
  kAlternative,
  kArgument,
  kArguments,
  kBody,
  kCondition,
  kConsequence,
  kConstructor,
  kFunction,
  kIndex,
  kKey,
  kKind,
  kLeft,
  kName,
  kObject,
  kOperator,
  kParameter,
  kParameters,
  kPattern,
  kProperty,
  kRight,
  kSource,
  kValue,
};

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = 0xFFFFFFFF;

struct Node {
  Kind kind = Kind::kOther;
  Field field = Field::kNone;
  std::uint32_t begin = 0;  // bytes of the text
  std::uint32_t end = 0;
  NodeId parent = kNoNode;
  NodeId first = kNoNode;  // child
  NodeId next = kNoNode;   // sibling
};

struct ParseLimits {
  std::uint32_t max_bytes = 4u << 20;           // 99.9 % of the files of real packages are smaller
  std::uint32_t max_nesting = 3000;             // of brackets outside of strings
  std::uint32_t max_nesting_anywhere = 50'000;  // a quarter of what the parser was seen to take
  std::uint32_t max_depth = 4000;               // of nodes; minifiers chain a few hundred commas
  std::uint64_t max_microseconds = 5'000'000;   // of CPU time; 4 MiB take half a second
};

enum class ParseState : std::uint8_t {
  kParsed,
  kErrors,  // parts of the text are not the language; the others are in the tree
  kTooLarge,
  kTooLong,  // over the limit of time or depth: no tree
};

// Immutable. Comments and types are left out. Node 0 is the program. `text` must outlive it.
class SyntaxTree {
 public:
  static SyntaxTree parse(std::string_view text, Grammar grammar, const ParseLimits& limits = {});

  ParseState state() const { return state_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& operator[](NodeId id) const { return nodes_[id]; }
  std::string_view source() const { return text_; }
  std::string_view text(NodeId id) const {
    return text_.substr(nodes_[id].begin, nodes_[id].end - nodes_[id].begin);
  }
  // The child that has the field; kNoNode if there is none.
  NodeId child(NodeId id, Field field) const;
  // The n-th child whatever its field; kNoNode beyond the last.
  NodeId nth(NodeId id, std::size_t n) const;
  NodeId last(NodeId id) const;
  // One-based.
  std::uint32_t line(NodeId id) const;

 private:
  std::string_view text_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> line_ends_;
  ParseState state_ = ParseState::kParsed;
};

inline bool is_function(Kind kind) {
  return kind == Kind::kFunction || kind == Kind::kArrow || kind == Kind::kMethod;
}

}  // namespace npmgate::code
