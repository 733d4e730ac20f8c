#include "app/commands/certs_command.h"

#include <iostream>

#include "app/cli.h"
#include "app/command_line.h"
#include "certs/development.h"

namespace npmgate {
namespace {

struct CertsOptions {
  std::string folder = "tls", certificate, key, host;
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
};

int make(const CertsOptions& options) {
  const auto written = write_development_pair(options.folder, options.names, SystemClock().now());
  if (!written) return report(written.error());
  for (const std::string& file : *written) std::cout << "wrote " << file << "\n";
  std::cout << "gate.yaml:  listen: { tls: { certificate: " << options.folder
            << "/server.crt, key: " << options.folder << "/server.key } }\n"
            << "clients:    NODE_EXTRA_CA_CERTS=" << options.folder
            << "/ca.crt (every client), or cafile=… in .npmrc\n";
  return kDone;
}

int check(const CertsOptions& options) {
  const auto checked =
      check_pair(options.certificate, options.key, options.host, SystemClock().now());
  if (!checked) return report(checked.error());
  std::cout << "subject  " << checked->subject << "\nissuer   " << checked->issuer << "\nvalid    "
            << format_minute(checked->not_before) << " to " << format_minute(checked->not_after)
            << "\nnames   ";
  for (const std::string& name : checked->names) std::cout << " " << name;
  std::cout << "\n";
  for (const std::string& problem : checked->problems)
    std::cerr << "npm-gate: " << options.certificate << ": " << problem << "\n";
  return checked->problems.empty() ? kDone : kNo;
}

}  // namespace

void add_certs(Command app) {
  Command certs = app.subcommand("certs", "Certificates: make a development pair, check a pair");
  certs.require_subcommand();
  auto options = std::make_shared<CertsOptions>();
  Command dev = certs.subcommand("dev", "Make a development CA (once) and a server certificate");
  dev.option("DIR", options->folder, "folder (default: tls)");
  dev.option("--name", options->names,
             "host name or IP address; may be repeated (default: localhost, 127.0.0.1, ::1)");
  dev.action([options] { return make(*options); });
  Command check_command =
      certs.subcommand("check", "Check expiry, names, and that the key belongs to the certificate");
  check_command.option("CERTIFICATE", options->certificate, "PEM, the chain with the leaf first")
      .required();
  check_command.option("KEY", options->key, "PEM; checked to belong to the certificate");
  check_command.option("--host", options->host, "a host name that it must be for");
  check_command.action([options] { return check(*options); });
}

}  // namespace npmgate
