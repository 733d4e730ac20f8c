// Ranges are expanded as classes/range.js of semver 7 does it: by rewriting text, step by step.
// Rewriting values instead reads better but disagrees on what people really publish ("> =1.0",
// "1.2.3*", "~ >1", "=v1.x").

#include <algorithm>
#include <array>
#include <charconv>

#include "registry/semver_parser.h"

namespace npmgate {
namespace {

using RangeForm = SemverParser::Form;

// Far above any real range. The worst text of this length takes about 10 ms to expand (a run of
// zeros, -O2).
constexpr std::size_t kMaxRangeLength = 16'384;

constexpr std::string_view kNothing = "<0.0.0-0";  // semver's null set: lower than every version

bool is_open(std::string_view part) {
  return part.empty() || part == "x" || part == "X" || part == "*";
}

// `${+text + 1}`: JavaScript's addition on doubles and its way to print them.
std::string plus_one(std::string_view digits) {
  double value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (value >= 1e21) {
    // "1e+21": "+21" then counts as build metadata, and loosely "0.0.1e" is a version.
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                   std::chars_format::scientific)
                         .ptr;
    return std::string(buffer.data(), end);
  }
  std::uint64_t number = 0;
  const auto error = std::from_chars(digits.data(), digits.data() + digits.size(), number).ec;
  // Above 2^64 the digits themselves do: whatever exceeds 2^53-1 is refused as a version later.
  return error == std::errc{} && number < ~std::uint64_t{0} ? std::to_string(number + 1)
                                                            : std::string(digits);
}

std::string join(std::string_view op, std::string_view major, std::string_view minor,
                 std::string_view patch, std::string_view tail = {}) {
  std::string out(op);
  out += major;
  out += '.';
  out += minor;
  out += '.';
  out += patch;
  out += tail;
  return out;
}

// Removes every "+build" so that it cannot bleed into a version.
std::string strip_builds(std::string_view text) {
  const auto word = [](char c) { return is_digit(c) || is_letter_or_dash(c); };
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '+' || at + 1 >= text.size() || !word(text[at + 1])) {
      out += text[at++];
      continue;
    }
    ++at;
    while (at < text.size() &&
           (word(text[at]) || (text[at] == '.' && at + 1 < text.size() && word(text[at + 1])))) {
      ++at;
    }
  }
  return out;
}

// "> 1.2" to ">1.2" (COMPARATORTRIM): one space between an operator and a version goes.
std::string trim_after_operators(std::string_view text) {
  const auto is = [text](std::size_t i, std::string_view set) {
    return i < text.size() && set.find(text[i]) != std::string_view::npos;
  };
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    if (is(end, " ")) ++end;
    if (is(end, "<>")) ++end;
    if (is(end, "=")) ++end;
    const std::size_t space = end;
    if (is(end, " ")) ++end;
    const std::size_t kept = end;
    end = std::min(text.find_first_not_of("v= ", end), text.size());
    const std::size_t length = SemverParser::plain_prefix(text.substr(end));
    if (length == 0) {
      // Nothing between here and `end` can start a match either: it would need the same version
      // there.
      const std::size_t next = std::max(end, at + 1);
      out += text.substr(at, next - at);
      at = next;
      continue;
    }
    out += text.substr(at, space - at);
    out += text.substr(kept, end + length - kept);
    at = end + length;
  }
  return out;
}

// "~ 1.2" and "~> 1.2" to "~1.2", "^ 1.2" to "^1.2" (TILDETRIM, CARETTRIM).
std::string trim_after(char sign, std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    out += text[at];
    if (text[at++] != sign) continue;
    std::size_t end = at;
    if (sign == '~' && text.substr(end).starts_with('>')) ++end;
    if (text.substr(end).starts_with(' ')) at = end + 1;
  }
  return out;
}

// JavaScript's split(/\s+/) of a text whose only blanks are spaces: empty words occur at the ends
// only.
std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t end = text.find(' ');
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(std::min(text.find_first_not_of(' ', end), text.size()));
  }
}

// Rewrites one alternative of a range ("^1.2 <1.5") to plain comparators, with or without
// includePrerelease.
class Expander {
 public:
  Expander(bool loose, bool prerelease) : loose_(loose), prerelease_(prerelease) {}

  // Comparators separated by single spaces.
  std::string expand(std::string_view alternative) const {
    std::string text = hyphen(strip_builds(alternative));
    text = trim_after('^', trim_after('~', trim_after_operators(text)));
    std::string out;
    std::string_view rest = text;
    while (true) {
      const std::size_t end = rest.find(' ');
      out += comparator(rest.substr(0, end));
      if (end == std::string_view::npos) return out;
      out += ' ';
      rest.remove_prefix(end + 1);
    }
  }

 private:
  RangeForm form() const { return loose_ ? RangeForm::kLooseRange : RangeForm::kStrictRange; }
  std::string_view lowest() const { return prerelease_ ? "-0" : ""; }

  // "[from, below)" as two comparators.
  std::string span(const std::string& from, const std::string& below) const {
    return from + " " + below;
  }

  std::string comparator(std::string_view text) const {
    std::string out = text.starts_with('^')   ? caret(text)
                      : text.starts_with('~') ? tilde(text)
                                              : std::string(text);
    std::string ranges;
    for (const std::string_view word : words(out)) {
      if (!ranges.empty()) ranges += ' ';
      ranges += x_range(word);
    }
    return without_star(std::move(ranges));
  }

  // "1.2.3 - 1.4": only if it is the whole alternative.
  std::string hyphen(std::string text) const {
    const std::string_view all = text;
    const std::size_t from_start = all.starts_with(' ') ? 1 : 0;
    const std::size_t from_end = operand_end(all, from_start);
    if (all.substr(from_end, 3) != " - ") return text;
    const std::size_t to_start = from_end + 3, to_end = operand_end(all, to_start);
    if (!all.substr(to_end).empty() && all.substr(to_end) != " ") return text;
    const std::string_view from = all.substr(from_start, from_end - from_start);
    const std::string_view to = all.substr(to_start, to_end - to_start);
    const auto low = SemverParser::match(from, form()), high = SemverParser::match(to, form());
    if (!low || !high) return text;
    const std::string lower = hyphen_from(from, *low), upper = hyphen_to(to, *high);
    return lower.empty() || upper.empty() ? lower + upper : lower + " " + upper;
  }

  static std::size_t operand_end(std::string_view text, std::size_t start) {
    const std::size_t core = text.find_first_not_of("v= ", start);
    if (core == std::string_view::npos) return text.size();
    return std::min(text.find(' ', core), text.size());
  }

  std::string hyphen_from(std::string_view text, const PartialVersion& p) const {
    if (is_open(p.major)) return "";
    if (is_open(p.minor)) return join(">=", p.major, "0", "0", lowest());
    if (is_open(p.patch)) return join(">=", p.major, p.minor, "0", lowest());
    std::string out = ">=" + std::string(text);
    if (p.prerelease.empty()) out += lowest();
    return out;
  }

  std::string hyphen_to(std::string_view text, const PartialVersion& p) const {
    if (is_open(p.major)) return "";
    if (is_open(p.minor)) return join("<", plus_one(p.major), "0", "0-0");
    if (is_open(p.patch)) return join("<", p.major, plus_one(p.minor), "0-0");
    if (!p.prerelease.empty()) {
      return join("<=", p.major, p.minor, p.patch, "-" + std::string(p.prerelease));
    }
    if (prerelease_) return join("<", p.major, p.minor, plus_one(p.patch), "-0");
    return "<=" + std::string(text);
  }

  // ">=1.2.3-pre" of a full version behind ^ or ~.
  static std::string at_least(const PartialVersion& p) {
    std::string tail;
    if (!p.prerelease.empty()) tail = "-" + std::string(p.prerelease);
    return join(">=", p.major, p.minor, p.patch, tail);
  }

  std::string caret(std::string_view text) const {
    const auto p = SemverParser::match(text.substr(1), form());
    if (!p) return std::string(text);
    if (is_open(p->major)) return "";
    const std::string next_major = join("<", plus_one(p->major), "0", "0-0");
    if (is_open(p->minor)) return span(join(">=", p->major, "0", "0", lowest()), next_major);
    const std::string from =
        is_open(p->patch) ? join(">=", p->major, p->minor, "0", lowest()) : at_least(*p);
    if (p->major != "0") return span(from, next_major);
    if (is_open(p->patch) || p->minor != "0") {
      return span(from, join("<", p->major, plus_one(p->minor), "0-0"));
    }
    return span(from, join("<", p->major, p->minor, plus_one(p->patch), "-0"));
  }

  std::string tilde(std::string_view text) const {
    const auto p = SemverParser::match(text.substr(text.starts_with("~>") ? 2 : 1), form());
    if (!p) return std::string(text);
    if (is_open(p->major)) return "";
    if (is_open(p->minor)) {
      return span(join(">=", p->major, "0", "0", lowest()),
                  join("<", plus_one(p->major), "0", "0-0"));
    }
    const std::string from =
        is_open(p->patch) ? join(">=", p->major, p->minor, "0", lowest()) : at_least(*p);
    return span(from, join("<", p->major, plus_one(p->minor), "0-0"));
  }

  std::string x_range(std::string_view text) const {
    std::size_t length = text.starts_with('<') || text.starts_with('>') ? 1 : 0;
    if (text.substr(length).starts_with('=')) ++length;
    const std::string_view op = text.substr(0, length);
    const auto p = SemverParser::match(text.substr(length), form());
    // "*.1" and "1.x.3" stay as they are and fail later.
    if (!p || (is_open(p->major) && !is_open(p->minor)) ||
        (is_open(p->minor) && !is_open(p->patch))) {
      return std::string(text);
    }
    if (is_open(p->major)) return op == ">" || op == "<" ? std::string(kNothing) : "*";
    if (!is_open(p->patch)) return std::string(text);
    const bool any_minor = is_open(p->minor);
    const std::string next = any_minor ? join("", plus_one(p->major), "0", "0")
                                       : join("", p->major, plus_one(p->minor), "0");
    const std::string first = join("", p->major, any_minor ? "0" : p->minor, "0");
    const std::string low(lowest());
    if (op == ">") return ">=" + next + low;
    if (op == ">=") return ">=" + first + low;
    if (op == "<") return "<" + first + "-0";
    if (op == "<=") return "<" + next + "-0";
    return span(">=" + first + low, "<" + next + "-0");
  }

  // The first star and the operator before it mean anything at all and go ("1.2.3*" is 1.2.3).
  static std::string without_star(std::string text) {
    const std::size_t star = text.find('*');
    if (star == std::string::npos) return text;
    std::size_t start = star;
    if (start > 0 && text[start - 1] == ' ') --start;
    if (start > 0 && text[start - 1] == '=') --start;
    if (start > 0 && (text[start - 1] == '<' || text[start - 1] == '>')) --start;
    text.erase(start, star + 1 - start);
    return text;
  }

  bool loose_, prerelease_;
};

}  // namespace

// Turns expanded text into comparators: the second half of Range.parseRange and Range's
// constructor.
class RangeBuilder {
 public:
  using Comparator = SemverParser::Comparator;
  using Op = SemverParser::Op;
  using Set = std::vector<Comparator>;

  RangeBuilder(bool loose, bool prerelease) : loose_(loose), prerelease_(prerelease) {}

  // nullopt if semver throws.
  std::optional<std::vector<Set>> build(std::string_view text) const {
    std::vector<Set> sets;
    while (true) {
      const std::size_t bar = text.find("||");
      auto one = set(trim(text.substr(0, bar)));
      if (!one) return std::nullopt;
      if (!one->empty()) sets.push_back(std::move(*one));
      if (bar == std::string_view::npos) break;
      text.remove_prefix(bar + 2);
    }
    if (sets.empty()) return std::nullopt;
    return simplify(std::move(sets));
  }

  static std::string str(const Comparator& c) {
    static constexpr std::string_view kSigns[] = {"<", "<=", ">", ">=", "", ""};
    if (c.op == Op::kAny) return "";
    return std::string(kSigns[static_cast<std::size_t>(c.op)]) + c.version.str();
  }

 private:
  static std::string_view trim(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
  }

  static bool is_nothing(const Comparator& c) { return str(c) == kNothing; }

  // An empty set if loose mode drops everything.
  std::optional<Set> set(std::string_view alternative) const {
    const std::string expanded = Expander(loose_, prerelease_).expand(alternative);
    Set out;
    for (std::string_view word : words(expanded)) {
      // ">=0.0.0" is everything.
      if (word == (prerelease_ ? ">=0.0.0-0" : ">=0.0.0")) word = "";
      bool dropped = false;
      auto one = comparator(word, dropped);
      if (dropped) continue;
      if (!one) return std::nullopt;
      out.push_back(std::move(*one));
    }
    const auto nothing = std::find_if(out.begin(), out.end(), is_nothing);
    if (nothing != out.end()) return Set{*nothing};
    return unique(std::move(out));
  }

  std::optional<Comparator> comparator(std::string_view word, bool& dropped) const {
    if (word.empty()) return Comparator{};
    std::size_t length = word.starts_with('<') || word.starts_with('>') ? 1 : 0;
    if (word.substr(length).starts_with('=')) ++length;
    const std::string_view rest = word.substr(length);
    const auto parts = SemverParser::match(rest, loose_ ? RangeForm::kLoose : RangeForm::kStrict);
    // Loose ranges drop what is no comparator; strict ones are invalid.
    dropped = !parts && loose_;
    if (!parts || rest.size() > kMaxVersionLength) return std::nullopt;
    auto version = SemverParser::build(*parts);
    if (!version) return std::nullopt;
    return Comparator{operator_of(word.substr(0, length)), std::move(*version)};
  }

  static Op operator_of(std::string_view sign) {
    if (sign == "<") return Op::kLess;
    if (sign == "<=") return Op::kLessEqual;
    if (sign == ">") return Op::kGreater;
    if (sign == ">=") return Op::kGreaterEqual;
    return Op::kEqual;
  }

  // Each comparator once; "anything" only if it stands alone.
  static Set unique(Set set) {
    std::vector<std::string> seen;
    Set out;
    for (Comparator& c : set) {
      std::string text = str(c);
      if (std::find(seen.begin(), seen.end(), text) != seen.end()) continue;
      seen.push_back(std::move(text));
      out.push_back(std::move(c));
    }
    if (out.size() > 1) {
      std::erase_if(out, [](const Comparator& c) { return c.op == Op::kAny; });
    }
    return out;
  }

  // Alternatives that match nothing go, as long as one stays; one that matches anything stands for
  // all.
  static std::vector<Set> simplify(std::vector<Set> sets) {
    if (sets.size() < 2) return sets;
    const Set first = sets.front();
    std::erase_if(sets, [](const Set& set) { return is_nothing(set.front()); });
    if (sets.empty()) return {first};
    for (const Set& set : sets) {
      if (set.size() == 1 && set.front().op == Op::kAny) return {set};
    }
    return sets;
  }

  bool loose_, prerelease_;
};

std::optional<Range> SemverParser::range(std::string_view text, bool loose) {
  if (text.size() > kMaxRangeLength) return std::nullopt;
  const std::string clean = collapse_blanks(text);
  auto sets = RangeBuilder(loose, false).build(clean);
  if (!sets) return std::nullopt;
  Range range;
  range.sets_ = std::move(*sets);
  // If only this expansion is invalid (a bound that passes 2^53-1) nothing matches under
  // includePrerelease.
  if (auto wide = RangeBuilder(loose, true).build(clean)) range.prerelease_sets_ = std::move(*wide);
  return range;
}

std::optional<Range> Range::parse(std::string_view text, bool loose) {
  return SemverParser::range(text, loose);
}

std::string Range::str(bool include_prerelease) const {
  std::string out;
  const char* bar = "";
  for (const auto& set : include_prerelease ? prerelease_sets_ : sets_) {
    out += bar;
    bar = "||";
    const char* gap = "";
    for (const Comparator& c : set) {
      out += gap;
      out += c.op == Comparator::Op::kAny ? "*" : RangeBuilder::str(c);
      gap = " ";
    }
  }
  return out;
}

bool Range::matches(const Version& version, bool include_prerelease) const {
  const auto passes = [&version](const Comparator& c) {
    switch (c.op) {
      case Comparator::Op::kAny:
        return true;
      case Comparator::Op::kLess:
        return version < c.version;
      case Comparator::Op::kLessEqual:
        return version <= c.version;
      case Comparator::Op::kGreater:
        return version > c.version;
      case Comparator::Op::kGreaterEqual:
        return version >= c.version;
      case Comparator::Op::kEqual:
        return version == c.version;
    }
    return false;
  };
  // A prerelease only matches if a comparator names a prerelease of the same major.minor.patch.
  const auto opts_in = [&version](const Comparator& c) {
    return c.op != Comparator::Op::kAny && c.version.is_prerelease() &&
           c.version.major() == version.major() && c.version.minor() == version.minor() &&
           c.version.patch() == version.patch();
  };
  for (const auto& set : include_prerelease ? prerelease_sets_ : sets_) {
    if (!std::all_of(set.begin(), set.end(), passes)) continue;
    if (include_prerelease || !version.is_prerelease()) return true;
    if (std::any_of(set.begin(), set.end(), opts_in)) return true;
  }
  return false;
}

std::optional<Version> Range::exact() const {
  if (sets_.size() != 1 || sets_.front().size() != 1) return std::nullopt;
  const Comparator& only = sets_.front().front();
  if (only.op != Comparator::Op::kEqual) return std::nullopt;
  return only.version;
}

}  // namespace npmgate
