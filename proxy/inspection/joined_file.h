// Bytes of several sources as one sealed file in memory, which a worker can be given.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "store/disk/blob_store.h"

namespace npmgate {

// `blobs` one behind the other (null ones are left out), then `tail`; open for reading only.
// Blocks. kUnavailable, retry: no memory for it.
Result<std::shared_ptr<const Fd>> joined_file(const std::vector<const BlobStore::Handle*>& blobs,
                                              std::string_view tail = {});

}  // namespace npmgate
