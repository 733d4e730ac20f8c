// Where the members of a JSON object lie in its text. Internal to registry/: it finds structure and
// judges no content; what is copied or believed must have been validated (json_check.h) first.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace npmgate::json {

inline constexpr std::size_t kBroken = static_cast<std::size_t>(-1);

// One member of an object. Offsets count from the start of the scanned text.
struct Member {
  std::string_view key;    // between its quotes, escapes as written
  std::string_view value;  // the exact value, without surrounding blanks
  std::size_t begin = 0;   // of the key's opening quote
  std::size_t end = 0;     // after the value
};

// Walks the members of one object, each byte once. Safe on any bytes: strings and nesting are
// followed, the content of values is not looked at.
class MemberScanner {
 public:
  // `object` may have blanks (RFC 8259, section 2) before the brace.
  explicit MemberScanner(std::string_view object);

  // False at the end of the object and if the structure is broken.
  bool next(Member& member);
  // After next() returned false: the object was closed properly.
  bool closed() const { return state_ == State::kClosed; }
  // After closed(): the offset behind the closing brace.
  std::size_t end() const { return position_; }

 private:
  enum class State { kFirst, kLater, kClosed, kFailed };
  bool broken();

  std::string_view text_;
  std::size_t position_ = 0;
  State state_ = State::kFirst;
};

// The offset behind the value that starts at `position`; kBroken if it does not end. Brackets
// are counted, not paired, and a backslash disarms a quote outside of strings too: the parser
// refuses such values afterwards.
std::size_t skip_value(std::string_view text, std::size_t position);
std::size_t skip_blanks(std::string_view text, std::size_t position);
// `text` without blanks around it.
std::string_view trim(std::string_view text);

// What a string's body (between the quotes) stands for. nullopt: control character, bare quote,
// unknown escape or a lone surrogate. UTF-8 is the caller's matter.
std::optional<std::string> decode_string(std::string_view body);
// True if the body decodes to exactly `plain`: "\u0064ist" is "dist".
bool key_is(std::string_view body, std::string_view plain);
// True if some string of the text holds a \u escape of one half of a surrogate pair only.
// Linear.
bool has_lone_surrogate(std::string_view text);

// Appends `text` as a JSON string, quotes included. Always valid JSON: bytes that are no UTF-8
// become U+FFFD.
void append_string(std::string& out, std::string_view text);

// A copy in which every number that simdjson cannot hold (grammatical, but over 18 characters or
// with an exponent) is -1, so that "1e99999" can be validated around. The grammar of everything
// else is still the parser's to judge.
std::string replace_large_numbers(std::string_view text);

}  // namespace npmgate::json
