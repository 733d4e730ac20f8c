#include "inspect/code/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "inspect/code/code_scan.h"
#include "inspect/code/commands.h"
#include "inspect/code/hidden_text.h"
#include "inspect/code/lexer.h"

namespace npmgate {
namespace {

constexpr std::string_view kTraitIds[] = {
    kTraitCharCodes,   kTraitCiSecrets,   kTraitCredentialPaths,
    kTraitDecodedEval, kTraitDestructive, kTraitEnvBulk,
    kTraitEval,        kTraitHiddenText,  kTraitNetworkFetch,
    kTraitNpmPublish,  kTraitPersistence, kTraitShell,
    kTraitStringArray, kTraitWallet,      kTraitWorkflowWrite};
static_assert(std::is_sorted(std::begin(kTraitIds), std::end(kTraitIds)));
static_assert(std::size(kTraitIds) == static_cast<std::size_t>(Trait::kWorkflowWrite) + 1);

std::vector<std::string> names_of(const CodeScan& scan) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::size(kTraitIds); ++i)
    if (scan.traits[i]) names.emplace_back(kTraitIds[i]);
  return names;
}

using Histogram = std::array<std::uint64_t, 256>;

Histogram histogram(std::string_view text) {
  // Four tables: one table stalls on runs of the same byte.
  std::array<std::array<std::uint32_t, 256>, 4> parts{};
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4)
    for (std::size_t lane = 0; lane < 4; ++lane) ++parts[lane][bytes[i + lane]];
  for (; i < text.size(); ++i) ++parts[0][bytes[i]];
  Histogram sum{};
  for (std::size_t c = 0; c < 256; ++c)
    sum[c] = std::uint64_t{parts[0][c]} + parts[1][c] + parts[2][c] + parts[3][c];
  return sum;
}

// Shannon entropy in bits per byte, to four digits: more would only be rounding noise in stored
// evidence.
double entropy_of(const Histogram& counts, std::size_t size) {
  if (size == 0) return 0;
  double bits = 0;
  for (const auto count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(size);
    bits -= share * std::log2(share);
  }
  return std::round(std::max(bits, 0.0) * 10000) / 10000;
}

void measure_lines(std::string_view text, CodeFeatures& features) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    features.longest_line = std::max(features.longest_line, static_cast<std::uint32_t>(end));
    ++features.lines;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool has_hidden_text(std::string_view text, const Histogram& counts) {
  constexpr std::size_t kLongRun =
      8;  // joiners and variation selectors of emoji come in runs of at most four
  if (counts[0xE1] + counts[0xE2] + counts[0xE3] + counts[0xEF] + counts[0xF3] < kLongRun)
    return false;
  std::size_t run = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      run = 0;
      ++i;
      continue;
    }
    const CodePoint point = first_code_point(text.substr(i, 4));
    run = point.valid && is_invisible(point.value) ? run + 1 : 0;
    if (run >= kLongRun) return true;
    i += point.size;
  }
  return false;
}

std::size_t count_turns(std::string_view text) {
  std::size_t count = 0;
  // U+202D, U+202E, U+2066 to U+2068
  for (const std::string_view turn :
       {"\xE2\x80\xAD", "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x81\xA7", "\xE2\x81\xA8"})
    for (auto at = text.find(turn); at != text.npos; at = text.find(turn, at + turn.size()))
      ++count;
  return count;
}

// Characters that turn the direction of what is read, in a comment: texts in such scripts have them
// in literals.
bool turns_comments(std::string_view text, const Histogram& counts, const PlainCode& code) {
  return counts[0xE2] > 0 && count_turns(text) > count_turns(code.text);
}

}  // namespace

std::span<const std::string_view> trait_ids() {
  return kTraitIds;
}

CodeFeatures measure_code(std::string_view text) {
  return measure_code(text, syntax_of("", text));
}

CodeFeatures measure_code(std::string_view text, Syntax syntax) {
  CodeFeatures features;
  const auto counts = histogram(text);
  features.entropy = entropy_of(counts, text.size());
  measure_lines(text, features);
  const auto code = plain_code(text, syntax);
  auto scan = scan_code(code, syntax);
  if (has_hidden_text(text, counts) || turns_comments(text, counts, code))
    scan.set(Trait::kHiddenText);
  const HiddenText hidden = measure_hidden(text, code);
  features.hidden_blanks = hidden.blanks;
  features.bigram_entropy = hidden.bigram_entropy;
  features.odd_density = hidden.odd_density;
  features.mixed_names = hidden.mixed_names;
  features.symbol_run = hidden.symbol_run;
  features.obfuscator_names = scan.obfuscator_names;
  features.hex_escapes = code.escapes + scan.obfuscator_names;
  features.longest_literal = scan.longest_literal;
  features.traits = names_of(scan);
  features.endpoints = std::move(scan.hosts).take();
  return features;
}

std::vector<std::string> command_traits(std::string_view command) {
  auto scan = scan_code(plain_code(command, Syntax::kPlain), Syntax::kPlain);
  const auto parsed = parse_command(command);
  if (parsed.starts_shell) scan.set(Trait::kShell);
  for (const auto& script : parsed.scripts)
    scan.traits |= scan_code(plain_code(script, Syntax::kScript), Syntax::kScript).traits;
  return names_of(scan);
}

}  // namespace npmgate
