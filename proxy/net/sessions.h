// The connections of a listener: who waits for whom, what they hold, and who makes room.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "proxy/net/async.h"
#include "proxy/net/request_counts.h"

namespace npmgate {

// Requests that were in the buffer before the last answer was sent (pipelining) wait here for their
// turn: a few in each round of the loop, in the order in which they came. Without it 200 pipelining
// clients make everybody else wait for 200 requests. One per loop, touched by its thread only.
class Turns {
 public:
  explicit Turns(std::size_t per_round) : per_round_(per_round) {}

  Task<void> wait();

 private:
  void next(const net::any_io_executor& executor);

  std::size_t per_round_;
  bool turning_ = false;
  std::deque<std::shared_ptr<net::steady_timer>> waiting_;
};

struct SessionState {
  SessionState(net::ip::tcp::socket& s, Turns& t, const std::atomic<bool>& ending, std::string from)
      : socket(s), turns(t), stopping(ending), address(std::move(from)) {}
  net::ip::tcp::socket& socket;
  Turns& turns;
  const std::atomic<bool>& stopping;
  std::string address;  // as counted; "": a trusted proxy's
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  bool idle = true;
  bool fresh = true;    // nothing was asked yet
  bool waiting = true;  // for a request or the rest of its head, since:
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
};

// What counts as one address: a host, or the /64 that one IPv6 host has to itself.
std::string counted_address(const net::ip::address& peer);

// The sessions of one loop; touched by that loop's thread only.
struct LoopSessions {
  LoopSessions(std::size_t per_round, Metrics& metrics, const std::string& listener)
      : requests(metrics, listener), turns(per_round) {}
  std::list<SessionState*> sessions;
  RequestCounts requests;
  Turns turns;

  // Closes the connection that has waited longest for its client; of `address`, or, with "", of
  // the address that has most of them. False: none waits.
  bool evict(std::string address);
};

// A session is in the list as long as this lives, whatever ends it.
class Listed {
 public:
  Listed(LoopSessions& all, SessionState& one)
      : all_(all), entry_(all.sessions.insert(all.sessions.end(), &one)) {}
  ~Listed() { all_.sessions.erase(entry_); }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  LoopSessions& all_;
  std::list<SessionState*>::iterator entry_;
};

// What one connection holds of the room for request bodies, in memory or in files.
class BodyBudget {
 public:
  BodyBudget(std::atomic<std::size_t>& used, std::size_t limit) : used_(used), limit_(limit) {}
  ~BodyBudget() { give_back(); }
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;
  bool take(std::size_t bytes) {
    if (used_.fetch_add(bytes) + bytes > limit_) {
      used_.fetch_sub(bytes);
      return false;
    }
    held_ += bytes;
    return true;
  }
  void give_back() { used_.fetch_sub(std::exchange(held_, 0)); }

 private:
  std::atomic<std::size_t>& used_;
  std::size_t limit_, held_ = 0;
};

// Bytes of request bodies, of all connections of a listener.
struct BodyRoom {
  std::atomic<std::size_t> memory{0}, files{0};
};

}  // namespace npmgate
