#include "app/progress.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <utility>

namespace npmgate {
namespace {

constexpr std::size_t kWidth = 30;
constexpr auto kRedraw = std::chrono::milliseconds(100);
// Shorter runs are over before a line helps anyone.
constexpr std::size_t kLinesFrom = 50;

}  // namespace

ProgressBar::ProgressBar(std::string verb, std::size_t total)
    : verb_(std::move(verb)), total_(total), terminal_(isatty(STDERR_FILENO) == 1) {
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") terminal_ = false;
}

void ProgressBar::show(std::size_t done) {
  if (total_ == 0) return;
  if (!terminal_) {
    const std::size_t tenth = done * 10 / total_;
    if (total_ >= kLinesFrom && tenth > tenth_)
      std::cerr << verb_ << " " << done << " of " << total_ << "\n";
    tenth_ = tenth;
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (done < total_ && drawn_ && now - last_ < kRedraw) return;
  last_ = now;
  drawn_ = true;
  const std::size_t filled = done * kWidth / total_;
  std::cerr << "\r[" << std::string(filled, '=') << std::string(kWidth - filled, ' ') << "] "
            << verb_ << " " << done << "/" << total_ << std::flush;
}

void ProgressBar::finish() {
  if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
}

}  // namespace npmgate
