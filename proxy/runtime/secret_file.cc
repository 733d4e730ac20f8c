#include "proxy/runtime/secret_file.h"

#include <fstream>

#include "base/log.h"

namespace npmgate {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);

}  // namespace

std::string first_line_of(const std::string& path, bool& ok) {
  std::ifstream in(path);
  ok = in.good();
  std::string line;
  std::getline(in, line);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

SecretFile::SecretFile(std::string path, std::string first)
    : path_(std::move(path)), text_(std::move(first)) {
  std::error_code ignored;
  changed_ = std::filesystem::last_write_time(path_, ignored);
}

std::string SecretFile::current() {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (now - looked_ < kLookEvery) return text_;
  looked_ = now;
  std::error_code ec;
  const auto changed = std::filesystem::last_write_time(path_, ec);
  if (ec || changed == changed_) return text_;
  bool ok = false;
  std::string line = first_line_of(path_, ok);
  if (!ok || line.empty()) return text_;
  changed_ = changed;
  text_ = std::move(line);
  log::info("secret", "a token file was read again", {{"file", path_}});
  return text_;
}

}  // namespace npmgate
