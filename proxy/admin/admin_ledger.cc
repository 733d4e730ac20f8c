// The admin API's listings of what happened (fetch ledger, audit trail) and its cache commands.
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "base/number.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/parameters.h"
#include "store/entry_json.h"

namespace npmgate {
namespace {

constexpr int kDefaultLimit = 100;
constexpr int kMaxLimit = 1000;

boost::json::value or_null(const std::string& text) {
  return text.empty() ? boost::json::value() : boost::json::value(text);
}

}  // namespace

Result<int> page_limit(std::string_view query) {
  const std::string text = query_value(query, "limit");
  if (text.empty()) return kDefaultLimit;
  const auto value = whole_number<std::int64_t>(text);
  if (!value || *value < 1 || *value > kMaxLimit)
    return bad_request("limit= is a number from 1 to " + std::to_string(kMaxLimit));
  return static_cast<int>(*value);
}

Result<Response> Admin::downloads(const AdminCall& call) {
  LedgerFilter filter;
  filter.name = query_value(call.query, "package");
  filter.token = query_value(call.query, "token");
  filter.project = query_value(call.query, "project");
  filter.address = query_value(call.query, "address");
  const std::string range_text = query_value(call.query, "version");
  if (!filter.name.empty() && !PackageName::parse(filter.name))
    return bad_request("package= must be a package name");
  if (filter.name.empty() && filter.token.empty() && filter.project.empty() &&
      filter.address.empty())
    return bad_request("package=, token=, project= or address= is needed");
  const auto range = Range::parse(range_text.empty() ? "*" : range_text);
  if (!range) return bad_request("version= must be a version or a range");
  const auto limit = page_limit(call.query);
  if (!limit) return limit.error();
  std::string position = query_value(call.query, "cursor"), next;
  boost::json::array rows;
  for (bool more = true; more && next.empty();) {
    auto entries = deps_.store.downloads(filter, kMaxLimit, position);
    if (!entries) return entries.error();
    more = entries->size() == static_cast<std::size_t>(kMaxLimit);
    for (const LedgerEntry& entry : *entries) {
      const auto version = Version::parse_loose(entry.version);
      const bool wanted = range_text.empty() || entry.version == range_text ||
                          (version && range->matches(*version, true));
      if (wanted && rows.size() == static_cast<std::size_t>(*limit)) {
        next = position;
        break;
      }
      if (wanted) rows.push_back(entry_json(entry));
      position = entry.position;
    }
  }
  return json_response(200, boost::json::serialize(boost::json::object{
                                {"downloads", std::move(rows)}, {"next", or_null(next)}}));
}

Result<Response> Admin::audit(const AdminCall& call) {
  AuditFilter filter;
  filter.kind = query_value(call.query, "kind");
  if (!filter.kind.empty() && !is_audit_kind(filter.kind))
    return bad_request("kind= is one of " + audit_kinds());
  filter.actor = query_value(call.query, "actor");
  filter.action = query_value(call.query, "action");
  filter.name = query_value(call.query, "package");
  filter.version = query_value(call.query, "version");
  const auto limit = page_limit(call.query);
  if (!limit) return limit.error();
  filter.limit = *limit + 1;
  if (const std::string cursor = query_value(call.query, "cursor"); !cursor.empty()) {
    const auto after = whole_number<std::int64_t>(cursor);
    if (!after) return bad_request("cursor= must be the `next` of the page before");
    filter.after_id = *after;
  }
  if (const std::string since = query_value(call.query, "since"); !since.empty()) {
    filter.since = parse_time(since);
    if (!filter.since) return bad_request("since= must be a date or an RFC 3339 time");
  }
  auto entries = deps_.store.audit_log(filter);
  if (!entries) return entries.error();
  const bool more = entries->size() > static_cast<std::size_t>(*limit);
  if (more) entries->pop_back();
  boost::json::array rows;
  for (const AuditEntry& entry : *entries) rows.push_back(entry_json(entry));
  const std::string next = more ? std::to_string(entries->back().id) : "";
  return json_response(200, boost::json::serialize(boost::json::object{{"entries", std::move(rows)},
                                                                       {"next", or_null(next)}}));
}

Task<Response> Admin::cache_refresh(AdminCall call) {
  const auto name = PackageName::parse(call.arguments["name"]);
  if (!name) co_return error_response(400, "npm-gate: not a package name");
  auto snapshot = co_await deps_.packages.packuments.refresh(*name);
  if (!snapshot) co_return response_for(snapshot.error());
  co_return json_response(200, boost::json::serialize(boost::json::object{
                                   {"name", (*snapshot)->name},
                                   {"upstream", (*snapshot)->upstream},
                                   {"fetched", format_time((*snapshot)->fetched)},
                                   {"stale", (*snapshot)->stale},
                                   {"versions", (*snapshot)->packument->versions().size()}}));
}

Task<Response> Admin::cache_purge(AdminCall call) {
  const auto name = PackageName::parse(call.arguments["name"]);
  if (!name) co_return error_response(400, "npm-gate: not a package name");
  auto work = [this, &name, &call]() -> Result<Response> {
    AuditEntry audit;
    audit.at = deps_.clock.now();
    audit.kind = "cache-purged";
    audit.actor = "admin:" + call.actor.name;
    audit.name = name->str();
    if (auto done = deps_.store.audit({audit}); !done) return done.error();
    return purge(*name);
  };
  co_return co_await on_pool(std::move(work));
}

// The packument goes, and every tarball that is not pinned. What was served once is pinned: these
// bytes, and no others, are name@version from then on.
Result<Response> Admin::purge(const PackageName& name) {
  if (auto done = deps_.packages.packuments.drop(name); !done) return done.error();
  auto evidence = deps_.store.evidence_of(name.str());
  if (!evidence) return evidence.error();
  std::set<std::string> seen;
  boost::json::array removed, kept;
  std::uint64_t bytes = 0;
  for (const auto& each : *evidence) {
    const std::string content = each->content_id();
    const std::string sha512 = content.substr(0, content.find(':'));
    if (!seen.insert(sha512).second) continue;
    auto pinned = deps_.store.is_pinned(sha512);
    if (!pinned) return pinned.error();
    if (*pinned) {
      kept.push_back(boost::json::object{{"version", each->version}, {"why", "pinned"}});
      continue;
    }
    auto size = deps_.blobs.remove(sha512);
    if (!size) return size.error();
    if (*size == 0) continue;
    bytes += *size;
    removed.push_back(boost::json::string(each->version));
  }
  return json_response(200,
                       boost::json::serialize(boost::json::object{{"name", name.str()},
                                                                  {"removed", std::move(removed)},
                                                                  {"bytes", bytes},
                                                                  {"kept", std::move(kept)}}));
}

}  // namespace npmgate
