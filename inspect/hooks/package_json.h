// package.json as a JSON object.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string_view>

namespace npmgate {

// The object that an accepted package.json is; nullopt if it is none.
std::optional<boost::json::object> package_json_object(std::string_view package_json);

}  // namespace npmgate
