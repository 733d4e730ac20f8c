// Sockets of a service manager: which are taken, and what is refused. Real sockets on loopback; the
// descriptors need not start at 3.
#include "proxy/net/handed_over.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <map>

namespace npmgate {
namespace {

constexpr pid_t kSelf = 4711;

EnvReader variables(std::map<std::string, std::string> all) {
  return [all = std::move(all)](const std::string& name) -> std::optional<std::string> {
    const auto found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  };
}

// A socket on 127.0.0.1; its port is the system's choice.
int loopback(bool listening) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  if (listening) {
    EXPECT_EQ(::listen(fd, 1), 0);
  }
  return fd;
}

Result<std::vector<HandedOver>> taken(int fd, const std::string& pid = "4711",
                                      const std::string& count = "1") {
  return handed_over_sockets(variables({{"LISTEN_PID", pid}, {"LISTEN_FDS", count}}), kSelf, fd);
}

TEST(HandedOver, ASocketIsTakenByItsAddressAndPort) {
  const int fd = loopback(true);
  auto sockets = taken(fd);
  ASSERT_TRUE(sockets) << sockets.error().context;
  ASSERT_EQ(sockets->size(), 1U);
  EXPECT_EQ(sockets->front().address, "127.0.0.1");
  EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  const std::uint16_t port = sockets->front().port;
  EXPECT_EQ(take_socket(*sockets, "127.0.0.2", port).get(), -1);
  EXPECT_EQ(take_socket(*sockets, "127.0.0.1", 1).get(), -1);
  EXPECT_EQ(take_socket(*sockets, "localhost", port).get(), fd);
  EXPECT_TRUE(sockets->empty());
}

TEST(HandedOver, NothingForAnotherProcessOrWithoutAManager) {
  for (const auto& none : {handed_over_sockets(variables({}), kSelf), taken(3, "1"),
                           taken(3, "4711", "0"), taken(3, "x"), taken(3, "")}) {
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
  }
}

TEST(HandedOver, WhatIsNoListeningTcpSocketIsRefused) {
  EXPECT_FALSE(taken(loopback(false)));
  EXPECT_FALSE(taken(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  const int local = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr address{AF_UNIX, {}};
  ASSERT_EQ(::bind(local, &address, sizeof address.sa_family), 0);  // an abstract name
  ASSERT_EQ(::listen(local, 1), 0);
  EXPECT_FALSE(taken(local));
  for (const char* count : {"-1", "1x", "", "9999999999999999999", "65"})
    EXPECT_FALSE(taken(3, "4711", count)) << count;
}

}  // namespace
}  // namespace npmgate
