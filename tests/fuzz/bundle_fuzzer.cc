// Bundles and answers of strangers: what is read is bounded and complete for its version, and
// nothing that a fuzzer writes verifies under the public trusted root.
#include <string>

#include "sigstore/bundle.h"
#include "sigstore/log_entry.h"
#include "sigstore/npm.h"
#include "sigstore/registry_keys.h"
#include "sigstore/timestamp.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

using namespace sigstore;

const FindKeys kNoKeys = [](const std::string&) { return std::vector<BareKey>(); };

void check(const Bundle& bundle) {
  NPM_GATE_PROMISE(bundle.version >= 1 && bundle.version <= 3);
  NPM_GATE_PROMISE(bundle.certificates.empty() != bundle.key_hint.empty());
  NPM_GATE_PROMISE(!bundle.entries.empty() && !bundle.signature().empty());
  for (const LogEntry& entry : bundle.entries) {
    NPM_GATE_PROMISE(entry.log_id.size() == 32 && !entry.body.empty());
    NPM_GATE_PROMISE(bundle.version == 1 ? !entry.promise.empty() : entry.proof.has_value());
    Signed what;
    what.signature = bundle.signature();
    NPM_GATE_PROMISE(!check_binding(entry, what));  // of nobody's verifier
  }
  const TrustedRoot nobody;
  NPM_GATE_PROMISE(!verify_bundle(bundle, nobody, Artifact{"", std::string(64, '0'), ""}, kNoKeys));
}

void run(std::string_view input) {
  const auto choice = take_choice(input) % 3;
  const TrustedRoot nobody;
  if (choice == 0) {
    const auto bundle = parse_bundle(input);
    if (bundle) check(*bundle);
  } else if (choice == 1) {
    NPM_GATE_PROMISE(!verify_timestamp(input, "signature", nobody));
  } else {
    const AttestedRelease release{"a", "1.0.0", std::string(128, '0')};
    NPM_GATE_PROMISE(!verify_attestations(input, release, nobody, kNoKeys));
  }
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
