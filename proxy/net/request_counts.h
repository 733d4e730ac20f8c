// What one loop counts of the requests it answered.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"

namespace npmgate {

// In shares of its own: no lock, and nothing built per request. For one thread; `metrics` outlives
// it.
class RequestCounts {
 public:
  RequestCounts(Metrics& metrics, std::string listener)
      : metrics_(metrics), listener_(std::move(listener)) {}

  // One answer that took so many seconds. `kind` is a literal.
  void count(std::string_view kind, int status, double seconds) {
    for (const Row& row : rows_) {
      if (row.status == status && row.kind == kind) return add(row, seconds);
    }
    add(rows_.emplace_back(make(kind, status)), seconds);
  }

 private:
  struct Row {
    std::string_view kind;
    int status = 0;
    Metrics::Share* requests = nullptr;
    Metrics::TimingShare* seconds = nullptr;
  };
  static void add(const Row& row, double seconds) {
    row.requests->add();
    row.seconds->observe(seconds);
  }
  Row make(std::string_view kind, int status) {
    const std::string label = "kind=\"" + std::string(kind) + "\"";
    const std::string all =
        "listener=\"" + listener_ + "\"," + label + ",status=\"" + std::to_string(status) + "\"";
    return {kind, status, &metrics_.share("npm_gate_requests_total", all),
            &metrics_.timing_share("npm_gate_request_seconds", label)};
  }

  Metrics& metrics_;
  std::string listener_;
  std::vector<Row> rows_;
};

}  // namespace npmgate
