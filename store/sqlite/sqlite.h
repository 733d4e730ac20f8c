// A thin owner of SQLite's handles: connections, cached statements, transactions, and its error
// codes as Errors. No SQL lives here.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace npmgate {

class Connection;

// A prepared statement on loan from its connection's cache; goes back on destruction. Errors stick:
// after the first one every call is a no-op and result() names it, so that a sequence is checked
// once at its end. Values are copied when bound.
class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Starts over with these values for ?1, ?2 …
  template <class... Values>
  Statement& bind(const Values&... values) {
    reset();
    int index = 0;
    (put(++index, values), ...);
    return *this;
  }
  // True: a row is there, read it with the column functions. False: no more rows, or an error.
  bool step();
  // Binds, runs to the end, drops rows. False on an error.
  template <class... Values>
  bool run(const Values&... values) {
    bind(values...);
    while (step()) {
    }
    return !failure_;
  }
  Result<void> result() const;

  // Column values of the present row, from 0. A view is valid until the next step.
  std::string_view text(int column) const;
  std::string string(int column) const { return std::string(text(column)); }
  std::int64_t integer(int column) const;
  bool flag(int column) const { return integer(column) != 0; }
  Time time(int column) const { return Time(Millis(integer(column))); }
  std::optional<Time> optional_time(int column) const;

 private:
  void reset();
  void put(int index, std::string_view value);
  void put(int index, const char* value) { put(index, std::string_view(value)); }
  void put(int index, const std::string& value) { put(index, std::string_view(value)); }
  void put(int index, Time value) { put_integer(index, value.time_since_epoch().count()); }
  void put(int index, const std::optional<Time>& value);
  template <std::integral Integer>
  void put(int index, Integer value) {
    put_integer(index, static_cast<std::int64_t>(value));
  }
  void put_integer(int index, std::int64_t value);
  void check(int code);

  Connection& connection_;
  std::string_view sql_;
  sqlite3_stmt* handle_ = nullptr;
  std::optional<Error> failure_;
};

// One connection; one thread at a time. Must outlive its statements.
class Connection {
 public:
  struct Options {
    bool create = false;
    bool read_only = false;  // refuses writes (PRAGMA query_only)
    Millis busy_timeout{5000};
  };
  // `path` may be ":memory:".
  static Result<std::unique_ptr<Connection>> open(const std::string& path, const Options& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs a script of statements; rows are dropped. With bound values: Statement.
  Result<void> execute(const std::string& script);
  // The first column of the first row.
  Result<std::int64_t> query_integer(std::string_view sql);
  std::int64_t last_insert_id() const;
  // Rows that the last INSERT, UPDATE or DELETE changed.
  std::int64_t changes() const;
  // Copies the whole database to `path` as one consistent state while others read and write.
  Result<void> copy_to(const std::string& path);
  // The Error for one of SQLite's result codes: disk full, locked and out of descriptors may pass
  // by themselves (retry), a damaged file is kCorrupt, a refused constraint or trigger is kRefused
  // with its text.
  Error error(int code, std::string_view what) const;

 private:
  friend class Statement;
  Connection(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  sqlite3* handle_;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*, Hash, std::equal_to<>> idle_;  // by SQL text
};

// BEGIN IMMEDIATE … COMMIT; rolled back on destruction without commit().
class Transaction {
 public:
  explicit Transaction(Connection& connection);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  // Whether it began.
  const Result<void>& begun() const { return begun_; }
  Result<void> commit();

 private:
  Connection& connection_;
  Result<void> begun_;
  bool open_ = false;
};

}  // namespace npmgate
