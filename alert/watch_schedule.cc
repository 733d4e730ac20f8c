#include "alert/watch_schedule.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace npmgate {
namespace {

constexpr std::size_t kGaps = 10;  // the rhythm is that of the last releases, not of years ago
constexpr Millis kFresh = std::chrono::hours(24 * 7);
constexpr int kLooksPerGap = 20;
// The next tick may be a second away: that much must fit into one tick, and as little as possible
// beyond it is saved up, so that no minute sees more than the budget.
double saved(int per_minute) {
  return std::max(1.0, per_minute / 60.0);
}

// The median of the last gaps; nullopt with fewer than two releases.
std::optional<Millis> median_gap(std::vector<Time> times) {
  if (times.size() < 2) return std::nullopt;
  std::sort(times.begin(), times.end());
  std::vector<Millis> gaps;
  for (std::size_t i = times.size() - 1; i > 0 && gaps.size() < kGaps; --i)
    gaps.push_back(times[i] - times[i - 1]);
  std::sort(gaps.begin(), gaps.end());
  return gaps[gaps.size() / 2];
}

constexpr std::size_t kMostAbsent = 10'000;

}  // namespace

Millis watch_interval(const WatchFacts& facts, Time now, Millis shortest, Millis longest) {
  const auto gap = median_gap(facts.releases);
  Millis interval = gap ? *gap / kLooksPerGap : longest;
  interval = std::min(interval, longest);
  if (!facts.releases.empty()) {
    const Time newest = *std::max_element(facts.releases.begin(), facts.releases.end());
    if (now - newest < kFresh) interval /= 4;
  }
  if (facts.popular) interval /= 2;
  if (facts.wanted) interval /= 2;
  return std::clamp(interval, shortest, longest);
}

void WatchQueue::put(const std::string& name, Time last_look, Millis interval, double chance) {
  const auto shift = static_cast<double>(interval.count()) * (0.9 + 0.2 * chance);
  entries_[name] = Entry{last_look + Millis(static_cast<std::int64_t>(shift)), interval};
  if (absent_.erase(name) > 0) hurry(name, last_look);
}

void WatchQueue::remove(const std::string& name) {
  entries_.erase(name);
  hurried_.erase(name);
}

void WatchQueue::hurry(const std::string& name, Time now) {
  const auto it = entries_.find(name);
  if (it == entries_.end()) {
    if (absent_.insert(name).second) absent_ages_.push_back(name);
    for (; absent_ages_.size() > kMostAbsent; absent_ages_.pop_front())
      absent_.erase(absent_ages_.front());
    return;
  }
  it->second.due = std::min(it->second.due, now);
  hurried_.insert(name);
}

std::vector<std::string> WatchQueue::take(Time now, std::size_t most) {
  using Late = std::pair<double, const std::string*>;
  std::vector<Late> due;
  if (most == 0) return {};
  for (const auto& [name, entry] : entries_) {
    if (entry.due > now) continue;
    const double interval = static_cast<double>(std::max<std::int64_t>(1, entry.interval.count()));
    const bool first = !hurried_.empty() && hurried_.contains(name);
    due.emplace_back(first ? 1e18 : static_cast<double>((now - entry.due).count()) / interval,
                     &name);
  }
  const auto later = [](const Late& a, const Late& b) {
    return a.first != b.first ? a.first > b.first : *a.second < *b.second;
  };
  const std::size_t count = std::min(most, due.size());
  std::partial_sort(due.begin(), due.begin() + static_cast<std::ptrdiff_t>(count), due.end(),
                    later);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(*due[i].second);
  for (const std::string& name : names) remove(name);
  return names;
}

int WatchBudget::available(Time now) {
  const double minutes = static_cast<double>((now - last_).count()) / 60'000.0;
  if (minutes > 0) {
    const double most = saved(per_minute_);
    tokens_ = std::min(most, tokens_ + minutes * (per_minute_ + 1 - most));
    last_ = now;
  }
  return tokens_ < 1 ? 0 : static_cast<int>(tokens_);
}

Result<Changes> parse_changes(std::string_view body) {
  const Error wrong = fail(Code::kMalformed, Origin::kUpstream, "not an answer of a _changes feed");
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(body, ec);
  if (ec || !parsed.is_object()) return wrong;
  const auto* results = parsed.get_object().if_contains("results");
  const auto* last = parsed.get_object().if_contains("last_seq");
  if (results == nullptr || !results->is_array() || last == nullptr) return wrong;
  if (!last->is_string() && !last->is_number()) return wrong;
  Changes changes;
  changes.last_seq = boost::json::serialize(*last);
  for (const auto& each : results->get_array()) {
    const auto* id = each.is_object() ? each.get_object().if_contains("id") : nullptr;
    if (id == nullptr || !id->is_string()) return wrong;
    const std::string_view name(id->get_string());
    if (!name.starts_with('_')) changes.names.emplace_back(name);
  }
  return changes;
}

}  // namespace npmgate
