// A tar archive in memory of which the bodies of large binaries are counted and hashed, not held:
// a package may unpack to many times what a worker may have. Everything that is text or code is
// held, whatever its size, up to ArchiveLimits::max_held.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "inspect/archive/archive.h"

namespace npmgate {

// A run of whole tar blocks in the middle of one file's body, missing from TarImage::data.
struct OmittedRun {
  std::uint64_t at = 0;     // where it would stand in `data`
  std::uint64_t bytes = 0;  // a multiple of 512
  std::uint64_t size = 0;   // of the whole body
  std::string sha256;       // hex, of the whole body
};

struct TarImage {
  std::vector<std::byte> data;
  std::vector<OmittedRun> omitted;  // ascending
  std::uint64_t size() const;       // with what was omitted
};

// Bytes of a body in front of an omitted run: what tells binaries from text.
inline constexpr std::size_t kHeldHead = 8192;

// Takes an archive in pieces. It follows headers only to find bodies and believes none of them: the
// verifier reads what is kept, and refuses if an omitted run is not the inside of one file.
class TarFilter {
 public:
  // `expected`: about how many bytes will come; room is made for them at once.
  TarFilter(const ArchiveLimits& limits, std::uint64_t expected, IsBinary is_binary);
  // kTooMuch (rule limit-held) once more than limits.max_held is text or code.
  std::optional<ArchiveRefusal> take(std::span<const std::byte> piece);
  TarImage finish();

 private:
  enum class State { kHeader, kHead, kOmit, kRest, kAsItIs };
  void take_header();
  void choose();
  void end_body();
  std::size_t keep(std::span<const std::byte> piece, std::uint64_t most);

  const ArchiveLimits& limits_;
  IsBinary is_binary_;
  TarImage image_;
  State state_ = State::kHeader;
  std::uint64_t left_ = 0;       // of the state's bytes
  std::uint64_t body_size_ = 0;  // of the entry that is being read
  std::size_t body_at_ = 0;      // in image_.data
  char type_ = '0';
  std::uint32_t mode_ = 0;
  std::string path_;
  std::string next_path_;  // what a pax or GNU header says of the next entry
  std::optional<Hasher> hasher_;
};

}  // namespace npmgate
