#include "inspect/archive/tar_verifier.h"

#include <algorithm>
#include <utility>

#include "inspect/archive/archive_rules.h"
#include "inspect/archive/normal_form.h"
#include "inspect/archive/path_rules.h"
#include "inspect/archive/pax.h"
#include "inspect/archive/tar_header.h"

namespace npmgate {
namespace {

using Bytes = std::span<const std::byte>;

// node-tar and libarchive both stop reading extended headers above this size, so no configuration
// may allow more.
constexpr std::uint64_t kMaxPax = std::uint64_t{1} << 20;

// Two blocks and a whole record of tar's. pnpm 12 waits for ever at more (measured), real tarballs
// end with 21 at most (of 3,375).
constexpr std::uint64_t kMaxEnd = 22 * kTarBlock;

class Verifier {
 public:
  Verifier(const TarImage& image, const ArchiveLimits& limits, std::vector<TarEntry>& entries)
      : tar_(image.data), omitted_(image.omitted), limits_(limits), entries_(entries) {}

  std::optional<ArchiveRefusal> run() {
    if (tar_.size() % kTarBlock != 0) {
      return refuse("tar-block-size", std::to_string(tar_.size() + left_out()) + " bytes come out");
    }
    std::uint64_t headers = 0;
    while (at_ < tar_.size() && !is_zero(as_text(tar_.subspan(at_, kTarBlock)))) {
      if (++headers > limits_.max_entries) {
        return refuse("limit-entries", "more than " + std::to_string(limits_.max_entries));
      }
      if (auto refusal = take_entry()) return refusal;
    }
    if (pending_x_ || pending_g_ || pending_l_) {
      return refuse("pax-dangling", "the archive ends after a header for the next entry");
    }
    if (!omitted_.empty()) return refuse("walk-differs", "a body is not where it was hashed");
    return check_end();
  }

 private:
  std::optional<ArchiveRefusal> check_end() const {
    if (tar_.size() - at_ < 2 * kTarBlock) {
      return refuse("tar-end", "the end-of-archive blocks are missing");
    }
    if (!is_zero(as_text(tar_.subspan(at_)))) {
      return refuse("tar-data-after-end", "data follows the zero block " + at_byte(offset()));
    }
    if (tar_.size() - at_ > kMaxEnd) {
      return refuse("tar-long-end", std::to_string((tar_.size() - at_) / kTarBlock) +
                                        " zero blocks " + at_byte(offset()));
    }
    return std::nullopt;
  }

  std::optional<ArchiveRefusal> take_entry() {
    const std::uint64_t start = offset();
    const std::string where = at_byte(start);
    TarHeaderResult parsed =
        parse_tar_header(tar_.subspan(at_, kTarBlock), "in the header " + where);
    if (parsed.refusal) return std::move(parsed.refusal);
    TarHeader& header = parsed.header;
    at_ += kTarBlock;
    if (header.type == '5' && header.size != 0) {
      return refuse("tar-directory-size", "directory " + quoted(header.name) + " " + where);
    }
    Body body;
    if (auto refusal = take_body(header, where, body)) return refusal;
    if (header.type == 'x' || header.type == 'g') return take_pax(header, body.held, where);
    if (header.type == 'L') return take_long_name(body.held, where);
    return take_member(std::move(header), std::move(body), start, where);
  }

  struct Body {
    Bytes held;
    std::string sha256;  // set if not all of it is held
  };

  std::optional<ArchiveRefusal> take_body(const TarHeader& header, const std::string& where,
                                          Body& body) {
    const OmittedRun* run = omitted_.empty() ? nullptr : &omitted_.front();
    const std::uint64_t whole = padded(header.size);
    if (run != nullptr && run->at >= at_ + whole) run = nullptr;
    const std::uint64_t held = whole - (run == nullptr ? 0 : std::min(run->bytes, whole));
    if (held > tar_.size() - at_) {
      return refuse("tar-truncated", "the body of " + quoted(header.name) + " " + where +
                                         " reaches past the end of the archive");
    }
    if (run != nullptr && (header.type != '0' || run->size != header.size ||
                           run->at != at_ + kHeldHead || run->sha256.empty())) {
      return refuse("walk-differs", "the body of " + quoted(header.name) + " " + where +
                                        " is not where it was hashed");
    }
    const std::uint64_t padding = whole - header.size;
    if (!is_zero(as_text(tar_.subspan(at_ + held - padding, padding)))) {
      return refuse("tar-padding", "data follows the body of " + quoted(header.name) + " " + where);
    }
    body.held = tar_.subspan(at_, run == nullptr ? header.size : kHeldHead);
    at_ += held;
    if (run != nullptr) {
      body.sha256 = run->sha256;
      skipped_ += run->bytes;
      omitted_ = omitted_.subspan(1);
    }
    return std::nullopt;
  }

  // GNU tar's header for a name of more than 100 bytes: "././@LongLink", whose body is the name and
  // one NUL. Every client reads it so (measured) as long as no pax header says something else; and
  // the name in the entry's own header is the start of it, for those that would not.
  std::optional<ArchiveRefusal> take_long_name(Bytes body, const std::string& where) {
    if (pending_x_ || pending_g_ || pending_l_) return refuse("pax-two-headers", "again " + where);
    if (body.size() > limits_.max_path + std::uint64_t{1}) {
      return refuse("limit-path", "the GNU long name " + where);
    }
    const std::string_view text = as_text(body);
    if (text.size() < 2 || text.find('\0') != text.size() - 1) {
      return refuse("tar-long-name", "the GNU long name " + where + " is not text and one NUL");
    }
    pending_l_ = std::string(text.substr(0, text.size() - 1));
    return std::nullopt;
  }

  std::optional<ArchiveRefusal> take_pax(const TarHeader& header, Bytes body,
                                         const std::string& where) {
    const bool global = header.type == 'g';
    // A global header may stand before an extended one (git archive), never between that and its
    // entry.
    if (pending_x_ || pending_l_ || (global && pending_g_)) {
      return refuse("pax-two-headers", "again " + where);
    }
    const std::uint64_t most = std::min<std::uint64_t>(limits_.max_pax, kMaxPax);
    if (body.size() > most) {
      return refuse("limit-pax", "the pax header " + where + " has more than " +
                                     std::to_string(most) + " bytes");
    }
    PaxResult parsed = parse_pax(as_text(body), global, where);
    if (parsed.refusal) return std::move(parsed.refusal);
    if (global) {
      pending_g_ = true;
    } else {
      pending_x_ = std::move(parsed.records);
      pax_size_ = body.size();
    }
    return std::nullopt;
  }

  std::optional<ArchiveRefusal> take_member(TarHeader header, Body body, std::uint64_t start,
                                            const std::string& where) {
    const PaxRecords pax = std::move(pending_x_).value_or(PaxRecords{});
    pending_x_.reset();
    pending_g_ = false;
    if (pax.size && *pax.size != header.size) {
      return refuse("pax-size", "for " + quoted(header.name) + " " + where);
    }
    if (pax.path) {
      if (auto refusal = check_pax_path(*pax.path, header.name, where)) return refusal;
      header.name = *pax.path;
    }
    if (pending_l_) {
      if (!header.gnu || !pending_l_->starts_with(header.name)) {
        return refuse("tar-long-name", quoted(header.name) + " " + where +
                                           " is not the start of the GNU long name before it");
      }
      header.name = *std::exchange(pending_l_, std::nullopt);
    }
    TarEntry entry;
    entry.directory = header.type == '5';
    if (header.type == '1') entry.link = TarEntry::Link::kHard;
    if (header.type == '2') entry.link = TarEntry::Link::kSymbolic;
    entry.link_target = std::move(header.link);
    entry.size = header.size;
    PathResult path = clean_path(header.name, entry.directory, where, limits_);
    if (path.refusal) return std::move(path.refusal);
    entry.raw_path = std::move(header.name);
    entry.path = std::move(path.path);
    entry.mode = header.mode;
    entry.offset = start;
    entry.body = body.held;
    entry.sha256 = std::move(body.sha256);
    entries_.push_back(std::move(entry));
    return std::nullopt;
  }

  // What to make of a pax path that is not ASCII. libarchive composes it, but leaves names in the
  // header alone. node-tar reads a pax header of several blocks in pieces as they come from the
  // network; a character that falls on a border is garbled, the record's length is then wrong, and
  // the name in the header stays: an attacker's choice. One block comes whole; still, the other
  // name must do no harm: it is the same, or, as tar-stream writes it, has no directory and is gone
  // once the top directory is stripped.
  std::optional<ArchiveRefusal> check_pax_path(std::string_view path, std::string_view name,
                                               const std::string& where) const {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (std::ranges::all_of(path, is_ascii)) return std::nullopt;
    const auto deny = [&](std::string_view rule) {
      return refuse(rule, quoted(path) + " stands over " + quoted(name) + " " + where);
    };
    if (!is_nfc(path)) return deny("pax-path-form");
    if (name == path) return std::nullopt;
    if (name.find('/') != std::string_view::npos) return deny("pax-path-fallback");
    if (pax_size_ > kTarBlock) return deny("pax-path-blocks");
    return std::nullopt;
  }

  // In the whole archive, with what is not held.
  std::uint64_t offset() const { return at_ + skipped_; }
  std::uint64_t left_out() const {
    std::uint64_t total = skipped_;
    for (const OmittedRun& run : omitted_) total += run.bytes;
    return total;
  }

  Bytes tar_;
  std::span<const OmittedRun> omitted_;  // those that come yet
  const ArchiveLimits& limits_;
  std::vector<TarEntry>& entries_;
  std::uint64_t at_ = 0;       // in tar_
  std::uint64_t skipped_ = 0;  // bytes not held before at_
  std::optional<PaxRecords> pending_x_;
  std::optional<std::string> pending_l_;
  bool pending_g_ = false;
  std::uint64_t pax_size_ = 0;  // of pending_x_
};

}  // namespace

std::optional<ArchiveRefusal> verify_tar(const TarImage& tar, const ArchiveLimits& limits,
                                         std::vector<TarEntry>& entries) {
  return Verifier(tar, limits, entries).run();
}

}  // namespace npmgate
