#include "inspect/hooks/package_json.h"

#include <boost/json/parse.hpp>

namespace npmgate {

std::optional<boost::json::object> package_json_object(std::string_view package_json) {
  constexpr std::string_view kBom = "\xef\xbb\xbf";
  if (package_json.starts_with(kBom)) package_json.remove_prefix(kBom.size());
  boost::system::error_code ec;
  boost::json::parse_options options;
  options.max_depth = 256;  // deeper ones are refused before they come here
  boost::json::value value = boost::json::parse(
      boost::json::string_view(package_json.data(), package_json.size()), ec, {}, options);
  if (ec || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

}  // namespace npmgate
