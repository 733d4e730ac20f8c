#include "inspect/archive/gzip_member.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#include "inspect/archive/archive_rules.h"

namespace npmgate {
namespace {

using Bytes = std::span<const std::byte>;

// RFC 1952, 2.3.1.
constexpr std::size_t kHeaderSize = 10;
constexpr std::size_t kTrailerSize = 8;
constexpr unsigned kMethodDeflate = 8;
constexpr unsigned kFlagName = 0x08;

// Below this size the ratio says nothing: small text files compress well.
constexpr std::uint64_t kRatioFloor = std::uint64_t{1} << 20;
constexpr std::size_t kFirstGuess = std::size_t{256} << 10;
constexpr std::size_t kGrowth = 4;

struct Decompressor {
  Decompressor() : handle(libdeflate_alloc_decompressor()) {
    if (handle == nullptr) throw std::bad_alloc();
  }
  ~Decompressor() { libdeflate_free_decompressor(handle); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  libdeflate_decompressor* handle;
};

unsigned byte_at(Bytes data, std::size_t at) {
  return std::to_integer<unsigned>(data[at]);
}

std::uint32_t little_endian(Bytes data, std::size_t at) {
  return byte_at(data, at) | byte_at(data, at + 1) << 8 | byte_at(data, at + 2) << 16 |
         byte_at(data, at + 3) << 24;
}

// Where the deflate stream starts, or why there is none.
struct MemberStart {
  std::optional<ArchiveRefusal> refusal;
  std::size_t end = 0;
};

MemberStart read_header(Bytes gzip) {
  if (gzip.size() < 2 || byte_at(gzip, 0) != 0x1f || byte_at(gzip, 1) != 0x8b) {
    return {refuse("gz-not-gzip", "the file does not start with the bytes 1f 8b"), 0};
  }
  if (gzip.size() < kHeaderSize) return {refuse("gz-truncated", "the gzip header is cut off"), 0};
  if (byte_at(gzip, 2) != kMethodDeflate) {
    return {refuse("gz-method", "compression method " + std::to_string(byte_at(gzip, 2))), 0};
  }
  const unsigned flags = byte_at(gzip, 3);
  if ((flags & ~kFlagName) != 0) {
    return {refuse("gz-flags", "gzip flags " + std::to_string(flags) + ", allowed are 0 and 8"), 0};
  }
  if (flags == 0) return {std::nullopt, kHeaderSize};
  const Bytes rest = gzip.subspan(kHeaderSize);
  const auto nul = std::ranges::find(rest, std::byte{0});
  if (nul == rest.end()) return {refuse("gz-truncated", "the file name has no end"), 0};
  return {std::nullopt, kHeaderSize + static_cast<std::size_t>(nul - rest.begin()) + 1};
}

// How many bytes may come out. Trailing zeros do not count as packed size: padding must not buy a
// higher ratio.
struct Budget {
  std::uint64_t bytes;
  bool by_ratio;
};

Budget budget_for(Bytes gzip, const ArchiveLimits& limits) {
  std::size_t packed = gzip.size();
  while (packed > 0 && gzip[packed - 1] == std::byte{0}) --packed;
  // ISIZE is modulo 2^32, so nothing larger can be checked.
  const std::uint64_t most =
      std::min<std::uint64_t>(limits.max_unpacked, std::numeric_limits<std::uint32_t>::max());
  const std::uint64_t by_ratio = std::max(kRatioFloor, std::uint64_t{packed} * limits.max_ratio);
  return by_ratio < most ? Budget{by_ratio, true} : Budget{most, false};
}

ArchiveRefusal over_budget(const Budget& budget) {
  return refuse(budget.by_ratio ? "limit-ratio" : "limit-unpacked",
                "more than " + std::to_string(budget.bytes) + " bytes come out");
}

struct Deflated {
  std::optional<ArchiveRefusal> refusal;
  std::vector<std::byte> data;
  std::size_t consumed = 0;
  bool too_large = false;  // more than may be held whole: nothing else is filled in
};

// What the trailer must say.
struct Sums {
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
};

// libdeflate wants the whole output buffer: guess, and start over with a larger one if the guess
// was too small. The buffers grow geometrically, so the work stays linear in the final size.
Deflated inflate(Bytes packed, std::size_t guess, const Budget& budget, std::uint64_t hold) {
  const Decompressor decompressor;
  const auto most = static_cast<std::size_t>(std::min(budget.bytes, hold));
  std::size_t capacity = std::min(std::max(guess, std::size_t{1}), most);
  for (;;) {
    std::vector<std::byte> out(capacity);
    std::size_t used = 0;
    std::size_t made = 0;
    const libdeflate_result result = libdeflate_deflate_decompress_ex(
        decompressor.handle, packed.data(), packed.size(), out.data(), out.size(), &used, &made);
    if (result == LIBDEFLATE_SUCCESS) {
      out.resize(made);
      return {std::nullopt, std::move(out), used};
    }
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE) {
      return {refuse("gz-deflate", "the deflate stream is damaged or cut off"), {}, 0};
    }
    if (capacity == most && most == budget.bytes) return {over_budget(budget), {}, 0};
    if (capacity == most) return {std::nullopt, {}, 0, true};
    capacity = capacity > most / kGrowth ? most : std::max(capacity * kGrowth, kFirstGuess);
  }
}

struct Inflater {
  Inflater() {
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream stream{};
};

// Most clients read with zlib, which stops at symbols that RFC 1951 leaves out; libdeflate takes
// them for others, as do bun and pnpm 12 (measured). What both read alike is deflate.
bool zlib_reads_alike(Bytes packed, Bytes data) {
  constexpr std::size_t kWindow = std::size_t{64} << 10;
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // zlib counts in 32 bits
  Inflater inflater;
  z_stream& stream = inflater.stream;
  std::vector<std::byte> window(kWindow);
  std::size_t fed = 0;
  std::size_t read = 0;
  for (;;) {
    if (stream.avail_in == 0) {
      const std::size_t piece = std::min(packed.size() - fed, kMostAtOnce);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + fed));
      stream.avail_in = static_cast<uInt>(piece);
      fed += piece;
    }
    stream.next_out = reinterpret_cast<Bytef*>(window.data());
    stream.avail_out = kWindow;
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = kWindow - stream.avail_out;
    if (made > data.size() - read || std::memcmp(window.data(), data.data() + read, made) != 0) {
      return false;
    }
    read += made;
    if (status == Z_STREAM_END) {
      return read == data.size() && fed == packed.size() && stream.avail_in == 0;
    }
    if (status != Z_OK) return false;
  }
}

struct Streamed {
  std::optional<ArchiveRefusal> refusal;
  TarImage image;
  std::size_t consumed = 0;
  Sums sums;
};

// In pieces, by zlib alone: it is the stricter of the two, and what it accepts libdeflate reads
// alike (the opposite is not so, see zlib_reads_alike).
Streamed inflate_in_pieces(Bytes packed, std::uint64_t claimed, const Budget& budget,
                           const ArchiveLimits& limits, IsBinary is_binary) {
  constexpr std::size_t kWindow = std::size_t{256} << 10;
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // zlib counts in 32 bits
  Streamed out;
  Inflater inflater;
  z_stream& stream = inflater.stream;
  TarFilter filter(limits, claimed, is_binary);
  std::vector<std::byte> window(kWindow);
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const std::size_t piece = std::min(packed.size() - out.consumed, kMostAtOnce);
      stream.next_in =
          reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + out.consumed));
      stream.avail_in = static_cast<uInt>(piece);
      out.consumed += piece;
    }
    stream.next_out = reinterpret_cast<Bytef*>(window.data());
    stream.avail_out = kWindow;
    status = ::inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) {
      out.refusal = refuse("gz-deflate", "the deflate stream is damaged or cut off");
      return out;
    }
    const Bytes made = Bytes(window).first(kWindow - stream.avail_out);
    out.sums.size += made.size();
    out.sums.crc = libdeflate_crc32(out.sums.crc, made.data(), made.size());
    if (out.sums.size > budget.bytes) out.refusal = over_budget(budget);
    if (!out.refusal) out.refusal = filter.take(made);
    if (out.refusal) return out;
  }
  out.consumed -= stream.avail_in;
  out.image = filter.finish();
  return out;
}

// The size that the trailer claims, by which the first buffer is made. Early packages are padded
// with zeros behind it, and its last bytes are often zero themselves: of the places where it may
// end, one that gives a whole number of tar blocks is taken; 0 if there is none.
std::size_t claimed_size(Bytes packed) {
  constexpr std::size_t kTarBlock = 512;
  std::size_t end = packed.size();
  while (end > 0 && packed[end - 1] == std::byte{0}) --end;
  const std::size_t last = std::min(end + 3, packed.size());
  for (end = std::max(end, std::size_t{4}); end <= last; ++end) {
    const std::size_t claimed = little_endian(packed, end - 4);
    if (claimed >= kTarBlock && claimed % kTarBlock == 0) return claimed;
  }
  return 0;
}

std::optional<ArchiveRefusal> check_trailer(Bytes rest, const Sums& sums) {
  if (rest.size() < kTrailerSize) return refuse("gz-truncated", "the gzip trailer is cut off");
  if (little_endian(rest, 0) != sums.crc) {
    return refuse("gz-checksum", "the CRC-32 of the trailer is not that of the data");
  }
  if (little_endian(rest, 4) != sums.size) {
    return refuse("gz-size", "the trailer says " + std::to_string(little_endian(rest, 4)) +
                                 " bytes, the data has " + std::to_string(sums.size));
  }
  const Bytes padding = rest.subspan(kTrailerSize);
  const auto odd = std::ranges::find_if(padding, [](std::byte b) { return b != std::byte{0}; });
  if (odd == padding.end()) return std::nullopt;
  return refuse("gz-trailing-data", std::to_string(padding.size()) +
                                        " bytes follow the gzip member, and they are not all zero");
}

}  // namespace

InflateResult inflate_member(Bytes gzip, const ArchiveLimits& limits, IsBinary is_binary) {
  MemberStart header = read_header(gzip);
  if (header.refusal) return {std::move(header.refusal), {}};
  const Bytes packed = gzip.subspan(header.end);
  const std::size_t claimed = claimed_size(packed);
  const Budget budget = budget_for(gzip, limits);
  Deflated inflated;
  inflated.too_large = claimed > limits.hold_whole && budget.bytes > limits.hold_whole;
  if (!inflated.too_large) {
    inflated = inflate(packed, claimed == 0 ? kFirstGuess : claimed, budget, limits.hold_whole);
  }
  if (inflated.refusal) return {std::move(inflated.refusal), {}};
  if (inflated.too_large) {
    Streamed streamed = inflate_in_pieces(packed, claimed, budget, limits, is_binary);
    if (!streamed.refusal) {
      streamed.refusal = check_trailer(packed.subspan(streamed.consumed), streamed.sums);
    }
    if (streamed.refusal) return {std::move(streamed.refusal), {}};
    return {std::nullopt, std::move(streamed.image)};
  }
  const Sums sums{inflated.data.size(),
                  libdeflate_crc32(0, inflated.data.data(), inflated.data.size())};
  auto refusal = check_trailer(packed.subspan(inflated.consumed), sums);
  if (!refusal && !zlib_reads_alike(packed.first(inflated.consumed), inflated.data)) {
    refusal = refuse("gz-deflate", "zlib does not read the deflate stream as libdeflate does");
  }
  if (refusal) return {std::move(refusal), {}};
  return {std::nullopt, TarImage{std::move(inflated.data), {}}};
}

}  // namespace npmgate
