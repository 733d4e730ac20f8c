// The body of an HTTP/1.1 message, taken off the bytes that carry it. Pure, and streaming: nothing
// is kept but a state of some words, so that no trailer and no chunk extension costs memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "proxy/net/message_head.h"

namespace npmgate {

// RFC 9112, 7.1. Extensions and trailers are passed over; bare CR or LF, control bytes and sizes
// that are not plain hexadecimal digits are refused.
class ChunkedDecoder {
 public:
  // Of all extensions and trailers of one body together: clients of registries send neither, and
  // who sends them byte by byte with one-byte chunks must not keep a loop busy for free.
  static constexpr std::size_t kMaxExtra = std::size_t{16} << 10;

  struct Step {
    std::size_t used = 0;   // bytes of `data` that are done with
    std::string_view body;  // a piece of the body within them; may be empty
  };
  // Up to and with the next piece of body, the body's end, or the end of `data`. Not after done().
  Result<Step> next(std::string_view data);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State {
    kFirstDigit,
    kDigits,
    kPadding,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kLineStart,
    kTrailerName,
    kTrailer,
    kTrailerLf,
    kEndLf,
    kDone
  };
  // The byte's meaning; false: it may not stand here.
  bool take(unsigned char byte);
  bool take_size(unsigned char byte);
  bool extra(unsigned char byte);

  State state_ = State::kFirstDigit;
  std::uint64_t left_ = 0;  // of the chunk
  int digits_ = 0;
  std::size_t extra_ = 0;
};

// Whatever the framing. Errors are kMalformed (of `origin`); nothing throws.
class BodyDecoder {
 public:
  BodyDecoder(BodyFraming framing, Origin origin)
      : kind_(framing.kind), left_(framing.length), origin_(origin) {}

  using Step = ChunkedDecoder::Step;
  Result<Step> next(std::string_view data);
  bool done() const;
  // The peer has closed; whether the body is whole.
  bool whole_at_close() const { return kind_ == BodyFraming::Kind::kUntilClose || done(); }

 private:
  BodyFraming::Kind kind_;
  std::uint64_t left_;
  Origin origin_;
  ChunkedDecoder chunks_;
};

}  // namespace npmgate
