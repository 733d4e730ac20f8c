#include <iostream>

#include "app/cli.h"
#include "app/command_docs.h"
#include "app/command_line.h"
#include "app/commands/admin_commands.h"
#include "app/commands/alerts_command.h"
#include "app/commands/audit_command.h"
#include "app/commands/certs_command.h"
#include "app/commands/inspect_command.h"
#include "app/commands/local_commands.h"
#include "app/commands/log_command.h"
#include "app/commands/operate_commands.h"
#include "app/commands/policy_command.h"
#include "app/commands/subscribe_command.h"
#include "app/developer/developer_commands.h"
#include "app/serve.h"
#include "sandbox/worker.h"

int main(int argc, char** argv) {
  using namespace npmgate;
  if (is_worker(argc, argv)) run_worker(argc, argv);
  ProgramLine line(
      "npm-gate: a private npm registry that inspects every release before it serves it.\n"
      "Start: npm-gate serve; then npm config set registry http://127.0.0.1:4873/",
      version_line());
  const Command root = line.root();
  add_serve(root);
  add_init(root);
  add_inspect(root);
  add_explain(root);
  add_audit(root);
  add_subscribe(root);
  add_why(root);
  add_request(root);
  add_policy(root);
  add_quarantine(root);
  add_downloads(root);
  add_log(root);
  add_token(root);
  add_alerts(root);
  add_certs(root);
  add_cache(root);
  add_backup(root);
  add_check(root);
  add_doctor(root);
  add_version(root);
  add_command_docs(root);
  try {
    return line.run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "npm-gate: unexpected: " << e.what() << "\n";
    return kFailed;
  }
}
