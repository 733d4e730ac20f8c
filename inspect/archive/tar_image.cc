#include "inspect/archive/tar_image.h"

#include <algorithm>

#include "inspect/archive/archive_rules.h"
#include "inspect/archive/pax.h"
#include "inspect/archive/tar_header.h"

namespace npmgate {
namespace {

// A shorter run is not worth a record.
constexpr std::uint64_t kShortestRun = std::uint64_t{64} << 10;

}  // namespace

std::uint64_t TarImage::size() const {
  std::uint64_t total = data.size();
  for (const OmittedRun& run : omitted) total += run.bytes;
  return total;
}

TarFilter::TarFilter(const ArchiveLimits& limits, std::uint64_t expected, IsBinary is_binary)
    : limits_(limits), is_binary_(is_binary), left_(kTarBlock) {
  // Reserved address space costs nothing until it is written to; growing would copy.
  image_.data.reserve(static_cast<std::size_t>(std::min(expected, limits.max_held)));
}

std::size_t TarFilter::keep(std::span<const std::byte> piece, std::uint64_t most) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), most));
  image_.data.insert(image_.data.end(), piece.begin(),
                     piece.begin() + static_cast<std::ptrdiff_t>(size));
  return size;
}

std::optional<ArchiveRefusal> TarFilter::take(std::span<const std::byte> piece) {
  while (!piece.empty()) {
    std::size_t used = 0;
    if (state_ == State::kOmit) {
      used = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left_));
      hasher_->update(piece.first(used));
    } else if (state_ == State::kAsItIs) {
      used = keep(piece, piece.size());
    } else {
      used = keep(piece, left_);
    }
    if (image_.data.size() > limits_.max_held) {
      return refuse("limit-held", "more than " + std::to_string(limits_.max_held) + " bytes");
    }
    piece = piece.subspan(used);
    if (state_ == State::kAsItIs) continue;
    left_ -= used;
    if (left_ != 0) continue;
    if (state_ == State::kHeader) {
      take_header();
    } else if (state_ == State::kHead) {
      choose();
    } else if (state_ == State::kOmit) {
      state_ = State::kRest;
      left_ = padded(body_size_) - kHeldHead - image_.omitted.back().bytes;
      if (left_ == 0) end_body();
    } else {
      end_body();
    }
  }
  return std::nullopt;
}

// What cannot be read as a header is kept as it is, with all that follows: the verifier says why.
void TarFilter::take_header() {
  const auto block = std::span(image_.data).last(kTarBlock);
  const TarHeaderResult parsed = parse_tar_header(block, "");
  if (parsed.refusal) {
    state_ = State::kAsItIs;
    return;
  }
  type_ = parsed.header.type;
  mode_ = parsed.header.mode;
  body_size_ = parsed.header.size;
  path_ = next_path_.empty() ? parsed.header.name : next_path_;
  body_at_ = image_.data.size();
  left_ = padded(body_size_);
  state_ = State::kRest;
  if (left_ == 0) {
    end_body();
  } else if (type_ == '0' && body_size_ >= kHeldHead + kShortestRun) {
    left_ = kHeldHead;
    state_ = State::kHead;
  }
}

// The head of a large body is there: whether the rest is kept.
void TarFilter::choose() {
  state_ = State::kRest;
  left_ = padded(body_size_) - kHeldHead;
  const std::string_view head = as_text(std::span(image_.data).subspan(body_at_, kHeldHead));
  if (is_binary_ == nullptr || image_.data.size() <= limits_.hold_whole ||
      !is_binary_(path_, head, mode_))
    return;
  OmittedRun run;
  run.at = image_.data.size();
  run.bytes = (body_size_ - kHeldHead) / kTarBlock * kTarBlock;
  run.size = body_size_;
  hasher_.emplace(Algorithm::kSha256);
  hasher_->update(std::span(image_.data).subspan(body_at_, kHeldHead));
  state_ = State::kOmit;
  left_ = run.bytes;
  image_.omitted.push_back(std::move(run));
}

void TarFilter::end_body() {
  const auto held = std::span(image_.data).subspan(body_at_);
  if (hasher_) {
    OmittedRun& run = image_.omitted.back();
    hasher_->update(held.subspan(kHeldHead).first(run.size - kHeldHead - run.bytes));
    run.sha256 = hasher_->finish().hex();
    hasher_.reset();
  }
  next_path_.clear();
  const std::string_view body = as_text(held.first(std::min<std::size_t>(held.size(), body_size_)));
  if (type_ == 'x' && body_size_ <= limits_.max_pax) {
    next_path_ = parse_pax(body, false, "").records.path.value_or("");
  } else if (type_ == 'L') {
    next_path_ = std::string(body.substr(0, body.find('\0')));
  }
  state_ = State::kHeader;
  left_ = kTarBlock;
}

// An archive that ends inside an omitted run has no digest there; the verifier finds it cut off.
TarImage TarFilter::finish() {
  return std::move(image_);
}

}  // namespace npmgate
