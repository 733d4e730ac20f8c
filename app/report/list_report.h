// Many judged releases as a table: for terminals, for documents, with counts. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/findings/findings.h"
#include "policy/policy.h"

namespace npmgate {

// One line of the list. Either judged (`action` set) or not available (`error`).
struct ListRow {
  std::string spec;  // as it stood in the list
  std::string name, version, baseline;
  struct Found {
    std::string id;
    Severity severity = Severity::kInfo;
    friend bool operator==(const Found&, const Found&) = default;
  };
  std::vector<Found> findings;  // each id once, with its highest severity
  std::optional<Action> action;
  std::string rule;  // that decided; "" for allow
  std::string why;   // one sentence for what is not allow
  std::string error;
  std::string release() const { return version.empty() ? spec : name + "@" + version; }
};

struct ListCounts {
  std::size_t allow = 0, warn = 0, quarantine = 0, block = 0, failed = 0;
  std::size_t judged() const { return allow + warn + quarantine + block; }
  std::size_t held() const { return quarantine + block; }
};
ListCounts count(const std::vector<ListRow>& rows);

// The table and the counts below it. `width` as in ReportInput.
std::string list_text(const std::vector<ListRow>& rows, bool colour, std::size_t width);
// The same for a Markdown document: counts first, then the table, then how often each finding came.
std::string list_markdown(const std::vector<ListRow>& rows);

}  // namespace npmgate
