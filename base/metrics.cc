#include "base/metrics.h"

#include <array>
#include <charconv>
#include <cmath>

namespace npmgate {
namespace {

// Upper bounds in seconds: from a cached answer (1 ms) to the longest wait a client accepts (30 s).
constexpr std::array<double, 14> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                            0.25,  0.5,    1,     2.5,  5,     10,   30};
// From a changes feed's answer to a week, after which nobody calls it detection.
constexpr std::array<double, 14> kLongBounds = {1,    5,    15,    60,    120,   300,    600,
                                                1800, 3600, 10800, 21600, 86400, 259200, 604800};

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return std::string(buffer.data(), end);
}

void sample_line(std::string& out, std::string_view name, std::string_view suffix,
                 std::string_view labels, double value) {
  out += name;
  out += suffix;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  out += number(value);
  out += '\n';
}

// Text format 0.0.4: backslash and line feed of help texts are escaped.
std::string escape_help(std::string_view help) {
  std::string out;
  for (const char c : help) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

// The entry of a map that can be searched by string_view; made if absent.
template <class Map>
typename Map::mapped_type& entry(Map& map, std::string_view key) {
  const auto found = map.find(key);
  if (found != map.end()) return found->second;
  return map.emplace(std::string(key), typename Map::mapped_type{}).first->second;
}

}  // namespace

void Metrics::add(std::string_view name, std::string_view labels, double amount) {
  const std::lock_guard lock(mutex_);
  entry(entry(families_, name).values, labels) += amount;
}

Metrics::Share& Metrics::share(std::string_view name, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  Family& family = entry(families_, name);
  entry(family.values, labels) += 0;
  return *entry(family.shares, labels).emplace_back(std::make_unique<Share>());
}

Metrics::TimingShare& Metrics::timing_share(std::string_view name, std::string_view labels) {
  const std::lock_guard lock(mutex_);
  Family& family = entry(families_, name);
  family.type = "histogram";
  Histogram& histogram = entry(family.histograms, labels);
  histogram.bounds = kBounds;
  histogram.buckets.resize(kBounds.size());
  return *histogram.shares.emplace_back(std::make_unique<TimingShare>());
}

void Metrics::TimingShare::observe(double seconds) {
  static_assert(kBounds.size() == kBuckets);
  const auto raise = [](std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  };
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (seconds > kBounds[i]) continue;
    raise(buckets_[i]);
    break;
  }
  sum_.store(sum_.load(std::memory_order_relaxed) + seconds, std::memory_order_relaxed);
  raise(count_);
}

double Metrics::Family::total(std::string_view labels, double value) const {
  const auto found = shares.find(labels);
  if (found == shares.end()) return value;
  for (const auto& share : found->second) value += static_cast<double>(share->value_.load());
  return value;
}

Metrics::Histogram Metrics::Histogram::total() const {
  Histogram all;
  all.bounds = bounds;
  all.buckets = buckets;
  all.sum = sum;
  all.count = count;
  for (const auto& share : shares) {
    for (std::size_t i = 0; i < TimingShare::kBuckets; ++i)
      all.buckets[i] += share->buckets_[i].load();
    all.sum += share->sum_.load();
    all.count += share->count_.load();
  }
  return all;
}

void Metrics::set(std::string_view name, std::string_view labels, double value) {
  const std::lock_guard lock(mutex_);
  const bool known = families_.contains(name);
  Family& family = entry(families_, name);
  if (!known) family.type = "gauge";
  entry(family.values, labels) = value;
}

void Metrics::observe(std::string_view name, std::string_view labels, double seconds) {
  observe_in(kBounds, name, labels, seconds);
}

void Metrics::observe_long(std::string_view name, std::string_view labels, double seconds) {
  observe_in(kLongBounds, name, labels, seconds);
}

void Metrics::observe_in(std::span<const double> bounds, std::string_view name,
                         std::string_view labels, double seconds) {
  const std::lock_guard lock(mutex_);
  Family& family = entry(families_, name);
  family.type = "histogram";
  Histogram& histogram = entry(family.histograms, labels);
  histogram.bounds = bounds;
  histogram.buckets.resize(bounds.size());
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (seconds <= bounds[i]) {
      ++histogram.buckets[i];
      break;
    }
  }
  histogram.sum += seconds;
  ++histogram.count;
}

void Metrics::describe(std::string_view name, std::string_view type, std::string_view help) {
  const std::lock_guard lock(mutex_);
  Family& family = entry(families_, name);
  family.type = std::string(type);
  family.help = std::string(help);
}

std::string Metrics::render() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    if (!family.help.empty()) out += "# HELP " + name + " " + escape_help(family.help) + "\n";
    out += "# TYPE " + name + " " + family.type + "\n";
    for (const auto& [labels, value] : family.values)
      sample_line(out, name, "", labels, family.total(labels, value));
    for (const auto& [labels, kept] : family.histograms) {
      const Histogram histogram = kept.total();
      const std::string first = labels.empty() ? "" : labels + ",";
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
        below += histogram.buckets[i];
        sample_line(out, name, "_bucket", first + "le=\"" + number(histogram.bounds[i]) + "\"",
                    static_cast<double>(below));
      }
      const auto count = static_cast<double>(histogram.count);
      sample_line(out, name, "_bucket", first + "le=\"+Inf\"", count);
      sample_line(out, name, "_sum", labels, histogram.sum);
      sample_line(out, name, "_count", labels, count);
    }
  }
  return out;
}

double Metrics::value(std::string_view name, std::string_view labels) const {
  const std::lock_guard lock(mutex_);
  const auto family = families_.find(name);
  if (family == families_.end()) return 0;
  const auto& values = family->second.values;
  if (const auto found = values.find(labels); found != values.end())
    return family->second.total(labels, found->second);
  const auto& histograms = family->second.histograms;
  const auto found = histograms.find(labels);
  return found == histograms.end() ? 0 : static_cast<double>(found->second.total().count);
}

}  // namespace npmgate
