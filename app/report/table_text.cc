#include "app/report/table_text.h"

#include <algorithm>

#include "app/report/text_writer.h"
#include "base/text.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxCell = 400;  // bytes of one cell
constexpr std::size_t kWidest = 60;    // columns that one cell may push the others aside
constexpr std::size_t kBetween = 2;    // blanks between columns

void add_line(std::string& out, const std::vector<std::string>& cells,
              const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += cells[i];
    if (i + 1 == cells.size()) break;
    const std::size_t taken = columns_of(cells[i]);
    line.append(std::max(widths[i], taken) - taken + kBetween, ' ');
  }
  out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

}  // namespace

std::string table_text(const std::vector<std::string>& columns,
                       const std::vector<std::vector<std::string>>& rows,
                       const std::string& empty) {
  if (rows.empty()) return empty + "\n";
  std::vector<std::vector<std::string>> lines{columns};
  for (const auto& row : rows) {
    lines.emplace_back();
    for (const std::string& cell : row) lines.back().push_back(printable(cell, kMaxCell));
  }
  std::vector<std::size_t> widths(columns.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], std::min(columns_of(line[i]), kWidest));
  }
  std::string out;
  for (const auto& line : lines) add_line(out, line, widths);
  return out;
}

}  // namespace npmgate
