#include "proxy/registry/tarballs.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "proxy/runtime/request_record.h"

namespace npmgate {
namespace {

std::string page_url(const Request& request, const std::string& name, const std::string& version) {
  return request.base_url + "-/npm-gate/releases/" + name + "/" + version;
}

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

// One range of bytes, so that a broken download goes on where it stopped (RFC 9110, 14).
void take_range(Response& response, const Request& request, const std::string& etag) {
  response.set("accept-ranges", "bytes");
  const std::string_view asked = request.headers.get("range");
  const std::string_view unless = request.headers.get("if-range");
  if (asked.empty() || request.method != "GET" || (!unless.empty() && unless != etag)) return;
  const std::uint64_t size = response.blob->size;
  const auto range = byte_range(asked, size);
  if (!range) return;
  const std::string whole = "/" + std::to_string(size);
  if (range->count == 0) {
    response.status = 416;
    response.blob = nullptr;
    response.set("content-range", "bytes *" + whole);
    return;
  }
  response.status = 206;
  response.offset = range->first;
  response.part = range->count;
  response.set("content-range", "bytes " + std::to_string(range->first) + "-" +
                                    std::to_string(range->first + range->count - 1) + whole);
}

}  // namespace

Task<Result<TarballService::Ruling>> TarballService::rule(SnapshotPtr snapshot,
                                                          std::string version) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  auto work = [this, snapshot, version, rules]() -> Result<Ruling> {
    Judge judge = packages_.judge(snapshot, *rules);
    Ruling ruling;
    const Judged* judged = judge.of(version);
    if (judged == nullptr) return ruling;
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
    if (judged->evidence) audit_writer_.judged(*judged, rules->policy->hash);
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

Task<Response> TarballService::get(PackageName name, std::string version, std::string file,
                                   const Request& request) {
  auto snapshot = co_await packages_.get(name);
  if (!snapshot && is_outage(snapshot.error())) {
    // However long the upstream is gone: what was accepted once is served from disk.
    auto kept = co_await packages_.kept(name);
    if (kept && *kept && on_disk_once(**kept, version_of(**kept, version, file))) snapshot = *kept;
  }
  if (snapshot) version = version_of(**snapshot, version, file);
  // A version that is not known yet may be newer than what is kept: ask once more before saying
  // 404.
  if (snapshot && !(*snapshot)->pins.contains(version) &&
      (*snapshot)->packument->find(version) == nullptr &&
      deps_.clock.now() - (*snapshot)->fetched > Millis(2000)) {
    snapshot = co_await packages_.get(name, true);
    if (snapshot) version = version_of(**snapshot, version, file);
  }
  if (!snapshot) co_return response_for(snapshot.error());
  SnapshotPtr current = *snapshot;
  if (!packages_.route(name)->inspect) co_return co_await pass_through(current, version, request);

  auto ruling = co_await rule(current, version);
  if (!ruling) co_return response_for(ruling.error());
  if (ruling->known && (!ruling->inspected || ruling->recheck)) {
    auto inspected = co_await packages_.inspect(current, version, deps_.config.inspection_timeout);
    if (!inspected) co_return response_for(inspected.error());
    current = *inspected;
    ruling = co_await rule(current, version);
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
    auto accepted = co_await accept(current, version, *ruling);
    if (!accepted) co_return response_for(accepted.error());
    current = *accepted;
    if (!ruling->served) co_return refuse(*current, version, *ruling, request);
  }
  co_return co_await send(current, version, *ruling, request);
}

Task<Result<SnapshotPtr>> TarballService::accept(SnapshotPtr snapshot, std::string version,
                                                 Ruling& ruling) {
  Pin wanted;
  wanted.name = snapshot->name;
  wanted.version = version;
  wanted.content_id = ruling.content_id;
  wanted.raw_manifest = ruling.raw_manifest;
  wanted.accepted = deps_.clock.now();
  auto pinned = co_await packages_.pin(snapshot, wanted);
  if (!pinned) co_return pinned;
  const auto pin = (*pinned)->pins.find(version);
  if (pin != (*pinned)->pins.end() && pin->second.content_id == wanted.content_id) co_return pinned;
  auto again = co_await rule(*pinned, version);
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

// Loud: what is served without a judgement is looked for afterwards.
void TarballService::record_override(const Ruling& ruling, AuditEntry& audit) {
  audit.detail = boost::json::serialize(boost::json::object{
      {"would", ruling.would}, {"rule", ruling.would_rule}, {"despite", ruling.despite}});
  const bool break_glass = ruling.despite.starts_with("break glass");
  deps_.metrics.add("npm_gate_served_despite_total", std::string("by=\"") +
                                                         (break_glass ? "break_glass" : "monitor") +
                                                         "\",would=\"" + ruling.would + "\"");
  const auto tell = break_glass ? &log::warn : &log::info;
  tell("served-despite", audit.name + "@" + audit.version + " would be held or refused",
       {{"would", ruling.would},
        {"rule", ruling.would_rule},
        {"despite", ruling.despite},
        {"client", audit.client}});
}

Response TarballService::refuse(const PackageSnapshot& snapshot, const std::string& version,
                                const Ruling& ruling, const Request& request) {
  Response response = error_response(
      403, "npm-gate: " + ruling.sentence + ". " + page_url(request, snapshot.name, version),
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

Task<Result<std::shared_ptr<const BlobStore::Handle>>> TarballService::open(SnapshotPtr snapshot,
                                                                            std::string version,
                                                                            std::string sha512) {
  auto work = [this, sha512] { return deps_.blobs.open(sha512); };
  auto again = work;
  auto handle = co_await deps_.pool.offload(std::move(work));
  if (handle) co_return handle;
  const bool gone = handle.error().code == Code::kNotFound || handle.error().code == Code::kCorrupt;
  if (!gone) co_return handle;
  if (handle.error().code == Code::kCorrupt) {
    deps_.metrics.add("npm_gate_blobs_corrupt_total");
    log::error("blob", "a tarball on disk has changed and is fetched again",
               {{"release", snapshot->name + "@" + version}});
  }
  auto fetched = co_await packages_.refetch(snapshot, version, sha512);
  if (!fetched) co_return fetched.error();
  co_return co_await deps_.pool.offload(std::move(again));
}

Task<Response> TarballService::send(SnapshotPtr snapshot, std::string version, const Ruling& ruling,
                                    const Request& request) {
  const std::string sha512 = ruling.content_id.substr(0, ruling.content_id.find(':'));
  auto handle = co_await open(snapshot, version, sha512);
  if (!handle) co_return response_for(handle.error());
  Response response;
  response.kind = "tarball";
  response.set("content-type", "application/octet-stream");
  const std::string etag = "\"" + sha512.substr(0, 32) + "\"";
  response.set("etag", etag);
  // A later verdict must reach clients: stores in front may keep the bytes but have to ask.
  response.set("cache-control", "no-cache");
  if (etag_matches(request.headers.get("if-none-match"), etag)) {
    response.status = 304;
    co_return response;
  }
  response.blob = *handle;
  take_range(response, request, etag);
  const Time now = deps_.clock.now();
  if (request.method != "HEAD") {
    LedgerEntry entry = ledger_entry(request, now);
    entry.name = snapshot->name;
    entry.version = version;
    entry.content_id = ruling.content_id;
    audit_writer_.ledger(std::move(entry));
    AuditEntry audit = audit_entry("served", snapshot->name, version, request, now);
    audit.content_id = ruling.content_id;
    audit.action = ruling.action;
    audit.policy_hash = ruling.policy_hash;
    if (!ruling.would.empty()) record_override(ruling, audit);
    audit_writer_.audit(std::move(audit));
  }
  co_return response;
}

// Upstreams with `inspect: false`: no rule is asked, and nobody waits for what rules are asked
// about. What the floor and admins refuse is refused here as in the packument.
Task<Response> TarballService::pass_through(SnapshotPtr snapshot, std::string version,
                                            const Request& request) {
  const PackumentVersion* listed = snapshot->packument->find(version);
  Result<SnapshotPtr> inspected = snapshot;
  if (listed != nullptr && !current_evidence(*snapshot, *listed)) {
    inspected = co_await packages_.inspect(snapshot, version, deps_.config.inspection_timeout);
  }
  if (!inspected) co_return response_for(inspected.error());
  const PackumentVersion* found = (*inspected)->packument->find(version);
  std::shared_ptr<const Evidence> evidence;
  if (found != nullptr) evidence = current_evidence(**inspected, *found);
  if (!evidence)
    co_return error_response(
        404, "npm-gate: " + snapshot->name + " has no version " + log::printable(version, 60));
  auto ruling = co_await rule(*inspected, version);
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
  co_return co_await send(*inspected, version, *ruling, request);
}

}  // namespace npmgate
