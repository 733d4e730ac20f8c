#include "app/audit/audit_sources.h"

#include <boost/json/parse.hpp>

#include "base/digest.h"
#include "proxy/registry/pages.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

constexpr auto kInspection = std::chrono::minutes(10);
// The gate answers a tarball within its inspection.timeout, or 503 with Retry-After.
constexpr int kTries = 6;
constexpr auto kBetweenTries = std::chrono::seconds(5);

ReleaseAnswer answer(Answered answered, std::string detail) {
  ReleaseAnswer out;
  out.answered = answered;
  out.detail = std::move(detail);
  return out;
}

// "<sha512 hex>:<manifest>" -> SRI; "" if the tarball was not inspected.
std::string sri_of_content(std::string_view content_id) {
  const auto bytes = hex_decode(content_id.substr(0, content_id.find(':')));
  return bytes && bytes->size() == 64 ? Digest{Algorithm::kSha512, *bytes}.sri() : "";
}

ReleaseAnswer answer_of(const Judged& judged) {
  ReleaseAnswer out = answer(Answered::kJudged, "");
  out.release = release_json(judged);
  out.sri.push_back(sri_of_content(judged.subject.content_id));
  if (judged.release != nullptr) {
    out.sri.push_back(judged.release->dist.integrity);
    if (const auto sha1 = hex_decode(judged.release->dist.shasum); sha1 && sha1->size() == 20)
      out.sri.push_back(Digest{Algorithm::kSha1, *sha1}.sri());
  }
  return out;
}

ReleaseAnswer answer_of(const Error& error, bool offline) {
  if (error.code == Code::kNotFound)
    return answer(Answered::kAbsent, "the registry has no such package");
  if (offline) return answer(Answered::kUnknown, "nothing recorded about it");
  return answer(Answered::kFailed, error.context);
}

// Evidence of a recent release counts once the outside sources were asked (JudgeOptions); a state
// from before may not have that.
Task<SnapshotPtr> observed(OfflineGate& gate, SnapshotPtr snapshot, std::string version) {
  std::string baseline;
  {
    Judge judge = gate.judge(snapshot);
    const Judged* judged = judge.of(version);
    const bool half_known = judged != nullptr && judged->recent && !judged->evidence;
    if (!half_known) co_return snapshot;
    baseline = judge.baseline_of(version);
  }
  co_return co_await gate.packages().evidence.observe_again(snapshot, std::move(version),
                                                            std::move(baseline));
}

Task<ReleaseAnswer> ask_here(OfflineGate& gate, LockedRelease wanted, bool offline) {
  const auto name = PackageName::parse(wanted.name);
  const UpstreamConfig* upstream = route(gate.config(), *name);
  if (upstream != nullptr && !upstream->inspect)
    co_return answer(Answered::kTrusted, "upstream " + upstream->name + " says inspect: false");
  auto snapshot = co_await gate.packument(*name);
  if (!snapshot) co_return answer_of(snapshot.error(), offline);
  SnapshotPtr current = *snapshot;
  const PackumentVersion* found = current->packument->find(wanted.version);
  if (found == nullptr && !offline) {
    // It may have come after the packument that is kept.
    auto fresh = co_await gate.packages().packuments.refresh(*name);
    if (!fresh) co_return answer_of(fresh.error(), false);
    current = *fresh;
    found = current->packument->find(wanted.version);
  }
  if (found != nullptr && found->servable && !current_evidence(*current, *found)) {
    if (offline) co_return answer(Answered::kUnknown, "never inspected");
    auto inspected =
        co_await gate.packages().releases.inspect(current, wanted.version, kInspection);
    if (!inspected) co_return answer_of(inspected.error(), false);
    current = *inspected;
  } else if (found != nullptr && found->servable && !offline) {
    current = co_await observed(gate, current, wanted.version);
    bool compared = true;
    {
      Judge judge = gate.judge(current);
      const Judged* judged = judge.of(wanted.version);
      compared = judged == nullptr || !judge.comparison_due(*judged);
    }
    if (!compared) {
      auto inspected =
          co_await gate.packages().releases.inspect(current, wanted.version, kInspection);
      if (inspected) current = *inspected;
    }
  }
  Judge judge = gate.judge(current);
  if (const Judged* judged = judge.of(wanted.version); judged != nullptr)
    co_return answer_of(*judged);
  if (found == nullptr) co_return answer(Answered::kAbsent, "the registry has no such version");
  ReleaseAnswer refused = answer(Answered::kJudged, "");
  refused.release["verdict"] = boost::json::object{
      {"action", "block"},
      {"reasons", boost::json::array{boost::json::object{
                      {"rule", "floor:package-json-refused"},
                      {"findings", boost::json::array{"package-json-refused"}},
                      {"message", "its manifest is not what every client reads alike"}}}}};
  co_return refused;
}

// The packuments of a large lockfile would fill the memory that a running gate has for them; here
// each is done with, and what another version of the package needs is read from disk.
Task<ReleaseAnswer> ask_and_forget(OfflineGate& gate, LockedRelease wanted, bool offline) {
  const std::string name = wanted.name;
  ReleaseAnswer answer = co_await ask_here(gate, std::move(wanted), offline);
  gate.packages().packuments.forget(name);
  co_return answer;
}

class GateClient {
 public:
  GateClient(Upstream& client, std::string url, std::string token, std::string project)
      : client_(client),
        url_(std::move(url)),
        token_(std::move(token)),
        project_(std::move(project)) {}

  Task<ReleaseAnswer> ask(LockedRelease wanted) {
    ReleaseAnswer page = co_await release_page(wanted);
    if (page.answered != Answered::kJudged || inspected(page)) co_return page;
    for (int tries = 0; tries < kTries; ++tries) {
      auto head = co_await tarball_head(wanted);
      if (!head) co_return answer(Answered::kFailed, head.error().context);
      if (*head != 503) break;
      net::steady_timer pause(co_await net::this_coro::executor, kBetweenTries);
      co_await wait_for(pause);
    }
    co_return co_await release_page(std::move(wanted));
  }

 private:
  static bool inspected(const ReleaseAnswer& page) {
    const auto* flag = page.release.if_contains("inspected");
    return flag != nullptr && flag->is_bool() && flag->get_bool();
  }

  FetchRequest request_for(const std::string& path) const {
    FetchRequest request;
    request.url = url_ + path;
    request.headers.emplace_back("Accept", "application/json");
    if (!token_.empty()) request.authorization = "Bearer " + token_;
    if (!project_.empty()) request.headers.emplace_back("Npm-Gate-Project", project_);
    return request;
  }

  Task<Result<int>> tarball_head(LockedRelease wanted) {
    const std::size_t slash = wanted.name.rfind('/');
    const std::string base =
        slash == std::string::npos ? wanted.name : wanted.name.substr(slash + 1);
    FetchRequest request = request_for(wanted.name + "/-/" + base + "-" + wanted.version + ".tgz");
    request.method = "HEAD";
    auto reply = co_await client_.fetch(std::move(request));
    if (!reply) co_return reply.error();
    co_return reply->status;
  }

  Task<ReleaseAnswer> release_page(LockedRelease wanted) {
    FetchRequest request = request_for("-/npm-gate/releases/" + wanted.name + "/" + wanted.version);
    auto reply = co_await client_.fetch(std::move(request));
    if (!reply) co_return answer(Answered::kFailed, reply.error().context);
    if (reply->status == 404)
      co_return answer(Answered::kAbsent, "the gate's upstream has no such release");
    boost::system::error_code ec;
    boost::json::value page = boost::json::parse(reply->body, ec);
    if (reply->status != 200 || ec || !page.is_object() ||
        page.get_object().if_contains("verdict") == nullptr)
      co_return answer(Answered::kFailed, "the gate answered " + std::to_string(reply->status) +
                                              (reply->status == 401 ? "; set NPM_GATE_TOKEN" : ""));
    ReleaseAnswer out = answer(Answered::kJudged, "");
    out.release = std::move(page.get_object());
    if (const auto* content = out.release.if_contains("content");
        content != nullptr && content->is_string())
      out.sri.push_back(sri_of_content(content->get_string()));
    co_return out;
  }

  Upstream& client_;
  std::string url_, token_, project_;
};

}  // namespace

AskRelease ask_offline(OfflineGate& gate, bool offline) {
  return [&gate, offline](LockedRelease wanted) {
    return ask_and_forget(gate, std::move(wanted), offline);
  };
}

AskRelease ask_gate(Upstream& client, const std::string& url, const std::string& token,
                    const std::string& project) {
  auto gate = std::make_shared<GateClient>(client, url, token, project);
  return [gate](LockedRelease wanted) { return gate->ask(std::move(wanted)); };
}

}  // namespace npmgate
