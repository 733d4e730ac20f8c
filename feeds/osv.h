// OSV records (OSV schema 1.x) as rows of an index. Counted are records about malware in npm
// packages: id or alias MAL-…, or CWE-506 (embedded malicious code) under
// database_specific.cwe_ids, if GitHub's advisories say so.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "feeds/advisory_index.h"

namespace npmgate {

struct FeedCounts {
  std::uint64_t files = 0;
  std::uint64_t records = 0;     // read, of whatever kind
  std::uint64_t malware = 0;     // of these: in force, about malware in an npm package
  std::uint64_t withdrawn = 0;   // of these: taken back
  std::uint64_t unreadable = 0;  // records or files that are no OSV; their readable parts count
  std::vector<std::string> problems;  // the first few of these, with the file's name
  friend bool operator==(const FeedCounts&, const FeedCounts&) = default;
};

class OsvReader {
 public:
  // Adds to both, which outlive it.
  OsvReader(AdvisoryIndexBuilder& index, FeedCounts& counts);
  ~OsvReader();
  OsvReader(const OsvReader&) = delete;
  OsvReader& operator=(const OsvReader&) = delete;

  // One JSON text: a record, or an array of records. `source` names it in problems. kTooLarge if
  // the index is full; what cannot be read is counted, not an error.
  Result<void> read(std::string& text, std::string_view source);
  void note(std::string_view source, std::string_view problem);  // an unreadable one

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace npmgate
