// Measures of text that hides what it is from a reader: code far to the right, text that no
// language has, characters that nobody sees or that look like others.
#pragma once

#include <cstdint>
#include <string_view>

#include "inspect/code/lexer.h"

namespace npmgate {

// Default_Ignorable_Code_Point and bidirectional controls (Unicode 15, DerivedCoreProperties).
bool is_invisible(std::uint32_t point);

struct HiddenText {
  // Longest run of blanks that code stands behind on one line; 0 below 100.
  std::uint32_t blanks = 0;
  // Entropy of the pairs of neighbouring bytes in the worst 1,500 bytes of code, in hundredths of a
  // bit; encoded literals left out, 0 for shorter texts.
  std::uint32_t bigram_entropy = 0;
  // Most invisible and private-use characters among 64 in a row.
  std::uint32_t odd_density = 0;
  // Names that mix Latin letters with Cyrillic or Greek ones that look like them.
  std::uint32_t mixed_names = 0;
  // Longest run of code bytes outside of literals that are neither letter, digit, blank nor comma;
  // 0 below 100.
  std::uint32_t symbol_run = 0;
};

// `plain` is `text` in plain spelling. Linear time.
HiddenText measure_hidden(std::string_view text, const PlainCode& plain);

// What a long base64 literal starts with when it is a picture, a font, WebAssembly, a document: ""
// if it is none of them. Names the kind: "png".
std::string_view data_kind(std::string_view base64);

}  // namespace npmgate
