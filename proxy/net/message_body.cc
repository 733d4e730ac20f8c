#include "proxy/net/message_body.h"

#include <algorithm>

#include "base/text.h"

namespace npmgate {
namespace {

constexpr int kMaxDigits = 15;  // of a chunk's size: below 2^60, whatever is added to it

// What may stand in a field or an extension: no control byte but the tabulator.
bool is_text(unsigned char byte) {
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

// What a field's name is made of (RFC 9110, 5.6.2).
bool is_token(unsigned char byte) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') ||
         (byte != 0 && kMarks.find(static_cast<char>(byte)) != std::string_view::npos);
}

}  // namespace

bool ChunkedDecoder::extra(unsigned char byte) {
  return is_text(byte) && ++extra_ <= kMaxExtra;
}

bool ChunkedDecoder::take_size(unsigned char byte) {
  if (const int value = hex_digit(static_cast<char>(byte));
      value >= 0 && state_ != State::kPadding) {
    state_ = State::kDigits;
    left_ = left_ << 4 | static_cast<unsigned>(value);
    return ++digits_ <= kMaxDigits;
  }
  if (digits_ == 0) return false;
  if (byte == '\r') {
    state_ = State::kSizeLf;
    return true;
  }
  // Some servers fill up with blanks what they have left for the digits (RFC 9112, 7.1.1: BWS).
  const bool blank = byte == ' ' || byte == '\t';
  state_ = blank ? State::kPadding : State::kExtension;
  return (blank || byte == ';') && extra(byte);
}

bool ChunkedDecoder::take(unsigned char byte) {
  switch (state_) {
    case State::kFirstDigit:
    case State::kDigits:
    case State::kPadding:
      return take_size(byte);
    case State::kExtension:
      if (byte == '\r') state_ = State::kSizeLf;
      return byte == '\r' || extra(byte);
    case State::kSizeLf:
      state_ = left_ == 0 ? State::kLineStart : State::kData;
      return byte == '\n';
    case State::kDataCr:
      state_ = State::kDataLf;
      return byte == '\r';
    case State::kDataLf:
      state_ = State::kFirstDigit;
      digits_ = 0;
      return byte == '\n';
    case State::kLineStart:
      state_ = byte == '\r' ? State::kEndLf : State::kTrailerName;
      return byte == '\r' || (is_token(byte) && extra(byte));
    // A line without a colon is no field: the head of a request that follows a body cut short.
    case State::kTrailerName:
      if (byte == ':') state_ = State::kTrailer;
      return (byte == ':' || is_token(byte)) && extra(byte);
    case State::kTrailer:
      if (byte == '\r') state_ = State::kTrailerLf;
      return byte == '\r' || extra(byte);
    case State::kTrailerLf:
      state_ = State::kLineStart;
      return byte == '\n';
    case State::kEndLf:
      state_ = State::kDone;
      return byte == '\n';
    case State::kData:
    case State::kDone:
      break;
  }
  return false;
}

Result<ChunkedDecoder::Step> ChunkedDecoder::next(std::string_view data) {
  Step step;
  while (step.used < data.size() && !done()) {
    if (state_ == State::kData) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size() - step.used));
      step.body = data.substr(step.used, size);
      step.used += size;
      left_ -= size;
      if (left_ == 0) state_ = State::kDataCr;
      return step;
    }
    if (!take(static_cast<unsigned char>(data[step.used]))) {
      return fail(Code::kMalformed, Origin::kClient,
                  extra_ > kMaxExtra ? "more chunk extensions and trailers than anybody needs"
                                     : "not a chunked body");
    }
    ++step.used;
  }
  return step;
}

Result<BodyDecoder::Step> BodyDecoder::next(std::string_view data) {
  using Kind = BodyFraming::Kind;
  if (kind_ == Kind::kChunked) {
    auto step = chunks_.next(data);
    if (!step)
      return fail(step.error().code, origin_, step.error().context, origin_ == Origin::kUpstream);
    return step;
  }
  Step step;
  if (kind_ == Kind::kNone) return step;
  if (kind_ == Kind::kLength) {
    data = data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size())));
    left_ -= data.size();
  }
  step.used = data.size();
  step.body = data;
  return step;
}

bool BodyDecoder::done() const {
  switch (kind_) {
    case BodyFraming::Kind::kNone:
      return true;
    case BodyFraming::Kind::kLength:
      return left_ == 0;
    case BodyFraming::Kind::kChunked:
      return chunks_.done();
    case BodyFraming::Kind::kUntilClose:
      break;
  }
  return false;
}

}  // namespace npmgate
