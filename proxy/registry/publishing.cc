#include "proxy/registry/publishing.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/digest.h"
#include "proxy/runtime/access.h"
#include "proxy/runtime/request_record.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;
// A publish is a handful of requests; credentials that were revoked must not last.
constexpr auto kKnownFor = std::chrono::minutes(1);
constexpr std::size_t kMaxKnown = 10'000;
constexpr auto kWriteLimit = std::chrono::minutes(5);  // an upload and what the registry does then
// What registries read of a client's write besides its body (npm's one-time passwords and their
// kin). Everything else a client sends is between it and the gate.
constexpr const char* kPassedUp[] = {"accept",        "content-type", "npm-otp",
                                     "npm-auth-type", "npm-command",  "user-agent"};
constexpr const char* kPassedDown[] = {"content-type", "www-authenticate", "npm-notice"};

bool names_gate(const std::string& tarball, const Request& request, const Config& config) {
  const auto url = parse_url(tarball);
  if (!url) return false;
  const auto same = [&](const std::string& base) {
    const auto own = parse_url(base);
    return own && own->host_header() == url->host_header() && url->path.starts_with(own->path);
  };
  return same(request.base_url) ||
         std::any_of(config.public_urls.begin(), config.public_urls.end(), same);
}

Response passed_down(FetchReply reply) {
  Response response;
  response.status = reply.status;
  for (const char* name : kPassedDown) {
    if (reply.headers.has(name)) response.set(name, header_safe(reply.headers.get(name), 400));
  }
  response.set("cache-control", "no-store");
  response.body = std::make_shared<const std::string>(std::move(reply.body));
  response.kind = "write";
  return response;
}

Response refused(const std::string& sentence) {
  Response response = error_response(403, "npm-gate: " + sentence, sentence);
  response.kind = "write";
  return response;
}

}  // namespace

const UpstreamConfig* Publishing::writable_route(const PackageName& name) const {
  const UpstreamConfig* upstream = route(deps_.config, name);
  return upstream != nullptr && upstream->writable ? upstream : nullptr;
}

bool Publishing::takes(const PackageName& name) const {
  return writable_route(name) != nullptr;
}

bool Publishing::takes(const WriteTarget& target) const {
  return target.name && takes(*target.name);
}

Task<Result<FetchReply>> Publishing::pass(const UpstreamConfig& upstream, std::string method,
                                          std::string path, const Request& request, With with) {
  FetchRequest fetch;
  fetch.method = std::move(method);
  fetch.url = upstream.url + path;
  if (with == With::kBody) {
    fetch.body = request.body;
    fetch.spooled = request.spooled;
  }
  for (const char* name : kPassedUp) {
    if (request.headers.has(name))
      fetch.headers.emplace_back(name, header_safe(request.headers.get(name), 400));
  }
  fetch.authorization = request.headers.get("authorization");
  fetch.of_client = true;
  fetch.ca_file = upstream.ca;
  fetch.max_body = kMaxBody;
  fetch.limit = kWriteLimit;
  deps_.metrics.add("npm_gate_upstream_requests_total", R"(kind="write")");
  co_return co_await deps_.upstream.fetch(std::move(fetch));
}

bool Publishing::known_lately(const std::string& credentials) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(credentials);
  return found != known_.end() && found->second > deps_.clock.now();
}

void Publishing::remember(const std::string& credentials) {
  const Time now = deps_.clock.now();
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [now](const auto& entry) { return entry.second <= now; });
  if (known_.size() < kMaxKnown) known_[credentials] = now + kKnownFor;
}

Task<std::optional<Response>> Publishing::identify(PackageName name, const Request& request) {
  const UpstreamConfig& upstream = *writable_route(name);
  const std::string_view authorization = request.headers.get("authorization");
  if (authorization.empty() || Access::carries_token(authorization)) {
    co_return error_response(
        401, "npm-gate: writing " + name.str() + " needs your own credentials for the registry " +
                 upstream.name +
                 (authorization.empty() ? ", and none were sent" : ", not a token of the gate"));
  }
  const std::string credentials = sha256_hex(upstream.name + "\n" + std::string(authorization));
  if (known_lately(credentials)) co_return std::nullopt;
  auto reply = co_await pass(upstream, "GET", "-/whoami", request, With::kNothing);
  if (!reply) co_return response_for(reply.error());
  boost::system::error_code ec;
  const boost::json::value who = boost::json::parse(reply->body, ec);
  const auto* user = ec || !who.is_object() ? nullptr : who.get_object().if_contains("username");
  if (reply->status == 200 && user != nullptr && user->is_string() && !user->get_string().empty()) {
    remember(credentials);
    co_return std::nullopt;
  }
  const bool untold = reply->status == 404 || reply->status == 405 || reply->status == 501;
  if (untold && !deps_.config.clients_need_token) co_return std::nullopt;
  if (untold) {
    co_return refused("the registry " + upstream.name +
                      " cannot say whose credentials these are (-/whoami: " +
                      std::to_string(reply->status) + "), and this gate lets nobody write unknown");
  }
  if (reply->status >= 500 || reply->status == 429) {
    Response later = error_response(
        503, "npm-gate: the registry " + upstream.name + " cannot check credentials right now");
    later.set("retry-after", "5");
    co_return later;
  }
  co_return error_response(401, "npm-gate: the registry " + upstream.name +
                                    " does not know the credentials that were sent");
}

Task<Response> Publishing::document(PackageName name, const Request& request) {
  const UpstreamConfig& upstream = *writable_route(name);
  // The whole document, judged or not: for those who may write it back, and nobody else.
  const std::string_view authorization = request.headers.get("authorization");
  if (authorization.empty() || Access::carries_token(authorization)) {
    co_return error_response(401, "npm-gate: reading " + name.str() +
                                      " for writing needs your own credentials for the registry " +
                                      upstream.name + ", not a token of the gate");
  }
  auto reply =
      co_await pass(upstream, "GET", name.url_path() + "?write=true", request, With::kNothing);
  if (!reply) co_return response_for(reply.error());
  co_return passed_down(std::move(*reply));
}

Task<std::optional<Response>> Publishing::whoami(const Request& request) {
  const UpstreamConfig* only = nullptr;
  int count = 0;
  for (const UpstreamConfig& upstream : deps_.config.upstreams) {
    if (!upstream.writable) continue;
    only = &upstream;
    ++count;
  }
  const std::string_view authorization = request.headers.get("authorization");
  if (count != 1 || authorization.empty() || Access::carries_token(authorization))
    co_return std::nullopt;
  auto reply = co_await pass(*only, "GET", "-/whoami", request, With::kNothing);
  if (!reply) co_return response_for(reply.error());
  co_return passed_down(std::move(*reply));
}

Task<Result<WriteDocument>> Publishing::read_document(const Request& request) {
  if (!request.spooled) co_return read_write_document(request.body);
  auto work = [file = request.spooled]() -> Result<WriteDocument> {
    WriteDocumentReader reader;
    std::vector<char> piece(kPiece);
    for (std::uint64_t at = 0; at < file->size();) {
      const auto got = file->read(at, piece);
      if (!got) return got.error();
      if (*got == 0) return fail(Code::kInternal, Origin::kSelf, "a request body was cut off");
      if (auto done = reader.add({piece.data(), *got}); !done) return done.error();
      at += *got;
    }
    return reader.finish();
  };
  co_return co_await deps_.pool.offload(std::move(work));
}

// A value: the write may not pass, and this says why. kNotFound: it may.
Task<Result<Response>> Publishing::check_document(const UpstreamConfig& upstream, PackageName name,
                                                  bool revision, const Request& request) {
  const Error passes = fail(Code::kNotFound, Origin::kSelf, "nothing speaks against it");
  const auto document = co_await read_document(request);
  if (!document) co_return document.error();
  if (!document->name.empty() && document->name != name.str()) {
    co_return refused("the document is of " + log::printable(document->name, 80) + ", not of " +
                      name.str());
  }
  if (document->attachments && !revision) co_return passes;
  for (const std::string& tarball : document->tarballs) {
    if (names_gate(tarball, request, deps_.config)) {
      co_return refused(
          "the document was read through the gate, which leaves versions out; read "
          "it with ?write=true (npm deprecate does) before writing it back");
    }
  }
  auto reply =
      co_await pass(upstream, "GET", name.url_path() + "?write=true", request, With::kNothing);
  if (!reply) co_return reply.error();
  if (reply->status != 200) co_return passed_down(std::move(*reply));
  const auto theirs = read_write_document(reply->body);
  if (!theirs) {
    co_return fail(Code::kUnavailable, Origin::kUpstream,
                   "the registry " + upstream.name + " did not answer with a document");
  }
  std::size_t missing = 0;
  for (const std::string& version : theirs->versions) {
    const auto& listed = document->versions;
    if (std::find(listed.begin(), listed.end(), version) == listed.end()) ++missing;
  }
  // Unpublishing one version is a write of the document without it.
  if (missing > (revision ? 1U : 0U)) {
    co_return refused("the document leaves out " + std::to_string(missing) +
                      " of the versions that the registry has; it is not passed on");
  }
  co_return passes;
}

Task<Response> Publishing::write(WriteTarget target, const Request& request) {
  const PackageName name = *target.name;
  const UpstreamConfig& upstream = *writable_route(name);
  const std::string_view authorization = request.headers.get("authorization");
  if (Access::carries_token(authorization)) {
    co_return error_response(401, "npm-gate: " + target.what + " of " + name.str() +
                                      " needs your own credentials for the registry " +
                                      upstream.name + ", not a token of the gate");
  }
  const std::string document_path = "/" + name.url_path();
  const bool whole = request.method == "PUT" && target.path == document_path;
  const bool revision =
      request.method == "PUT" && target.path.starts_with(document_path + "/-rev/");
  if (whole || revision) {
    auto refusal = co_await check_document(upstream, name, revision, request);
    if (refusal) co_return std::move(*refusal);
    if (refusal.error().code != Code::kNotFound) co_return response_for(refusal.error());
  }
  auto reply = co_await pass(upstream, request.method, target.path.substr(1), request, With::kBody);
  if (!reply) co_return response_for(reply.error());
  record(target, request, reply->status);
  if (reply->status / 100 == 2) {
    // What was just written must be seen by the next read.
    std::function<Result<bool>()> drop = [this, name]() -> Result<bool> {
      if (auto done = packuments_.drop(name); !done) return done.error();
      return true;
    };
    auto dropped = co_await deps_.pool.offload(std::move(drop));
    if (!dropped) log::warn("document", to_string(dropped.error()));
  }
  co_return passed_down(std::move(*reply));
}

void Publishing::record(const WriteTarget& target, const Request& request, int status) {
  AuditEntry entry = audit_entry("write", target.name->str(), "", request, deps_.clock.now());
  entry.action = std::to_string(status);
  entry.detail = boost::json::serialize(
      boost::json::value{{"what", target.what}, {"method", request.method}, {"path", target.path}});
  audit_writer_.audit(std::move(entry));
}

}  // namespace npmgate
