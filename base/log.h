// Structured log lines: one event word, one sentence, fields. Thread-safe. Over spdlog.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"

namespace npmgate::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kText, kJson };

// Before the first line; stderr. Text: "2026-11-24T11:20:00.000Z warn  upstream-down  message
// key=value". In both formats control characters, ESC and bidi controls of untrusted text are shown
// as \u escapes.
void configure(Level level, Format format);
std::optional<Level> parse_level(std::string_view text);

void write(Level level, std::string_view event, std::string_view message,
           boost::json::object fields = {});
inline void debug(std::string_view event, std::string_view message,
                  boost::json::object fields = {}) {
  write(Level::kDebug, event, message, std::move(fields));
}
inline void info(std::string_view event, std::string_view message,
                 boost::json::object fields = {}) {
  write(Level::kInfo, event, message, std::move(fields));
}
inline void warn(std::string_view event, std::string_view message,
                 boost::json::object fields = {}) {
  write(Level::kWarn, event, message, std::move(fields));
}
inline void error(std::string_view event, std::string_view message,
                  boost::json::object fields = {}) {
  write(Level::kError, event, message, std::move(fields));
}

using npmgate::printable;  // for text from outside that a message quotes

}  // namespace npmgate::log
