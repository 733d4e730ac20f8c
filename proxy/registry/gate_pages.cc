// The gate's own pages on the registry's listener: a release and requests for it, what a package
// has that is left out, what was refused to whoever asks.
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_members.h"
#include "judge/nearest_served.h"
#include "proxy/net/query.h"
#include "proxy/registry/data.h"
#include "proxy/registry/gate.h"
#include "proxy/registry/page_template.h"
#include "proxy/registry/pages.h"
#include "proxy/registry/self_test.h"
#include "proxy/runtime/request_record.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr int kRefusals = 50;         // that a page lists
constexpr int kRefusalsRead = 1'000;  // of everybody's, to find those
constexpr auto kLately = std::chrono::hours(24 * 7);
constexpr std::size_t kHeld = 200;  // releases of one package that are listed

Response not_a_page() {
  return error_response(404,
                        "npm-gate: no such page; releases/NAME/VERSION tells a release's verdict");
}

Response takes_only(const std::string& what, const std::string& methods) {
  Response wrong = error_response(405, "npm-gate: " + what);
  wrong.set("allow", methods);
  return wrong;
}

// "@scope/name/1.0.0" -> name and version.
std::pair<std::string, std::string> split_at_last(const std::string& text, char separator) {
  const std::size_t at = text.rfind(separator);
  if (at == std::string::npos || at == 0) return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

}  // namespace

Task<Response> Gate::readable(Response response, PackageName name, std::string version,
                              const Request& request) {
  if (request.method != "GET" || !wants_page(request) || version.empty()) co_return response;
  Response page = co_await release_page(name.str(), std::move(version), 403, request);
  if (page.status != 403) co_return response;
  page.kind = response.kind;
  co_return page;
}

// A page of ours says itself that it is not to be kept; what programs read is told so here.
Task<Response> Gate::on_pool(std::function<Result<Response>()> work, const Request& request) {
  auto response = co_await deps_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  if (!wants_page(request)) response->set("cache-control", "no-store");
  co_return std::move(*response);
}

Task<Response> Gate::own_page(OwnPageTarget target, const Request& request) {
  const auto after = [&target](std::string_view start) {
    return target.path.starts_with(start) ? std::optional(target.path.substr(start.size()))
                                          : std::nullopt;
  };
  if (const auto release = after("requests/")) co_return co_await requests_page(*release, request);
  if (request.method != "GET" && request.method != "HEAD")
    co_return takes_only("this page takes GET", "GET, HEAD");
  if (const auto release = after("releases/")) {
    auto [name, version] = split_at_last(*release, '/');
    if (version.empty()) co_return not_a_page();
    co_return co_await release_page(std::move(name), std::move(version), 200, request);
  }
  if (const auto release = after("r/")) {
    auto [name, version] = split_at_last(*release, '@');
    if (version.empty()) co_return not_a_page();
    co_return co_await release_page(std::move(name), std::move(version), 200, request);
  }
  if (const auto name = after("held/")) co_return co_await held_page(*name, request, target.query);
  if (can_sign_in() && target.path == "sign-in")
    co_return co_await to_provider(request, target.query);
  if (can_sign_in() && target.path == "signed-in")
    co_return co_await from_provider(request, target.query);
  if (target.path == "refusals") co_return co_await refusals_page(request);
  if (target.path == "self-test") co_return self_test_page(request, wants_page(request));
  if (target.path.empty() || target.path == "index")
    co_return npmgate::own_page(200, "Registry", index_page(request));
  co_return not_a_page();
}

Task<Response> Gate::requests_page(std::string release, const Request& request) {
  const auto wanted = split_at_last(release, '/');
  const auto name = PackageName::parse(wanted.first);
  const std::string& version = wanted.second;
  if (!name || version.empty() || !Version::parse_loose(version))
    co_return error_response(400, "npm-gate: not requests/NAME/VERSION");
  if (request.method == "POST") co_return co_await requests_.ask(*name, version, request);
  if (request.method != "GET" && request.method != "HEAD")
    co_return takes_only("requests take GET and POST", "GET, HEAD, POST");
  if (wants_page(request)) co_return co_await release_page(name->str(), version, 200, request);
  std::function<Result<Response>()> work = [this, &name, &version, &request]() -> Result<Response> {
    auto about = requests_.about(name->str(), version, request);
    if (!about) return about.error();
    return json_response(
        200, json::serialize(json::object{
                 {"name", name->str()}, {"version", version}, {"requests", std::move(*about)}}));
  };
  co_return co_await on_pool(std::move(work), request);
}

Task<Response> Gate::release_page(std::string name_text, std::string version, int status,
                                  const Request& request) {
  const auto name = PackageName::parse(name_text);
  if (!name)
    co_return error_response(
        400, "npm-gate: '" + log::printable(name_text, 80) + "' is not a package name");
  auto snapshot = co_await packages_.packuments.get(*name);
  if (!snapshot) co_return response_for(snapshot.error());
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  std::function<Result<Response>()> work = [this, &snapshot, &version, rules, status,
                                            &request]() -> Result<Response> {
    Judge judge = packages_.judging.judge_for(*snapshot, *rules, audience_of(request));
    const Judged* judged = judge.for_asker(version);
    if (judged == nullptr)
      return error_response(404, "npm-gate: " + why_absent(**snapshot, version));
    const std::string instead = judged->served() || !(*snapshot)->packument
                                    ? ""
                                    : nearest_served(judge.listing({}), version);
    if (!wants_page(request)) {
      json::object out = release_json(*judged);
      if (!judged->served()) {
        out["sentence"] = refusal_sentence(judged->subject, judged->verdict, judged->findings);
        out["served_instead"] = instead.empty() ? json::value() : json::value(instead);
        out["page"] = release_link(request.base_url, (*snapshot)->name, version);
      }
      return json_response(200, json::serialize(out));
    }
    auto about = requests_.about((*snapshot)->name, version, request);
    if (!about) return about.error();
    ReleasePage page;
    page.judged = judged;
    page.now = judge.now();
    page.instead = instead;
    page.requests = std::move(*about);
    page.may_ask = requests_.may_ask(request);
    page.sign_in = request.client.empty() ? sign_in_link(request) : "";
    page.who = request.client;
    page.writes = query_value(request.target.substr(request.target.find('?') + 1), "ask") == "1";
    page.contact = deps_.config.contact;
    page.base_url = request.base_url;
    return release_html(page, status);
  };
  co_return co_await on_pool(std::move(work), request);
}

Task<Response> Gate::held_page(std::string name_text, const Request& request, std::string query) {
  const auto name = PackageName::parse(name_text);
  if (!name)
    co_return error_response(
        400, "npm-gate: '" + log::printable(name_text, 80) + "' is not a package name");
  const std::string range_text = query_value(query, "range");
  const auto range = Range::parse(range_text.empty() ? "*" : range_text);
  auto snapshot = co_await packages_.packuments.get(*name);
  if (!snapshot) co_return response_for(snapshot.error());
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  std::function<Result<Response>()> work = [this, &snapshot, rules, &range, &range_text,
                                            &request]() -> Result<Response> {
    Judge judge = packages_.judging.judge_for(*snapshot, *rules, audience_of(request));
    const Judge::Listing listing = judge.listing({});
    const std::string& package = (*snapshot)->name;
    json::array held;
    for (const Judge::Hidden& hidden : listing.hidden) {
      const auto version = Version::parse_loose(hidden.version);
      const bool asked = range_text.empty() || (version && range && range->matches(*version, true));
      if (!asked || held.size() == kHeld) continue;
      held.push_back(
          json::object{{"version", hidden.version},
                       {"sentence", hidden.sentence},
                       {"href", release_link(request.base_url, package, hidden.version)}});
    }
    const auto latest = listing.dist_tags.find("latest");
    json::object out{{"name", package}, {"range", range_text}, {"any", !held.empty()}};
    out["held"] = std::move(held);
    out["latest"] = latest == listing.dist_tags.end() ? "" : latest->second;
    out["served"] = range ? highest_served(listing, *range) : "";
    if (wants_page(request)) return npmgate::own_page(200, package, render(data::page_held(), out));
    out.erase("any");
    return json_response(200, json::serialize(out));
  };
  co_return co_await on_pool(std::move(work), request);
}

Task<Response> Gate::refusals_page(const Request& request) {
  std::function<Result<Response>()> work = [this, &request]() -> Result<Response> {
    AuditFilter filter;
    filter.kind = "refused";
    filter.since = deps_.clock.now() - kLately;
    filter.latest = true;
    filter.limit = kRefusalsRead;
    const std::string token = request.client.empty() ? "" : " (" + request.client + ")";
    filter.client = token.empty() ? request.peer : token;
    auto entries = deps_.store.audit_log(filter);
    if (!entries) return entries.error();
    json::array rows;
    for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
      const bool own =
          token.empty() ? entry->client == request.peer : entry->client.ends_with(token);
      if (!own || rows.size() == static_cast<std::size_t>(kRefusals)) continue;
      boost::system::error_code ec;
      const json::value detail = json::parse(entry->detail, ec);
      rows.push_back(json::object{
          {"time", format_minute(entry->at)},
          {"release", entry->name + (entry->version.empty() ? "" : "@" + entry->version)},
          {"name", entry->name},
          {"version", entry->version},
          {"sentence", ec ? std::string() : text_member(object_in(detail), "sentence")},
          {"href", entry->version.empty()
                       ? request.base_url + "-/npm-gate/held/" + entry->name
                       : release_link(request.base_url, entry->name, entry->version)}});
    }
    json::object out{{"who", request.client.empty() ? "From the address " + request.peer
                                                    : "With the token " + request.client},
                     {"any", !rows.empty()}};
    out["refusals"] = std::move(rows);
    if (wants_page(request))
      return npmgate::own_page(200, "Refusals", render(data::page_refusals(), out));
    return json_response(200, json::serialize(out));
  };
  co_return co_await on_pool(std::move(work), request);
}

}  // namespace npmgate
