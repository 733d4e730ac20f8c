// What is known of a JavaScript value without running anything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inspect/syntax/syntax_tree.h"

namespace npmgate::code {

// Where data came from; a set of bits.
enum Origin : std::uint8_t {
  kFromNetwork = 1,
  kFromFile = 2,
  kDecoded = 4,  // base64, hex, character codes, arithmetic on characters
  kFromEnvironment = 8,
  kFromCaller = 16,  // a parameter that nobody in the file fills
};

// Stands in a text for a part that is not known ("https://" + x + "/a").
inline constexpr char kHole = '\x01';
// Stands at the start of a path for the package's own folder, and for the folder it runs in.
inline constexpr std::string_view kOwnRoot = "/\x02";
inline constexpr std::string_view kWorkRoot = "/\x03";
// Ends the name of a file of the package in a path: "file:./lib/a" kFileEnd ".run".
inline constexpr char kFileEnd = '\x05';

struct Value {
  enum class Kind : std::uint8_t {
    kUnknown,
    kText,
    kNumber,
    kBool,
    kNull,
    kUndefined,
    kList,
    kRecord,
    kPath,      // a global, a module, or what is reached from one: "child_process.exec"
    kFunction,  // of this file
    kRegex,
    kAny,  // one of `members`
    kBag,  // a list of which only what is in it is known, not where: it was rotated, filtered …
  };
  using Members = std::vector<std::pair<std::string, Value>>;

  Kind kind = Kind::kUnknown;
  std::uint8_t origins = 0;
  double number = 0;                       // kNumber; kBool: 0 or 1
  NodeId node = kNoNode;                   // kFunction
  std::string text;                        // kText, kPath, kRegex ("/a/g")
  std::shared_ptr<const Members> members;  // kList, kRecord, kAny

  bool is(Kind wanted) const { return kind == wanted; }
  bool known() const { return kind != Kind::kUnknown; }
  std::size_t size() const { return members ? members->size() : 0; }
  // Of a record; null if it has no such member.
  const Value* find(std::string_view key) const;
};

Value unknown(std::uint8_t origins = 0);
Value text_value(std::string text, std::uint8_t origins = 0);
Value number_value(double number);
Value bool_value(bool truth);
Value path_value(std::string path, std::uint8_t origins = 0);
Value list_value(std::vector<Value> items, std::uint8_t origins = 0);
Value record_value(Value::Members members);
// One of several; equal ones once, at most `most`.
Value any_value(std::vector<Value> items, std::size_t most = 16);
// Texts, numbers and paths of `items`, at most 64, those that name something telling first.
Value bag_value(std::vector<Value> items, std::uint8_t origins = 0);
inline constexpr std::size_t kMostInBag = 64;

inline constexpr std::size_t kLongestText = 1u << 16;
inline constexpr std::size_t kLongestList = 4096;

// Every text it can be (a number's spelling too); empty if it is none. A value that is not known
// counts as one text, a hole, if `holes`.
std::vector<std::string> texts_of(const Value& value, bool holes = false);
// The one text it is; "" if it is none or several.
std::string text_of(const Value& value);
bool is_whole(std::string_view text);  // no hole in it
// As JavaScript's String(value): "" + true = "true"; unknown values become a hole.
std::string to_text(const Value& value);
// 1 true, 0 false, -1 not known.
int truth_of(const Value& value);
// Every value it can be.
std::vector<Value> choices_of(const Value& value);

// A string literal's inside with escapes written out.
std::string unescape(std::string_view inside);
double parse_number(std::string_view text);            // NaN if it is none
double parse_number(std::string_view text, int base);  // as parseInt, base 2 to 36
std::string base64_text(std::string_view text);
std::string number_text(double number);
// Characters as JavaScript counts them if the text is ASCII; else code points.
std::vector<std::string> characters(std::string_view text);

// `object.name(arguments)` for texts, lists and numbers; unknown for every other.
Value call_builtin(const Value& object, std::string_view name, const std::vector<Value>& arguments);
// "a/../b" without dots; a leading "~", kOwnRoot and kWorkRoot are kept.
std::string join_path(const std::vector<std::string>& parts, bool resolve);

}  // namespace npmgate::code
