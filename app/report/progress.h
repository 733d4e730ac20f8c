// How far a long run is: one line on a terminal, a plain line every tenth otherwise (CI logs).
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace npmgate {

// One terminal line: bar, "34/200", time left, what is at work; never wider than `width`. Pure.
std::string progress_line(std::size_t done, std::size_t total, double seconds,
                          const std::string& current, std::size_t width);

// Writes to stderr. Used by one thread at a time.
class ProgressBar {
 public:
  // `verb` stands in the lines for logs ("audited 20 of 200"); "" = there are none.
  ProgressBar(std::string verb, std::size_t total);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `current`: what is at work, shown on a terminal; "" = the verb.
  void show(std::size_t done, const std::string& current = {});
  // Takes the line off the terminal: before anything else is written to it.
  void clear();
  bool on_terminal() const { return terminal_; }

 private:
  std::string verb_;
  std::size_t total_, tenth_ = 0;
  bool terminal_, drawn_ = false;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now(), last_{};
};

}  // namespace npmgate
