// The registry as clients see it: one request in, one response out. Callable without sockets.
#pragma once

#include <memory>
#include <string>

#include "base/finished_cache.h"
#include "proxy/net/service.h"
#include "proxy/packages/packages.h"
#include "proxy/registry/packuments.h"
#include "proxy/registry/publishing.h"
#include "proxy/registry/release_requests.h"
#include "proxy/registry/services.h"
#include "proxy/registry/tarballs.h"
#include "proxy/runtime/access.h"
#include "proxy/runtime/audit_writer.h"
#include "proxy/sign_in/browser_sessions.h"
#include "proxy/sign_in/oidc_client.h"
#include "registry/target.h"

namespace npmgate {

// What answers requests; all outlive the gate.
struct GateParts {
  Packages& packages;
  AuditWriter& audit_writer;
  PackumentService& packuments;
  TarballService& tarballs;
  RegistryServices& services;
  Publishing& publishing;
  ReleaseRequests& requests;
  Access& access;
};

// What serves people with browsers; null what there is not. All outlive the gate.
struct BrowserParts {
  BrowserSessions* sessions = nullptr;
  OidcClient* provider = nullptr;
  Service* desk = nullptr;  // only if it is to be served at the gate's own address
};

class Gate final : public Service {
 public:
  Gate(Dependencies deps, GateParts parts);
  // Before the first request.
  void attach(BrowserParts browsers) { browsers_ = browsers; }
  Task<Response> handle(std::shared_ptr<Request> request) override;
  Task<std::optional<Response>> admit(std::shared_ptr<Request> request) override;
  std::optional<Response> at_once(Request& request) override;
  BodyRule body_rule(std::string_view method, std::string_view target) const override;

 private:
  Task<Response> dispatch(Target target, const Request& request);
  Task<Response> packument(PackumentTarget target, const Request& request);
  void note_refusal(const Response& response, const std::string& name, const std::string& version,
                    const Request& request);
  Task<Response> service(ServiceTarget target, const Request& request);
  Task<Response> own_page(OwnPageTarget target, const Request& request);
  Task<Response> on_pool(std::function<Result<Response>()> work, const Request& request);
  Task<Response> release_page(std::string name, std::string version, int status,
                              const Request& request);
  Task<Response> requests_page(std::string release, const Request& request);
  Task<Response> held_page(std::string name, const Request& request, std::string query);
  Task<Response> refusals_page(const Request& request);
  // A refusal as a page, if a browser asked.
  Task<Response> readable(Response response, PackageName name, std::string version,
                          const Request& request);
  // gate_sign_in.cc
  std::string pages_path() const;
  std::optional<std::string> desk_target(const Request& request, const Target& target) const;
  void note_browser(Request& request);
  bool can_sign_in() const;
  std::string sign_in_link(const Request& request) const;
  Task<Response> to_provider(const Request& request, std::string query);
  Task<Response> from_provider(const Request& request, std::string query);
  Task<Response> whoami(const Request& request);
  Task<Response> write(WriteTarget target, const Request& request);
  // Who asks is noted in the request; the refusal of a foreign Host, or if access.clients wants
  // a token.
  std::optional<Response> known(Request& request, const Target& target);
  // The name in a write, or in a read for writing, to a writable upstream.
  std::optional<PackageName> written(const Target& target) const;
  Task<std::optional<Response>> admit_target(Request& request, const Target& target);
  // What the server itself answers, whatever Host it was asked by: probes of load balancers.
  std::optional<Response> answer_of_server(const Request& request) const;
  std::optional<std::string> base_url(const Request& request) const;
  std::optional<std::string> public_url_of(std::string_view host) const;
  std::optional<std::string> known_base_url(const Request& request);

  Dependencies deps_;
  Packages& packages_;
  AuditWriter& audit_writer_;
  PackumentService& packuments_;
  TarballService& tarballs_;
  RegistryServices& services_;
  Publishing& publishing_;
  ReleaseRequests& requests_;
  Access& access_;
  BrowserParts browsers_;
  std::string prefix_;
  std::vector<Url> public_urls_;
  FinishedCache<std::string> base_urls_;  // of Host headers that were answered for
};

}  // namespace npmgate
