#include "base/gzip.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

namespace npmgate {
namespace {

constexpr int kLevel = 6;
// RFC 1952: 10 bytes of header, 8 of trailer.
constexpr std::size_t kSmallestMember = 18;
// Deflate cannot expand further than this (258 bytes from 2 bits), so a trailer that claims more is
// a lie.
constexpr std::size_t kMaxRatio = 1032;

struct Free {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

// The trailer's ISIZE: the expanded size modulo 2^32, as far as it is possible for this input.
std::size_t claimed_size(std::string_view data) {
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    size = size << 8 | static_cast<std::uint8_t>(data[data.size() - 1 - i]);
  }
  return std::min<std::size_t>(size, data.size() * kMaxRatio);
}

}  // namespace

std::string gzip_compress(std::string_view data) {
  const std::unique_ptr<libdeflate_compressor, Free> compressor(
      libdeflate_alloc_compressor(kLevel));
  if (!compressor) throw std::bad_alloc();
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), data.size()), '\0');
  out.resize(
      libdeflate_gzip_compress(compressor.get(), data.data(), data.size(), out.data(), out.size()));
  // The bound is as much as the input: what is kept for long must not hold on to it.
  out.shrink_to_fit();
  return out;
}

Result<std::string> gzip_expand(std::string_view data, std::size_t limit, Origin origin) {
  if (data.size() < kSmallestMember) {
    return fail(Code::kMalformed, origin, "gzip: shorter than an empty member");
  }
  const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
      libdeflate_alloc_decompressor());
  if (!decompressor) throw std::bad_alloc();
  std::string out;
  for (std::size_t room = std::min(limit, claimed_size(data));;
       room = std::min(limit, std::max<std::size_t>(room * 2, 4096))) {
    out.resize(room);
    std::size_t used = 0, made = 0;
    const auto result = libdeflate_gzip_decompress_ex(decompressor.get(), data.data(), data.size(),
                                                      out.data(), out.size(), &used, &made);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE && room < limit) continue;
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
      return fail(Code::kTooLarge, origin,
                  "gzip: expands to more than " + std::to_string(limit) + " bytes");
    }
    if (result != LIBDEFLATE_SUCCESS) return fail(Code::kMalformed, origin, "gzip: damaged data");
    if (used != data.size()) {
      return fail(Code::kMalformed, origin, "gzip: bytes after the end of the member");
    }
    out.resize(made);
    return out;
  }
}

}  // namespace npmgate
