#include "proxy/runtime/request_record.h"

#include <string_view>

#include "base/log.h"

namespace npmgate {
namespace {

// "project/NAME" in the user agent: the one thing that npm, pnpm and yarn 1 let a project's
// configuration say in every request.
std::string_view project_in(std::string_view user_agent) {
  constexpr std::string_view kWord = "project/";
  std::size_t at = user_agent.find(kWord);
  if (at == std::string_view::npos || (at > 0 && user_agent[at - 1] != ' ')) return {};
  user_agent.remove_prefix(at + kWord.size());
  return user_agent.substr(0, user_agent.find(' '));
}

}  // namespace

std::string project_of(const Request& request) {
  const std::string_view named = request.headers.get("npm-gate-project");
  return log::printable(named.empty() ? project_in(request.headers.get("user-agent")) : named, 200);
}

Audience audience_of(const Request& request) {
  return {request.client, project_of(request)};
}

std::string client_of(const Request& request) {
  return request.peer + (request.client.empty() ? "" : " (" + request.client + ")");
}

AuditEntry audit_entry(const char* kind, const std::string& name, const std::string& version,
                       const Request& request, Time now) {
  AuditEntry entry;
  entry.at = now;
  entry.kind = kind;
  entry.actor = "client";
  entry.name = name;
  entry.version = version;
  entry.client = client_of(request);
  return entry;
}

LedgerEntry ledger_entry(const Request& request, Time now) {
  LedgerEntry entry;
  entry.at = now;
  entry.token = request.client;
  entry.address = request.peer;
  entry.user_agent = log::printable(request.headers.get("user-agent"), 200);
  entry.command = log::printable(request.headers.get("npm-command"), 60);
  entry.project = project_of(request);
  return entry;
}

}  // namespace npmgate
