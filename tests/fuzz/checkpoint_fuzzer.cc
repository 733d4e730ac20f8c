// Signed notes of transparency logs: what is accepted says the same when written again.
#include <string>

#include "sigstore/checkpoint.h"
#include "sigstore/crypto.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

void run(std::string_view input) {
  const auto note = sigstore::parse_checkpoint(input);
  if (!note) {
    NPM_GATE_PROMISE(!note.error().context.empty());
    return;
  }
  NPM_GATE_PROMISE(!note->origin.empty() && note->root_hash.size() == 32);
  NPM_GATE_PROMISE(!note->signatures.empty());
  std::string again = note->text + "\n";
  for (const auto& each : note->signatures) {
    NPM_GATE_PROMISE(each.key_hint.size() == 4 && !each.name.empty() && !each.signature.empty());
    again += "\xe2\x80\x94 " + each.name + " " +
             sigstore::encode_base64(each.key_hint + each.signature) + "\n";
  }
  NPM_GATE_PROMISE(again == input);
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
