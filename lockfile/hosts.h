// Entries whose URL would lead a client past the gate, and the file with those URLs mended. Which
// clients follow the URL of a lockfile was measured: yarn 1 and bun always do, pnpm and yarn 2+
// if the file has one at all, npm rewrites only the host of its own default registry.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lockfile/lockfile.h"

namespace npmgate {

struct Bypass {
  std::uint32_t entry = 0;
  std::string url;      // as written
  std::string wanted;   // what stands there after the fix; "" = the client asks its registry
  bool certain = true;  // false: npm, if it depends on the host and on replace-registry-host
  bool fixable = true;  // false: written with escapes; the client has to write the file again
};

// Registry entries that name another place than any of `gates` (base URLs with trailing slash; the
// first one is written by the fix). Empty if `gates` is.
std::vector<Bypass> find_bypasses(const Lockfile& lockfile, const std::vector<std::string>& gates);

// `text` (the file that `lockfile` was read from) with every fixable URL replaced; every other byte
// stays.
std::string without_bypasses(std::string_view text, const Lockfile& lockfile,
                             const std::vector<Bypass>& bypasses);

}  // namespace npmgate
