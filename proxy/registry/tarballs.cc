#include "proxy/registry/tarballs.h"

#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "proxy/registry/pages.h"
#include "proxy/runtime/request_record.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

// Tarballs of old packages have names that do not tell the version, or tell it in another spelling:
// the packument says which is which.
std::string version_of(const PackageSnapshot& snapshot, const std::string& version,
                       const std::string& file) {
  if (!snapshot.packument || snapshot.pins.contains(version) ||
      (!version.empty() && snapshot.packument->find(version) != nullptr))
    return version;
  const std::string ending = "/" + file + ".tgz";
  for (const PackumentVersion& listed : snapshot.packument->versions()) {
    if (listed.release.dist.tarball.ends_with(ending)) return listed.version;
  }
  return version;
}

bool is_outage(const Error& error) {
  return error.origin == Origin::kUpstream && error.code != Code::kNotFound;
}

bool on_disk_once(const PackageSnapshot& snapshot, const std::string& version) {
  if (snapshot.pins.contains(version)) return true;
  const PackumentVersion* found = snapshot.packument ? snapshot.packument->find(version) : nullptr;
  return found != nullptr && current_evidence(snapshot, *found) != nullptr;
}

// Up to this size a tarball is kept and sent from memory: most are (median 6.4 KB), and one write
// is less than a write and a sendfile.
constexpr std::uint64_t kSmall = 64 * 1024;
// Open files are counted as this part of the room each, which bounds their number.
constexpr std::size_t kOpenFiles = 256;
// A decision that time does not change is made again all the same from time to time, and the
// tarball opened again: what is asked for stays the last to be trimmed.
constexpr auto kJudgedAgainAfter = std::chrono::minutes(5);
constexpr std::size_t kBesideTarballs = 2048;  // what a kept decision takes beside the tarball

// By the file that was asked for, whose name does not always tell the version.
std::string key_of(const PackageName& name, std::string_view file) {
  std::string key = name.str();
  key.append("/").append(file);
  return key;
}

// Whether the packument's release needs its tarball inspected before anything can be ruled on it:
// no judgement is needed to see that.
bool uninspected(const PackageSnapshot& snapshot, const std::string& version) {
  const PackumentVersion* found = snapshot.packument ? snapshot.packument->find(version) : nullptr;
  return found != nullptr && found->servable && found->semver && !snapshot.pins.contains(version) &&
         !current_evidence(snapshot, *found);
}

void add_fields(const std::string& etag, bool own, Response& response) {
  response.set("content-type", "application/octet-stream");
  response.set("etag", etag);
  // A later verdict must reach clients: stores in front may keep the bytes but have to ask. What is
  // for one client alone they must not keep.
  response.set("cache-control", own ? "private, no-store" : "no-cache");
}

// One range of bytes, so that a broken download goes on where it stopped (RFC 9110, 14). False: the
// whole is to be sent.
bool take_range(Response& response, const Request& request, const std::string& etag) {
  const std::string_view asked = request.headers.get("range");
  const std::string_view unless = request.headers.get("if-range");
  if (asked.empty() || request.method != "GET" || (!unless.empty() && unless != etag)) return false;
  const std::uint64_t size = response.length();
  const auto range = byte_range(asked, size);
  if (!range) return false;
  const std::string whole = "/" + std::to_string(size);
  if (range->count == 0) {
    response.status = 416;
    response.blob = nullptr;
    response.body = nullptr;
    response.set("content-range", "bytes *" + whole);
    return true;
  }
  response.status = 206;
  if (response.blob) {
    response.offset = range->first;
    response.part = range->count;
  } else {
    response.body =
        std::make_shared<const std::string>(response.body->substr(range->first, range->count));
  }
  response.set("content-range", "bytes " + std::to_string(range->first) + "-" +
                                    std::to_string(range->first + range->count - 1) + whole);
  return true;
}

}  // namespace

Task<Result<TarballService::Ruling>> TarballService::rule(SnapshotPtr snapshot, std::string version,
                                                          Audience audience) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  auto work = [this, snapshot, version, rules, audience]() -> Result<Ruling> {
    Judge judge = packages_.judging.judge_for(snapshot, *rules, audience);
    Ruling ruling;
    const Judged* const of_all = judge.of(version);
    const Judged* const judged = judge.for_asker(version);
    if (judged == nullptr) return ruling;
    ruling.own = judged->served() && !of_all->served();
    ruling.snapshot_revision = snapshot->revision;
    ruling.rules_revision = rules->revision;
    ruling.valid_until = judge.valid_until();
    ruling.known = true;
    ruling.inspected = judged->evidence != nullptr ||
                       (judged->upstream_replaced && !judged->pinned) || !judged->servable;
    ruling.recheck =
        judged->evidence && ((!judged->pinned && due_again(*judged->evidence, judge.now())) ||
                             (!judged->served() && judge.comparison_due(*judged)));
    ruling.served = judged->served();
    ruling.pinned = judged->pinned;
    ruling.upstream_replaced = judged->upstream_replaced;
    ruling.content_id = judged->subject.content_id;
    ruling.raw_manifest = judged->raw_manifest;
    ruling.policy_hash = rules->policy->hash;
    ruling.action = to_string(judged->verdict.action);
    note_despite(judged->verdict, ruling);
    if (judged->evidence) audit_writer_.judged(*of_all, rules->policy->hash, rules->revision);
    if (judged->verdict.served() && !judged->servable) {
      ruling.action = "block";
      ruling.sentence =
          snapshot->name + "@" + version + " is blocked: its manifest cannot be served (" +
          judged->release->refusal->rule + ": " + judged->release->refusal->detail + ")";
    } else if (!ruling.served)
      ruling.sentence = refusal_sentence(judged->subject, judged->verdict, judged->findings);
    return ruling;
  };
  co_return co_await deps_.pool.offload(std::move(work));
}

TarballService::KeptPtr TarballService::kept(const PackageName& name, std::string_view file) const {
  KeptPtr found = kept_.find(key_of(name, file));
  if (!found || found->ruling.snapshot_revision != found->state->revision ||
      found->ruling.rules_revision != deps_.active_policy.revision() ||
      found->until <= deps_.clock.now())
    return nullptr;
  if (!found->blob) return found;
  // A file that was written to is hashed again before it is sent.
  const auto now = Disk().stamp(found->blob->fd, found->name);
  return now && *now == found->stamp ? found : nullptr;
}

std::optional<Response> TarballService::at_once(const PackageName& name, std::string_view file,
                                                const Request& request) {
  const KeptPtr found = kept(name, file);
  if (!found || !packages_.cache.usable_at_once(*found->state)) return std::nullopt;
  return respond(*found, request);
}

Task<Response> TarballService::get(PackageName name, std::string version, std::string file,
                                   const Request& request) {
  if (const KeptPtr found = kept(name, file)) {
    auto executor = co_await net::this_coro::executor;
    if (packages_.packuments.usable(name, found->state, executor))
      co_return respond(*found, request);
  }
  auto snapshot = co_await packages_.packuments.get(name);
  if (!snapshot && is_outage(snapshot.error())) {
    // However long the upstream is gone: what was accepted once is served from disk.
    auto kept = co_await packages_.cache.kept(name);
    if (kept && *kept && on_disk_once(**kept, version_of(**kept, version, file))) snapshot = *kept;
  }
  if (snapshot) version = version_of(**snapshot, version, file);
  // A version that is not known yet may be newer than what is kept: ask once more before saying
  // 404.
  if (snapshot && !(*snapshot)->pins.contains(version) &&
      (*snapshot)->packument->find(version) == nullptr &&
      deps_.clock.now() - (*snapshot)->fetched > Millis(2000)) {
    snapshot = co_await packages_.packuments.get(name, true);
    if (snapshot) version = version_of(**snapshot, version, file);
  }
  if (!snapshot) co_return response_for(snapshot.error());
  SnapshotPtr current = *snapshot;
  if (!route(deps_.config, name)->inspect)
    co_return co_await pass_through(current, version, file, request);

  const Audience audience = audience_of(request);
  const bool asked = uninspected(*current, version);
  if (asked) {
    auto inspected =
        co_await packages_.releases.inspect(current, version, deps_.config.inspection_timeout);
    if (!inspected) co_return response_for(inspected.error());
    current = *inspected;
  }
  auto ruling = co_await rule(current, version, audience);
  if (!ruling) co_return response_for(ruling.error());
  if (ruling->known && !asked && (!ruling->inspected || ruling->recheck)) {
    auto inspected =
        co_await packages_.releases.inspect(current, version, deps_.config.inspection_timeout);
    if (!inspected) co_return response_for(inspected.error());
    current = *inspected;
    ruling = co_await rule(current, version, audience);
    if (!ruling) co_return response_for(ruling.error());
  }
  if (!ruling->known) {
    co_return error_response(
        404, "npm-gate: " + name.str() + " has no tarball " + log::printable(file, 120) + ".tgz");
  }
  if (!ruling->inspected) {
    const Error late =
        fail(Code::kUnavailable, Origin::kSelf,
             name.str() + "@" + version + " is being inspected; try again shortly", true);
    co_return response_for(late);
  }
  if (!ruling->served) co_return refuse(*current, version, *ruling, request);
  if (!ruling->pinned) {
    auto accepted = co_await accept(current, version, *ruling, audience);
    if (!accepted) co_return response_for(accepted.error());
    current = *accepted;
    if (!ruling->served) co_return refuse(*current, version, *ruling, request);
  }
  co_return co_await send(current, version, file, *ruling, request);
}

Task<Result<SnapshotPtr>> TarballService::accept(SnapshotPtr snapshot, std::string version,
                                                 Ruling& ruling, Audience audience) {
  Pin wanted;
  wanted.name = snapshot->name;
  wanted.version = version;
  wanted.content_id = ruling.content_id;
  wanted.raw_manifest = ruling.raw_manifest;
  wanted.accepted = deps_.clock.now();
  auto pinned = co_await packages_.judging.pin(snapshot, wanted);
  if (!pinned) co_return pinned;
  const auto pin = (*pinned)->pins.find(version);
  if (pin != (*pinned)->pins.end() && pin->second.content_id == wanted.content_id) {
    // Ruled on what is pinned now, and nothing else has changed.
    ruling.pinned = (*pinned)->revision == ruling.snapshot_revision;
    co_return pinned;
  }
  auto again = co_await rule(*pinned, version, std::move(audience));
  if (!again) co_return again.error();
  ruling = std::move(*again);
  if (ruling.served && !ruling.pinned) {  // let through by a waiver or the mode
    ruling.served = false;
    ruling.action = "block";
    ruling.sentence = wanted.name + "@" + version + " is blocked: other content was accepted first";
  }
  co_return pinned;
}

void TarballService::note_despite(const Verdict& verdict, Ruling& ruling) {
  if (verdict.would == verdict.action || !verdict.served()) return;
  ruling.would = to_string(verdict.would);
  for (const Reason& reason : verdict.reasons) {
    if (reason.action != verdict.would || reason.waived_by.empty()) continue;
    ruling.would_rule = reason.rule;
    ruling.despite = reason.waived_by;
    return;
  }
}

std::string TarballService::detail_despite(const Ruling& ruling) {
  return boost::json::serialize(boost::json::object{
      {"would", ruling.would}, {"rule", ruling.would_rule}, {"despite", ruling.despite}});
}

// Loud: what is served without a judgement is looked for afterwards.
void TarballService::record_override(const Kept& kept, const std::string& client) {
  const Ruling& ruling = kept.ruling;
  const bool break_glass = ruling.despite.starts_with("break glass");
  deps_.metrics.add("npm_gate_served_despite_total", std::string("by=\"") +
                                                         (break_glass ? "break_glass" : "monitor") +
                                                         "\",would=\"" + ruling.would + "\"");
  const auto tell = break_glass ? &log::warn : &log::info;
  tell("served-despite", kept.name + "@" + kept.version + " would be held or refused",
       {{"would", ruling.would},
        {"rule", ruling.would_rule},
        {"despite", ruling.despite},
        {"client", client}});
}

Response TarballService::refuse(const PackageSnapshot& snapshot, const std::string& version,
                                const Ruling& ruling, const Request& request) {
  Response response = error_response(403,
                                     "npm-gate: " + ruling.sentence + ". " +
                                         release_link(request.base_url, snapshot.name, version) +
                                         asking(deps_.config),
                                     ruling.sentence);
  response.kind = "tarball";
  AuditEntry entry = audit_entry("refused", snapshot.name, version, request, deps_.clock.now());
  entry.content_id = ruling.content_id;
  entry.action = ruling.action;
  entry.policy_hash = ruling.policy_hash;
  const LedgerEntry who = ledger_entry(request, entry.at);
  entry.detail = boost::json::serialize(boost::json::object{{"sentence", ruling.sentence},
                                                            {"user_agent", who.user_agent},
                                                            {"command", who.command},
                                                            {"project", who.project}});
  audit_writer_.audit(std::move(entry));
  deps_.metrics.add("npm_gate_refusals_total", "action=\"" + ruling.action + "\"");
  log::info("refused", ruling.sentence, {{"client", request.peer}});
  return response;
}

Task<Result<TarballService::Opened>> TarballService::open(SnapshotPtr snapshot, std::string version,
                                                          std::string sha512) {
  auto work = [this, sha512]() -> Result<Opened> {
    auto handle = deps_.blobs.open(sha512);
    if (!handle) return handle.error();
    Opened opened;
    if ((*handle)->size <= kSmall) {
      auto text = std::make_shared<std::string>((*handle)->size, '\0');
      const ssize_t got = ::pread((*handle)->fd, text->data(), text->size(), 0);
      if (got != static_cast<ssize_t>(text->size()))
        return fail(Code::kUnavailable, Origin::kDisk, "a tarball could not be read", true);
      // Read, and hashed in case it changed between being opened and being read.
      if (digest(Algorithm::kSha512, *text).hex() != sha512)
        return fail(Code::kCorrupt, Origin::kDisk, "a tarball changed while it was read", true);
      opened.body = std::move(text);
      return opened;
    }
    const auto stamp = Disk().stamp((*handle)->fd, sha512);
    if (!stamp) return stamp.error();
    opened.blob = std::move(*handle);
    opened.stamp = *stamp;
    return opened;
  };
  auto again = work;
  auto opened = co_await deps_.pool.offload(std::move(work));
  if (opened) co_return opened;
  const bool gone = opened.error().code == Code::kNotFound || opened.error().code == Code::kCorrupt;
  if (!gone) co_return opened;
  if (opened.error().code == Code::kCorrupt) {
    deps_.metrics.add("npm_gate_blobs_corrupt_total");
    log::error("blob", "a tarball on disk has changed and is fetched again",
               {{"release", snapshot->name + "@" + version}});
  }
  auto fetched = co_await packages_.tarballs.refetch(snapshot, version, sha512);
  if (!fetched) co_return fetched.error();
  co_return co_await deps_.pool.offload(std::move(again));
}

Task<Response> TarballService::send(SnapshotPtr snapshot, std::string version, std::string file,
                                    const Ruling& ruling, const Request& request) {
  const std::string sha512 = ruling.content_id.substr(0, ruling.content_id.find(':'));
  auto opened = co_await open(snapshot, version, sha512);
  if (!opened) co_return response_for(opened.error());
  auto made = std::make_shared<Kept>();
  made->state = packages_.cache.state(snapshot->name);
  made->name = snapshot->name;
  made->version = version;
  made->ruling = ruling;
  made->ruling.raw_manifest.clear();
  made->until = deps_.clock.now() + kJudgedAgainAfter;
  if (ruling.valid_until) made->until = std::min(made->until, *ruling.valid_until);
  made->body = std::move(opened->body);
  made->blob = std::move(opened->blob);
  made->stamp = opened->stamp;
  made->etag = "\"" + sha512.substr(0, 32) + "\"";
  Response whole;
  add_fields(made->etag, ruling.own, whole);
  whole.set("accept-ranges", "bytes");
  whole.body = made->body;
  whole.blob = made->blob;
  made->head = std::make_shared<const std::string>(status_and_fields(whole));
  // What was let through without a pin is ruled on each time. A file that changed this moment could
  // change again and look the same.
  if (ruling.served && ruling.pinned && !ruling.own && !(made->blob && is_racy(made->stamp))) {
    const std::size_t room = kept_bytes(deps_.config);
    const auto weigh = [room](const Kept& kept) {
      return kBesideTarballs + (kept.body ? kept.body->size() : room / kOpenFiles);
    };
    kept_.put(
        key_of(*PackageName::parse(snapshot->name), file), room,
        [&made](const KeptPtr&) { return made; }, weigh);
  }
  co_return respond(*made, request);
}

Response TarballService::respond(const Kept& kept, const Request& request) {
  Response response;
  response.kind = "tarball";
  if (etag_matches(request.headers.get("if-none-match"), kept.etag)) {
    add_fields(kept.etag, kept.ruling.own, response);
    response.status = 304;
    return response;
  }
  response.body = kept.body;
  response.blob = kept.blob;
  if (take_range(response, request, kept.etag)) {
    add_fields(kept.etag, kept.ruling.own, response);
    response.set("accept-ranges", "bytes");
  } else {
    response.finished_head = kept.head;
  }
  if (request.method != "HEAD" && response.status != 416) record_served(kept, request);
  return response;
}

void TarballService::record_served(const Kept& kept, const Request& request) {
  const Ruling& ruling = kept.ruling;
  std::string alike = kept.name;
  for (const std::string_view part :
       {std::string_view(kept.version), std::string_view(ruling.content_id),
        std::string_view(ruling.policy_hash), std::string_view(ruling.action),
        std::string_view(ruling.despite), std::string_view(request.peer),
        std::string_view(request.client), request.headers.get("user-agent"),
        request.headers.get("npm-command"), request.headers.get("npm-gate-project")})
    alike.append(1, '\0').append(part);
  const Time now = deps_.clock.now();
  const auto make = [&] {
    AuditWriter::Served served;
    served.ledger = ledger_entry(request, now);
    served.ledger.name = kept.name;
    served.ledger.version = kept.version;
    served.ledger.content_id = ruling.content_id;
    served.audit = audit_entry("served", kept.name, kept.version, request, now);
    served.audit.content_id = ruling.content_id;
    served.audit.action = ruling.action;
    served.audit.policy_hash = ruling.policy_hash;
    if (!ruling.would.empty()) served.audit.detail = detail_despite(ruling);
    return served;
  };
  audit_writer_.served(alike, make);
  if (!ruling.would.empty()) record_override(kept, client_of(request));
}

// Upstreams with `inspect: false`: no rule is asked, and nobody waits for what rules are asked
// about. What the floor and admins refuse is refused here as in the packument.
Task<Response> TarballService::pass_through(SnapshotPtr snapshot, std::string version,
                                            std::string file, const Request& request) {
  const PackumentVersion* listed = snapshot->packument->find(version);
  Result<SnapshotPtr> inspected = snapshot;
  if (listed != nullptr && !current_evidence(*snapshot, *listed)) {
    inspected =
        co_await packages_.releases.inspect(snapshot, version, deps_.config.inspection_timeout);
  }
  if (!inspected) co_return response_for(inspected.error());
  const PackumentVersion* found = (*inspected)->packument->find(version);
  std::shared_ptr<const Evidence> evidence;
  if (found != nullptr) evidence = current_evidence(**inspected, *found);
  if (!evidence)
    co_return error_response(
        404, "npm-gate: " + snapshot->name + " has no version " + log::printable(version, 60));
  auto ruling = co_await rule(*inspected, version, audience_of(request));
  if (!ruling) co_return response_for(ruling.error());
  if (!ruling->pinned) ruling->content_id = evidence->content_id();
  if (ruling->served && !ruling->pinned && !evidence->integrity.matches) {
    ruling->served = false;
    ruling->action = "block";
    ruling->sentence = snapshot->name + "@" + version +
                       " is blocked: its bytes do not match the registry's " +
                       evidence->integrity.algorithm;
  }
  if (!ruling->served) co_return refuse(**inspected, version, *ruling, request);
  co_return co_await send(*inspected, version, file, *ruling, request);
}

}  // namespace npmgate
