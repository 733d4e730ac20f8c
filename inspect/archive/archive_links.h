// Which links in an archive do no harm whatever a client makes of them.
#pragma once

#include <optional>
#include <vector>

#include "inspect/archive/archive.h"
#include "inspect/archive/tar_verifier.h"

namespace npmgate {

// Fills `archive.links`; `archive` has been through check_paths (so no entry lies behind a link). A
// symbolic link is taken from its own folder, a hard one from the archive's root whatever its top
// directory is called (lz4 0.6.3). Refused (tar-type) are links out of the package, to nothing, to
// another link, to a folder that they lie in, and those with a name that clients act on. `limits`
// hold for what the archive has when everything is there under both names.
std::optional<ArchiveRefusal> check_links(const std::vector<TarEntry>& entries,
                                          const ArchiveLimits& limits, Archive& archive);

}  // namespace npmgate
