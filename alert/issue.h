// GitHub issues: what is to be created, commented and closed for a message, and the texts. Pure;
// proxy/github_sink.cc carries it out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alert/render.h"

namespace npmgate {

// Who reads the issue: maintainers of the package hear nothing of who installed it, other projects
// neither.
enum class IssueAudience { kMaintainer, kSubscriber, kTeam };

// What the gate remembers of an issue that tells about a release. Stays when the issue is deleted.
struct IssueRecord {
  std::string repository;  // "owner/name"
  std::string name, version;
  std::int64_t number = 0;
  std::string state;  // open, cleared, gone
  Time at{};
  friend bool operator==(const IssueRecord&, const IssueRecord&) = default;
};

struct IssuePlan {
  std::vector<AlertEvent> create;  // together in one new issue; empty: none
  struct Comment {
    std::int64_t number = 0;
    std::vector<AlertEvent> events;
    bool close = false;   // nothing that the issue told about is bad any more
    bool reopen = false;  // nothing was, and something is again
  };
  std::vector<Comment> comments;  // by issue number
};
// A release is told about once in a repository: in a new issue, or on the open one about the same
// package. `known`: every record of the repository.
IssuePlan plan_issues(const std::vector<AlertEvent>& events, const std::vector<IssueRecord>& known);

struct IssueText {
  std::string title, body;
};
IssueText issue_text(const AlertMessage& message, IssueAudience audience);
std::string comment_text(const AlertMessage& message, IssueAudience audience);
// An HTML comment that is in the body and is searched for before anything is created again.
std::string issue_marker(std::string_view key, std::string_view step);

}  // namespace npmgate
