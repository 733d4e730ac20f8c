// `npm-gate certs dev|check`.
#pragma once

namespace npmgate {

class Command;

void add_certs(Command app);

}  // namespace npmgate
