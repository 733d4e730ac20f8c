// What node-gyp runs while it reads or builds a binding.gyp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

struct GypText {
  std::vector<std::string>
      commands;  // insides of <!(…) and <!@(…), and `action` lists joined by blanks
  std::vector<std::string> includes;  // quoted names of other .gyp and .gypi files, as written
};

// Reads the text by its marks, not as the Python literal it is: a file that gyp refuses still shows
// what it holds. Linear time.
GypText read_gyp(std::string_view text);

}  // namespace npmgate
