// What the desk's templates show, made of the admin API's answers. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace npmgate {

// The desk's own addresses.
std::string desk_release_path(std::string_view name, std::string_view version);
std::string desk_package_path(std::string_view name);
// The admin API's.
std::string api_release_path(std::string_view name, std::string_view version);

// What the queue was asked for, so that "More" goes on with it: parameters of GET /api/v1/releases.
struct QueueQuery {
  std::string verdict, package, only, severity, rule, sort;
  // Of the API and of the page; `verdict` "all" asks for every one.
  std::string text(bool of_page) const;
};
// What a decision `verb` about a release will change, a sentence each. `whom`: of an approval for
// some alone, as the form has it ("project:shop"); "" for everybody.
boost::json::array what_changes(const boost::json::object& release, const std::string& verb,
                                const std::string& whom);
// " for project shop" of a decision that is for some alone, "" of others.
std::string for_text(const boost::json::object& decision);
// `listing`: GET /api/v1/releases.
boost::json::object queue_model(const boost::json::object& listing, const QueueQuery& query,
                                const std::string& csrf);
// `package`: GET /api/v1/packages/NAME.
boost::json::object package_model(const boost::json::object& package);
// `release`: GET /api/v1/releases/NAME/VERSION. `diff`: GET …/diff, or an object with "error".
boost::json::object release_model(const boost::json::object& release,
                                  const boost::json::object& diff, const std::string& csrf);
boost::json::object audit_model(const boost::json::object& listing, const std::string& query);
boost::json::object downloads_model(const boost::json::object& listing, const std::string& query);
// Before a decision about releases that a list showed: what it will change. `releases`: GET
// /api/v1/releases/NAME/VERSION of each, or {name, version, error}; `form`: what was sent.
boost::json::object confirm_model(const boost::json::array& releases, const std::string& form,
                                  const std::string& csrf);
// `answer`: what the API refused with; it may name releases that changed.
boost::json::object not_done_model(const boost::json::object& answer);
// What a decision came to, from the parameters that its redirect carries; "" if there was none.
std::string said(const std::string& query);
// `listing`: GET /api/v1/requests; `state`: open or all.
boost::json::object requests_model(const boost::json::object& listing, const std::string& state);
// `found`: GET /api/v1/search, or empty if nothing was searched for.
boost::json::object search_model(const boost::json::object& found, const std::string& words);
// `policy`: GET /api/v1/policy; `rules`: GET /api/v1/rules.
boost::json::object policy_model(const boost::json::object& policy,
                                 const boost::json::object& rules);
// `ready`: what GET /readyz says; `state`: GET /api/v1/state.
boost::json::object state_model(const std::string& ready, const boost::json::object& state);

}  // namespace npmgate
