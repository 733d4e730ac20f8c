// How far a long run is: a bar on a terminal, a plain line every tenth otherwise (CI logs).
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace npmgate {

// Writes to stderr. Used by one thread.
class ProgressBar {
 public:
  ProgressBar(std::string verb, std::size_t total);
  void show(std::size_t done);
  void finish();  // ends the bar's line

 private:
  std::string verb_;
  std::size_t total_, tenth_ = 0;
  bool terminal_, drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace npmgate
