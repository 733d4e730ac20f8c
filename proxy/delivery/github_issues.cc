#include "proxy/delivery/github_issues.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace npmgate {
namespace {

constexpr auto kApiLimit = std::chrono::seconds(20);
constexpr std::size_t kMaxApiAnswer = std::size_t{16} << 20;  // a page of 100 issues of 64 KB each
constexpr std::string_view kVersion = "2022-11-28";           // GitHub's docs, "API versions"
constexpr int kPages = 10;
constexpr int kPerPage = 100;
// Clocks of two machines differ; a search that begins too early only reads more.
constexpr auto kClockSlack = std::chrono::minutes(5);

std::string message_of(const std::string& body) {
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(body, ec);
  if (ec || !parsed.is_object()) return "";
  const auto* text = parsed.get_object().if_contains("message");
  return text != nullptr && text->is_string() ? ": " + log::printable(text->get_string(), 200) : "";
}

bool has_marker(const boost::json::value& item, const std::string& marker) {
  const auto* body = item.is_object() ? item.get_object().if_contains("body") : nullptr;
  return body != nullptr && body->is_string() &&
         std::string_view(body->get_string()).find(marker) != std::string_view::npos;
}

std::int64_t number_of(const boost::json::value& item) {
  const auto* number = item.is_object() ? item.get_object().if_contains("number") : nullptr;
  return number != nullptr && number->is_int64() ? number->get_int64() : 0;
}

SendOutcome disk(const Error& error) {
  return {SendOutcome::Kind::kRetry, to_string(error)};
}

SendOutcome sent(std::string detail) {
  return {SendOutcome::Kind::kSent, std::move(detail)};
}

IssueAudience audience_of(const SinkSettings& sink, const std::string& repository,
                          const std::vector<AlertEvent>& events) {
  const auto& own = sink.repositories;
  if (std::find(own.begin(), own.end(), repository) != own.end()) return IssueAudience::kTeam;
  for (const AlertEvent& event : events) {
    for (const std::string& project : event.projects) {
      if (project.ends_with("/" + repository)) return IssueAudience::kSubscriber;
    }
  }
  return IssueAudience::kMaintainer;
}

}  // namespace

SendOutcome github_outcome(const FetchReply& reply, Time now) {
  const std::string detail = "status " + std::to_string(reply.status) + message_of(reply.body);
  switch (reply.status) {
    case 404:
    case 410:
    case 422:
    case 301:
      return {SendOutcome::Kind::kDead, detail};
    default:
      break;
  }
  std::optional<Millis> wait = retry_after(reply, now);
  if (!wait && reply.headers.get("x-ratelimit-remaining") == "0") {
    const std::string_view reset = reply.headers.get("x-ratelimit-reset");
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(reset.data(), reset.data() + reset.size(), seconds);
    const Time at{std::chrono::seconds(seconds)};
    if (parsed.ec == std::errc() && at > now) wait = at - now;
  }
  return {SendOutcome::Kind::kRetry, detail, wait};
}

Task<GithubIssues::Answer> GithubIssues::call(const SinkSettings& sink, Call call) {
  FetchRequest request;
  request.method = call.method;
  request.url = sink.url + call.path;
  request.body = std::move(call.body);
  request.authorization = "Bearer " + sink.secret;
  request.headers.emplace_back("Accept", "application/vnd.github+json");
  request.headers.emplace_back("X-GitHub-Api-Version", std::string(kVersion));
  if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.once = call.method != "GET";
  request.ca_file = sink.ca;
  request.limit = kApiLimit;
  request.max_body = kMaxApiAnswer;
  auto reply = co_await upstream_.fetch(std::move(request));
  Answer answer;
  if (!reply) {
    answer.problem = SendOutcome(SendOutcome::Kind::kRetry, to_string(reply.error()));
    co_return answer;
  }
  answer.status = reply->status;
  if (!answer.ok()) answer.problem = github_outcome(*reply, clock_.now());
  answer.body = std::move(reply->body);
  co_return answer;
}

Task<Result<std::int64_t>> GithubIssues::find(const SinkSettings& sink, std::string path,
                                              std::string marker, SendOutcome& problem,
                                              int& status) {
  for (int page = 1; page <= kPages; ++page) {
    Call call;
    call.method = "GET";
    call.path = path + "&per_page=" + std::to_string(kPerPage) + "&page=" + std::to_string(page);
    Answer answer = co_await this->call(sink, std::move(call));
    status = answer.status;
    if (!answer.ok()) {
      problem = answer.problem;
      co_return fail(Code::kUnavailable, Origin::kUpstream, problem.detail);
    }
    boost::system::error_code ec;
    const boost::json::value items = boost::json::parse(answer.body, ec);
    if (ec || !items.is_array()) {
      problem = SendOutcome(SendOutcome::Kind::kRetry, "the answer is no list");
      co_return fail(Code::kMalformed, Origin::kUpstream, problem.detail);
    }
    for (const auto& item : items.get_array()) {
      if (has_marker(item, marker)) co_return std::max<std::int64_t>(1, number_of(item));
    }
    if (items.get_array().size() < kPerPage) break;
  }
  co_return std::int64_t{0};
}

Task<SendOutcome> GithubIssues::deliver(const SinkSettings& sink, std::string repository,
                                        AlertMessage message) {
  std::function<Result<std::vector<StoredIssue>>()> read = [this, repository] {
    return store_.issues(repository);
  };
  auto stored = co_await pool_.offload(std::move(read));
  if (!stored) co_return disk(stored.error());
  std::vector<IssueRecord> known;
  for (const StoredIssue& each : *stored)
    known.push_back({each.repository, each.name, each.version, each.number, each.state, each.at});
  // What this very message has written already, before a crash.
  std::erase_if(message.events, [&](const AlertEvent& event) {
    return std::any_of(known.begin(), known.end(), [&](const IssueRecord& record) {
      return record.name == event.name && record.version == event.version &&
             record.at == message.at;
    });
  });
  Job job;
  job.sink = &sink;
  job.repository = repository;
  job.message = message;
  job.audience = audience_of(sink, repository, message.events);
  const IssuePlan plan = plan_issues(message.events, known);
  SendOutcome last = sent("nothing to write");
  if (!plan.create.empty()) {
    std::vector<AlertEvent> events = plan.create;
    last = co_await create(job, std::move(events));
    if (last.kind != SendOutcome::Kind::kSent) co_return last;
  }
  for (const IssuePlan::Comment& each : plan.comments) {
    IssuePlan::Comment copy = each;
    last = co_await comment(job, std::move(copy));
    if (last.kind != SendOutcome::Kind::kSent) co_return last;
  }
  co_return last;
}

Task<SendOutcome> GithubIssues::check(const SinkSettings& sink) {
  std::vector<std::string> paths;
  for (const std::string& each : sink.repositories) paths.push_back("repos/" + each);
  if (paths.empty()) paths.emplace_back("rate_limit");
  for (const std::string& path : paths) {
    Call get;
    get.method = "GET";
    get.path = path;
    Answer answer = co_await call(sink, std::move(get));
    if (!answer.ok())
      co_return SendOutcome(answer.problem.kind, path + ": " + answer.problem.detail);
  }
  co_return sent("the token is accepted; no issue was written");
}

Task<Result<bool>> GithubIssues::remember(const Job& job, std::int64_t number,
                                          std::vector<AlertEvent> events) {
  std::function<Result<bool>()> write = [this, &job, number, &events]() -> Result<bool> {
    for (const AlertEvent& event : events) {
      if (event.kind == EventKind::kFixed) continue;  // it tells of another release
      const bool over = event.kind == EventKind::kCleared || event.kind == EventKind::kDropped;
      const StoredIssue issue{
          job.repository, event.name, event.version, number, over ? "cleared" : "open",
          job.message.at};
      if (auto done = store_.put_issue(issue); !done) return done.error();
    }
    return true;
  };
  co_return co_await pool_.offload(std::move(write));
}

Task<SendOutcome> GithubIssues::create(const Job& job, std::vector<AlertEvent> events) {
  const std::string marker = issue_marker(job.message.key, "issue");
  const std::string issues = "repos/" + job.repository + "/issues";
  SendOutcome problem;
  int status = 0;
  auto number = co_await find(*job.sink,
                              issues + "?state=all&sort=created&direction=desc&since=" +
                                  format_time(job.message.at - kClockSlack),
                              marker, problem, status);
  if (!number) co_return problem;
  std::int64_t made = *number;
  if (made == 0) {
    AlertMessage message = job.message;
    message.events = events;
    const IssueText text = issue_text(message, job.audience);
    Call post;
    post.method = "POST";
    post.path = issues;
    post.body = boost::json::serialize(
        boost::json::object{{"title", text.title}, {"body", text.body + "\n" + marker + "\n"}});
    Answer answer = co_await call(*job.sink, std::move(post));
    if (!answer.ok()) co_return answer.problem;
    boost::system::error_code ec;
    made = number_of(boost::json::parse(answer.body, ec));
    if (made == 0)
      co_return SendOutcome(SendOutcome::Kind::kRetry, "the answer names no issue number");
  }
  auto kept = co_await remember(job, made, std::move(events));
  if (!kept) co_return disk(kept.error());
  co_return sent("issue #" + std::to_string(made));
}

Task<SendOutcome> GithubIssues::comment(const Job& job, IssuePlan::Comment plan) {
  const std::string number = std::to_string(plan.number);
  const std::string marker = issue_marker(job.message.key, "comment-" + number);
  const std::string comments = "repos/" + job.repository + "/issues/" + number + "/comments";
  SendOutcome problem;
  int status = 0;
  auto found =
      co_await find(*job.sink, comments + "?since=" + format_time(job.message.at - kClockSlack),
                    marker, problem, status);
  if (!found && (status == 404 || status == 410)) co_return co_await gone(job, plan.number);
  if (!found) co_return problem;
  if (*found == 0) {
    AlertMessage message = job.message;
    message.events = plan.events;
    Call post;
    post.method = "POST";
    post.path = comments;
    post.body = boost::json::serialize(
        boost::json::object{{"body", comment_text(message, job.audience) + "\n" + marker + "\n"}});
    Answer answer = co_await call(*job.sink, std::move(post));
    if (answer.status == 404 || answer.status == 410) co_return co_await gone(job, plan.number);
    if (!answer.ok()) co_return answer.problem;
  }
  if (plan.close || plan.reopen) {
    SendOutcome changed = co_await set_state(job, plan.number, plan.close);
    if (changed.kind != SendOutcome::Kind::kSent) co_return changed;
  }
  auto kept = co_await remember(job, plan.number, std::move(plan.events));
  if (!kept) co_return disk(kept.error());
  co_return sent("comment on #" + number +
                 (plan.close    ? ", closed"
                  : plan.reopen ? ", opened again"
                                : ""));
}

Task<SendOutcome> GithubIssues::set_state(const Job& job, std::int64_t number, bool closed) {
  Call patch;
  patch.method = "PATCH";
  patch.path = "repos/" + job.repository + "/issues/" + std::to_string(number);
  patch.body = closed ? R"({"state":"closed","state_reason":"completed"})"
                      : R"({"state":"open","state_reason":"reopened"})";
  Answer answer = co_await call(*job.sink, std::move(patch));
  co_return answer.ok() ? sent("done") : answer.problem;
}

// Deleting an issue says that nobody wants to read about it there; the record stays, and nothing is
// written about those releases in that repository again.
Task<SendOutcome> GithubIssues::gone(const Job& job, std::int64_t number) {
  std::function<Result<bool>()> write = [this, &job, number]() -> Result<bool> {
    auto known = store_.issues(job.repository);
    if (!known) return known.error();
    for (StoredIssue& issue : *known) {
      if (issue.number != number) continue;
      issue.state = "gone";
      if (auto done = store_.put_issue(issue); !done) return done.error();
    }
    return true;
  };
  auto written = co_await pool_.offload(std::move(write));
  if (!written) co_return disk(written.error());
  co_return sent("issue #" + std::to_string(number) + " was deleted there");
}

}  // namespace npmgate
