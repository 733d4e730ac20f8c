#include "app/commands/inspect_list.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <mutex>

#include "app/cli.h"
#include "app/commands/inspect_file.h"
#include "app/report/progress.h"
#include "app/report/report.h"
#include "app/report/text_writer.h"
#include "base/log.h"
#include "base/text.h"

namespace npmgate {
namespace {

using Steady = std::chrono::steady_clock;

// For logs, in the place of the bar: a line per release.
void print_line(std::size_t done, std::size_t total, const ListRow& row) {
  std::cerr << "[" << done << "/" << total << "] " << log::printable(row.release(), 200) << "  "
            << (row.action ? std::string(to_string(*row.action)) : log::printable(row.error, 300))
            << (row.rule.empty() ? "" : " (" + log::printable(row.rule, 60) + ")") << "\n";
}

void take_findings(ListRow& row, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    const auto known = std::find_if(row.findings.begin(), row.findings.end(),
                                    [&](const auto& found) { return found.id == finding.id; });
    if (known == row.findings.end()) {
      row.findings.push_back({finding.id, finding.severity});
    } else {
      known->severity = std::max(known->severity, finding.severity);
    }
  }
}

ListRow row_of(const std::string& spec, const Judged& judged) {
  ListRow row;
  row.spec = spec;
  row.name = judged.subject.name;
  row.version = judged.version;
  row.baseline = judged.baseline;
  row.action = judged.verdict.action;
  take_findings(row, judged.findings);
  const auto& reasons = judged.verdict.reasons;
  if (judged.verdict.action == Action::kAllow || reasons.empty()) return row;
  row.rule = reasons.front().rule;
  row.why = refusal_sentence(judged.subject, judged.verdict, judged.findings);
  return row;
}

class ListRun {
 public:
  ListRun(OfflineGate& gate, const std::vector<std::string>& specs, const ListOptions& options)
      : gate_(gate), specs_(specs), options_(options), progress_("", specs.size()) {
    rows_.resize(specs.size());
  }

  int run() {
    gate_.run<bool>([this] { return all(); });
    progress_.clear();
    if (options_.form == ListOptions::Form::kTable)
      std::cout << list_text(rows_, wants_colour(), terminal_width());
    if (options_.form == ListOptions::Form::kMarkdown) std::cout << list_markdown(rows_);
    if (options_.form != ListOptions::Form::kJson && !gate_.asks_feed())
      std::cout << "\n" << kNoFeed << "\n";
    std::cout << std::flush;
    const ListCounts counts = count(rows_);
    return counts.failed > 0 ? kFailed : counts.held() > 0 ? kNo : kDone;
  }

 private:
  // One coroutine per job; each takes the next spec until none is left.
  Task<bool> all() {
    auto executor = co_await net::this_coro::executor;
    const std::size_t jobs = std::clamp<std::size_t>(options_.jobs, 1, specs_.size() + 1);
    std::size_t running = jobs;
    auto finished = std::make_shared<net::steady_timer>(executor, Steady::time_point::max());
    for (std::size_t i = 0; i < jobs; ++i) {
      auto job = [this, &running, finished]() -> Task<void> {
        while (next_ < specs_.size()) {
          const std::size_t at = next_++;
          co_await judge(at);
        }
        if (--running == 0) finished->cancel();
      };
      spawn_detached(executor, "inspect list", std::move(job));
    }
    co_await wait_for(*finished);
    co_return true;
  }

  Task<void> judge(std::size_t at) {
    const std::string spec = specs_[at];
    progress_.show(done_, spec);
    ListRow row;
    row.spec = spec;
    boost::json::object json{{"spec", spec}};
    try {
      if (is_tarball_file(spec)) {
        co_await judge_tarball(spec, row, json);
      } else {
        co_await judge_release(spec, row, json);
      }
    } catch (const std::exception& e) {
      row.error = std::string("unexpected: ") + e.what();
    }
    if (!row.error.empty()) json["error"] = row.error;
    finish(at, std::move(row), json);
  }

  Task<void> judge_tarball(std::string path, ListRow& row, boost::json::object& json) {
    const std::shared_ptr<const Policy> policy =
        options_.study.as_published ? without_cooldown(gate_.policy()) : gate_.rules()->policy;
    const Time now = gate_.clock().now();
    const std::shared_ptr<const Feed> feed = gate_.rules()->feed;
    std::function<Result<std::shared_ptr<const Judged>>()> work = [this, path, policy, feed, now] {
      const std::lock_guard lock(files_);
      return judge_file(path, "", *policy, feed.get(), now);
    };
    auto judged = co_await gate_.pool().offload(std::move(work));
    if (!judged) {
      row.error = judged.error().context;
      co_return;
    }
    row = row_of(path, **judged);
    ReportInput input;
    input.judged = judged->get();
    input.now = now;
    input.feed_asked = gate_.asks_feed();
    take_json(input, json);
  }

  Task<void> judge_release(std::string text, ListRow& row, boost::json::object& json) {
    const auto spec = parse_release_spec(text);
    if (!spec) {
      row.error = "neither NAME, NAME@VERSION-OR-TAG nor an existing .tgz file";
      co_return;
    }
    auto study = co_await gate_.analyze(*spec, options_.study);
    if (!study) {
      row.error = study.error().context;
      co_return;
    }
    const ReleaseAnalysis& found = **study;
    if (found.judged == nullptr) {
      row.name = found.name;
      row.version = found.version;
      row.action = Action::kBlock;
      row.rule = "floor:manifest";
      row.why = found.name + "@" + found.version + " is blocked: its manifest is refused (" +
                found.refusal + ")";
      json["refusal"] = found.refusal;
    } else {
      row = row_of(text, *found.judged);
      ReportInput input = found.report();
      input.feed_asked = gate_.asks_feed();
      take_json(input, json);
    }
    // A list may be long: what is done with is not kept in memory.
    gate_.packages().packuments.forget(found.name);
  }

  void take_json(const ReportInput& input, boost::json::object& json) const {
    if (options_.form != ListOptions::Form::kJson) return;
    for (auto& member : report_json(input)) json[member.key()] = std::move(member.value());
  }

  void finish(std::size_t at, ListRow row, const boost::json::object& json) {
    progress_.show(++done_, row.release());
    if (!progress_.on_terminal()) print_line(done_, specs_.size(), row);
    rows_[at] = std::move(row);
    if (options_.form != ListOptions::Form::kJson) return;
    lines_[at] = boost::json::serialize(json);
    while (!lines_.empty() && lines_.begin()->first == printed_) {
      progress_.clear();
      std::cout << lines_.begin()->second << "\n" << std::flush;
      lines_.erase(lines_.begin());
      ++printed_;
    }
  }

  OfflineGate& gate_;
  const std::vector<std::string>& specs_;
  const ListOptions& options_;
  ProgressBar progress_;
  std::size_t done_ = 0;
  std::vector<ListRow> rows_;
  std::map<std::size_t, std::string> lines_;  // JSON that waits for those before it
  std::size_t next_ = 0, printed_ = 0;
  std::mutex files_;  // one worker reads them, one after another
};

}  // namespace

std::vector<std::string> read_specs(std::istream& in) {
  std::vector<std::string> specs;
  std::string line;
  while (std::getline(in, line)) {
    const std::string_view spec = trimmed(std::string_view(line).substr(0, line.find('#')));
    if (!spec.empty()) specs.emplace_back(spec);
  }
  return specs;
}

int inspect_list(OfflineGate& gate, const std::vector<std::string>& specs,
                 const ListOptions& options) {
  return ListRun(gate, specs, options).run();
}

}  // namespace npmgate
