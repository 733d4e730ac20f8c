// Landlock by its system calls: Debian 12's headers know ABI 2, kernels know more. Numbers and
// rights as in Linux' Documentation/userspace-api/landlock.rst.
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/fd.h"
#include "sandbox/confine.h"

namespace npmgate {
namespace {

// The same on every architecture (asm-generic/unistd.h).
constexpr long kCreateRuleset = 444;
constexpr long kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;

struct RulesetAttributes {
  std::uint64_t file_system = 0, network = 0, scoped = 0;
};

// What each ABI can hold back, and how much of the attributes it reads.
struct Abi {
  std::uint64_t file_system_rights;
  std::uint64_t network_rights;
  std::uint64_t scopes;
  std::size_t size;
};
constexpr std::array<Abi, 6> kAbis = {{
    {0x1fff, 0, 0, 8},   // files and directories
    {0x3fff, 0, 0, 8},   // … and moving them between directories
    {0x7fff, 0, 0, 8},   // … and truncating
    {0x7fff, 3, 0, 16},  // … and TCP bind and connect
    {0xffff, 3, 0, 16},  // … and ioctl on devices
    {0xffff, 3, 3, 24},  // … and abstract sockets and signals
}};

}  // namespace

Result<int> restrict_with_landlock() {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version <= 0) return 0;
  const Abi& abi =
      kAbis[std::min<std::size_t>(static_cast<std::size_t>(version), kAbis.size()) - 1];
  RulesetAttributes everything{abi.file_system_rights, abi.network_rights, abi.scopes};
  // No rule is added: what the ruleset handles and no rule allows is denied.
  const Fd ruleset(static_cast<int>(::syscall(kCreateRuleset, &everything, abi.size, 0)));
  if (ruleset.get() < 0 || ::syscall(kRestrictSelf, ruleset.get(), 0) != 0) {
    return fail(Code::kUnavailable, Origin::kSelf,
                "Landlock is there but refuses: " + std::generic_category().message(errno));
  }
  return static_cast<int>(version);
}

}  // namespace npmgate
