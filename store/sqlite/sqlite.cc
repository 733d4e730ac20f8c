#include "store/sqlite/sqlite.h"

#include <sqlite3.h>

#include <algorithm>

namespace npmgate {
namespace {

// One line of an SQL statement for error texts.
std::string shown(std::string_view sql) {
  constexpr std::size_t kEnough = 60;
  std::string out(sql.substr(0, kEnough));
  std::replace(out.begin(), out.end(), '\n', ' ');
  return sql.size() > kEnough ? out + "…" : out;
}

}  // namespace

Statement::Statement(Connection& connection, std::string_view sql)
    : connection_(connection), sql_(sql) {
  const auto cached = connection.idle_.find(sql);
  if (cached != connection.idle_.end()) {
    handle_ = cached->second;
    connection.idle_.erase(cached);
    return;
  }
  const int code = sqlite3_prepare_v3(connection.handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  check(code);
}

Statement::~Statement() {
  if (handle_ == nullptr) return;
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  // A nested use of the same text prepared a second one: keep one.
  if (!connection_.idle_.try_emplace(std::string(sql_), handle_).second) sqlite3_finalize(handle_);
}

void Statement::check(int code) {
  if (code == SQLITE_OK || failure_) return;
  failure_ = connection_.error(code, shown(sql_));
}

void Statement::reset() {
  if (failure_) return;
  sqlite3_reset(handle_);
}

bool Statement::step() {
  if (failure_) return false;
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) check(code);
  return false;
}

Result<void> Statement::result() const {
  if (failure_) return *failure_;
  return {};
}

void Statement::put(int index, std::string_view value) {
  if (failure_) return;
  // A null pointer would bind NULL: an empty view may have one.
  const char* const data = value.data() == nullptr ? "" : value.data();
  check(sqlite3_bind_text64(handle_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::put(int index, const std::optional<Time>& value) {
  if (value) {
    put(index, *value);
  } else if (!failure_) {
    check(sqlite3_bind_null(handle_, index));
  }
}

void Statement::put_integer(int index, std::int64_t value) {
  if (failure_) return;
  check(sqlite3_bind_int64(handle_, index, value));
}

std::string_view Statement::text(int column) const {
  const auto* const data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::optional<Time> Statement::optional_time(int column) const {
  if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::nullopt;
  return time(column);
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path,
                                                     const Options& options) {
  sqlite3* handle = nullptr;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (options.create) flags |= SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(handle, path));
  if (code != SQLITE_OK) return connection->error(code, "open");
  sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout.count()));
  // Rows come from this program alone, but the file may have been replaced: schema tricks stay off,
  // damaged cells are noticed.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  std::string setup =
      "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;";
  if (options.read_only) setup += "PRAGMA query_only=ON;";
  if (auto done = connection->execute(setup); !done) return done.error();
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Result<void> Connection::execute(const std::string& script) {
  const int code = sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code, shown(script));
  return {};
}

Result<std::int64_t> Connection::query_integer(std::string_view sql) {
  Statement statement(*this, sql);
  const std::int64_t value = statement.step() ? statement.integer(0) : 0;
  if (auto done = statement.result(); !done) return done.error();
  return value;
}

std::int64_t Connection::last_insert_id() const {
  return sqlite3_last_insert_rowid(handle_);
}

std::int64_t Connection::changes() const {
  return sqlite3_changes64(handle_);
}

Result<void> Connection::copy_to(const std::string& path) {
  auto target = open(path, Options{true, false, Millis(5000)});
  if (!target) return target.error();
  sqlite3* const to = (*target)->handle_;
  sqlite3_backup* const backup = sqlite3_backup_init(to, "main", handle_, "main");
  if (backup == nullptr) return (*target)->error(sqlite3_extended_errcode(to), "backup");
  const int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return (*target)->error(code, "backup");
  // One file, without -wal and -shm beside it.
  return (*target)->execute("PRAGMA journal_mode=DELETE");
}

Error Connection::error(int code, std::string_view what) const {
  std::string context = path_ + ": " + std::string(what) + ": ";
  context += handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  switch (
      code &
      0xff) {  // the primary code:
               // https://sqlite.org/rescode.html#primary_result_codes_versus_extended_result_codes
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return fail(Code::kUnavailable, Origin::kDisk, std::move(context), true);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return fail(Code::kCorrupt, Origin::kDisk, std::move(context));
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return fail(Code::kUnavailable, Origin::kDisk, std::move(context));
    case SQLITE_CONSTRAINT:
      return fail(Code::kRefused, Origin::kSelf, std::move(context));
    case SQLITE_TOOBIG:
      return fail(Code::kTooLarge, Origin::kSelf, std::move(context));
    default:
      return fail(Code::kInternal, Origin::kSelf, std::move(context));
  }
}

Transaction::Transaction(Connection& connection)
    : connection_(connection), begun_(connection.execute("BEGIN IMMEDIATE")) {
  open_ = begun_.has_value();
}

Transaction::~Transaction() {
  if (open_) (void)connection_.execute("ROLLBACK");
}

Result<void> Transaction::commit() {
  auto done = connection_.execute("COMMIT");
  if (done)
    open_ = false;  // a COMMIT that failed (disk full) leaves it open: the destructor rolls back
  return done;
}

}  // namespace npmgate
