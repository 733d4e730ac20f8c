#include "sigstore/checkpoint.h"

#include <charconv>

#include "sigstore/crypto.h"

namespace npmgate::sigstore {
namespace {

constexpr std::string_view kDash = "\xe2\x80\x94 ";  // an em dash
// Logs sign once; a handful of witnesses add theirs.
constexpr std::size_t kMaxSignatures = 32;
constexpr std::size_t kHint = 4;

Error bad(std::string_view why) {
  return unreadable("the checkpoint cannot be read: " + std::string(why));
}

bool take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return true;
}

bool read_signature(std::string_view line, Checkpoint::Signature& out) {
  if (!line.starts_with(kDash)) return false;
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0) return false;
  const auto bytes = decode_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= kHint) return false;
  out = {std::string(line.substr(0, space)), bytes->substr(0, kHint), bytes->substr(kHint)};
  return true;
}

bool read_head(std::string_view text, Checkpoint& out) {
  std::string_view origin, size, root;
  if (!take_line(text, origin) || !take_line(text, size) || !take_line(text, root)) return false;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), out.size);
  const auto hash = decode_base64(root);
  if (origin.empty() || error != std::errc() || end != size.data() + size.size() ||
      std::to_string(out.size) != size || !hash || hash->size() != 32)
    return false;
  out.origin = std::string(origin);
  out.root_hash = *hash;
  return true;
}

}  // namespace

Result<Checkpoint> parse_checkpoint(std::string_view note) {
  const std::size_t gap = note.find("\n\n");
  if (gap == std::string_view::npos) return bad("it has no signatures");
  Checkpoint out;
  out.text = std::string(note.substr(0, gap + 1));
  if (!read_head(out.text, out)) return bad("it does not begin with origin, size and root hash");
  std::string_view rest = note.substr(gap + 2), line;
  while (!rest.empty()) {
    Checkpoint::Signature signature;
    if (!take_line(rest, line) || !read_signature(line, signature))
      return bad("a signature line is malformed");
    out.signatures.push_back(std::move(signature));
    if (out.signatures.size() > kMaxSignatures) return bad("it has too many signatures");
  }
  if (out.signatures.empty()) return bad("it has no signatures");
  return out;
}

}  // namespace npmgate::sigstore
