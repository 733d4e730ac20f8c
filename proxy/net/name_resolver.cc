#include "proxy/net/name_resolver.h"

#include <netdb.h>

#include <algorithm>
#include <system_error>
#include <thread>

namespace npmgate {
namespace {

Error unresolved(const std::string& why) {
  return fail(Code::kUnavailable, Origin::kUpstream, why, true);
}

Result<NameResolver::Addresses> ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (failed != 0) return unresolved(::gai_strerror(failed));
  NameResolver::Addresses addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(each->ai_addr);
      addresses.emplace_back(net::ip::address_v4(ntohl(v4->sin_addr.s_addr)));
    } else if (each->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(each->ai_addr);
      net::ip::address_v6::bytes_type bytes{};
      std::copy_n(v6->sin6_addr.s6_addr, bytes.size(), bytes.begin());
      addresses.emplace_back(net::ip::address_v6(bytes, v6->sin6_scope_id));
    }
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) return unresolved("it has no address");
  return addresses;
}

struct Flight {
  std::optional<Result<NameResolver::Addresses>> found;
  std::vector<std::shared_ptr<net::steady_timer>> waiters;
};

}  // namespace

// Shared with the threads, which may outlive everything else.
struct NameResolver::State {
  explicit State(Lookup the_lookup) : lookup(std::move(the_lookup)) {}

  const Lookup lookup;
  std::mutex mutex;
  bool closed = false;  // the loops of the waiters may be gone
  std::map<std::string, std::shared_ptr<Flight>> flights;

  void look(const std::string& host, Flight& flight) {
    Result<Addresses> found = unresolved("the lookup failed");
    try {
      found = lookup(host);
    } catch (const std::exception& e) {
      found = unresolved(e.what());
    }
    const std::lock_guard lock(mutex);
    flights.erase(host);
    flight.found = std::move(found);
    if (closed) return;
    for (const auto& waiter : flight.waiters) cancel_on_its_loop(waiter);
    flight.waiters.clear();
  }

  // Under the mutex.
  Result<std::shared_ptr<Flight>> join(const std::shared_ptr<State>& self, const std::string& host,
                                       std::shared_ptr<net::steady_timer> waiter) {
    if (const auto under_way = flights.find(host); under_way != flights.end()) {
      under_way->second->waiters.push_back(std::move(waiter));
      return under_way->second;
    }
    if (flights.size() >= kMaxLookups)
      return unresolved("too many other names wait for the name servers");
    auto flight = std::make_shared<Flight>();
    flight->waiters.push_back(std::move(waiter));
    try {
      std::thread([self, host, flight] { self->look(host, *flight); }).detach();
    } catch (const std::system_error& e) {
      return unresolved(std::string("no thread for the lookup: ") + e.what());
    }
    flights.emplace(host, flight);
    return flight;
  }
};

NameResolver::NameResolver(Lookup lookup)
    : state_(std::make_shared<State>(lookup ? std::move(lookup) : Lookup(&ask_system))) {}

NameResolver::~NameResolver() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  // The timers must not outlive their loops; the threads may.
  for (const auto& [host, flight] : state_->flights) flight->waiters.clear();
}

Task<Result<NameResolver::Addresses>> NameResolver::resolve(
    std::string host, std::chrono::steady_clock::time_point until) {
  boost::system::error_code no_literal;
  const auto literal = net::ip::make_address(host, no_literal);
  if (!no_literal) co_return Addresses(1, literal);
  const auto state = state_;
  auto executor = co_await net::this_coro::executor;
  auto timer = std::make_shared<net::steady_timer>(executor, until);
  std::shared_ptr<Flight> flight;
  {
    const std::lock_guard lock(state->mutex);
    auto joined = state->join(state, host, timer);
    if (!joined) co_return joined.error();
    flight = std::move(*joined);
  }
  co_await wait_for(*timer);
  const std::lock_guard lock(state->mutex);
  if (flight->found) co_return *flight->found;
  co_return fail(Code::kTimeout, Origin::kUpstream, "no name server answers", true);
}

}  // namespace npmgate
