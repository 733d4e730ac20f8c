// What the admin API says of releases and of the policy; the review itself is in review.cc.
#include "proxy/admin.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace npmgate {

Task<Response> Admin::release(AdminCall call, std::string verb) {
  co_return co_await review_.release(call.arguments["name"], call.arguments["version"],
                                     std::move(verb), call.query, call.request->body,
                                     call.actor.name);
}

Result<Response> Admin::list_releases(const AdminCall& call) {
  return review_.list(call.query);
}

Result<Response> Admin::policy(const AdminCall&) {
  const std::shared_ptr<const Rules> rules = gear_.rulebook.rules();
  boost::json::array problems, names;
  for (const Problem& problem : gear_.rulebook.problems())
    problems.push_back(boost::json::string(problem.str()));
  for (const Rule& rule : rules->policy->rules) {
    names.push_back(boost::json::object{{"id", rule.id},
                                        {"then", to_string(rule.then)},
                                        {"at", rule.at.str()},
                                        {"monitor", rule.monitor}});
  }
  return json_response(
      200, boost::json::serialize(boost::json::object{{"hash", rules->policy->hash},
                                                      {"file", rules->policy->file},
                                                      {"monitor", rules->policy->monitor},
                                                      {"rules", names},
                                                      {"problems", problems}}));
}

}  // namespace npmgate
