// Upstream documents as they came. Copies: they are fetched again if they are lost.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

class DocumentStore {
 public:
  virtual ~DocumentStore() = default;

  // Raw upstream documents with their validators. A body that is damaged on disk counts as absent.
  // touch: kNotFound if there is none.
  struct Document {
    std::string body, etag, last_modified;
    Time fetched{};
    // put: one gzip member that expands to `body`, as the upstream sent it; "": made of it.
    std::string compressed{};
  };
  virtual Result<void> put_document(std::string_view key, const Document& document) = 0;
  virtual Result<std::optional<Document>> document(std::string_view key) = 0;
  // The same without the body, which is not read.
  virtual Result<std::optional<Document>> document_head(std::string_view key) = 0;
  virtual Result<void> touch_document(std::string_view key, Time fetched) = 0;
  virtual Result<void> remove_document(std::string_view key) = 0;
};

}  // namespace npmgate
