#include "inspect/code/code_scan.h"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "inspect/code/hidden_text.h"
#include "inspect/code/pattern_scan.h"
#include "inspect/code/script_lexer.h"

namespace npmgate {
namespace {

constexpr auto kNever = std::numeric_limits<std::size_t>::max();

// How far decoding and evaluating may stand apart to be taken together, in bytes of code without
// the insides of long literals. A small file is taken as a whole: droppers are small, and in
// bundles the two stand in different modules.
constexpr std::size_t kNear = 512;
constexpr std::size_t kNearExec = 200;
constexpr std::size_t kSmallFile = 4096;
constexpr std::size_t kLiteralWeight = 64;  // what a longer literal counts in such distances
constexpr std::size_t kRotationReach =
    2000;  // javascript-obfuscator's rotation loop is 300 to 1,500 bytes long
constexpr std::size_t kCharCodeRun =
    8;  // utf-16 helpers pass two; the shortest host in the wild took 14
constexpr std::size_t kCharCodeCalls = 16;
constexpr std::size_t kAddressTable = 10;  // literals of 0x and 40 digits
constexpr std::size_t kEncodedLiteral = 16;

bool is_digit(unsigned char c) {
  return c >= '0' && c <= '9';
}
bool is_quote(char c) {
  return c == '\'' || c == '"' || c == '`';
}

// Bytes outside base64 (both alphabets), hex and identifiers.
constexpr std::array<std::uint8_t, 256> kNotEncoded = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool word = is_word_byte(static_cast<unsigned char>(c)) && c < 0x80 && c != '$';
    table[c] = !word && c != '+' && c != '/' && c != '=' && c != '-' && c != '\n';
  }
  return table;
}();

constexpr std::array<bool, 256> kHexDigit = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = hex_digit(static_cast<char>(c)) >= 0;
  return table;
}();

const PatternScanner& scanner() {
  static const PatternScanner kScanner = [] {
    std::vector<std::string_view> texts;
    for (const auto& pattern : code_patterns()) texts.push_back(pattern.text);
    return PatternScanner(texts);
  }();
  return kScanner;
}

class Scan {
 public:
  Scan(const PlainCode& code, Syntax syntax)
      : text_(code.text),
        code_(code),
        script_(syntax == Syntax::kScript),
        all_text_(!script_ || code.lost) {}

  CodeScan run() {
    const auto patterns = code_patterns();
    scanner().scan(text_, [&](std::size_t index, std::size_t end) { hit(patterns[index], end); });
    literals();
    finish();
    return std::move(found_);
  }

 private:
  void hit(const CodePattern& pattern, std::size_t end) {
    const auto begin = end - pattern.text.size();
    if (!(pattern.flags & kFold) && text_.compare(begin, pattern.text.size(), pattern.text) != 0)
      return;
    if ((pattern.flags & kStart) && is_word(begin, -1)) return;
    if ((pattern.flags & kEnd) && is_word(end, 0)) return;
    advance(end - 1);
    if ((pattern.flags & kText) && !in_text(end - 1)) return;
    if (pattern.mark == Mark::kTrait && is_quoted_word(pattern.trait) &&
        (in_prose(end - 1) || in_word_list(end - 1)))
      return;
    look_around(pattern, begin, end);
  }

  void look_around(const CodePattern& pattern, std::size_t begin, std::size_t end) {
    switch (pattern.mark) {
      case Mark::kTrait:
        return found_.set(pattern.trait);
      case Mark::kModule:
        return module(end);
      case Mark::kFetch:
        return fetch(begin);
      case Mark::kCommand:
        return command(begin, end);
      case Mark::kEvaluate:
        return evaluate(pattern.text, begin, end);
      case Mark::kSink:
        return sink(end);
      case Mark::kExec:
        return exec(begin, end);
      case Mark::kDecode:
        return decode(end);
      case Mark::kCharCode:
        return char_code(begin, end);
      case Mark::kPacker:
        found_.set(Trait::kStringArray);
        return found_.set(pattern.trait);
      case Mark::kUrl:
        if (in_text(end - 1)) found_.hosts.add_url(text_, begin);
        return;
      case Mark::kShift:
        return rotation(begin, end);
      case Mark::kRotationLoop:
        loop_at_ = code_offset(end);
        return;
      case Mark::kParseInt:
        parse_ints_[parse_int_count_++ % parse_ints_.size()] = code_offset(end);
        return;
      case Mark::kObfuscated:
        return obfuscated(end);
      case Mark::kEnvironment:
        return environment(begin, end);
      case Mark::kWorkflow:
        workflow_ = true;
        return;
      case Mark::kWrite:
        write_ = true;
        return;
      case Mark::kRemove:
        return remove(end);
      case Mark::kRemoveShell:
        return remove_shell(end);
      case Mark::kRemoveDos:
        return remove_dos(begin);
    }
  }

  // The byte at `at + shift` exists and belongs to a word.
  bool is_word(std::size_t at, int shift) const {
    if (shift < 0 && at == 0) return false;
    const auto i = at + static_cast<std::size_t>(shift);
    return i < text_.size() && is_word_byte(static_cast<unsigned char>(text_[i]));
  }
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  bool ends_before(std::size_t end, std::string_view word) const {
    return text_.substr(0, end).ends_with(word);
  }

  // Moves to the literal that may hold `offset`; offsets come in ascending order but for a
  // pattern's length.
  void advance(std::size_t offset) {
    const auto& all = code_.literals;
    while (literal_ < all.size() && all[literal_].begin + all[literal_].size <= offset) {
      if (all[literal_].size > kLiteralWeight) excess_ += all[literal_].size - kLiteralWeight;
      ++literal_;
    }
  }
  bool in_text(std::size_t offset) const {
    return all_text_ ||
           (literal_ < code_.literals.size() && code_.literals[literal_].begin <= offset);
  }
  // Traits that a path or a command is enough for: in a sentence or a list of words it is neither.
  static bool is_quoted_word(Trait trait) {
    return trait == Trait::kCredentialPaths || trait == Trait::kEnvBulk ||
           trait == Trait::kPersistence || trait == Trait::kCiSecrets;
  }
  // The literal around `offset` is prose: four words or more, nearly all of them letters, and
  // nothing that a shell acts on.
  bool in_prose(std::size_t offset) const {
    if (all_text_ || !in_text(offset)) return false;
    const auto& literal = code_.literals[literal_];
    if (literal.begin != prose_of_) {
      prose_of_ = literal.begin;
      prose_ = is_prose(text_.substr(literal.begin, literal.size));
    }
    return prose_;
  }
  // The literal around `offset` is one of five and more plain words with nothing between them but
  // commas, two of them on each side: a highlighter's list. What code takes out of such a list by
  // its index is found on the syntax tree.
  bool in_word_list(std::size_t offset) const {
    constexpr std::size_t kBeside = 2;
    const auto& all = code_.literals;
    if (all_text_ || !in_text(offset) || literal_ < kBeside || literal_ + kBeside >= all.size())
      return false;
    for (auto i = literal_ - kBeside; i <= literal_ + kBeside; ++i) {
      const auto end = all[i].begin + all[i].size;
      if (!is_plain_word(text_.substr(all[i].begin, all[i].size))) return false;
      if (i < literal_ + kBeside && !only_separates(text_.substr(end, all[i + 1].begin - end)))
        return false;
    }
    return true;
  }
  static bool is_plain_word(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_word_byte(static_cast<unsigned char>(c)); });
  }
  // "," or "," with words between that are too short to be literals: ","du","
  static bool only_separates(std::string_view text) {
    while (text.size() >= 3 && is_quote(text[0]) && text[1] == ',' && is_quote(text[2])) {
      text.remove_prefix(3);
      if (text.empty()) return true;
      const auto word = std::min(text.find_first_of("'\"`"), text.size());
      if (word == 0 || !is_plain_word(text.substr(0, word))) return false;
      text.remove_prefix(word);
    }
    return false;
  }
  static bool is_prose(std::string_view text) {
    constexpr std::size_t kFewestWords = 4;
    if (text.find_first_of("|&;<>$`~=\\") != text.npos) return false;
    std::size_t words = 0, plain = 0;
    while (!text.empty()) {
      const auto end = std::min(text.find_first_of(" \n\t"), text.size());
      auto word = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (word.empty()) continue;
      if (word.starts_with('-') || word.starts_with('/')) return false;
      while (!word.empty() && std::string_view(".,:;!?()'\"").find(word.back()) != word.npos)
        word.remove_suffix(1);
      ++words;
      plain += std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'' || c == '-' ||
               c == '(';
      });
    }
    return words >= kFewestWords && plain * 4 >= words * 3;
  }
  std::size_t code_offset(std::size_t offset) const { return offset - std::min(excess_, offset); }

  // Behind require(, import(, from: the module's name in quotes.
  void module(std::size_t end) {
    constexpr std::size_t kLongestName = 40;
    auto rest = text_.substr(end, kLongestName);
    if (!rest.empty() && is_quote(rest.front())) {
      rest.remove_prefix(1);
    } else if (!is_quote(text_[end - 1])) {
      return;
    }
    if (rest.starts_with("node:")) rest.remove_prefix(5);
    auto name = rest.substr(0, rest.find_first_of("'\"`"));
    if (name.size() == rest.size()) return;
    const auto first_slash = name.find('/');
    name = name.substr(0, name.starts_with('@') && first_slash != name.npos
                              ? name.find('/', first_slash + 1)
                              : first_slash);
    if (is_network_module(name)) found_.set(Trait::kNetworkFetch);
    if (is_process_module(name)) found_.set(Trait::kShell);
  }

  void fetch(std::size_t begin) {
    if (is_word(begin, -1) || ends_before(begin, "function ")) return;
    if (begin > 0 && text_[begin - 1] == '.') {
      constexpr std::string_view kGlobals[] = {"window.", "globalThis.", "self.", "global."};
      if (std::none_of(std::begin(kGlobals), std::end(kGlobals),
                       [&](std::string_view owner) { return ends_before(begin, owner); }))
        return;
    }
    found_.set(Trait::kNetworkFetch);
  }

  // A program's name: as a word of a shell text, or inside a literal with arguments behind it.
  void command(std::size_t begin, std::size_t end) {
    if (begin > 0 && (text_[begin - 1] == '-' || text_[begin - 1] == '.')) return;
    const char next = at(end);
    const bool whole_word =
        next == '\0' || next == ' ' || next == '\n' || is_quote(next) || next == ';' || next == '|';
    if (!whole_word) return;
    if (script_) {
      const char argument = at(end + 1);
      if (next != ' ' && !is_quote(next)) return;
      if (next == ' ' && std::string_view("-h$'\"`\\").find(argument) == std::string_view::npos)
        return;
      if (is_quote(next) && begin > 0 && !is_quote(text_[begin - 1])) return;
    }
    found_.set(Trait::kNetworkFetch);
  }

  void evaluate(std::string_view pattern, std::size_t begin, std::size_t end) {
    if (pattern.front() != 'c' && !stands_free(begin)) return;
    found_.set(Trait::kEval);
    if (!constant_argument(end)) sink(end);
  }
  // eval and Function are themselves, not the end of a longer name or somebody's method.
  bool stands_free(std::size_t begin) const {
    if (is_word(begin, -1) || ends_before(begin, "function ")) return false;
    if (begin == 0 || text_[begin - 1] != '.') return true;
    constexpr std::string_view kGlobals[] = {"window.", "globalThis.", "self.", "global.", "top."};
    return std::any_of(std::begin(kGlobals), std::end(kGlobals),
                       [&](std::string_view owner) { return ends_before(begin, owner); });
  }
  // `Function("return this")`: a short literal and nothing else.
  bool constant_argument(std::size_t begin) const {
    constexpr std::size_t kLongest = 128;
    const char quote = at(begin);
    if (!is_quote(quote)) return false;
    const auto close = text_.substr(begin + 1, kLongest).find(quote);
    return close != std::string_view::npos && at(begin + close + 2) == ')';
  }

  void sink(std::size_t end) {
    sink_at_ = code_offset(end);
    any_sink_ = true;
    if (decode_at_ != kNever && sink_at_ - decode_at_ <= kNear) found_.set(Trait::kDecodedEval);
  }
  void exec(std::size_t begin, std::size_t end) {
    // pattern.exec(text) of a regular expression is everywhere.
    if (text_[begin] == 'e' && text_[begin + 4] == '(' && begin > 0 && text_[begin - 1] == '.' &&
        !ends_before(begin, "cp.") && !ends_before(begin, "child_process.") &&
        !ends_before(begin, "child_process\")."))
      return;
    if (is_word(begin, -1)) return;
    exec_at_ = code_offset(end);
    if (decode_at_ != kNever && exec_at_ - decode_at_ <= kNearExec) decoded_exec_ = true;
  }
  void decode(std::size_t end) {
    decode_at_ = code_offset(end);
    if (sink_at_ != kNever && decode_at_ - sink_at_ <= kNear) found_.set(Trait::kDecodedEval);
    if (exec_at_ != kNever && decode_at_ - exec_at_ <= kNearExec) decoded_exec_ = true;
  }

  void char_code(std::size_t begin, std::size_t end) {
    decode(end);
    // fromCharCode(1,2,…), .apply(null,[1,2,…]), (...[1,2,…])
    constexpr std::size_t kLead = 24, kLongestRun = 512;
    const auto ahead = text_.substr(end, kLongestRun);
    const auto first = ahead.substr(0, kLead).find_first_of("0123456789");
    if (first != std::string_view::npos) {
      const auto run = numbers_in(ahead.substr(first));
      if (run > 0 && ahead[first - 1] != ' ') ++char_code_calls_;
      if (run >= kCharCodeRun) found_.set(Trait::kCharCodes);
    }
    // [104,116,…].map(c=>String.fromCharCode(c))
    const auto behind =
        text_.substr(begin > kLongestRun ? begin - kLongestRun : 0, std::min(begin, kLongestRun));
    const auto map = behind.rfind("].map(");
    if (map == std::string_view::npos || behind.size() - map > 48) return;
    const auto open = behind.rfind('[', map);
    if (open != std::string_view::npos && numbers_in(behind.substr(open + 1)) >= kCharCodeRun)
      found_.set(Trait::kCharCodes);
  }
  // Numbers with commas between them from the start on.
  static std::size_t numbers_in(std::string_view list) {
    std::size_t count = 0;
    bool number = false;
    for (const char c : list) {
      const bool part =
          is_digit(static_cast<unsigned char>(c)) || c == 'x' || (c >= 'a' && c <= 'f');
      if (part && !number) ++count;
      if (!part && c != ',' && c != ' ') break;
      number = part;
    }
    return count;
  }

  // x.push(x.shift()) beside a loop, as the rotation of a string array does; queues do it too, but
  // without parseInt and !![].
  void rotation(std::size_t begin, std::size_t end) {
    constexpr std::size_t kLongestName = 32;
    std::size_t name = begin;
    while (name > 0 && begin - name < kLongestName && is_word(name, -1)) --name;
    const auto owner = text_.substr(name, begin - name);
    if (owner.empty() || !ends_before(name, ".push(") || !ends_before(name - 6, owner)) return;
    const auto here = code_offset(end);
    const bool near_loop = loop_at_ != kNever && here - loop_at_ <= kRotationReach;
    std::size_t numbers = 0;
    for (const auto at : parse_ints_) numbers += at != kNever && here - at <= kRotationReach;
    if (near_loop && (numbers == parse_ints_.size() || owner.starts_with("_0x")))
      found_.set(Trait::kStringArray);
  }

  void obfuscated(std::size_t end) {
    constexpr std::size_t kShortest = 4, kLongest = 12;
    std::size_t digits = 0;
    for (const auto rest = text_.substr(end, kLongest); digits < rest.size(); ++digits)
      if (!kHexDigit[static_cast<unsigned char>(rest[digits])]) break;
    if (digits < kShortest) return;
    ++found_.obfuscator_names;
    const auto behind = end + digits;
    if (at(behind) == '=' && at(behind + 1) == '[' && is_quote(at(behind + 2)))
      found_.set(Trait::kStringArray);
  }

  // process.env as a whole, not one variable of it and not handed on to a child as its environment.
  void environment(std::size_t begin, std::size_t end) {
    const char next = at(end);
    if (next == '.' || next == '[' || (next == '?' && at(end + 1) == '.')) return;
    constexpr std::string_view kWhole[] = {"JSON.stringify(",
                                           "Object.keys(",
                                           "Object.entries(",
                                           "Object.values(",
                                           "Object.assign({},",
                                           "...",
                                           "in ",
                                           "Object.fromEntries(",
                                           "getOwnPropertyNames(",
                                           "qs.stringify(",
                                           "new URLSearchParams("};
    for (const auto lead : kWhole) {
      if (!ends_before(begin, lead)) continue;
      const auto before = begin - lead.size();
      if (lead == "in " && !is_loop_head(before)) continue;  // "CI" in process.env
      if (!handed_on(before) && !filtered_for_debug(end)) found_.set(Trait::kEnvBulk);
    }
  }

  // {env:{...process.env}} of a child process, also as compilers write it:
  // env:Object.assign(Object.assign({},process.env),{…}).
  bool handed_on(std::size_t before) const {
    constexpr std::string_view kNested = "Object.assign(";
    while (ends_before(before, kNested)) before -= kNested.size();
    return ends_before(before, "env:{") || ends_before(before, "env:") ||
           ends_before(before, "env={") || ends_before(before, "env=");
  }

  // Object.keys(process.env).filter(key=>/^debug_/i.test(key)): the options of the logger `debug`,
  // which stands in every other bundle. Nothing but that expression, whole.
  bool filtered_for_debug(std::size_t end) const {
    auto rest = text_.substr(end, 96);
    const auto take = [&rest](std::string_view text) {
      const bool there = rest.starts_with(text);
      if (there) rest.remove_prefix(text.size());
      return there;
    };
    const auto take_name = [&rest] {
      std::size_t size = 0;
      while (size < rest.size() && is_word_byte(static_cast<unsigned char>(rest[size]))) ++size;
      rest.remove_prefix(size);
      return size > 0;
    };
    if (!take(").filter(")) return false;
    take("(");
    const bool classic = take("function(") || take("function (");
    if (!take_name()) return false;
    take(")");
    if (classic ? !take("{return") : !take("=>")) return false;
    if (!classic && take("{") && !take("return")) return false;
    take(" ");
    if (!take("/^debug_/i.test(") || !take_name() || !take(")")) return false;
    return take(")") || take(";}") || take("}");
  }

  // for(const k in …
  bool is_loop_head(std::size_t end) const {
    constexpr std::size_t kReach = 32;
    const auto from = end > kReach ? end - kReach : 0;
    const auto open = text_.substr(from, end - from).rfind("for(");
    return open != std::string_view::npos &&
           text_.substr(from + open + 4, end - from - open - 4).find('(') == std::string_view::npos;
  }

  void remove(std::size_t end) {
    const auto argument = text_.substr(end, 40);
    for (const std::string_view home :
         {"homedir()", "os.homedir()", "process.env.HOME,", "process.env.HOME)", "'/'", "\"/\"",
          "process.env.USERPROFILE", "require('os').homedir()", "'~'", "\"~\""})
      if (argument.starts_with(home)) found_.set(Trait::kDestructive);
  }

  // "rm -rf ~": recursive, of the home or root directory itself.
  void remove_shell(std::size_t end) {
    constexpr std::size_t kLongestCommand = 160;
    if (end < remove_end_) return;  // a word of the command before
    auto rest = text_.substr(end, kLongestCommand);
    rest = rest.substr(0, rest.find_first_of(";|&\n"));
    remove_end_ = end + rest.size();
    bool recursive = false, option = true;
    while (!rest.empty()) {
      const auto stop = std::min(rest.find_first_of(" '\"`)"), rest.size());
      const auto word = rest.substr(0, stop);
      rest.remove_prefix(std::min(stop + 1, rest.size()));
      if (option || word.starts_with('-')) {
        recursive |= word.find_first_of("rR") != std::string_view::npos;
      } else if (recursive) {
        for (const std::string_view root : {"/", "/*", "~", "~/", "~/*", "$HOME", "${HOME}",
                                            "$HOME/", "$HOME/*", "/home", "/home/*"})
          if (word == root) found_.set(Trait::kDestructive);
      }
      option = false;
    }
  }
  void remove_dos(std::size_t begin) {
    constexpr std::size_t kReach = 40;
    const auto from = begin > kReach ? begin - kReach : 0;
    auto before = text_.substr(from, begin - from);
    const auto line = before.find_last_of("\n&|");
    if (line != std::string_view::npos) before.remove_prefix(line + 1);
    const bool deletes = before.find("del ") != before.npos || before.find("rd ") != before.npos ||
                         before.find("rmdir ") != before.npos;
    const bool recursive = before.find("/s") != before.npos || before.find("/S") != before.npos;
    if (deletes && recursive) found_.set(Trait::kDestructive);
  }

  // What single literals show: encoded data, bare hosts, tables of addresses.
  void literals() {
    std::size_t addresses = 0;
    for (const auto& literal : code_.literals) {
      const auto word = text_.substr(literal.begin, literal.size);
      if (word.size() >= kEncodedLiteral && literal.size > found_.longest_literal &&
          (is_encoded(word) || is_dense(word)) && data_kind(word).empty())
        found_.longest_literal = literal.size;
      addresses += word.size() == 42 && word.starts_with("0x") && is_encoded(word);
      found_.hosts.add_bare(word, connects(literal.begin));
    }
    if (!script_) found_.hosts.add_words(text_);
    if (addresses >= kAddressTable) found_.set(Trait::kWallet);
  }
  // Whether the literal at `begin` is what code connects to: `host: '…'`, `serverIp = '…'`,
  // `connect(80, '…'`.
  bool connects(std::size_t begin) const {
    constexpr std::size_t kReach = 48;
    if (begin == 0) return false;
    const auto from = begin > kReach ? begin - kReach : 0;
    auto before = text_.substr(from, begin - from);
    while (!before.empty() && std::string_view("'\"` \n").find(before.back()) != before.npos)
      before.remove_suffix(1);
    if (before.empty()) return false;
    if (before.back() == ':' || before.back() == '=') {
      before.remove_suffix(1);
      while (!before.empty() && std::string_view("'\"` ").find(before.back()) != before.npos)
        before.remove_suffix(1);
      return names_a_place(before);
    }
    const auto open = before.rfind('(');
    if (open == before.npos || before.find(')', open) != before.npos) return false;
    return calls_out(before.substr(0, open));
  }
  static bool ends_with_any(std::string_view text, std::span<const std::string_view> endings) {
    constexpr std::size_t kLongest = 16;
    std::string tail;
    for (const char c : text.substr(text.size() - std::min(text.size(), kLongest)))
      tail += lower_ascii(c);
    return std::any_of(endings.begin(), endings.end(),
                       [&](std::string_view ending) { return tail.ends_with(ending); });
  }
  static bool names_a_place(std::string_view name) {
    static constexpr std::string_view kNames[] = {
        "host",   "hostname", "server", "ip",  "addr", "address", "endpoint",
        "target", "remote",   "proxy",  "url", "uri",  "c2"};
    return ends_with_any(name, kNames);
  }
  static bool calls_out(std::string_view callee) {
    static constexpr std::string_view kCalls[] = {
        "connect", "createconnection", "lookup", "request", ".get", "socket", "fetch", "send",
        ".post",   "resolve",          "dial",   "reverse"};
    return ends_with_any(callee, kCalls);
  }
  // Data in another alphabet: long, without blanks, and its bytes spread wide.
  static bool is_dense(std::string_view word) {
    constexpr std::size_t kShortest = 256;
    constexpr std::size_t kDistinct = 48;  // bytes; minified styles and paths have fewer
    if (word.size() < kShortest || word.find_first_of(" \n") != word.npos) return false;
    std::array<std::size_t, 256> counts{};
    for (const char c : word) ++counts[static_cast<unsigned char>(c)];
    std::size_t distinct = 0, most = 0;
    for (const auto count : counts) {
      distinct += count > 0;
      most = std::max(most, count);
    }
    return distinct >= kDistinct && most * 12 <= word.size();
  }
  static bool is_encoded(std::string_view word) {
    constexpr std::size_t kStep =
        256;  // bytes between looks at the sum: a loop without exits is several times as fast
    for (std::size_t begin = 0; begin < word.size(); begin += kStep) {
      unsigned strange = 0;
      for (const char c : word.substr(begin, kStep))
        strange |= kNotEncoded[static_cast<unsigned char>(c)];
      if (strange != 0) return false;
    }
    return true;
  }

  void finish() {
    if (decoded_exec_ && found_.has(Trait::kShell)) found_.set(Trait::kDecodedEval);
    if (any_sink_ && decode_at_ != kNever && code_offset(text_.size()) <= kSmallFile)
      found_.set(Trait::kDecodedEval);
    if (char_code_calls_ >= kCharCodeCalls) found_.set(Trait::kCharCodes);
    if (workflow_ && write_) found_.set(Trait::kWorkflowWrite);
  }

  const std::string_view text_;
  const PlainCode& code_;
  const bool script_, all_text_;
  CodeScan found_;

  std::size_t literal_ = 0, excess_ = 0, remove_end_ = 0;
  mutable std::size_t prose_of_ = kNever;  // the literal that was looked at last
  mutable bool prose_ = false;
  std::size_t sink_at_ = kNever, decode_at_ = kNever, exec_at_ = kNever, loop_at_ = kNever;
  std::array<std::size_t, 3> parse_ints_{kNever, kNever, kNever};
  std::size_t parse_int_count_ = 0, char_code_calls_ = 0;
  bool any_sink_ = false, decoded_exec_ = false, workflow_ = false, write_ = false;
};

}  // namespace

CodeScan scan_code(const PlainCode& code, Syntax syntax) {
  return Scan(code, syntax).run();
}

}  // namespace npmgate
