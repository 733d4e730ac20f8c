// Counters, gauges and histograms in Prometheus' text format 0.0.4. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

class Metrics {
 public:
  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Adds to the counter `name{labels}`; labels as written in the format: `verdict="block"`. Creates
  // it at first use.
  void add(std::string_view name, std::string_view labels = {}, double amount = 1);
  void set(std::string_view name, std::string_view labels, double value);
  // A histogram observation in seconds, buckets 1 ms … 30 s.
  void observe(std::string_view name, std::string_view labels, double seconds);
  // The same for what takes minutes to days: buckets 1 s … 7 d. One name, one of the two.
  void observe_long(std::string_view name, std::string_view labels, double seconds);
  // One help line per metric name; without it the metric is still printed.
  void describe(std::string_view name, std::string_view type, std::string_view help);
  std::string render() const;
  double value(std::string_view name, std::string_view labels = {})
      const;  // 0 where absent, a histogram's count; for tests and /readyz

 private:
  struct Histogram {
    std::span<const double> bounds;
    std::vector<std::uint64_t> buckets;
    double sum = 0;
    std::uint64_t count = 0;
  };
  struct Family {
    std::string type = "counter", help;
    std::map<std::string, double, std::less<>> values;
    std::map<std::string, Histogram, std::less<>> histograms;
  };
  void observe_in(std::span<const double> bounds, std::string_view name, std::string_view labels,
                  double seconds);
  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace npmgate
