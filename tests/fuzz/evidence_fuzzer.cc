// Stored evidence: JSON that was damaged or written by someone else is kCorrupt or means exactly
// what it says; and evidence of any tarball and manifest survives being written and read.
#include <boost/json/serialize.hpp>
#include <string>

#include "inspect/evidence/evidence.h"
#include "registry/packument.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/strict_json.h"

namespace npmgate::fuzz {
namespace {

constexpr Time kNow{Millis{1'700'000'000'000}};

void check_stored(std::string_view text) {
  boost::json::error_code error;
  const boost::json::value value =
      boost::json::parse({text.data(), text.size()}, error, {}, deep_options());
  if (error) return;
  const Result<Evidence> evidence = evidence_from_json(value);
  if (!evidence) return;
  NPM_GATE_PROMISE(to_json(*evidence) == value);
}

// A manifest, a zero byte, a tarball: inspected as the gate does. `damage` then changes one byte of
// what is stored.
void check_inspected(std::string_view input, unsigned damage) {
  const std::size_t border = input.find('\0');
  InspectionInput inspection;
  inspection.raw_manifest = std::string(input.substr(0, border));
  const std::string_view tarball =
      border == input.npos ? std::string_view() : input.substr(border + 1);
  inspection.tarball = std::as_bytes(std::span(tarball));
  inspection.limits.max_unpacked = std::uint64_t{1} << 20;
  inspection.now = kNow;
  if (const auto release = parse_release(inspection.raw_manifest)) inspection.release = *release;
  const Evidence evidence = inspect_tarball(inspection);
  std::string text = boost::json::serialize(to_json(evidence));
  const Result<Evidence> again = evidence_from_json(json_value(text));
  NPM_GATE_PROMISE(again.has_value() && *again == evidence);
  text[damage * 8'191 % text.size()] = "\"{}[],:0n"[damage % 9];
  check_stored(text);
}

void run(std::string_view input) {
  const unsigned choice = take_choice(input);
  if (choice % 2 == 0) {
    check_stored(input);
  } else {
    check_inspected(input, choice / 2);
  }
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
