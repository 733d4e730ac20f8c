#include "inspect/code/tree.h"

#include <algorithm>

namespace npmgate {

const FileFacts* Tree::find(std::string_view path) const {
  const auto it = std::lower_bound(
      files.begin(), files.end(), path,
      [](const FileFacts& file, std::string_view wanted) { return file.path < wanted; });
  return it != files.end() && it->path == path ? &*it : nullptr;
}

}  // namespace npmgate
