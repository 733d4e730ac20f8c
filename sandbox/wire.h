// What the gate and its inspection workers say to each other over a stream socket: frames of eight
// bytes ("NGW", the format's version, the payload's length in little endian) and a JSON payload. A
// request comes with one descriptor (SCM_RIGHTS on its first byte), open for reading: the tarball.
//
// A worker has read hostile bytes, so nothing it sends is trusted: decode_reply() takes exactly
// what encode() writes, within limits, and says nothing about which release it is. Name, version,
// digests and integrity are the gate's own (identify_release, inspect/evidence/evidence.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "diff/content_diff.h"
#include "diff/source_comparison.h"
#include "inspect/evidence/evidence.h"

namespace npmgate {

inline constexpr std::size_t kFrameHeader = 8;
// A request holds the packument's name and scripts; the largest real ones have some KB.
inline constexpr std::size_t kMaxRequest = std::size_t{16} << 20;
// 100,000 files (ArchiveLimits) with names of usual length take 15 MB.
inline constexpr std::size_t kMaxReply = std::size_t{32} << 20;
// Where a worker finds its end of the socket.
inline constexpr int kWorkerSocket = 3;

// The payload with its header.
std::string frame(std::string_view payload);
// The payload's length out of the eight bytes of a header; kMalformed if they are none, or
// announce more than `limit`.
Result<std::size_t> payload_size(std::string_view header, std::size_t limit);

// The first frame a worker sends: what holds it, or why it will not work.
struct Hello {
  bool seccomp = false;
  int landlock = 0;     // the kernel's ABI; 0: it has none
  std::string refused;  // "" or what is missing; then the worker ends
  friend bool operator==(const Hello&, const Hello&) = default;
};
std::string encode(const Hello& hello);
Result<Hello> decode_hello(std::string_view payload);

// What a reviewer wants to see of two tarballs. They come in one descriptor, one behind the other.
struct DiffRequest {
  std::uint64_t baseline_size = 0;  // bytes of the first; 0: there is no baseline
  std::vector<std::string> paths;   // content_diff()
};
// The limits of content_diff() in a worker whose archives have `archive`.
DiffLimits diff_limits(const ArchiveLimits& archive);

struct WorkRequest {
  std::uint64_t job = 0;  // comes back in the reply
  Manifest stated;        // of which name and scripts travel
  ArchiveLimits limits;
  std::string attempt;  // not "": no tarball, try what a worker must not do (self_test.h)
  std::optional<DiffRequest> diff;           // compare two tarballs instead of reading one
  std::optional<SourceRequest> source = {};  // compare a tarball with a pack that follows it
};
std::string encode(const WorkRequest& request);
Result<WorkRequest> decode_request(std::string_view payload);

struct WorkReply {
  std::uint64_t job = 0;
  std::optional<Contents> contents;
  std::string failed;                           // "" or why there is neither
  std::optional<int> attempt_errno;             // of an attempt; 0: it succeeded
  std::optional<ContentDiff> diff = {};         // of a request with one
  std::optional<SourceComparison> source = {};  // likewise
};
std::string encode(const WorkReply& reply);
// kMalformed for anything but a reply to `job` that read_contents() under `limits` could have made,
// or content_diff() if `diff` was asked for, or compare_with_source() if `source` was.
Result<WorkReply> decode_reply(std::string_view payload, std::uint64_t job,
                               const ArchiveLimits& limits, const DiffRequest* diff = nullptr,
                               const SourceRequest* source = nullptr);

// Ends with the worker's promises broken: what no archive that passes under `limits` gives.
// nullopt: nothing is wrong.
std::optional<std::string> implausible(const Contents& contents, const ArchiveLimits& limits);

}  // namespace npmgate
