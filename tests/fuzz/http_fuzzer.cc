// HTTP messages off the wire, both sides: the first byte picks the side and how the bytes are cut.
// Whatever comes: nothing throws, every step makes progress, and it does not matter in which pieces
// the bytes arrive.
#include <optional>
#include <string>

#include "proxy/net/message_body.h"
#include "proxy/net/message_head.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

struct Read {
  bool refused = false, whole = false;
  std::string body;
  std::size_t used = 0;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read_body(BodyFraming framing, std::string_view bytes, std::size_t piece) {
  BodyDecoder decoder(framing, Origin::kClient);
  Read read;
  std::size_t end = 0;
  while (!decoder.done() && end < bytes.size()) {
    end = std::min(bytes.size(), end + piece);
    while (!decoder.done() && read.used < end) {
      const auto step = decoder.next(bytes.substr(read.used, end - read.used));
      if (!step) {
        read.refused = true;
        read.body.clear();
        read.used = 0;
        return read;
      }
      NPM_GATE_PROMISE(step->used > 0 && step->used <= end - read.used);
      NPM_GATE_PROMISE(step->body.size() <= step->used);
      read.body += step->body;
      read.used += step->used;
    }
  }
  read.whole = decoder.done();
  return read;
}

void run(std::string_view bytes) {
  const unsigned choice = take_choice(bytes);
  const bool request = (choice & 1) != 0;
  const std::size_t piece = 1 + (choice >> 3);
  const std::size_t size = head_size(bytes);
  for (std::size_t seen = 0; seen <= bytes.size(); seen += piece) {
    // Found no sooner and no later if the bytes come a few at a time.
    const std::size_t part = head_size(bytes.substr(0, seen), seen > piece ? seen - piece : 0);
    NPM_GATE_PROMISE(part == std::string_view::npos || part == size);
    if (part != std::string_view::npos) break;
  }
  if (size == std::string_view::npos) return;
  const auto head = request ? parse_request_head(bytes.substr(0, size))
                            : parse_answer_head(bytes.substr(0, size), (choice & 2) != 0);
  if (!head) return;
  if (request) {
    NPM_GATE_PROMISE(head->target.starts_with('/') || head->target == "*");
    NPM_GATE_PROMISE(head->body.kind != BodyFraming::Kind::kUntilClose);
  }
  for (const auto& [name, value] : head->headers.all()) {
    NPM_GATE_PROMISE(!name.empty());
    NPM_GATE_PROMISE(value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
  }
  const std::string_view rest = bytes.substr(size);
  NPM_GATE_PROMISE(read_body(head->body, rest, piece) ==
                   read_body(head->body, rest, rest.size() + 1));
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
