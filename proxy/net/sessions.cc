#include "proxy/net/sessions.h"

#include <map>
#include <string_view>

#include "proxy/net/forwarded.h"

namespace npmgate {

Task<void> Turns::wait() {
  auto executor = co_await net::this_coro::executor;
  auto turn =
      std::make_shared<net::steady_timer>(executor, std::chrono::steady_clock::time_point::max());
  waiting_.push_back(turn);
  if (!std::exchange(turning_, true)) net::post(executor, [this, executor] { next(executor); });
  co_await turn->async_wait(kTuple);
}

// Everything that is ready runs between two of these.
void Turns::next(const net::any_io_executor& executor) {
  for (std::size_t i = 0; i < per_round_ && !waiting_.empty(); ++i) {
    waiting_.front()->cancel();
    waiting_.pop_front();
  }
  turning_ = !waiting_.empty();
  if (turning_) net::post(executor, [this, executor] { next(executor); });
}

std::string counted_address(const net::ip::address& peer) {
  const net::ip::address address = unmapped(peer);
  if (address.is_v4()) return address.to_string();
  const auto bytes = address.to_v6().to_bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), 8);
}

bool LoopSessions::evict(std::string address) {
  if (address.empty()) {
    std::map<std::string_view, std::size_t> counts;
    std::size_t most = 0;
    for (const SessionState* session : sessions) {
      if (!session->waiting || !session->socket.is_open()) continue;
      if (std::size_t& count = counts[session->address]; ++count > most) {
        most = count;
        address = session->address;
      }
    }
    if (most == 0) return false;
  }
  SessionState* oldest = nullptr;
  for (SessionState* session : sessions) {
    if (!session->waiting || session->address != address || !session->socket.is_open()) continue;
    if (oldest == nullptr || session->since < oldest->since) oldest = session;
  }
  if (oldest == nullptr) return false;
  boost::system::error_code ignored;
  oldest->socket.close(ignored);
  return true;
}

}  // namespace npmgate
