#include "proxy/admin/subscriptions.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <map>

#include "base/digest.h"
#include "base/json_members.h"
#include "base/log.h"
#include "judge/judge.h"
#include "judge/refused_releases.h"
#include "lockfile/lockfile.h"
#include "registry/repository.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxText = 200;  // of project and file names
constexpr std::size_t kMaxPaths = 3;

Response mistake(const std::string& text) {
  return error_response(400, "npm-gate: " + text);
}

struct Upload {
  Subscription subscription;
  Lockfile lockfile;
  std::vector<SubscribedRelease> releases;
  // What is to be asked of each name: exact versions and where they stand.
  std::map<std::pair<std::string, std::string>, std::vector<std::uint32_t>> entries;
};

void collect(Upload& upload) {
  const auto& all = upload.lockfile.entries;
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    const LockEntry& entry = all[i];
    const bool range = !entry.range.empty() && entry.source == LockSource::kRegistry;
    if (!entry.judged() && !range) continue;
    auto& entries = upload.entries[{entry.name, range ? entry.range : entry.version}];
    if (entries.empty())
      upload.releases.push_back({entry.name, range ? "" : entry.version, entry.range});
    entries.push_back(i);
  }
}

boost::json::object refused_json(const HeldRelease& standing, const Upload& upload,
                                 const std::vector<std::uint32_t>& entries) {
  boost::json::array paths;
  for (const auto& path : paths_to(upload.lockfile, entries, kMaxPaths))
    paths.push_back(boost::json::value_from(path));
  boost::json::object out{
      {"name", standing.row->name},
      {"version", standing.row->version},
      {"action", to_string(standing.verdict.action)},
      {"sentence", refusal_sentence(standing.row->subject, standing.verdict, standing.findings)},
      {"line", upload.lockfile.entries[entries.front()].line}};
  out["ends"] = standing.verdict.ends ? boost::json::value(format_time(*standing.verdict.ends))
                                      : boost::json::value();
  out["paths"] = std::move(paths);
  return out;
}

boost::json::object to_json(const Subscription& subscription, Millis expire) {
  return {{"id", subscription.id},
          {"repository", subscription.repository},
          {"project", subscription.project},
          {"file", subscription.file},
          {"format", subscription.format},
          {"token", subscription.token},
          {"created", format_time(subscription.created)},
          {"renewed", format_time(subscription.renewed)},
          {"expires", format_time(subscription.renewed + expire)},
          {"releases", subscription.releases}};
}

// The body as values; nullopt with `refused` set if it is not acceptable.
std::optional<Upload> read_upload(const std::string& body, Response& refused) {
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(body, ec);
  if (ec || !parsed.is_object()) {
    refused = mistake("the body must be JSON: {\"repository\", \"file\", \"text\", \"project\"?}");
    return std::nullopt;
  }
  const boost::json::object& object = parsed.get_object();
  Upload upload;
  const auto repository = parse_repository(text_member(object, "repository"));
  if (!repository) {
    refused = mistake("repository: expected the URL of a git repository");
    return std::nullopt;
  }
  Subscription& subscription = upload.subscription;
  subscription.repository = repository->url();
  subscription.project = text_member(object, "project");
  subscription.file = text_member(object, "file");
  if (subscription.file.empty() || subscription.file.size() > kMaxText ||
      subscription.project.size() > kMaxText) {
    refused =
        mistake("file: expected the lockfile's name; file and project have 200 bytes at most");
    return std::nullopt;
  }
  LockfileResult lockfile = parse_lockfile(text_member(object, "text"), subscription.file);
  if (!lockfile.lockfile) {
    refused = mistake(log::printable(lockfile.problems.front().str(), 400));
    return std::nullopt;
  }
  upload.lockfile = std::move(*lockfile.lockfile);
  subscription.format = to_string(upload.lockfile.format);
  collect(upload);
  if (upload.releases.size() > kMaxSubscribedReleases) {
    refused = error_response(413, "npm-gate: more than " + std::to_string(kMaxSubscribedReleases) +
                                      " releases in one lockfile");
    return std::nullopt;
  }
  return upload;
}

Result<std::optional<Subscription>> find(SubscriptionStore& store, const std::string& id) {
  auto all = store.all();
  if (!all) return all.error();
  for (Subscription& one : *all) {
    if (one.id == id) return std::optional<Subscription>(std::move(one));
  }
  return std::optional<Subscription>();
}

}  // namespace

Result<Response> Subscriptions::upload(const std::string& body, const std::string& token) {
  Response refused;
  auto upload = read_upload(body, refused);
  if (!upload) return refused;
  Subscription& subscription = upload->subscription;
  subscription.token = token;
  subscription.created = subscription.renewed = deps_.clock.now();
  subscription.id =
      sha256_hex(subscription.repository + "\n" + subscription.project + "\n" + subscription.file)
          .substr(0, 24);
  subscription.releases = upload->releases.size();
  if (auto done = drop_expired(); !done) return done.error();
  auto stored = deps_.subscriptions.put(subscription, upload->releases, kMaxSubscriptions);
  if (!stored && stored.error().code == Code::kRefused)
    return error_response(409, "npm-gate: " + stored.error().context);
  if (!stored) return stored.error();
  // A renewal keeps the time of the first upload.
  auto now_there = find(deps_.subscriptions, subscription.id);
  if (!now_there) return now_there.error();
  if (*now_there) subscription.created = (*now_there)->created;
  const auto rules = deps_.active_policy.rules();
  RefusedReleaseQuery held_releases(deps_.releases, deps_.pins, *rules, deps_.clock.now());
  boost::json::array held;
  std::vector<std::pair<std::string, std::string>> names;
  std::size_t unknown = 0;
  for (const auto& [key, entries] : upload->entries) {
    const LockEntry& entry = upload->lockfile.entries[entries.front()];
    bool known = false;
    auto found = held_releases.refused(
        {entry.name, entry.range.empty() ? entry.version : "", entry.range}, known);
    if (!found) return found.error();
    unknown += known ? 0 : 1;
    for (const HeldRelease& standing : *found) {
      held.push_back(refused_json(standing, *upload, entries));
      names.emplace_back(standing.row->name, standing.row->version);
    }
  }
  if (deps_.told) deps_.told(subscription.repository, std::move(names));
  boost::json::object out = to_json(subscription, deps_.config.subscriptions_expire);
  out["refused"] = std::move(held);
  // Never asked for through this gate: judged once somebody does, or by the watch.
  out["not_yet_judged"] = unknown;
  return json_response(200, boost::json::serialize(out));
}

Result<void> Subscriptions::drop_expired() {
  auto dropped = deps_.subscriptions.remove_renewed_before(oldest());
  if (!dropped) return dropped.error();
  if (*dropped > 0)
    log::info("subscriptions", "not renewed in time: dropped", {{"count", *dropped}});
  return {};
}

Result<Response> Subscriptions::list() {
  if (auto done = drop_expired(); !done) return done.error();
  auto all = deps_.subscriptions.all();
  if (!all) return all.error();
  boost::json::array rows;
  for (const Subscription& one : *all)
    rows.push_back(to_json(one, deps_.config.subscriptions_expire));
  return json_response(200, boost::json::serialize(boost::json::object{{"subscriptions", rows}}));
}

Result<Response> Subscriptions::show(const std::string& id) {
  if (auto done = drop_expired(); !done) return done.error();
  auto found = find(deps_.subscriptions, id);
  if (!found) return found.error();
  if (!*found) return error_response(404, "npm-gate: no such subscription");
  auto releases = deps_.subscriptions.releases_of(id);
  if (!releases) return releases.error();
  boost::json::array rows;
  for (const SubscribedRelease& release : *releases)
    rows.push_back(boost::json::object{
        {"name", release.name}, {"version", release.version}, {"range", release.range}});
  boost::json::object out = to_json(**found, deps_.config.subscriptions_expire);
  out["locked"] = std::move(rows);
  return json_response(200, boost::json::serialize(out));
}

Result<Response> Subscriptions::remove(const std::string& id) {
  auto removed = deps_.subscriptions.remove(id);
  if (!removed) return removed.error();
  if (!*removed) return error_response(404, "npm-gate: no such subscription");
  return json_response(200, boost::json::serialize(boost::json::object{{"removed", id}}));
}

Result<std::vector<std::string>> Subscriptions::repositories_with(const std::string& name,
                                                                  const std::string& version) {
  auto holders = deps_.subscriptions.holders(name);
  if (!holders) return holders.error();
  std::vector<std::string> urls;
  for (const Subscription& one : who_has(*holders, version)) {
    if (one.renewed >= oldest() && (urls.empty() || urls.back() != one.repository))
      urls.push_back(one.repository);
  }
  return urls;
}

Result<std::vector<std::string>> Subscriptions::names() {
  if (auto done = drop_expired(); !done) return done.error();
  return deps_.subscriptions.names();
}

}  // namespace npmgate
