// Reads the traits and endpoints out of plain code: every fixed string once, then what stands
// around each hit.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "inspect/code/code_patterns.h"
#include "inspect/code/endpoints.h"
#include "inspect/code/lexer.h"

namespace npmgate {

struct CodeScan {
  std::bitset<16> traits;  // by Trait
  HostSet hosts;
  std::uint32_t obfuscator_names = 0;
  std::uint32_t longest_literal = 0;

  bool has(Trait trait) const { return traits[static_cast<std::size_t>(trait)]; }
  void set(Trait trait) { traits.set(static_cast<std::size_t>(trait)); }
};

// Linear in code.text. For any other syntax than kScript, and for lost text, every byte counts as
// code and as text.
CodeScan scan_code(const PlainCode& code, Syntax syntax);

}  // namespace npmgate
