// Feeds on disk: what gate.yaml's `feeds` names.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "feeds/advisory_index.h"
#include "feeds/osv.h"
#include "feeds/zip_file.h"

namespace npmgate {

struct FeedLimits {
  std::uint64_t max_json = std::uint64_t{256} << 20;  // bytes of one JSON file
  std::size_t max_index = std::size_t{1}
                          << 30;        // bytes of text in memory; 200,000 MAL records take 30 MB
  std::uint64_t max_files = 5'000'000;  // in a folder
  std::chrono::seconds max_time{600};
  ZipLimits zip;
};

struct LoadedFeed {
  std::shared_ptr<const AdvisoryIndex> index;
  FeedCounts counts;
};

// Reads every path: a folder (its *.json files, at any depth; names with a leading dot are passed
// over, links to folders not followed), a .json file, or a .zip export. An error names the path and
// what to do: nothing there, not readable, over a limit, stopped, or more than one record in a
// hundred is no OSV (one among fewer than a hundred): then the whole is not believed. Blocks on
// disk, seconds for a whole ecosystem.
Result<LoadedFeed> load_feeds(const std::vector<std::string>& paths, const FeedLimits& limits,
                              std::stop_token stop = {});

// Changes whenever a file below the paths is added, removed, replaced or written to. Reads no
// content.
std::uint64_t feed_fingerprint(const std::vector<std::string>& paths);

}  // namespace npmgate
