#include "proxy/net/handed_over.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>

#include "base/number.h"

namespace npmgate {
namespace {

using boost::asio::ip::tcp;

// More than any unit of ours has; a number beyond it is no count of sockets.
constexpr int kMostSockets = 64;

Error unusable(int fd, const std::string& why) {
  return fail(
      Code::kMalformed, Origin::kSelf,
      "the service manager handed over descriptor " + std::to_string(fd) + ", which is " + why);
}

Result<HandedOver> describe(int fd) {
  HandedOver out;
  out.socket = Fd(fd);
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
    return unusable(fd, "no listening socket; npm-gate.socket may have ListenStream= only");
  tcp::endpoint bound;
  size = static_cast<socklen_t>(bound.capacity());
  if (::getsockname(fd, bound.data(), &size) != 0 ||
      (bound.data()->sa_family != AF_INET && bound.data()->sa_family != AF_INET6))
    return unusable(fd, "no TCP socket; ListenStream= must be ADDRESS:PORT");
  bound.resize(size);
  out.address = bound.address().to_string();
  out.port = bound.port();
  return out;
}

}  // namespace

Result<std::vector<HandedOver>> handed_over_sockets(const EnvReader& environment, pid_t self,
                                                    int first) {
  std::vector<HandedOver> sockets;
  const auto meant_for = whole_number<long>(environment("LISTEN_PID").value_or(""));
  const auto count = whole_number<long>(environment("LISTEN_FDS").value_or(""));
  // Set for a parent, say a shell of the same unit: not ours.
  if (!meant_for || *meant_for != self) return sockets;
  if (!count || *count < 0 || *count > kMostSockets)
    return fail(Code::kMalformed, Origin::kSelf, "LISTEN_FDS is not a number of sockets");
  for (int fd = first; fd < first + *count; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    auto socket = describe(fd);
    if (!socket) return socket.error();
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

Fd take_socket(std::vector<HandedOver>& sockets, const std::string& address, std::uint16_t port) {
  boost::system::error_code ec;
  const auto wanted =
      boost::asio::ip::make_address(address == "localhost" ? "127.0.0.1" : address, ec);
  const auto found = std::find_if(sockets.begin(), sockets.end(), [&](const HandedOver& one) {
    return !ec && one.port == port && one.address == wanted.to_string();
  });
  if (found == sockets.end()) return {};
  Fd taken = std::move(found->socket);
  sockets.erase(found);
  return taken;
}

}  // namespace npmgate
