// The body of PUT /name: enough of it to tell a publish from a document that a client writes back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate {

struct WriteDocument {
  std::string name;                   // "" if the body has none
  bool attachments = false;           // carries tarballs: a publish
  std::vector<std::string> versions;  // keys of `versions`
  std::vector<std::string> tarballs;  // every dist.tarball of these
};

// kMalformed if the body is no JSON object or says one of these fields twice: what is decided
// here would not be what the registry reads. Values are not validated further; that is the
// registry's.
Result<WriteDocument> read_write_document(std::string_view body);

// The same for a body that comes in pieces and may be too large for memory: of strings that are
// longer than 64 KiB (tarballs in base64) only the beginning is kept. No name, version or URL is as
// long.
class WriteDocumentReader {
 public:
  // kMalformed: no JSON text goes on like this; kTooLarge: more than 32 MiB without the long
  // strings.
  Result<void> add(std::string_view piece);
  // After the last piece; as read_write_document().
  Result<WriteDocument> finish() const { return read_write_document(outline_); }

 private:
  void keep(char c);

  std::string outline_;
  bool in_string_ = false, escaped_ = false, dropping_ = false;
  std::size_t kept_ = 0;   // bytes kept of the string
  std::size_t plain_ = 0;  // bytes since its last escape or non-ASCII byte
};

}  // namespace npmgate
