// What the admin API says of releases and of the policy; the review itself is in review.cc.
#include "proxy/admin/admin.h"

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

namespace {

boost::json::object feed_json(const FeedStatus& status) {
  boost::json::array paths, unreadable;
  for (const std::string& path : status.paths) paths.push_back(boost::json::string(path));
  for (const std::string& text : status.counts.problems)
    unreadable.push_back(boost::json::string(text));
  return {{"paths", std::move(paths)},
          {"loaded",
           status.loaded ? boost::json::value(format_time(*status.loaded)) : boost::json::value()},
          {"records", status.counts.records},
          {"malware", status.counts.malware},
          {"withdrawn", status.counts.withdrawn},
          {"unreadable", status.counts.unreadable},
          {"unreadable_first", std::move(unreadable)},
          {"problem", status.problem}};
}

}  // namespace

Result<Response> Admin::policy(const AdminCall&) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  boost::json::array problems, warnings, names;
  for (const Problem& problem : deps_.active_policy.problems())
    problems.push_back(boost::json::string(problem.str()));
  for (const Problem& warning : rules->policy->warnings)
    warnings.push_back(boost::json::string(warning.str()));
  for (const Rule& rule : rules->policy->rules) {
    names.push_back(boost::json::object{{"id", rule.id},
                                        {"then", to_string(rule.then)},
                                        {"at", rule.at.str()},
                                        {"monitor", rule.monitor}});
  }
  return json_response(
      200, boost::json::serialize(boost::json::object{
               {"hash", rules->policy->hash},
               {"file", rules->policy->file},
               {"monitor", rules->policy->monitor},
               {"rules", names},
               {"feeds", feed_json(deps_.feeds != nullptr ? deps_.feeds->status() : FeedStatus{})},
               {"problems", problems},
               {"warnings", warnings}}));
}

}  // namespace npmgate
