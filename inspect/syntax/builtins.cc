// What the methods of JavaScript's texts, lists and numbers make of known values (ECMA-262,
// sections 21 to 23).
#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "inspect/syntax/value.h"

namespace npmgate::code {
namespace {

using VK = Value::Kind;
using Arguments = std::vector<Value>;

double number_at(const Arguments& arguments, std::size_t i, double missing) {
  if (i >= arguments.size() || arguments[i].is(VK::kUndefined)) return missing;
  if (arguments[i].is(VK::kNumber) || arguments[i].is(VK::kBool)) return arguments[i].number;
  if (arguments[i].is(VK::kText)) return parse_number(arguments[i].text);
  return std::nan("");
}

// Relative index as slice() takes it.
std::size_t relative(double index, std::size_t size) {
  const auto limit = static_cast<double>(size);
  if (index < 0) index = std::max(0.0, limit + index);
  return static_cast<std::size_t>(std::min(std::trunc(index), limit));
}

std::string joined(const std::vector<std::string>& parts, std::size_t begin, std::size_t end) {
  std::string out;
  for (std::size_t i = begin; i < end && i < parts.size(); ++i) out += parts[i];
  return out;
}

std::string replaced(const std::string& text, const std::string& what, const std::string& with,
                     bool all) {
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const auto hit = text.find(what, at);
    if (hit == text.npos || out.size() > kLongestText) break;
    out += text.substr(at, hit - at) + with;
    at = hit + what.size();
    if (!all || what.empty()) break;
  }
  return out + text.substr(std::min(at, text.size()));
}

bool in_class(std::string_view set, char c) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    char low = set[i];
    if (low == '\\' && i + 1 < set.size()) {
      low = set[++i];
      if (low == 'd' && c >= '0' && c <= '9') return true;
      if (low == 's' && (c == ' ' || (c >= '\t' && c <= '\r'))) return true;
      if (low == 'w' && (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_')) return true;
      if (low == 'd' || low == 's' || low == 'w') continue;
    }
    if (i + 2 < set.size() && set[i + 1] == '-') {
      if (c >= low && c <= set[i + 2]) return true;
      i += 2;
      continue;
    }
    if (c == low) return true;
  }
  return false;
}

// replace() with the regular expressions that hide words: one literal run, "^", "$", ".", or one
// class with or without "+"; false for every other.
bool replace_regex(const std::string& text, std::string_view regex, const std::string& with,
                   std::string& out) {
  const auto close = regex.rfind('/');
  if (close == 0 || close == regex.npos) return false;
  const auto body = regex.substr(1, close - 1);
  const auto flags = regex.substr(close + 1);
  const bool all = flags.find('g') != flags.npos;
  if (with.find('$') != with.npos) return false;
  if (body == "^") return out = with + text, true;
  if (body == "$") return out = text + with, true;
  if (body.find_first_of("\\[](){}.*+?^$|") == body.npos && flags.find('i') == flags.npos)
    return out = replaced(text, std::string(body), with, all), true;
  std::string_view set = body;
  const bool many = set.ends_with('+');
  if (many) set.remove_suffix(1);
  bool negated = false;
  if (set.size() > 2 && set.front() == '[' && set.back() == ']') {
    set = set.substr(1, set.size() - 2);
    negated = set.starts_with('^');
    if (negated) set.remove_prefix(1);
    if (set.find_first_of("[]") != set.npos) return false;
  } else if (!(set.size() == 2 && set[0] == '\\' &&
               std::isalpha(static_cast<unsigned char>(set[1])) == 0) &&
             set != "\\d" && set != "\\s" && set != "\\w") {
    return false;
  }
  out.clear();
  bool done = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((done && !all) || in_class(set, text[i]) == negated) {
      out += text[i];
      continue;
    }
    while (many && i + 1 < text.size() && in_class(set, text[i + 1]) != negated) ++i;
    out += with;
    done = true;
  }
  return true;
}

Value split_text(const std::string& text, const Arguments& arguments, std::uint8_t origins) {
  std::vector<Value> items;
  if (arguments.empty()) return list_value({text_value(text, origins)});
  if (!arguments[0].is(VK::kText)) return unknown(origins);
  const auto& by = arguments[0].text;
  if (by.empty()) {
    for (auto& c : characters(text)) items.push_back(text_value(std::move(c), origins));
    return list_value(std::move(items));
  }
  std::size_t at = 0;
  while (items.size() <= kLongestList) {
    const auto hit = text.find(by, at);
    items.push_back(text_value(text.substr(at, hit == text.npos ? hit : hit - at), origins));
    if (hit == text.npos) break;
    at = hit + by.size();
  }
  return list_value(std::move(items));
}

Value replace_text(const std::string& text, bool all, const Arguments& arguments,
                   std::uint8_t origins) {
  if (arguments.size() < 2 || !arguments[1].is(VK::kText)) return unknown(origins);
  if (arguments[0].is(VK::kText))
    return text_value(replaced(text, arguments[0].text, arguments[1].text, all), origins);
  std::string out;
  if (arguments[0].is(VK::kRegex) && replace_regex(text, arguments[0].text, arguments[1].text, out))
    return text_value(std::move(out), origins);
  return unknown(origins);
}

Value cut_text(const std::string& text, std::string_view name, const Arguments& arguments,
               std::uint8_t origins) {
  const auto parts = characters(text);
  const auto size = parts.size();
  const double first = number_at(arguments, 0, 0);
  double second = number_at(arguments, 1, static_cast<double>(size));
  if (std::isnan(first) || std::isnan(second)) return unknown(origins);
  std::size_t begin = 0, end = size;
  if (name == "slice") {
    begin = relative(first, size);
    end = relative(second, size);
  } else if (name == "substring") {
    begin = relative(std::max(first, 0.0), size);
    end = relative(std::max(second, 0.0), size);
    if (begin > end) std::swap(begin, end);
  } else {
    begin = relative(first, size);
    second = number_at(arguments, 1, static_cast<double>(size - begin));
    end = begin + relative(std::max(second, 0.0), size - begin);
  }
  return text_value(joined(parts, begin, end), origins);
}

std::uint32_t code_at(const std::string& character) {
  return first_code_point(character).value;
}

Value at_text(const std::string& text, std::string_view name, const Arguments& arguments,
              std::uint8_t origins) {
  const auto parts = characters(text);
  double index = number_at(arguments, 0, 0);
  if (std::isnan(index)) return unknown(origins);
  if (name == "at" && index < 0) index += static_cast<double>(parts.size());
  const bool outside = index < 0 || index >= static_cast<double>(parts.size());
  if (name == "charCodeAt" || name == "codePointAt") {
    if (outside) return number_value(std::nan(""));
    auto out = number_value(code_at(parts[static_cast<std::size_t>(index)]));
    out.origins = origins;
    return out;
  }
  return text_value(outside ? "" : parts[static_cast<std::size_t>(index)], origins);
}

Value padded(const std::string& text, std::string_view name, const Arguments& arguments,
             std::uint8_t origins) {
  const double size = number_at(arguments, 0, 0);
  if (std::isnan(size) || size > 65536) return unknown(origins);
  const std::string by = arguments.size() > 1 ? to_text(arguments[1]) : " ";
  std::string pad;
  while (!by.empty() && text.size() + pad.size() < static_cast<std::size_t>(std::max(size, 0.0)))
    pad += by;
  if (text.size() + pad.size() > size && !pad.empty())
    pad.resize(static_cast<std::size_t>(size) - text.size());
  return text_value(name == "padStart" ? pad + text : text + pad, origins);
}

std::string upper_ascii(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  return text;
}

Value text_method(const Value& object, std::string_view name, const Arguments& arguments) {
  const auto& text = object.text;
  std::uint8_t origins = object.origins;
  for (const auto& argument : arguments) origins |= argument.origins;
  if (name == "concat") {
    std::string out = text;
    for (const auto& argument : arguments) out += to_text(argument);
    return text_value(std::move(out), origins);
  }
  if (name == "split") return split_text(text, arguments, origins);
  if (name == "replace" || name == "replaceAll")
    return replace_text(text, name == "replaceAll", arguments, origins);
  if (name == "slice" || name == "substring" || name == "substr")
    return cut_text(text, name, arguments, origins);
  if (name == "charAt" || name == "at" || name == "charCodeAt" || name == "codePointAt")
    return at_text(text, name, arguments, origins);
  if (name == "toLowerCase" || name == "toLocaleLowerCase")
    return text_value(lower_ascii(text), origins);
  if (name == "toUpperCase" || name == "toLocaleUpperCase")
    return text_value(upper_ascii(text), origins);
  if (name == "trim") return text_value(std::string(trimmed(text)), origins);
  if (name == "padStart" || name == "padEnd") return padded(text, name, arguments, origins);
  if (name == "toString" || name == "valueOf" || name == "normalize" || name == "trimEnd" ||
      name == "trimStart")
    return object;
  if (name == "repeat") {
    const double times = number_at(arguments, 0, 0);
    if (std::isnan(times) || times < 0 || times * static_cast<double>(text.size()) > kLongestText)
      return unknown(origins);
    std::string out;
    for (int i = 0; i < static_cast<int>(times); ++i) out += text;
    return text_value(std::move(out), origins);
  }
  if (name == "indexOf" && !arguments.empty()) {
    const auto hit = text.find(to_text(arguments[0]));
    return number_value(hit == text.npos ? -1 : static_cast<double>(hit));
  }
  return unknown(origins);
}

std::vector<Value> items_of(const Value& list) {
  std::vector<Value> out;
  out.reserve(list.size());
  for (const auto& [key, item] : *list.members) out.push_back(item);
  return out;
}

Value list_method(const Value& object, std::string_view name, const Arguments& arguments) {
  auto items = items_of(object);
  if (name == "join") {
    const auto by = arguments.empty() ? std::string(",") : to_text(arguments[0]);
    std::string out;
    for (std::size_t i = 0; i < items.size() && out.size() < kLongestText; ++i)
      out += (i > 0 ? by : "") + (items[i].is(VK::kUndefined) ? "" : to_text(items[i]));
    return text_value(std::move(out), object.origins);
  }
  if (name == "reverse" || name == "toReversed") {
    std::reverse(items.begin(), items.end());
    return list_value(std::move(items), object.origins);
  }
  if (name == "concat") {
    for (const auto& argument : arguments) {
      if (argument.is(VK::kList)) {
        for (auto& item : items_of(argument)) items.push_back(std::move(item));
      } else {
        items.push_back(argument);
      }
    }
    return list_value(std::move(items), object.origins);
  }
  if (name == "slice") {
    const double first = number_at(arguments, 0, 0);
    const double second = number_at(arguments, 1, static_cast<double>(items.size()));
    if (std::isnan(first) || std::isnan(second)) return unknown(object.origins);
    const auto begin = relative(first, items.size()), end = relative(second, items.size());
    if (begin >= end) return list_value({}, object.origins);
    return list_value({items.begin() + static_cast<std::ptrdiff_t>(begin),
                       items.begin() + static_cast<std::ptrdiff_t>(end)},
                      object.origins);
  }
  if (name == "at" && !items.empty()) {
    double index = number_at(arguments, 0, 0);
    if (index < 0) index += static_cast<double>(items.size());
    if (!(index >= 0) || index >= static_cast<double>(items.size())) return unknown();
    return items[static_cast<std::size_t>(index)];
  }
  if (name == "pop" && !items.empty()) return items.back();
  if (name == "shift" && !items.empty()) return items.front();
  if (name == "toString") return text_value(to_text(object), object.origins);
  if (name == "find") return any_value(std::move(items));
  if (name == "sort" || name == "toSorted") {
    const bool texts = std::all_of(items.begin(), items.end(),
                                   [](const Value& item) { return item.is(VK::kText); });
    if (!texts || !arguments.empty()) return bag_value(std::move(items), object.origins);
    std::sort(items.begin(), items.end(),
              [](const Value& a, const Value& b) { return a.text < b.text; });
    return list_value(std::move(items), object.origins);
  }
  if (name == "filter") {
    const bool truth = !arguments.empty() && arguments[0].text == "Boolean";
    if (!truth) return bag_value(std::move(items), object.origins);
    std::erase_if(items, [](const Value& item) { return truth_of(item) == 0; });
    return list_value(std::move(items), object.origins);
  }
  if (name == "flat") return object;
  if (name == "values" || name == "entries" || name == "keys") return object;
  return unknown(object.origins);
}

// A list whose places are not known.
Value bag_method(const Value& object, std::string_view name) {
  if (name == "pop" || name == "shift" || name == "at" || name == "find" || name == "findLast")
    return any_value(items_of(object), kMostInBag);
  if (name == "join" || name == "toString") {
    // Letters in an order that is made at run time are a word that was taken apart.
    const bool letters = std::all_of(object.members->begin(), object.members->end(), [](auto& one) {
      return one.second.is(VK::kText) && one.second.text.size() <= 2;
    });
    return unknown(static_cast<std::uint8_t>(object.origins | (letters ? kDecoded : 0)));
  }
  if (name == "indexOf" || name == "includes" || name == "push" || name == "unshift")
    return unknown(object.origins);
  return object;
}

Value number_method(const Value& object, std::string_view name, const Arguments& arguments) {
  if (name != "toString") return unknown(object.origins);
  const double base = number_at(arguments, 0, 10);
  if (base == 10) return text_value(number_text(object.number), object.origins);
  if (!(base >= 2 && base <= 36) || object.number < 0 ||
      object.number != std::floor(object.number) || object.number > 9e15)
    return unknown(object.origins);
  auto rest = static_cast<std::uint64_t>(object.number);
  std::string out;
  do {
    const auto digit = rest % static_cast<std::uint64_t>(base);
    out += static_cast<char>(digit < 10 ? '0' + digit : 'a' + digit - 10);
    rest /= static_cast<std::uint64_t>(base);
  } while (rest > 0);
  std::reverse(out.begin(), out.end());
  return text_value(std::move(out), static_cast<std::uint8_t>(object.origins | kDecoded));
}

}  // namespace

Value call_builtin(const Value& object, std::string_view name, const Arguments& arguments) {
  switch (object.kind) {
    case VK::kText:
      return text_method(object, name, arguments);
    case VK::kList:
      return list_method(object, name, arguments);
    case VK::kBag:
      return bag_method(object, name);
    case VK::kRegex:
      return name == "toString" ? text_value(object.text) : unknown(object.origins);
    case VK::kNumber:
      return number_method(object, name, arguments);
    case VK::kBool:
      if (name == "toString") return text_value(to_text(object));
      return unknown();
    case VK::kAny: {
      std::vector<Value> results;
      for (const auto& choice : choices_of(object))
        results.push_back(call_builtin(choice, name, arguments));
      return any_value(std::move(results));
    }
    default:
      return unknown(object.origins);
  }
}

}  // namespace npmgate::code
