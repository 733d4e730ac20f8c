// Packuments from parse to answer: some versions are left out, and whatever the upstream wrote, the
// answer is sound JSON that names none of them.
#include <algorithm>
#include <set>
#include <string>

#include "registry/packument.h"
#include "registry/render.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/strict_json.h"

namespace npmgate::fuzz {
namespace {

constexpr std::string_view kName = "fuzz";
constexpr std::string_view kBase = "http://gate.example/";

// `mask` chooses among the versions that may be served.
RenderInput input_for(const Packument& packument, unsigned mask) {
  RenderInput input;
  input.packument = &packument;
  input.base_url = kBase;
  unsigned bit = 0;
  for (const PackumentVersion& version : packument.versions()) {
    if (version.refusal || !version.semver) continue;
    if ((mask >> (bit++ % 7) & 1) != 0) continue;
    VersionView view;
    view.version = version.version;
    view.raw = version.raw;
    view.has_install_script = bit % 2 == 0;
    if (bit % 3 == 0) view.warning = "a \"warning\"\n\x01";
    input.versions.push_back(view);
  }
  const auto kept = [&](std::string_view version) {
    return std::any_of(input.versions.begin(), input.versions.end(),
                       [&](const VersionView& view) { return view.version == version; });
  };
  input.dist_tags = move_dist_tags(packument, kept, {});
  return input;
}

std::set<std::string> keys_of(const boost::json::object& object) {
  std::set<std::string> keys;
  for (const auto& member : object) keys.emplace(std::string_view(member.key()));
  return keys;
}

void check_manifest(const boost::json::object& manifest, const VersionView& view) {
  NPM_GATE_PROMISE(!manifest.contains("_hasShrinkwrap"));
  NPM_GATE_PROMISE(manifest.contains("hasInstallScript") == view.has_install_script);
  const auto* dist = manifest.if_contains("dist");
  NPM_GATE_PROMISE(dist != nullptr && dist->is_object());
  const auto* tarball = dist->get_object().if_contains("tarball");
  NPM_GATE_PROMISE(tarball != nullptr && tarball->is_string());
  NPM_GATE_PROMISE(std::string_view(tarball->get_string()).starts_with(kBase));
}

void check_document(const RenderInput& input, const std::string& text) {
  const JsonOpinion opinion = json_opinion(text);
  NPM_GATE_PROMISE(opinion.valid && !opinion.duplicates);
  const boost::json::value value = json_value(text);
  const boost::json::object& document = value.get_object();
  std::set<std::string> kept;
  for (const VersionView& view : input.versions) kept.insert(view.version);
  const boost::json::object& versions = document.at("versions").get_object();
  NPM_GATE_PROMISE(keys_of(versions) == kept);
  for (const VersionView& view : input.versions) {
    check_manifest(versions.at(view.version).get_object(), view);
  }
  for (const auto& tag : document.at("dist-tags").get_object()) {
    NPM_GATE_PROMISE(kept.contains(std::string(std::string_view(tag.value().get_string()))));
  }
  if (const auto* time = document.if_contains("time")) {
    for (const std::string& key : keys_of(time->get_object())) {
      NPM_GATE_PROMISE(kept.contains(key) || key == "created" || key == "modified");
    }
  }
}

void run(std::string_view input) {
  const unsigned mask = take_choice(input);
  const auto name = PackageName::parse(kName);
  const auto packument = Packument::parse(std::string(input), *name);
  if (!packument) return;
  RenderInput view = input_for(**packument, mask);
  for (const Form form : {Form::kFull, Form::kAbbreviated}) {
    view.form = form;
    const std::string text = render_packument(view);
    check_document(view, text);
    // Another gate behind this one reads the same versions.
    const auto again = Packument::parse(text, *name);
    NPM_GATE_PROMISE(again.has_value());
    NPM_GATE_PROMISE((*again)->versions().size() == view.versions.size());
    for (const VersionView& version : view.versions) {
      const std::string manifest = render_manifest(view, version);
      const JsonOpinion opinion = json_opinion(manifest);
      NPM_GATE_PROMISE(opinion.valid && !opinion.duplicates);
      check_manifest(json_value(manifest).get_object(), version);
    }
  }
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
