// Counters, gauges and histograms in Prometheus' text format 0.0.4. Thread-safe.
#pragma once

#include <array>
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
  // A share of the counter `name{labels}` for one thread alone, which adds to it without a lock and
  // without touching what another thread writes. Each call makes a new one; they are added up when
  // read, and live as long as this.
  class Share {
   public:
    void add() {
      value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

   private:
    friend class Metrics;
    std::atomic<std::uint64_t> value_{0};
  };
  Share& share(std::string_view name, std::string_view labels);
  // The same for a histogram of seconds as observe() has them.
  class TimingShare {
   public:
    void observe(double seconds);

   private:
    friend class Metrics;
    static constexpr std::size_t kBuckets = 14;
    std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
    std::atomic<double> sum_{0};
    std::atomic<std::uint64_t> count_{0};
  };
  TimingShare& timing_share(std::string_view name, std::string_view labels);

  // One help line per metric name; without it the metric is still printed.
  void describe(std::string_view name, std::string_view type, std::string_view help);
  std::string render() const;
  double value(std::string_view name, std::string_view labels = {})
      const;  // 0 if absent, a histogram's count; for tests and /readyz

 private:
  struct Histogram {
    std::span<const double> bounds;
    std::vector<std::uint64_t> buckets;
    double sum = 0;
    std::uint64_t count = 0;
    std::vector<std::unique_ptr<TimingShare>> shares;
    Histogram total() const;  // with the shares, and without having any
  };
  using Shares = std::vector<std::unique_ptr<Share>>;
  struct Family {
    std::string type = "counter", help;
    std::map<std::string, double, std::less<>> values;
    std::map<std::string, Shares, std::less<>> shares;  // labels are in `values` too
    double total(std::string_view labels, double value) const;
    std::map<std::string, Histogram, std::less<>> histograms;
  };
  void observe_in(std::span<const double> bounds, std::string_view name, std::string_view labels,
                  double seconds);
  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace npmgate
