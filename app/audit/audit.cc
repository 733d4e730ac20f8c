#include "app/audit/audit.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "base/digest.h"

namespace npmgate {
namespace {

// Ways to a release that are told; more only repeat what is to be done.
constexpr std::size_t kMaxPaths = 5;

const boost::json::value* member(const boost::json::object& object, std::string_view key) {
  return object.if_contains(key);
}

std::string text_of(const boost::json::value& value, std::string_view key) {
  if (!value.is_object()) return {};
  const auto* found = member(value.get_object(), key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

const boost::json::array* list_of(const boost::json::value& value, std::string_view key) {
  if (!value.is_object()) return nullptr;
  const auto* found = member(value.get_object(), key);
  return found != nullptr && found->is_array() ? &found->get_array() : nullptr;
}

// The first reason that counts; reasons come strictest first, waived ones last.
const boost::json::value* deciding(const boost::json::object& release) {
  const auto* verdict = member(release, "verdict");
  const auto* reasons = verdict == nullptr ? nullptr : list_of(*verdict, "reasons");
  return reasons != nullptr && !reasons->empty() && text_of(reasons->front(), "waived_by").empty()
             ? &reasons->front()
             : nullptr;
}

}  // namespace

std::string_view to_string(Answered answered) {
  switch (answered) {
    case Answered::kJudged:
      return "judged";
    case Answered::kTrusted:
      return "not inspected by configuration";
    case Answered::kUnknown:
      return "unknown";
    case Answered::kAbsent:
      return "absent";
    case Answered::kFailed:
      return "failed";
  }
  return "";
}

Action AuditRow::action() const {
  const auto* verdict = member(answer.release, "verdict");
  const std::string word = verdict == nullptr ? "" : text_of(*verdict, "action");
  for (const Action action : {Action::kBlock, Action::kQuarantine, Action::kWarn}) {
    if (word == to_string(action)) return action;
  }
  return Action::kAllow;
}

bool AuditRow::integrity_mismatch() const {
  if (locked.integrity_differs) return true;
  const auto wanted = parse_integrity(locked.integrity);
  for (const std::string& known : answer.sri) {
    for (const Digest& is : parse_integrity(known)) {
      // As the clients do: of one algorithm any listed hash may fit.
      bool same_algorithm = false, fits = false;
      for (const Digest& one : wanted) {
        same_algorithm |= one.algorithm == is.algorithm;
        fits |= one == is;
      }
      if (same_algorithm && !fits) return true;
    }
  }
  return false;
}

std::string AuditRow::sentence() const {
  if (answer.answered != Answered::kJudged) return answer.detail;
  const auto* reason = deciding(answer.release);
  if (reason == nullptr) return "";
  std::string out;
  if (const auto* ids = list_of(*reason, "findings"); ids != nullptr) {
    for (const auto& id : *ids) out += (out.empty() ? "" : ", ") + std::string(id.as_string());
  }
  const std::string message = text_of(*reason, "message");
  if (!message.empty()) out += (out.empty() ? "" : ": ") + message;
  return out + (out.empty() ? "rule " : " (rule ") + text_of(*reason, "rule") +
         (out.empty() ? "" : ")");
}

std::vector<std::string> AuditRow::findings() const {
  std::vector<std::string> ids;
  const auto* found = member(answer.release, "findings");
  if (found == nullptr || !found->is_array()) return ids;
  for (const auto& finding : found->get_array()) ids.push_back(text_of(finding, "id"));
  return ids;
}

Audit::Counts Audit::counts() const {
  Counts counts;
  for (const AuditRow& row : rows) {
    counts.mismatch += row.integrity_mismatch() ? 1 : 0;
    if (row.answer.answered == Answered::kFailed) {
      ++counts.failed;
    } else if (row.answer.answered == Answered::kUnknown ||
               row.answer.answered == Answered::kAbsent) {
      ++counts.unknown;
    } else {
      const Action action = row.action();
      ++(action == Action::kBlock        ? counts.block
         : action == Action::kQuarantine ? counts.quarantine
         : action == Action::kWarn       ? counts.warn
                                         : counts.allow);
    }
  }
  return counts;
}

namespace {

struct Work {
  Work(Audit& a, AskRelease f, std::function<void(std::size_t)> p)
      : audit(a), ask(std::move(f)), progress(std::move(p)) {}
  Audit& audit;
  AskRelease ask;
  std::function<void(std::size_t)> progress;
  std::size_t next = 0, done = 0, running = 0;
};

Task<void> worker(std::shared_ptr<Work> work, std::shared_ptr<net::steady_timer> finished) {
  while (work->next < work->audit.rows.size()) {
    AuditRow& row = work->audit.rows[work->next++];
    LockedRelease wanted = row.locked;
    row.answer = co_await work->ask(std::move(wanted));
    work->progress(++work->done);
  }
  if (--work->running == 0) finished->cancel();
}

}  // namespace

Task<bool> ask_all(Audit& audit, AskRelease ask, std::size_t width,
                   std::function<void(std::size_t)> progress) {
  for (LockedRelease& release : locked_releases(audit.lockfile)) {
    audit.rows.emplace_back();
    audit.rows.back().locked = std::move(release);
  }
  auto executor = co_await net::this_coro::executor;
  auto work = std::make_shared<Work>(audit, std::move(ask), std::move(progress));
  auto finished = std::make_shared<net::steady_timer>(executor);
  finished->expires_at(net::steady_timer::time_point::max());
  work->running = std::min(width, audit.rows.size());
  for (std::size_t i = work->running; i > 0; --i)
    net::co_spawn(executor, worker(work, finished), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  if (!audit.rows.empty()) co_await wait_for(*finished);
  for (AuditRow& row : audit.rows)
    row.paths = paths_to(audit.lockfile, row.locked.entries, kMaxPaths);
  co_return true;
}

}  // namespace npmgate
