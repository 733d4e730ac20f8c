// What manifests and packuments take in memory, in bytes (base/footprint.h). Walks all of them:
// some 0.2 us a version.
#pragma once

#include "base/footprint.h"
#include "registry/packument.h"

namespace npmgate {

// The heap behind them, without themselves.
std::size_t heap_of(const Manifest& manifest);
std::size_t heap_of(const Release& release);
// All of it: some four times its text.
std::size_t memory_of(const Packument& packument);

}  // namespace npmgate
