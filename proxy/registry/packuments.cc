#include "proxy/registry/packuments.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "base/gzip.h"
#include "proxy/registry/pages.h"
#include "proxy/registry/tarballs.h"
#include "proxy/runtime/request_record.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

// Nobody makes the gate ask its upstream for one package more often.
constexpr Millis kAskedJustNow{2000};
// Headers must leave within 25 s (yarn 1 gives up at 33): rounds of picks share inspection.timeout,
// rendering comes on top.
constexpr int kMaxRounds = 6;
constexpr std::size_t kNoticed = 3;  // versions named in one npm-notice (SPEC, section 6)
constexpr auto kRenderLimit = std::chrono::seconds(24);

bool is_noticed(const Judge::Hidden& hidden, Time now, Millis recent) {
  return now - hidden.age_start <= recent;
}

// What a packument's npm-notice may take: clients read 16 KB of header fields.
constexpr std::size_t kNotice = 2'400;

std::string notice_for(const Judge::Listing& listing, Time now, const Config& config,
                       const std::string& name, const std::string& base_url) {
  const Millis recent = config.recent;
  std::string notice;
  std::size_t named = 0;
  for (const Judge::Hidden& hidden : listing.hidden) {
    if (!is_noticed(hidden, now, recent) || named == kNoticed) continue;
    ++named;
    notice += (notice.empty() ? "npm-gate: " : "; ") + hidden.sentence + ". " +
              release_link(base_url, name, hidden.version);
  }
  return notice.empty() ? notice : header_safe(notice + asking(config), kNotice);
}

// Last-Modified tells when the bytes changed, not when they were made. It has whole seconds: other
// bytes made within the same one are dated a second later, or a client that asks by time alone
// would be told that nothing has changed.
RenderedPackumentPtr dated_after(const RenderedPackument& before, RenderedPackumentPtr answer) {
  const bool same = before.etag == answer->etag;
  const Time next = before.modified + Millis(1000);
  if (!same && answer->modified >= next) return answer;
  auto dated = std::make_shared<RenderedPackument>(*answer);
  dated->modified = same ? before.modified : next;
  dated->last_modified = format_http_date(dated->modified);
  return dated;
}

// What an answer takes beside its bodies: heads, entity tags, the entry of the cache.
constexpr std::size_t kBeside = 2048;
constexpr std::string_view kFull = "|full|";
constexpr std::string_view kAbbreviated = "|corgi|";

// From this size on a body is sent from a file in memory: sendfile hands its pages to the socket.
// Below, one copy of what lies in the processor's cache costs no more (docs/performance.md).
constexpr std::size_t kFromFile = std::size_t{128} << 10;

// Moves a large body into a file in memory; if that is impossible it stays.
void into_file(MemoryFiles& files, Bytes& body, std::shared_ptr<const BlobStore::Handle>& file) {
  if (body->size() < kFromFile) return;
  file = files.make(*body);
  if (file) body.reset();
}

void add_body(const RenderedPackument& answer, bool gzip, Response& response) {
  response.body = gzip ? answer.gzip : answer.identity;
  response.blob = gzip ? answer.gzip_file : answer.identity_file;
}

std::size_t bytes_of(const Bytes& body, const std::shared_ptr<const BlobStore::Handle>& file) {
  return (body ? body->size() : 0) + (file ? file->size : 0);
}

std::string key_of(const PackageName& name, Form form, std::string_view base_url,
                   std::string_view own_part) {
  std::string key = name.str();
  key.append(form == Form::kFull ? kFull : kAbbreviated).append(base_url).append(own_part);
  return key;
}

std::size_t room_for_answers(const Config& config) {
  return config.cache_bytes - PackageCache::document_bytes(config) -
         TarballService::kept_bytes(config);
}

// Fields of a 200 and a 304 that stay the same as long as the answer does.
void add_lasting_fields(const RenderedPackument& answer, bool gzip, Response& response) {
  if (answer.own) {
    if (!answer.notice.empty()) response.set("npm-notice", answer.notice);
    response.set("cache-control", "private, no-store");
  } else if (answer.notice.empty()) {
    response.set("etag", "\"" + answer.etag + (gzip ? "-gz\"" : "\""));
    response.set("last-modified", answer.last_modified);
  } else {
    // npm prints the notice of a 200 only if it may not be stored (measured).
    response.set("npm-notice", answer.notice);
    response.set("cache-control", "no-store");
  }
  response.set("vary", "Accept, Accept-Encoding");
}

void add_body_fields(Form form, bool gzip, Response& response) {
  response.set("content-type", form == Form::kAbbreviated
                                   ? "application/vnd.npm.install-v1+json; charset=utf-8"
                                   : "application/json; charset=utf-8");
  if (gzip) response.set("content-encoding", "gzip");
}

RenderedPackumentPtr with_heads(const RenderedPackumentPtr& answer, std::string_view key) {
  if (answer->status != 200) return answer;
  const Form form =
      key.find(kAbbreviated) == std::string_view::npos ? Form::kFull : Form::kAbbreviated;
  auto finished = std::make_shared<RenderedPackument>(*answer);
  for (const bool gzip : {false, true}) {
    Response response;
    add_lasting_fields(*answer, gzip, response);
    add_body_fields(form, gzip, response);
    add_body(*answer, gzip, response);
    auto head = std::make_shared<const std::string>(status_and_fields(response));
    (gzip ? finished->gzip_head : finished->identity_head) = std::move(head);
  }
  return finished;
}

void leave_out(const std::string& name, const std::string& version, const std::string& why) {
  log::warn("undecided", "left out of the packument this time",
            {{"release", name + "@" + version}, {"error", why}});
}

}  // namespace

RenderInput render_input(const PackageSnapshot& snapshot, const Judge::Listing& listing, Form form,
                         const std::string& base_url) {
  RenderInput input;
  input.packument = snapshot.packument.get();
  input.base_url = base_url;
  input.form = form;
  input.dist_tags = listing.dist_tags;
  for (const Judged* judged : listing.kept) {
    VersionView view{judged->version, judged->raw_manifest, judged->subject.has_install_script,
                     std::nullopt, judged->release->refusal.has_value()};
    if (judged->verdict.warn_clients && !judged->verdict.reasons.empty()) {
      view.warning = "npm-gate: " + judged->verdict.reasons.front().message;
    }
    input.versions.push_back(std::move(view));
  }
  return input;
}

Task<void> PackumentService::inspect_all(Prepared& prepared, std::vector<std::string> picks,
                                         std::chrono::steady_clock::time_point deadline) {
  auto executor = co_await net::this_coro::executor;
  // Started side by side; each is single flight, so that waiting for them one after another takes
  // as long as the slowest.
  for (const std::string& version : picks) {
    auto start = [this, snapshot = prepared.snapshot, version]() -> Task<void> {
      co_await packages_.releases.inspect(snapshot, version, deps_.config.inspection_timeout);
    };
    spawn_detached(executor, "inspection of " + version, std::move(start));
  }
  for (const std::string& version : picks) {
    const auto left =
        std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
    auto done =
        co_await packages_.releases.inspect(prepared.snapshot, version, std::max(left, Millis(1)));
    if (done) {
      prepared.snapshot = *done;
      continue;
    }
    // What we did not get done is a matter of load; what the upstream does not give is none.
    const Error& error = done.error();
    if (error.origin == Origin::kSelf && error.retry) {
      prepared.late.push_back(version);
      continue;
    }
    leave_out(prepared.snapshot->name, version, to_string(error));
    prepared.undecided.insert(version);
  }
}

std::optional<Error> PackumentService::wait_for_late(Prepared& prepared,
                                                     const std::vector<std::string>& late) {
  const std::string& name = prepared.snapshot->name;
  for (const std::string& version : late) {
    if (late_.note(name, version, deps_.clock.now())) {
      deps_.metrics.add("npm_gate_packuments_late_total");
      return fail(Code::kTimeout, Origin::kSelf,
                  name + "@" + version + " is being inspected; try again shortly", true);
    }
    leave_out(name, version, "its inspection takes too long");
    prepared.undecided.insert(version);
  }
  return std::nullopt;
}

Task<Result<PackumentService::Prepared>> PackumentService::prepare(PackageName name, Asked asked) {
  Prepared prepared;
  auto snapshot = co_await packages_.packuments.get(name);
  if (!snapshot) co_return snapshot.error();
  prepared.snapshot = *snapshot;
  prepared.rules = deps_.active_policy.rules();
  if (!route(deps_.config, name)->inspect) co_return prepared;
  for (std::string& version : late_.given_up(name.str(), deps_.clock.now()))
    prepared.undecided.insert(std::move(version));
  const auto deadline = std::chrono::steady_clock::now() + deps_.config.inspection_timeout;
  for (int round = 0; round < kMaxRounds; ++round) {
    using Names = std::vector<std::string>;
    std::function<Result<Names>()> plan = [this, &prepared, &asked]() -> Result<Names> {
      return packages_.judging.judge(prepared.snapshot, *prepared.rules)
          .picks_to_inspect(prepared.undecided, asked);
    };
    auto picks = co_await deps_.pool.offload(std::move(plan));
    if (!picks) co_return picks.error();
    if (picks->empty()) co_return prepared;
    prepared.late.clear();
    if (std::chrono::steady_clock::now() >= deadline) {
      prepared.late = *picks;
    } else if (round + 1 == kMaxRounds) {  // of many that the upstream does not give
      prepared.undecided.insert(picks->begin(), picks->end());
    } else {
      co_await inspect_all(prepared, *picks, deadline);
    }
    if (auto late = wait_for_late(prepared, prepared.late)) co_return std::move(*late);
  }
  co_return prepared;
}

std::string PackumentService::own_part(const PackageName& name, const Request& request) const {
  if (!deps_.active_policy.any_for_some()) return {};
  std::string part;
  for (const Decision& each :
       deps_.active_policy.rules()->approvals_for(name.str(), audience_of(request)))
    part += (part.empty() ? "|for|" : ",") + std::to_string(each.id);
  return part;
}

// The review list holds what was inspected, what is recent, and whatever waits for an approval:
// a release is work for reviewers from the moment it is known, asked for or not.
void PackumentService::tell(Judge& judge, const Judge::Listing& listing,
                            const PolicySnapshot& rules) {
  const std::string& policy_hash = rules.policy->hash;
  for (const Judged* judged : listing.kept) {
    // As everybody is answered.
    if (judged->evidence)
      audit_writer_.judged(*judge.of(judged->version), policy_hash, rules.revision);
  }
  for (const Judge::Hidden& hidden : listing.hidden) {
    const Judged* judged = judge.of(hidden.version);
    if (judged == nullptr || judged->verdict.served()) continue;
    if (judged->evidence || judged->recent || judged->verdict.action == Action::kQuarantine)
      audit_writer_.judged(*judged, policy_hash, rules.revision);
  }
}

Result<RenderedPackumentPtr> PackumentService::render(const Prepared& prepared, Form form,
                                                      const std::string& base_url,
                                                      const Audience& audience) {
  const PackageSnapshot& snapshot = *prepared.snapshot;
  Judge judge = packages_.judging.judge_for(prepared.snapshot, *prepared.rules, audience);
  const Judge::Listing listing = judge.listing(prepared.undecided);
  if (route(deps_.config, *PackageName::parse(snapshot.name))->inspect)
    tell(judge, listing, *prepared.rules);
  auto answer = std::make_shared<RenderedPackument>();
  answer->state = packages_.cache.state(snapshot.name);
  answer->own = !prepared.rules->approvals_for(snapshot.name, audience).empty();
  answer->snapshot_revision = snapshot.revision;
  answer->rules_revision = prepared.rules->revision;
  answer->modified = judge.now();
  answer->valid_until = listing.valid_until;
  // What was left undecided is asked again soon.
  if (!prepared.undecided.empty())
    answer->valid_until = earliest(answer->valid_until, judge.now() + Millis(5000));
  answer->notice = notice_for(listing, judge.now(), deps_.config, snapshot.name, base_url);
  if (listing.kept.empty()) {
    answer->status = listing.hidden.empty() ? 404 : 403;
    const std::string why =
        listing.hidden.empty()
            ? "npm-gate: " + snapshot.name + " has no versions"
            : "npm-gate: no version of " + snapshot.name +
                  " may be served: " + listing.hidden.front().sentence + ". " +
                  release_link(base_url, snapshot.name, listing.hidden.front().version) +
                  asking(deps_.config);
    answer->notice = header_safe(why, 800);
    answer->identity = std::make_shared<const std::string>(why);
    return RenderedPackumentPtr(answer);
  }
  std::string text = render_packument(render_input(snapshot, listing, form, base_url));
  const Digest digest = npmgate::digest(Algorithm::kSha256, text);
  answer->etag = base64_encode(std::span(digest.bytes).first(18));
  answer->last_modified = format_http_date(answer->modified);
  answer->gzip = std::make_shared<const std::string>(gzip_compress(text));
  answer->identity = std::make_shared<const std::string>(std::move(text));
  into_file(files_, answer->identity, answer->identity_file);
  into_file(files_, answer->gzip, answer->gzip_file);
  return RenderedPackumentPtr(answer);
}

RenderedPackumentPtr PackumentService::cached(const std::string& key) {
  const RenderedPackumentPtr answer = finished_.find(key);
  if (!answer) return nullptr;
  if (answer->snapshot_revision != answer->state->revision ||
      answer->rules_revision != deps_.active_policy.revision())
    return nullptr;
  if (answer->valid_until && *answer->valid_until <= deps_.clock.now()) return nullptr;
  return answer;
}

RenderedPackumentPtr PackumentService::put(const std::string& key, RenderedPackumentPtr answer) {
  const auto size = [](const RenderedPackument& a) {
    return bytes_of(a.identity, a.identity_file) + bytes_of(a.gzip, a.gzip_file) + kBeside;
  };
  const auto dated = [&answer, &key](const RenderedPackumentPtr& before) {
    return with_heads(before ? dated_after(*before, answer) : answer, key);
  };
  answer = finished_.put(key, room_for_answers(deps_.config), dated, size);
  deps_.metrics.set("npm_gate_memory_bytes", R"(kind="answers")",
                    static_cast<double>(finished_.weight()));
  return answer;
}

std::string PackumentService::age_of(const RenderedPackument& answer) const {
  Millis age = deps_.config.fresh;
  if (answer.valid_until)
    age = std::min(age, std::max(Millis(0), Millis(*answer.valid_until - deps_.clock.now())));
  return "max-age=" + std::to_string(age.count() / 1000);
}

std::optional<Response> PackumentService::at_once(const PackageName& name, Form form,
                                                  const Request& request) {
  const RenderedPackumentPtr answer =
      cached(key_of(name, form, request.base_url, own_part(name, request)));
  if (!answer || !answer->identity_head || !packages_.cache.usable_at_once(*answer->state) ||
      asks_again(request, answer->state->fetched))
    return std::nullopt;
  // Whoever asks whether it has changed gets an answer of its own.
  if (request.headers.has("if-none-match") || request.headers.has("if-modified-since"))
    return respond(answer, request, "hit");
  const bool gzip = accepts_gzip(request.headers.get("accept-encoding"));
  Response response;
  response.kind = "packument";
  response.cache = "hit";
  response.finished_head = gzip ? answer->gzip_head : answer->identity_head;
  if (answer->notice.empty() && !answer->own) response.set("cache-control", age_of(*answer));
  add_body(*answer, gzip, response);
  return response;
}

Response PackumentService::respond(const RenderedPackumentPtr& answer, const Request& request,
                                   std::string_view cache) const {
  if (answer->status != 200) {
    Response refused = error_response(answer->status, *answer->identity, answer->notice);
    refused.kind = "packument";
    return refused;
  }
  Response response;
  response.kind = "packument";
  response.cache = cache;
  const bool gzip = accepts_gzip(request.headers.get("accept-encoding"));
  if (answer->notice.empty() && !answer->own) response.set("cache-control", age_of(*answer));
  add_lasting_fields(*answer, gzip, response);
  if (answer->state->stale)
    response.set("warning",
                 "110 npm-gate \"the upstream cannot be reached; this is what it said last\"");
  const std::string_view if_none_match = request.headers.get("if-none-match");
  const bool unchanged = !if_none_match.empty()
                             ? etag_matches(if_none_match, "\"" + answer->etag + "\"") ||
                                   etag_matches(if_none_match, "\"" + answer->etag + "-gz\"")
                             : request.headers.get("if-modified-since") == answer->last_modified;
  if (unchanged && answer->notice.empty() && !answer->own) {
    response.status = 304;
    return response;
  }
  const bool abbreviated = request.headers.get("accept").find(
                               "application/vnd.npm.install-v1+json") != std::string_view::npos;
  add_body_fields(abbreviated ? Form::kAbbreviated : Form::kFull, gzip, response);
  add_body(*answer, gzip, response);
  return response;
}

// Whether the client wants no cache's answer to be good enough that is as old as that.
bool PackumentService::asks_again(const Request& request, Time fetched) const {
  const bool wants_new =
      request.headers.get("cache-control").find("no-cache") != std::string_view::npos ||
      request.headers.get("pragma") == "no-cache";
  return wants_new && deps_.clock.now() - fetched > kAskedJustNow;
}

Task<Result<SnapshotPtr>> PackumentService::snapshot_for(PackageName name, const Request& request) {
  auto snapshot = co_await packages_.packuments.get(name);
  if (!snapshot || !asks_again(request, (*snapshot)->fetched)) co_return snapshot;
  co_return co_await packages_.packuments.get(name, true);
}

Task<Response> PackumentService::packument(PackageName name, Form form, const Request& request) {
  const std::string key = key_of(name, form, request.base_url, own_part(name, request));
  if (RenderedPackumentPtr hit = cached(key); hit && !asks_again(request, hit->state->fetched)) {
    auto executor = co_await net::this_coro::executor;
    if (packages_.packuments.usable(name, hit->state, executor))
      co_return respond(hit, request, "hit");
  }
  auto snapshot = co_await snapshot_for(name, request);
  if (!snapshot) co_return response_for(snapshot.error());
  if (RenderedPackumentPtr hit = cached(key)) co_return respond(hit, request, "hit");
  const std::string base_url = request.base_url;
  const Audience audience = audience_of(request);
  SingleFlight<Result<RenderedPackumentPtr>>::Work work =
      [this, name, form, base_url, key, audience]() -> Task<Result<RenderedPackumentPtr>> {
    Asked whole;
    auto prepared = co_await prepare(name, std::move(whole));
    if (!prepared) co_return prepared.error();
    std::function<Result<RenderedPackumentPtr>()> make = [this, &prepared, form, &base_url,
                                                          &audience] {
      return render(*prepared, form, base_url, audience);
    };
    auto answer = co_await deps_.pool.offload(std::move(make));
    if (answer) {
      answer = put(key, *answer);
      auto executor = co_await net::this_coro::executor;
      if (route(deps_.config, name)->inspect)
        packages_.releases.inspect_later(prepared->snapshot, executor);
    }
    co_return answer;
  };
  // A request that comes after a decision never joins a rendering that began before it.
  const std::string flight = key + "#" + std::to_string(deps_.active_policy.revision());
  auto answer = co_await renders_.join(flight, std::move(work), kRenderLimit);
  if (!answer) {
    const Error late = fail(Code::kTimeout, Origin::kSelf,
                            name.str() + " could not be judged in time; try again shortly", true);
    co_return response_for(late);
  }
  if (!*answer) co_return response_for((*answer).error());
  co_return respond(**answer, request, "miss");
}

Task<Response> PackumentService::manifest(PackageName name, std::string version_or_tag,
                                          const Request& request) {
  auto asked = co_await snapshot_for(name, request);
  // An exact version that is not known yet may have come since.
  if (asked && (*asked)->packument && Version::parse(version_or_tag) &&
      (*asked)->packument->find(version_or_tag) == nullptr &&
      deps_.clock.now() - (*asked)->fetched > kAskedJustNow)
    asked = co_await packages_.packuments.get(name, true);
  if (!asked) co_return response_for(asked.error());
  Asked one(version_or_tag);
  auto prepared = co_await prepare(name, std::move(one));
  if (!prepared) co_return response_for(prepared.error());
  const std::string base_url = request.base_url;
  const Audience audience = audience_of(request);
  std::function<Result<Response>()> make = [this, &prepared, &version_or_tag, &base_url,
                                            &audience]() -> Result<Response> {
    const PackageSnapshot& snapshot = *prepared->snapshot;
    Judge judge = packages_.judging.judge_for(prepared->snapshot, *prepared->rules, audience);
    const Judge::Listing listing = judge.listing(prepared->undecided);
    std::string version = version_or_tag;
    // A tag that is called like a version does not stand in for it.
    const bool listed = snapshot.packument->find(version) != nullptr;
    if (const auto tag = listing.dist_tags.find(version); !listed && tag != listing.dist_tags.end())
      version = tag->second;
    const RenderInput input = render_input(snapshot, listing, Form::kFull, base_url);
    for (const VersionView& view : input.versions) {
      if (view.version != version) continue;
      Response response = json_response(200, render_manifest(input, view));
      const std::string notice =
          notice_for(listing, judge.now(), deps_.config, snapshot.name, base_url);
      if (version != version_or_tag && !notice.empty()) response.set("npm-notice", notice);
      response.set("cache-control", "no-cache");
      return response;
    }
    for (const Judge::Hidden& hidden : listing.hidden) {
      if (hidden.version == version)
        return error_response(403,
                              "npm-gate: " + hidden.sentence + ". " +
                                  release_link(base_url, snapshot.name, version) +
                                  asking(deps_.config),
                              hidden.sentence);
    }
    return error_response(404, "npm-gate: " + snapshot.name + " has no version or dist-tag '" +
                                   log::printable(version_or_tag, 60) + "'");
  };
  auto response = co_await deps_.pool.offload(std::move(make));
  if (!response) co_return response_for(response.error());
  response->kind = "manifest";
  co_return std::move(*response);
}

Task<Response> PackumentService::dist_tags(PackageName name, std::string tag,
                                           const Request& request) {
  Asked asked(tag);
  asked.every_tag = tag.empty();
  auto prepared = co_await prepare(name, std::move(asked));
  if (!prepared) co_return response_for(prepared.error());
  const Audience audience = audience_of(request);
  std::function<Result<Response>()> make = [this, &prepared, &tag,
                                            &audience]() -> Result<Response> {
    Judge judge = packages_.judging.judge_for(prepared->snapshot, *prepared->rules, audience);
    const StringMap tags = judge.listing(prepared->undecided).dist_tags;
    if (!tag.empty()) {
      const auto found = tags.find(tag);
      if (found == tags.end())
        return error_response(404, "npm-gate: no dist-tag '" + log::printable(tag, 60) + "'");
      return json_response(200, boost::json::serialize(boost::json::value(found->second)));
    }
    boost::json::object object;
    for (const auto& [key, value] : tags) object[key] = value;
    return json_response(200, boost::json::serialize(object));
  };
  auto response = co_await deps_.pool.offload(std::move(make));
  if (!response) co_return response_for(response.error());
  response->kind = "dist-tags";
  co_return std::move(*response);
}

}  // namespace npmgate
