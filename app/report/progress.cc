#include "app/report/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include "app/report/text_writer.h"
#include "base/log.h"
#include "base/time.h"

namespace npmgate {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kBar = 24;
constexpr auto kRedraw = std::chrono::milliseconds(100);
// Shorter runs are over before a line helps anyone.
constexpr std::size_t kLinesFrom = 50;

std::size_t stderr_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col - 1u;
  return 79;
}

}  // namespace

std::string progress_line(std::size_t done, std::size_t total, double seconds,
                          const std::string& current, std::size_t width) {
  const std::size_t filled = total == 0 ? kBar : kBar * done / total;
  std::string line = "[" + std::string(filled, '#') + std::string(kBar - filled, '.') + "] " +
                     std::to_string(done) + "/" + std::to_string(total);
  if (done > 0 && done < total) {
    const double left = seconds / double(done) * double(total - done);
    line += ", " + human_duration(Millis(static_cast<std::int64_t>(left * 1000))) + " left";
  }
  if (!current.empty()) line += "  " + log::printable(current, 100);
  return cut_to(line, width);
}

ProgressBar::ProgressBar(std::string verb, std::size_t total)
    : verb_(std::move(verb)), total_(total), terminal_(isatty(STDERR_FILENO) == 1) {
  const char* term = std::getenv("TERM");
  if (term != nullptr && std::string_view(term) == "dumb") terminal_ = false;
}

void ProgressBar::show(std::size_t done, const std::string& current) {
  if (total_ == 0) return;
  if (!terminal_) {
    const std::size_t tenth = done * 10 / total_;
    if (!verb_.empty() && total_ >= kLinesFrom && tenth > tenth_)
      std::cerr << verb_ << " " << done << " of " << total_ << "\n";
    tenth_ = tenth;
    return;
  }
  const auto now = Steady::now();
  if (done < total_ && drawn_ && now - last_ < kRedraw) return;
  last_ = now;
  drawn_ = true;
  const std::chrono::duration<double> took = now - started_;
  std::cerr << "\r\x1b[K"
            << progress_line(done, total_, took.count(), current.empty() ? verb_ : current,
                             stderr_width())
            << std::flush;
}

void ProgressBar::clear() {
  if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace npmgate
