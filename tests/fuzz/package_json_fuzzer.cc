// package.json and version manifests: what is accepted must be what a strict, unrelated JSON reader
// sees, and every text has one canonical form.
#include <string>

#include "registry/packument.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/strict_json.h"

namespace npmgate::fuzz {
namespace {

constexpr std::string_view kBom = "\xef\xbb\xbf";

// Scripts as another reader takes them from the same text.
void check_scripts(const Manifest& manifest, const boost::json::object& document) {
  const boost::json::value* scripts = document.if_contains("scripts");
  if (scripts == nullptr || !scripts->is_object()) {
    NPM_GATE_PROMISE(manifest.scripts.empty());
    return;
  }
  std::size_t texts = 0;
  for (const auto& member : scripts->get_object()) {
    const auto ours = manifest.scripts.find(std::string_view(member.key()));
    if (!member.value().is_string()) {
      // Nobody runs it for a dependency; an install hook of another type is refused.
      NPM_GATE_PROMISE(ours == manifest.scripts.end());
      for (const std::string hook : {"preinstall", "install", "postinstall"}) {
        const std::string_view key = member.key();
        NPM_GATE_PROMISE(key != hook && key != "pre" + hook && key != "post" + hook);
      }
      continue;
    }
    ++texts;
    NPM_GATE_PROMISE(ours != manifest.scripts.end());
    NPM_GATE_PROMISE(std::string_view(member.value().get_string()) == ours->second);
  }
  NPM_GATE_PROMISE(texts == manifest.scripts.size());
}

void check_package_json(std::string_view text) {
  const ParsedManifest parsed = parse_package_json(text);
  if (parsed.refusal) {
    NPM_GATE_PROMISE(!parsed.refusal->rule.empty() && parsed.manifest == Manifest{});
    return;
  }
  if (text.starts_with(kBom)) text.remove_prefix(kBom.size());
  const JsonOpinion opinion = json_opinion(text);
  if (opinion.no_opinion) return;
  NPM_GATE_PROMISE(opinion.valid);
  NPM_GATE_PROMISE(!opinion.duplicates || parsed.harmless_duplicates);
  const boost::json::value document = json_value(text);
  NPM_GATE_PROMISE(document.is_object());
  check_scripts(parsed.manifest, document.get_object());
}

void check_version_manifest(std::string_view text) {
  const Result<Release> release = parse_release(text);
  const Result<std::string> canonical = canonical_manifest(text);
  if (!release) return;
  const JsonOpinion opinion = json_opinion(text);
  if (opinion.no_opinion) return;
  NPM_GATE_PROMISE(opinion.valid && !opinion.duplicates);
  NPM_GATE_PROMISE(canonical.has_value());
  const JsonOpinion form = json_opinion(*canonical);
  NPM_GATE_PROMISE(form.valid && !form.duplicates);
  // The canonical form is one: it has itself as its form.
  const Result<std::string> again = canonical_manifest(*canonical);
  NPM_GATE_PROMISE(again.has_value() && *again == *canonical);
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = npmgate::fuzz::as_text(data, size);
  npmgate::fuzz::check_package_json(text);
  npmgate::fuzz::check_version_manifest(text);
  return 0;
}
