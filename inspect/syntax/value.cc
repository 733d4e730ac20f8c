#include "inspect/syntax/value.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "inspect/syntax/capability_rules.h"

namespace npmgate::code {

using VK = Value::Kind;

const Value* Value::find(std::string_view key) const {
  if (kind != VK::kRecord || !members) return nullptr;
  for (auto it = members->rbegin(); it != members->rend(); ++it)
    if (it->first == key) return &it->second;
  return nullptr;
}

Value unknown(std::uint8_t origins) {
  Value value;
  value.origins = origins;
  return value;
}
Value text_value(std::string text, std::uint8_t origins) {
  Value value;
  value.kind = VK::kText;
  value.origins = origins;
  value.text = std::move(text);
  if (value.text.size() > kLongestText) {
    value.text.resize(kLongestText);
    value.text += kHole;
  }
  return value;
}
Value number_value(double number) {
  Value value;
  value.kind = VK::kNumber;
  value.number = number;
  return value;
}
Value bool_value(bool truth) {
  Value value;
  value.kind = VK::kBool;
  value.number = truth ? 1 : 0;
  return value;
}
Value path_value(std::string path, std::uint8_t origins) {
  constexpr std::size_t kLongestPath = 200;
  if (path.size() > kLongestPath) return unknown(origins);
  Value value;
  value.kind = VK::kPath;
  value.origins = origins;
  value.text = std::move(path);
  return value;
}
Value list_value(std::vector<Value> items, std::uint8_t origins) {
  if (items.size() > kLongestList) return unknown(origins);
  Value value;
  value.kind = VK::kList;
  value.origins = origins;
  Value::Members members;
  members.reserve(items.size());
  for (auto& item : items) {
    value.origins |= item.origins;
    members.emplace_back(std::string(), std::move(item));
  }
  value.members = std::make_shared<const Value::Members>(std::move(members));
  return value;
}
Value record_value(Value::Members members) {
  Value value;
  value.kind = VK::kRecord;
  for (const auto& [key, item] : members) value.origins |= item.origins;
  value.members = std::make_shared<const Value::Members>(std::move(members));
  return value;
}

namespace {

bool same(const Value& a, const Value& b) {
  return a.kind == b.kind && a.text == b.text && a.node == b.node &&
         (a.number == b.number || (std::isnan(a.number) && std::isnan(b.number))) &&
         a.members == b.members;
}

}  // namespace

Value bag_value(std::vector<Value> items, std::uint8_t origins) {
  std::vector<Value> kept;
  const auto add = [&kept](const Value& item) {
    if (kept.size() < kMostInBag &&
        std::none_of(kept.begin(), kept.end(), [&](const Value& v) { return same(v, item); }))
      kept.push_back(item);
  };
  for (const bool telling : {true, false}) {
    for (const auto& item : items) {
      origins |= item.origins;
      if (!item.is(VK::kText) && !item.is(VK::kNumber) && !item.is(VK::kPath)) continue;
      if (telling == (item.is(VK::kPath) || is_telling(item.text))) add(item);
    }
  }
  if (kept.empty()) return unknown(origins);
  auto value = list_value(std::move(kept), origins);
  value.kind = VK::kBag;
  return value;
}

Value any_value(std::vector<Value> items, std::size_t most) {
  std::uint8_t origins = 0;
  std::vector<Value> once;
  const auto add = [&once, most](const Value& choice) {
    if (!choice.known() || once.size() >= most) return;
    if (std::none_of(once.begin(), once.end(), [&](const Value& v) { return same(v, choice); }))
      once.push_back(choice);
  };
  for (const auto& item : items) {
    origins |= item.origins;
    if (!item.is(VK::kAny)) {
      add(item);
      continue;
    }
    for (const auto& [key, choice] : *item.members) add(choice);
  }
  if (once.empty()) return unknown(origins);
  if (once.size() == 1) {
    once[0].origins |= origins;
    return once[0];
  }
  auto value = list_value(std::move(once), origins);
  value.kind = VK::kAny;
  return value;
}

std::vector<Value> choices_of(const Value& value) {
  if (!value.is(VK::kAny)) return {value};
  std::vector<Value> out;
  for (const auto& [key, item] : *value.members) out.push_back(item);
  return out;
}

namespace {

// Folders that a variable of the environment names on every machine alike.
std::string_view place_of(const Value& value) {
  if (!value.is(VK::kPath) || !value.text.starts_with("process.env.")) return {};
  const auto name = std::string_view(value.text).substr(12);
  if (name == "HOME" || name == "USERPROFILE") return "~";
  if (name == "APPDATA") return "~/AppData/Roaming";
  if (name == "LOCALAPPDATA") return "~/AppData/Local";
  if (name == "INIT_CWD" || name == "PWD") return kWorkRoot;
  return {};
}

}  // namespace

std::vector<std::string> texts_of(const Value& value, bool holes) {
  std::vector<std::string> out;
  for (const auto& choice : choices_of(value)) {
    if (choice.is(VK::kText))
      out.push_back(choice.text);
    else if (choice.is(VK::kNumber))
      out.push_back(number_text(choice.number));
    else if (const auto place = place_of(choice); !place.empty())
      out.emplace_back(place);
    else if (holes)
      out.emplace_back(1, kHole);
  }
  return out;
}

std::string text_of(const Value& value) {
  auto texts = texts_of(value);
  return texts.size() == 1 ? std::move(texts[0]) : std::string();
}

bool is_whole(std::string_view text) {
  return text.find(kHole) == text.npos;
}

std::string number_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  if (number == std::floor(number) && std::abs(number) < 1e15)
    return std::to_string(static_cast<long long>(number));
  std::string text = std::to_string(number);
  while (text.ends_with('0')) text.pop_back();
  return text;
}

std::string to_text(const Value& value) {
  switch (value.kind) {
    case VK::kText:
      return value.text;
    case VK::kNumber:
      return number_text(value.number);
    case VK::kBool:
      return value.number != 0 ? "true" : "false";
    case VK::kNull:
      return "null";
    case VK::kUndefined:
      return "undefined";
    case VK::kRegex:
      return value.text;
    case VK::kRecord:
      return "[object Object]";
    case VK::kList: {
      std::string out;
      for (std::size_t i = 0; i < value.size() && out.size() < kLongestText; ++i) {
        const auto& item = (*value.members)[i].second;
        if (i > 0) out += ',';
        // An array in an array is taken as a hole: nothing real nests there.
        if (item.is(VK::kList)) {
          if (item.size() > 0) out += kHole;
        } else if (!item.is(VK::kNull) && !item.is(VK::kUndefined)) {
          out += to_text(item);
        }
      }
      return out;
    }
    case VK::kPath:
      if (value.text.starts_with("Array.") || value.text.starts_with("String."))
        return "function " + value.text.substr(value.text.find('.') + 1) + "() { [native code] }";
      if (const auto place = place_of(value); !place.empty()) return std::string(place);
      return std::string(1, kHole);
    default:
      return std::string(1, kHole);
  }
}

int truth_of(const Value& value) {
  switch (value.kind) {
    case VK::kText:
      return value.text.empty() ? 0 : 1;
    case VK::kNumber:
      return value.number == 0 || std::isnan(value.number) ? 0 : 1;
    case VK::kBool:
      return value.number != 0 ? 1 : 0;
    case VK::kNull:
    case VK::kUndefined:
      return 0;
    case VK::kList:
    case VK::kRecord:
    case VK::kFunction:
    case VK::kRegex:
      return 1;
    default:
      return -1;
  }
}

namespace {

// The hex digits from `at` on, at most `most`; -1 if there are not `least`.
long hex_run(std::string_view text, std::size_t& at, std::size_t least, std::size_t most) {
  long out = 0;
  std::size_t n = 0;
  while (n < most && at < text.size()) {
    const int digit = hex_digit(text[at]);
    if (digit < 0) break;
    out = out * 16 + digit;
    ++at;
    ++n;
  }
  return n < least ? -1 : out;
}

void unescape_one(std::string_view in, std::size_t& i, std::string& out) {
  const char c = in[i++];
  switch (c) {
    case 'n':
      out += '\n';
      return;
    case 't':
      out += '\t';
      return;
    case 'r':
      out += '\r';
      return;
    case 'b':
      out += '\b';
      return;
    case 'f':
      out += '\f';
      return;
    case 'v':
      out += '\v';
      return;
    case '\r':
      if (i < in.size() && in[i] == '\n') ++i;
      return;
    case '\n':
      return;
    case 'x': {
      const auto start = i;
      const long point = hex_run(in, i, 2, 2);
      if (point >= 0 && point <= 0x10FFFF)
        append_utf8(out, static_cast<std::uint32_t>(point));
      else
        i = start;
      return;
    }
    case 'u': {
      const bool braces = i < in.size() && in[i] == '{';
      if (braces) ++i;
      const long point = hex_run(in, i, braces ? 1 : 4, braces ? 6 : 4);
      if (braces && i < in.size() && in[i] == '}') ++i;
      if (point >= 0 && point <= 0x10FFFF) append_utf8(out, static_cast<std::uint32_t>(point));
      return;
    }
    default:
      if (c >= '0' && c <= '7') {
        std::uint32_t point = static_cast<std::uint32_t>(c - '0');
        for (int n = 0; n < 2 && i < in.size() && in[i] >= '0' && in[i] <= '7' && point < 32; ++n)
          point = point * 8 + static_cast<std::uint32_t>(in[i++] - '0');
        append_utf8(out, point);
        return;
      }
      out += c;
  }
}

}  // namespace

std::string unescape(std::string_view inside) {
  if (inside.find('\\') == inside.npos) return std::string(inside);
  std::string out;
  out.reserve(inside.size());
  for (std::size_t i = 0; i < inside.size();) {
    if (inside[i] != '\\' || i + 1 == inside.size()) {
      out += inside[i++];
      continue;
    }
    ++i;
    unescape_one(inside, i, out);
  }
  return out;
}

double parse_number(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != '_') digits += c;
  if (digits.ends_with('n') && digits.find_first_not_of("0123456789n") == digits.npos)
    digits.pop_back();
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  if (digits.empty()) return nan;
  int base = 10;
  std::size_t begin = 0;
  if (digits.size() > 2 && digits[0] == '0') {
    const char c = static_cast<char>(digits[1] | 32);
    base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
    if (base != 10) begin = 2;
  }
  if (base == 10) {
    char* end = nullptr;
    const double out = std::strtod(digits.c_str(), &end);
    return end == digits.c_str() + digits.size() ? out : nan;
  }
  double out = 0;
  for (const char c : digits.substr(begin)) {
    const int digit = hex_digit(c);
    if (digit < 0 || digit >= base) return nan;
    out = out * base + digit;
  }
  return out;
}

double parse_number(std::string_view text, int base) {
  double out = 0;
  std::size_t digits = 0;
  for (const char c : trimmed(text)) {
    const auto low = lower_ascii(c);
    const int digit = low >= '0' && low <= '9'   ? low - '0'
                      : low >= 'a' && low <= 'z' ? low - 'a' + 10
                                                 : 99;
    if (digit >= base) break;
    out = out * base + digit;
    ++digits;
  }
  return digits == 0 ? std::numeric_limits<double>::quiet_NaN() : out;
}

std::string base64_text(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z')
      value = c - 'A';
    else if (c >= 'a' && c <= 'z')
      value = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      value = c - '0' + 52;
    else if (c == '+' || c == '-')
      value = 62;
    else if (c == '/' || c == '_')
      value = 63;
    else if (c == '=')
      break;
    if (value < 0) continue;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    if (++count == 4) {
      out += static_cast<char>(bits >> 16);
      out += static_cast<char>(bits >> 8);
      out += static_cast<char>(bits);
      bits = 0;
      count = 0;
    }
  }
  if (count == 2) out += static_cast<char>(bits >> 4);
  if (count == 3) {
    out += static_cast<char>(bits >> 10);
    out += static_cast<char>(bits >> 2);
  }
  return out;
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = 1;
    while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xC0) == 0x80) ++n;
    out.emplace_back(text.substr(i, n));
    i += n;
  }
  return out;
}

std::string join_path(const std::vector<std::string>& parts, bool resolve) {
  std::string all;
  for (const auto& part : parts) {
    if (part.empty()) continue;
    const bool restarts = part.starts_with(kOwnRoot) || part.starts_with(kWorkRoot) ||
                          (resolve && (part[0] == '/' || part[0] == '~'));
    if (restarts) all.clear();
    if (!all.empty()) all += '/';
    all += part;
  }
  if (all.size() > kLongestText) all.resize(kLongestText);
  const bool rooted = all.starts_with('/');
  std::vector<std::string_view> kept;
  std::string_view rest = all;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of("/\\"), rest.size());
    const auto part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part == ".." && !kept.empty() && kept.back() != ".." && kept.back() != kOwnRoot.substr(1)) {
      kept.pop_back();
      continue;
    }
    kept.push_back(part);
  }
  std::string out = rooted ? "/" : "";
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i > 0) out += '/';
    out += kept[i];
  }
  return out;
}

}  // namespace npmgate::code
