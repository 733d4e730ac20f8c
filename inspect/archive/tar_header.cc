#include "inspect/archive/tar_header.h"

#include <algorithm>
#include <cstring>

#include "inspect/archive/archive_rules.h"

namespace npmgate {
namespace {

struct Field {
  std::size_t offset, size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kLinkname{157, 100};
constexpr Field kMagic{257, 8};  // with the version
constexpr Field kUname{265, 32};
constexpr Field kGname{297, 32};
constexpr Field kDevmajor{329, 8};
constexpr Field kDevminor{337, 8};
constexpr Field kPrefix{345, 155};
constexpr Field kTail{500, 12};

// star's layout, which node-tar writes when it stores access times: a prefix of 130 bytes, a zero,
// atime and ctime.
constexpr Field kShortPrefix{345, 131};
constexpr Field kAtime{476, 12};
constexpr Field kCtime{488, 12};

constexpr std::string_view kUstarMagic{
    "ustar\0"
    "00",
    8};
constexpr std::string_view kGnuMagic{"ustar  \0", 8};

constexpr std::uint64_t kModeBits = 07777;
constexpr std::uint32_t kSpecialBits = 07000;  // set-user-ID, set-group-ID, sticky

class Reader {
 public:
  Reader(std::span<const std::byte> block, std::string_view where)
      : text_(reinterpret_cast<const char*>(block.data()), block.size()), where_(where) {}

  TarHeaderResult read() {
    check_sum();
    check_magic();
    check_type();
    check_numbers();
    check_text();
    check_prefix();
    if (refusal_) return {std::move(refusal_), {}};
    header_.gnu = gnu_;
    join_name();
    return {std::nullopt, std::move(header_)};
  }

 private:
  std::string_view field(Field at) const { return text_.substr(at.offset, at.size); }

  // The first refusal stands.
  void deny(std::string_view rule, std::string_view what) {
    if (!refusal_) refusal_ = refuse(rule, std::string(what) + " " + std::string(where_));
  }

  // Blanks, octal digits, then at least one blank or NUL and nothing else: without an end some
  // readers go on into the next field.
  static std::optional<std::uint64_t> octal(std::string_view bytes) {
    const std::size_t start = bytes.find_first_not_of(' ');
    if (start == std::string_view::npos) return std::nullopt;
    std::uint64_t value = 0;
    std::size_t at = start;
    for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '7'; ++at) {
      value =
          value << 3 | static_cast<std::uint64_t>(bytes[at] - '0');  // 12 digits at most: 36 bits
    }
    const std::string_view rest = bytes.substr(at);
    if (at == start || rest.empty()) return std::nullopt;
    const bool ends = std::ranges::all_of(rest, [](char c) { return c == ' ' || c == '\0'; });
    return ends ? std::optional(value) : std::nullopt;
  }

  std::uint64_t number(Field at, std::string_view name) {
    const auto value = octal(field(at));
    if (!value) deny("tar-number", "the " + std::string(name) + " field is not plain octal");
    return value.value_or(0);
  }

  // Owners are left out by npm pack (zeros) and come in GNU's base-256 form if they exceed 7
  // octal digits: 1 % of real packages. Beyond 32 bits a reader may throw and skip the header.
  static bool is_owner(std::string_view bytes) {
    constexpr std::string_view kBinary32{"\x80\0\0\0", 4};
    return is_zero(bytes) || bytes.starts_with(kBinary32) || octal(bytes).has_value();
  }

  void check_sum() {
    std::uint64_t sum = 0;
    for (const char c : text_) sum += static_cast<unsigned char>(c);
    for (const char c : field(kChecksum)) sum -= static_cast<unsigned char>(c);
    sum += kChecksum.size * std::uint64_t{' '};
    if (octal(field(kChecksum)) != sum) deny("tar-checksum", "the header checksum does not match");
  }

  void check_magic() {
    gnu_ = field(kMagic) == kGnuMagic;
    if (!gnu_ && field(kMagic) != kUstarMagic) deny("tar-magic", "there is no ustar magic");
  }

  void check_type() {
    header_.type = text_[kType];
    constexpr std::string_view kTypes = "0125xg";
    if (kTypes.find(header_.type) == std::string_view::npos && !(gnu_ && header_.type == 'L')) {
      deny("tar-type", "entry type " + quoted(text_.substr(kType, 1)));
    }
    const std::string_view link = field(kLinkname);
    if (!is_link()) {
      if (!is_zero(link)) deny("tar-linkname", "the link name is not empty");
    } else if (link.front() == '\0' || !is_terminated(link)) {
      deny("tar-type", "a link without a clean target");
    } else {
      header_.link = std::string(link.substr(0, link.find('\0')));
    }
  }

  bool is_link() const { return header_.type == '1' || header_.type == '2'; }

  void check_numbers() {
    header_.mode = static_cast<std::uint32_t>(number(kMode, "mode") & kModeBits);
    // npm and yarn 1 keep these bits, the others drop them (measured; 0 of 3,375 real tarballs). On
    // a directory they say who owns what is made in it later: nothing that is run.
    if (header_.type == '5') header_.mode &= ~kSpecialBits;
    if ((header_.mode & kSpecialBits) != 0) deny("tar-mode", "the mode has a special bit");
    header_.size = number(kSize, "size");
    if (is_link() && header_.size != 0) deny("tar-type", "a link with a body");
    if (!is_owner(field(kUid)) || !is_owner(field(kGid))) {
      deny("tar-number", "the uid or gid field is neither octal nor a small binary number");
    }
    if (!is_zero(field(kMtime))) number(kMtime, "mtime");
    for (const Field device : {kDevmajor, kDevminor}) {
      if (is_zero(field(device))) continue;
      const auto value = octal(field(device));
      if (!value) deny("tar-number", "a device field is not plain octal");
      if (value.value_or(0) != 0) deny("tar-device", "a device number is set");
    }
  }

  void check_text() {
    // Leftovers after the end of the name are known from real packages and every reader cuts at the
    // NUL, but JavaScript readers that cut with /\0.*/ keep what follows a line break: hence
    // printable ASCII only.
    const std::string_view name = field(kName);
    const std::string_view tail = name.substr(std::min(name.find('\0'), name.size()));
    const auto odd = [](char c) { return c != '\0' && (c < 0x20 || c > 0x7e); };
    if (std::ranges::any_of(tail, odd)) deny("tar-name-tail", "binary data follows the name");
    if (name.front() == '\0') deny("path-empty", "the name field is empty");
    for (const Field owner : {kUname, kGname}) {
      if (!is_terminated(field(owner))) deny("tar-field-tail", "data follows the owner or group");
    }
    if (!is_zero(field(kTail))) deny("tar-header-tail", "the last 12 bytes are not zero");
  }

  static bool is_terminated(std::string_view bytes) {
    return is_zero(bytes.substr(std::min(bytes.find('\0'), bytes.size())));
  }

  void check_prefix() {
    if (gnu_) {
      if (!is_zero(field(kPrefix))) deny("tar-gnu-prefix", "a GNU header has a prefix");
      return;
    }
    if (is_terminated(field(kPrefix))) return;
    const auto is_time = [&](Field at) {
      return is_zero(field(at)) || octal(field(at)).has_value();
    };
    const bool star = field(kShortPrefix).back() == '\0' && is_terminated(field(kShortPrefix)) &&
                      is_time(kAtime) && is_time(kCtime);
    if (!star) deny("tar-field-tail", "data follows the prefix");
  }

  void join_name() {
    const auto cut = [](std::string_view bytes) { return bytes.substr(0, bytes.find('\0')); };
    const std::string_view prefix = cut(field(kPrefix));
    if (!gnu_ && !prefix.empty()) header_.name = std::string(prefix) + '/';
    header_.name += cut(field(kName));
  }

  std::string_view text_;
  std::string_view where_;
  bool gnu_ = false;
  TarHeader header_;
  std::optional<ArchiveRefusal> refusal_;
};

}  // namespace

TarHeaderResult parse_tar_header(std::span<const std::byte> block, std::string_view where) {
  return Reader(block, where).read();
}

// Compared with itself one byte on: memcmp takes many bytes at a time.
bool is_zero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace npmgate
