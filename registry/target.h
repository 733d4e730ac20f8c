// What a request line asks for. The path is decoded once and matched against npm's grammar; nothing
// else becomes a lookup.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "registry/name.h"

namespace npmgate {

struct PackumentTarget {
  PackageName name;
  bool write = false; /* ?write=true */
};
struct ManifestTarget {
  PackageName name;
  std::string version_or_tag;
};
struct DistTagsTarget {
  PackageName name;
  std::string tag; /* "" = all */
};
struct TarballTarget {
  PackageName name;
  std::string version;  // "" if the file's name does not tell it: old packages have other names
  std::string file;     // without ".tgz"
};
// Registry services that pass to the upstream: ping, whoami, search, audit (bulk, quick), keys,
// attestations.
struct ServiceTarget {
  enum class Kind {
    kPing,
    kWhoami,
    kSearch,
    kAuditBulk,
    kAuditQuick,
    kKeys,
    kAttestations,
    kLogin,
    kToken,
    kUser
  } kind;
  std::string path;  // decoded, starts with "/-/"
  std::string query;
  std::optional<PackageName> name;  // attestations
};
struct OwnPageTarget {
  std::string path; /* after "/-/npm-gate/"; "r/NAME@VERSION" for "/-/r/NAME@VERSION" */
  std::string query;
};
// A write: publish, unpublish, deprecate, dist-tag, star, login …; `what` for the sentence
// ("publish"), name if the path has one.
struct WriteTarget {
  std::string what;
  std::optional<PackageName> name;
  std::string path;
};
struct RejectedTarget {
  int status = 400;
  std::string reason;
};

using Target = std::variant<PackumentTarget, ManifestTarget, DistTagsTarget, TarballTarget,
                            ServiceTarget, OwnPageTarget, WriteTarget, RejectedTarget>;

// `raw` is the request target in origin form; `prefix` is public_url's path ("/" or
// "/npm/team-a/"), which may be absent from `raw` too (a proxy in front may strip it). Understands
// /@s%2fn, /@s%2Fn, /@s/n, /@s%2fn/-/n-1.0.0.tgz, /@s/n/-/@s/n-1.0.0.tgz. Rejected: other
// percent-encoded slashes, dot segments, backslash, NUL and control bytes, invalid escapes, double
// slashes, names outside the grammar, over 2,048 bytes. HEAD is treated as GET. Never throws.
Target parse_target(std::string_view method, std::string_view raw, std::string_view prefix = "/");

}  // namespace npmgate
