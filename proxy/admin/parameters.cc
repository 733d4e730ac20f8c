#include "proxy/admin/parameters.h"

#include <charconv>

namespace npmgate {

Error bad_request(std::string what) {
  return fail(Code::kMalformed, Origin::kClient, std::move(what));
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace npmgate
