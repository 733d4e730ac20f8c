#include "sigstore/seeds.h"

#include <simdjson.h>

#include "sigstore/crypto.h"
#include "sigstore/data.h"
#include "sigstore/fields.h"

namespace npmgate::sigstore {

std::string_view seeds_origin() {
  return "@sigstore/tuf " NPM_GATE_TUF_VERSION;
}

Result<Seeds> read_seeds() {
  json::StrictParser parser;
  json::Element root;
  json::Object mirrors;
  Seeds out;
  if (!parser.parse_unambiguous(data::tuf_seeds(), false, root) &&
      !root.get_object().get(mirrors)) {
    // {URL of the TUF mirror: {targets: {NAME: base64}}}
    for (const auto mirror : mirrors) {
      json::Object targets;
      if (mirror.value.at_key("targets").get_object().get(targets)) continue;
      for (const auto target : targets) {
        std::string_view text;
        if (target.value.get_string().get(text)) continue;
        const auto bytes = decode_base64(text);
        if (bytes && target.key == "trusted_root.json") out.trusted_root = *bytes;
        if (bytes && target.key.ends_with("keys.json")) out.registry_keys = *bytes;
      }
    }
  }
  if (out.trusted_root.empty() || out.registry_keys.empty())
    return fail(Code::kInternal, Origin::kSelf,
                std::string(seeds_origin()) + " holds no trusted root and registry keys");
  return out;
}

}  // namespace npmgate::sigstore
