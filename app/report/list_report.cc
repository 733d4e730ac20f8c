#include "app/report/list_report.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "app/report/text_writer.h"
#include "base/log.h"
#include "base/time.h"

namespace npmgate {
namespace {

constexpr std::size_t kCell = 300;

std::string verdict_of(const ListRow& row) {
  return row.action ? std::string(to_string(*row.action)) : "not judged";
}

Paint paint_of(const ListRow& row) {
  return row.action ? paint_of(*row.action) : Paint::kCyan;
}

std::string findings_of(const ListRow& row) {
  if (!row.action) return row.error;
  std::string text;
  for (const ListRow::Found& found : row.findings) text += (text.empty() ? "" : " ") + found.id;
  return text;
}

std::string percent(std::size_t part, std::size_t all) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f %%",
                all == 0 ? 0.0 : 100.0 * double(part) / double(all));
  return buffer;
}

std::string pad(const std::string& text, std::size_t columns) {
  const std::size_t used = columns_of(text);
  return used < columns ? text + std::string(columns - used, ' ') : text;
}

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : log::printable(text, kCell)) {
    if (c == '|' || c == '<' || c == '`') out += '\\';
    out += c;
  }
  return out;
}

std::string counts_line(const ListCounts& counts) {
  std::string line = std::to_string(counts.judged()) +
                     " releases judged: " + std::to_string(counts.allow) + " allow, " +
                     std::to_string(counts.warn) + " warn, " + std::to_string(counts.quarantine) +
                     " quarantine, " + std::to_string(counts.block) +
                     " block; held: " + percent(counts.held(), counts.judged());
  if (counts.failed > 0) line += "; " + std::to_string(counts.failed) + " not available";
  return line;
}

// How many releases have each finding, most frequent first.
std::vector<std::pair<std::string, std::size_t>> finding_counts(const std::vector<ListRow>& rows) {
  std::map<std::string, std::size_t> by_id;
  for (const ListRow& row : rows) {
    for (const ListRow::Found& found : row.findings) ++by_id[found.id];
  }
  std::vector<std::pair<std::string, std::size_t>> sorted(by_id.begin(), by_id.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

struct Columns {
  std::size_t release = 7, baseline = 8, verdict = 7, rule = 4;
};

Columns measure(const std::vector<ListRow>& rows) {
  Columns columns;
  for (const ListRow& row : rows) {
    columns.release = std::max(columns.release, columns_of(log::printable(row.release(), 60)));
    columns.baseline = std::max(columns.baseline, columns_of(log::printable(row.baseline, 24)));
    columns.verdict = std::max(columns.verdict, verdict_of(row).size());
    columns.rule = std::max(columns.rule, columns_of(log::printable(row.rule, 30)));
  }
  return columns;
}

}  // namespace

ListCounts count(const std::vector<ListRow>& rows) {
  ListCounts counts;
  for (const ListRow& row : rows) {
    if (!row.action) {
      ++counts.failed;
      continue;
    }
    std::size_t* const of[] = {&counts.allow, &counts.warn, &counts.quarantine, &counts.block};
    ++*of[static_cast<std::size_t>(*row.action)];
  }
  return counts;
}

std::string list_text(const std::vector<ListRow>& rows, bool colour, std::size_t width) {
  TextWriter writer(colour, width);
  const Columns columns = measure(rows);
  const std::size_t indent =
      columns.release + columns.baseline + columns.verdict + columns.rule + 8;
  writer.line(writer.paint(Paint::kBold, pad("release", columns.release + 2) +
                                             pad("baseline", columns.baseline + 2) +
                                             pad("verdict", columns.verdict + 2) +
                                             pad("rule", columns.rule + 2) + "findings"));
  for (const ListRow& row : rows) {
    const std::string head = pad(log::printable(row.release(), 60), columns.release + 2) +
                             pad(log::printable(row.baseline, 24), columns.baseline + 2);
    const std::string tail =
        writer.paint(paint_of(row), pad(verdict_of(row), columns.verdict + 2)) +
        pad(log::printable(row.rule, 30), columns.rule + 2);
    const std::size_t room = width == 0 ? 0 : width > indent + 20 ? width - indent : 20;
    writer.line(head + tail + cut_to(log::printable(findings_of(row), kCell), room));
  }
  writer.line();
  for (const ListRow& row : rows) {
    if (row.action && *row.action >= Action::kQuarantine)
      writer.wrap(2, "", Paint::kPlain, row.why);
  }
  writer.line(writer.paint(Paint::kBold, counts_line(count(rows))));
  return writer.take();
}

std::string list_markdown(const std::vector<ListRow>& rows) {
  std::string out = counts_line(count(rows)) + ".\n\n";
  out +=
      "| release | compared with | verdict | rule | findings |\n| --- | --- | --- | --- | --- |\n";
  for (const ListRow& row : rows) {
    out += "| " + cell(row.release()) + " | " + cell(row.baseline) + " | " + verdict_of(row) +
           " | " + cell(row.rule) + " | " + cell(findings_of(row)) + " |\n";
  }
  out += "\n| finding | releases |\n| --- | --- |\n";
  for (const auto& [id, number] : finding_counts(rows))
    out += "| " + id + " | " + std::to_string(number) + " |\n";
  return out;
}

}  // namespace npmgate
