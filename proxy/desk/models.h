// What the desk's templates show, made of the admin API's answers. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace npmgate {

// The desk's own addresses.
std::string desk_release_path(std::string_view name, std::string_view version);
std::string desk_package_path(std::string_view name);

// `listing`: GET /api/v1/releases. `query` as it was asked for, so that "More" goes on with it.
boost::json::object queue_model(const boost::json::object& listing, const std::string& verdict,
                                const std::string& package, const std::string& csrf);
boost::json::object package_model(const boost::json::object& listing, const std::string& name);
// `release`: GET /api/v1/releases/NAME/VERSION. `diff`: GET …/diff, or an object with "error".
boost::json::object release_model(const boost::json::object& release,
                                  const boost::json::object& diff, const std::string& csrf);
boost::json::object audit_model(const boost::json::object& listing, const std::string& query);
boost::json::object downloads_model(const boost::json::object& listing, const std::string& package,
                                    const std::string& version);
boost::json::object policy_model(const boost::json::object& policy);
boost::json::object state_model(const std::string& ready, const boost::json::object& index);

}  // namespace npmgate
