// The body of PUT /name: enough of it to tell a publish from a document that a client writes back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate {

struct WriteDocument {
  std::string name;                   // "" where the body has none
  bool attachments = false;           // carries tarballs: a publish
  std::vector<std::string> versions;  // keys of `versions`
  std::vector<std::string> tarballs;  // every dist.tarball of these
};

// kMalformed where the body is no JSON object or says one of these fields twice: what is decided
// here would not be what the registry reads. Values are not validated further; that is the
// registry's.
Result<WriteDocument> read_write_document(std::string_view body);

}  // namespace npmgate
