// Listings for people: a heading, aligned columns, or one sentence if there is nothing to list.
#pragma once

#include <string>
#include <vector>

namespace npmgate {

// Cells are text from outside: they are made harmless for terminals here. Columns are as wide as
// their widest cell, the last one has no end; `empty` is the whole text if there are no rows.
std::string table_text(const std::vector<std::string>& columns,
                       const std::vector<std::vector<std::string>>& rows, const std::string& empty);

}  // namespace npmgate
