// What an audit knows of one lockfile: each release with what was learned of it. Filled by the
// sources in audit_sources.h, told by audit_report.h.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <vector>

#include "lockfile/hosts.h"
#include "lockfile/lockfile.h"
#include "policy/decide.h"
#include "proxy/net/async.h"

namespace npmgate {

// How far the question "what is this release?" got.
enum class Answered {
  kJudged,
  kTrusted,  // its upstream says inspect: false
  kUnknown,  // offline, and nothing recorded
  kAbsent,   // the registry does not have it
  kFailed,   // could not be asked
};
std::string_view to_string(Answered answered);

struct ReleaseAnswer {
  ReleaseAnswer() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  Answered answered = Answered::kFailed;
  std::string detail;            // why, unless judged
  boost::json::object release;   // kJudged: as the gate's release page has it (release_json)
  std::vector<std::string> sri;  // hashes of the tarball by the evidence or the registry
};

struct AuditRow {
  AuditRow() {}
  LockedRelease locked;
  ReleaseAnswer answer;
  std::vector<std::vector<std::string>> paths;

  std::string spec() const { return locked.name + "@" + locked.version; }
  Action action() const;  // kAllow unless judged
  // The hash in the lockfile is not that of the release, or entries contradict each other.
  bool integrity_mismatch() const;
  // "FINDING MESSAGE (rule ID)" of the strictest reason that counts; the detail if not judged.
  std::string sentence() const;
  std::vector<std::string> findings() const;  // ids
};

struct Audit {
  Audit() {}
  Lockfile lockfile;
  std::vector<AuditRow> rows;
  std::vector<Bypass> bypasses;
  std::string judged_by;  // "policy.yaml" or the gate's URL

  struct Counts {
    std::size_t block = 0, quarantine = 0, warn = 0, allow = 0, unknown = 0, failed = 0,
                mismatch = 0;
  };
  Counts counts() const;
};

using AskRelease = std::function<Task<ReleaseAnswer>(LockedRelease)>;
// Asks for every release, `width` at a time; `progress` is called on the loop with the number done.
Task<bool> ask_all(Audit& audit, AskRelease ask, std::size_t width,
                   std::function<void(std::size_t)> progress);

}  // namespace npmgate
