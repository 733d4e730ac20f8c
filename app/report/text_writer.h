// Text for terminals: colours if wanted, lines that fit a width, foreign text made harmless.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace npmgate {

enum class Paint { kPlain, kBold, kDim, kRed, kGreen, kYellow, kCyan, kAlarm /* bold red */ };

Paint paint_of(Action action);

// Columns that `text` (UTF-8, no controls) takes; combining characters take none, wide ones two.
std::size_t columns_of(std::string_view text);
// At most `columns` columns of `text`, with "…" where it was cut; the whole of it for 0.
std::string cut_to(std::string_view text, std::size_t columns);
// The terminal's columns of standard output; COLUMNS counts if it is set; 0 if there is no
// terminal.
std::size_t terminal_width();

class TextWriter {
 public:
  TextWriter(bool colour, std::size_t width) : colour_(colour), width_(width) {}

  std::string paint(Paint paint, std::string_view text) const;
  // Our own text as it is; what came from outside goes through quoted() first.
  void line(std::string_view text = {});
  // `text` from outside in one paint: harmless, and cut to what the width leaves after `indent`.
  void cut(std::size_t indent, Paint paint, std::string_view text);
  // The same, but broken at blanks into as many lines as it needs; `first` stands before the first
  // (already part of the indent).
  void wrap(std::size_t indent, std::string_view first, Paint first_paint, std::string_view text,
            Paint paint = Paint::kPlain);
  std::string take() { return std::move(out_); }

 private:
  std::size_t room(std::size_t indent) const;
  bool colour_;
  std::size_t width_;
  std::string out_;
};

}  // namespace npmgate
