// Raw upstream documents: a row with the validators, a gzip file with the body. The row names the
// body's digest, so a file that is damaged, torn by a power cut, or not the row's is noticed and
// counts as absent.
#include "base/digest.h"
#include "base/gzip.h"
#include "base/log.h"
#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

struct DocumentRow {
  StateStore::Document document;  // body empty
  std::size_t size = 0;
  std::string sha256;
};

Result<std::optional<DocumentRow>> load_row(Connection& connection, std::string_view key) {
  std::optional<DocumentRow> found;
  Statement row(connection,
                "SELECT etag, last_modified, fetched, size, sha256 FROM document WHERE key=?1");
  if (row.bind(key).step()) {
    found.emplace();
    found->document.etag = row.string(0);
    found->document.last_modified = row.string(1);
    found->document.fetched = row.time(2);
    found->size = static_cast<std::size_t>(row.integer(3));
    found->sha256 = row.string(4);
  }
  if (auto done = row.result(); !done) return done.error();
  return found;
}

// The body of `row`, or nullopt if the file is not that.
std::optional<std::string> load_body(DocumentFiles& files, std::string_view key,
                                     const DocumentRow& row) {
  const auto compressed = files.get(key);
  if (!compressed) return std::nullopt;
  auto body = gzip_expand(*compressed, row.size);
  if (!body || body->size() != row.size || sha256_hex(*body) != row.sha256) return std::nullopt;
  return std::move(*body);
}

}  // namespace

Result<void> SqliteStateStore::put_document(std::string_view key, const Document& document) {
  std::string made;
  if (document.compressed.empty()) made = gzip_compress(document.body);
  const std::string& compressed = document.compressed.empty() ? made : document.compressed;
  const std::string sha256 = sha256_hex(document.body);
  // The file is replaced under the write lock: two that put the same key cannot end with the row of
  // one and the file of the other.
  return database_->write(Durability::kProcess, [&](Connection& connection) -> Result<void> {
    if (auto put = files_->put(key, compressed); !put) return put;
    Statement save(connection,
                   "INSERT INTO document (key, etag, last_modified, fetched, size, sha256)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (key) DO UPDATE"
                   " SET etag=excluded.etag, last_modified=excluded.last_modified,"
                   " fetched=excluded.fetched, size=excluded.size, sha256=excluded.sha256");
    save.run(key, document.etag, document.last_modified, document.fetched, document.body.size(),
             sha256);
    return save.result();
  });
}

Result<std::optional<StateStore::Document>> SqliteStateStore::document(std::string_view key) {
  // A second try: between row and file a put may have replaced both.
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto row = database_->read([&](Connection& connection) { return load_row(connection, key); });
    if (!row) return row.error();
    if (!*row) return std::optional<Document>();
    if (auto body = load_body(*files_, key, **row)) {
      (*row)->document.body = std::move(*body);
      return std::optional<Document>(std::move((*row)->document));
    }
  }
  log::warn("document-damaged", "a stored upstream document is missing or damaged; fetching again",
            {{"key", std::string(key)}});
  return std::optional<Document>();
}

Result<std::optional<StateStore::Document>> SqliteStateStore::document_head(std::string_view key) {
  auto row = database_->read([&](Connection& connection) { return load_row(connection, key); });
  if (!row) return row.error();
  return *row ? std::optional<Document>(std::move((*row)->document)) : std::nullopt;
}

Result<void> SqliteStateStore::touch_document(std::string_view key, Time fetched) {
  return database_->write(Durability::kProcess, [&](Connection& connection) -> Result<void> {
    Statement update(connection, "UPDATE document SET fetched=?2 WHERE key=?1");
    update.run(key, fetched);
    if (auto done = update.result(); !done) return done;
    if (connection.changes() == 0) {
      return fail(Code::kNotFound, Origin::kSelf, "no document " + std::string(key));
    }
    return {};
  });
}

Result<void> SqliteStateStore::remove_document(std::string_view key) {
  return database_->write(Durability::kProcess, [&](Connection& connection) -> Result<void> {
    Statement drop(connection, "DELETE FROM document WHERE key=?1");
    drop.run(key);
    if (auto done = drop.result(); !done) return done;
    return files_->remove(key);
  });
}

}  // namespace npmgate
