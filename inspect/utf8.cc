#include "inspect/utf8.h"

#include <utf8proc.h>

namespace npmgate {

int take_code_point(std::string_view& text) {
  utf8proc_int32_t code_point = -1;
  const utf8proc_ssize_t used =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (used <= 0) return -1;
  text.remove_prefix(static_cast<std::size_t>(used));
  return code_point;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      text.remove_prefix(1);
    } else if (take_code_point(text) < 0) {
      return false;
    }
  }
  return true;
}

}  // namespace npmgate
