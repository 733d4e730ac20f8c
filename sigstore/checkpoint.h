// A transparency log's signed note: C2SP signed-note and tlog-checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate::sigstore {

struct Checkpoint {
  std::string origin;
  std::uint64_t size = 0;
  std::string root_hash;  // 32 bytes
  std::string text;       // what is signed, with its last newline
  struct Signature {
    std::string name;
    std::string key_hint;  // 4 bytes
    std::string signature;
    friend bool operator==(const Signature&, const Signature&) = default;
  };
  std::vector<Signature> signatures;  // at least one
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// Hostile input, pure: kMalformed for anything that is not origin, size, root hash, further lines,
// an empty line and signature lines ("— NAME BASE64"), each ended by a newline. No signature is
// verified.
Result<Checkpoint> parse_checkpoint(std::string_view note);

}  // namespace npmgate::sigstore
