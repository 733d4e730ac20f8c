// Signs that code does something only on some machines or on some day.
#pragma once

#include <string_view>

#include "inspect/syntax/evaluator.h"

namespace npmgate::code {

// "CI" or "locale" for a variable of the environment that tells; "" for others.
std::string_view trigger_of_variable(std::string_view name);
// "locale", "machine" or "debugger" for a function or member that tells; "" for others.
std::string_view trigger_of_path(std::string_view path);
// Whether the node compares today's date, or a part of it, with a constant.
bool compares_date(const SyntaxTree& tree, NodeId id, Evaluator& evaluator);

}  // namespace npmgate::code
