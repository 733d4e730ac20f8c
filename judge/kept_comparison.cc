#include "judge/kept_comparison.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "inspect/evidence/manifest_json.h"
#include "store/row_json.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// No version holds a space.
constexpr std::string_view kSuffix = " compared";

}  // namespace

std::string comparison_to_text(const KeptComparison& comparison) {
  return json::serialize(json::object{{"content_id", comparison.content_id},
                                      {"baseline", comparison.baseline},
                                      {"settled", comparison.settled},
                                      {"missing", strings_to_text(comparison.missing)},
                                      {"findings", findings_to_text(comparison.findings)}});
}

Result<KeptComparison> comparison_from_text(std::string_view text) {
  boost::system::error_code ec;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), ec);
  bool ok = !ec && value.is_object();
  const JsonFields fields(value, ok);
  KeptComparison out;
  out.content_id = fields.text("content_id");
  out.baseline = fields.text("baseline");
  out.settled = fields.text("settled");
  auto missing = strings_from_text(fields.text("missing"));
  auto findings = findings_from_text(fields.text("findings"));
  if (!ok || !missing || !findings)
    return fail(Code::kCorrupt, Origin::kDisk, "a kept comparison is not readable");
  out.missing = std::move(*missing);
  out.findings = std::move(*findings);
  return out;
}

std::string comparison_key(std::string_view version) {
  return std::string(version) + std::string(kSuffix);
}

std::string_view compared_version(std::string_view key) {
  if (!key.ends_with(kSuffix)) return {};
  return key.substr(0, key.size() - kSuffix.size());
}

}  // namespace npmgate
