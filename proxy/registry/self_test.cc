#include "proxy/registry/self_test.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/text.h"
#include "proxy/registry/page_template.h"

namespace npmgate {
namespace {

std::string spec() {
  return std::string(kSelfTestName) + "@" + std::string(kSelfTestVersion);
}

std::string sentence() {
  return spec() +
         " is quarantined for good: it is the gate's own test package, and this is what a refusal "
         "looks like (rule self-test)";
}

std::string command(const Request& request) {
  return "npm install " + spec() + " --registry " + request.base_url;
}

}  // namespace

bool is_self_test(const Target& target) {
  const auto named = [](const PackageName& name) { return name.str() == kSelfTestName; };
  if (const auto* packument = std::get_if<PackumentTarget>(&target)) return named(packument->name);
  if (const auto* manifest = std::get_if<ManifestTarget>(&target)) return named(manifest->name);
  if (const auto* tags = std::get_if<DistTagsTarget>(&target)) return named(tags->name);
  const auto* tarball = std::get_if<TarballTarget>(&target);
  return tarball != nullptr && named(tarball->name);
}

Response self_test_refusal(const Target& target, const Request& request) {
  Response response = error_response(
      403, "npm-gate: " + sentence() + ". " + request.base_url + "-/npm-gate/self-test",
      sentence());
  response.kind = std::holds_alternative<TarballTarget>(target) ? "tarball" : "packument";
  return response;
}

Response self_test_page(const Request& request, bool html) {
  if (!html) {
    return json_response(200,
                         boost::json::serialize(boost::json::object{{"name", kSelfTestName},
                                                                    {"version", kSelfTestVersion},
                                                                    {"verdict", "quarantine"},
                                                                    {"sentence", sentence()},
                                                                    {"try", command(request)}}));
  }
  return own_page(
      200, "Self-test",
      "<h1>Self-test</h1><p>" + html_escape(spec()) +
          " is a harmless name that this gate answers itself and always refuses. To see "
          "what a developer sees:</p><pre>" +
          html_escape(command(request)) +
          "</pre><p>The install must fail with status 403 and this text:</p><pre>" +
          html_escape("npm-gate: " + sentence()) + "</pre>");
}

}  // namespace npmgate
