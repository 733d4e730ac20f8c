// Request targets: whatever spelling gets in, it means one thing, and the canonical spelling of
// that thing means the same.
#include <array>
#include <optional>
#include <string>
#include <variant>

#include "registry/render.h"
#include "registry/target.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

// The spelling the gate itself would write; nullopt for what has none of its own.
std::optional<std::string> canonical(const Target& target) {
  if (const auto* packument = std::get_if<PackumentTarget>(&target)) {
    return "/" + packument->name.url_path() + (packument->write ? "?write=true" : "");
  }
  if (const auto* manifest = std::get_if<ManifestTarget>(&target)) {
    return "/" + manifest->name.url_path() + "/" + manifest->version_or_tag;
  }
  if (const auto* tarball = std::get_if<TarballTarget>(&target)) {
    if (tarball->version.empty())
      return "/" + tarball->name.url_path() + "/-/" + tarball->file + ".tgz";
    return "/" + tarball_path(tarball->name, tarball->version);
  }
  if (const auto* tags = std::get_if<DistTagsTarget>(&target)) {
    return "/-/package/" + tags->name.url_path() + "/dist-tags" +
           (tags->tag.empty() ? "" : "/" + tags->tag);
  }
  return std::nullopt;
}

// Nothing that splits a header, a log line or a path survives into what the gate looks up.
bool is_clean(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= '\x7f' || c == '\\' || c == '%' || c == '?' || c == '#') return false;
  }
  return text.find("..") == text.npos || text.find('/') == text.npos;
}

void check_names(const Target& target) {
  if (const auto* manifest = std::get_if<ManifestTarget>(&target)) {
    NPM_GATE_PROMISE(is_clean(manifest->version_or_tag));
    NPM_GATE_PROMISE(manifest->version_or_tag.find('/') == std::string::npos);
  }
  if (const auto* tarball = std::get_if<TarballTarget>(&target)) {
    NPM_GATE_PROMISE(is_clean(tarball->version) && is_clean(tarball->file));
    NPM_GATE_PROMISE(tarball->file.find('/') == std::string::npos);
    NPM_GATE_PROMISE(tarball->version.find('/') == std::string::npos);
  }
  if (const auto* rejected = std::get_if<RejectedTarget>(&target)) {
    NPM_GATE_PROMISE(rejected->status >= 400 && rejected->status < 500);
    NPM_GATE_PROMISE(!rejected->reason.empty());
  }
}

void run(std::string_view input) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET",    "HEAD",  "PUT",
                                                        "DELETE", "PATCH", "POST"};
  constexpr std::array<std::string_view, 3> kPrefixes = {"/", "/npm/team-a/", "/a"};
  const unsigned choice = take_choice(input);
  const std::string_view method = kMethods[choice % kMethods.size()];
  const Target target = parse_target(method, input, kPrefixes[choice / 8 % kPrefixes.size()]);
  check_names(target);
  const std::optional<std::string> spelled = canonical(target);
  if (!spelled) return;
  const Target again = parse_target("GET", *spelled);
  NPM_GATE_PROMISE(again.index() == target.index());
  NPM_GATE_PROMISE(canonical(again) == spelled);
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
