// Version ranges as policy files may write them. Pure.
#pragma once

#include <string>
#include <string_view>

namespace npmgate {

// Why `text` is no range that says what it means; "" if it is one. Stricter than npm, which reads
// what it can and drops the rest: every operator stands before a version, no alternative is empty,
// and nothing is left over. "*" is every version.
std::string check_range(std::string_view text);

}  // namespace npmgate
