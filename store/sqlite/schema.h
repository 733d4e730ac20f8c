// The tables of state.db, as numbered steps. PRAGMA user_version says how many were applied. A
// released step is never edited: its digest is checked by tests/store/schema_test.cc; a change is
// one more step.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "store/sqlite/sqlite.h"

namespace npmgate {

struct SchemaStep {
  std::string_view title;
  std::string_view sql;  // statements that take the file from the step before to this one
};

std::span<const SchemaStep> schema_steps();

// PRAGMA application_id: tells state.db from another program's SQLite file. "ngat" in ASCII.
inline constexpr std::int64_t kApplicationId = 0x6e676174;

// Applies the steps that are missing, each in its own transaction; a step that fails leaves the
// file at the one before. kRefused if the file was written by a newer build or by another
// program.
Result<void> upgrade_schema(Connection& connection, std::span<const SchemaStep> steps);

}  // namespace npmgate
