// One database file: a single writing connection, a few reading ones, and transactions around work.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/sqlite/sqlite.h"

namespace npmgate {

// What a commit that returned has survived. Both survive the end of this process, kill -9 too.
// Measured on a virtual disk: 4.8 ms against 0.1 ms, and an install of 1,000 new packages commits
// thousands of times.
enum class Durability {
  kPower,  // survives power loss (fsync), with all earlier commits: pins, decisions, audit, tokens
  kProcess,  // until the next kPower commit lost at worst with the power, never torn: what can be
             // fetched, seen or derived again (looks, evidence, git tags, rows of releases,
             // documents) and the ledger. A release's pin follows its look and its evidence
};

// Thread-safe. In write-ahead mode readers neither wait for the writer nor for each other; a reader
// sees one state from begin to end.
class Database {
 public:
  // A file (created with mode 0600 if absent).
  static Result<std::unique_ptr<Database>> open(const std::string& path, Millis busy_timeout);
  // One connection for all, locked: for tests.
  static Result<std::unique_ptr<Database>> open_in_memory();

  // work(Connection&) -> Result<T> in one transaction: committed if it returns a value, rolled
  // back on an error or exception.
  template <class Work>
  std::invoke_result_t<Work, Connection&> write(Durability durability, Work&& work) {
    const std::lock_guard lock(write_mutex_);
    if (auto set = set_durability(durability); !set) return set.error();
    Transaction transaction(*writer_);
    if (!transaction.begun()) return transaction.begun().error();
    auto outcome = std::forward<Work>(work)(*writer_);
    if (!outcome) return outcome;
    if (auto done = transaction.commit(); !done) return done.error();
    return outcome;
  }

  // work(Connection&) -> Result<T> on one consistent state. May nest, and may write through
  // write().
  template <class Work>
  std::invoke_result_t<Work, Connection&> read(Work&& work) {
    if (path_.empty()) {
      const std::lock_guard lock(write_mutex_);
      return std::forward<Work>(work)(*writer_);
    }
    Reader reader(*this);
    if (!reader.begun()) return reader.begun().error();
    return std::forward<Work>(work)(reader.connection());
  }

  // For setting up (schema) before anybody else uses it.
  Connection& writer() { return *writer_; }

 private:
  // Borrows an idle connection or opens one more: nesting can never wait for itself.
  class Reader {
   public:
    explicit Reader(Database& database);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    const Result<void>& begun() const { return begun_; }
    Connection& connection() { return *connection_; }

   private:
    Database& database_;
    std::unique_ptr<Connection> connection_;
    Result<void> begun_;
  };

  Database(std::string path, Millis busy_timeout, std::unique_ptr<Connection> writer)
      : path_(std::move(path)), busy_timeout_(busy_timeout), writer_(std::move(writer)) {}
  Result<void> set_durability(Durability durability);

  const std::string path_;  // "" in memory
  const Millis busy_timeout_;
  std::recursive_mutex write_mutex_;  // recursive: in memory, a visitor of rows may write
  std::unique_ptr<Connection> writer_;
  Durability durability_ = Durability::kPower;
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> idle_readers_;
};

}  // namespace npmgate
