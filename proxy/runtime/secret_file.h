// A secret in a file that something else renews: short-lived registry tokens.
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>

namespace npmgate {

// Thread-safe.
class SecretFile {
 public:
  // `first`: what was read already.
  SecretFile(std::string path, std::string first);
  // The file's first line as it is now; looked at once a second at most. While the file cannot be
  // read or is empty (it is being replaced), what it said last.
  std::string current();

 private:
  const std::string path_;
  std::mutex mutex_;
  std::string text_;
  std::filesystem::file_time_type changed_{};
  std::chrono::steady_clock::time_point looked_{};
};

// The first line of a file without blanks and CR at its end; `ok`: whether it could be opened.
std::string first_line_of(const std::string& path, bool& ok);

}  // namespace npmgate
