#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstdio>

#include "base/time.h"

namespace npmgate::log {
namespace {

// spdlog's registry holds the one logger; its name tells the format, so that no state of ours
// exists.
constexpr std::string_view kTextLogger = "npm-gate text";
constexpr std::string_view kJsonLogger = "npm-gate json";

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "error";
}

std::shared_ptr<spdlog::logger> current_logger() {
  auto logger = spdlog::default_logger();
  if (logger && (logger->name() == kTextLogger || logger->name() == kJsonLogger)) return logger;
  configure(Level::kInfo, Format::kText);
  return spdlog::default_logger();
}

constexpr std::size_t kMaxText = 4000;  // bytes of one message or field; a line stays a line

std::string text_value(const boost::json::value& value) {
  if (!value.is_string()) return printable(boost::json::serialize(value), kMaxText);
  const std::string_view raw(value.get_string().data(), value.get_string().size());
  std::string text = printable(raw, kMaxText);
  if (!text.empty() && text.find_first_of(" \"=") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string text_line(std::string_view time, Level level, std::string_view event,
                      std::string_view message, const boost::json::object& fields) {
  std::string name(level_name(level));
  name.resize(5, ' ');
  std::string line = std::string(time) + " " + name + " " + printable(event);
  line += "  " + printable(message, kMaxText);
  const char* gap = "  ";
  for (const auto& field : fields) {
    line += gap + printable(std::string_view(field.key().data(), field.key().size())) + "=" +
            text_value(field.value());
    gap = " ";
  }
  return line;
}

std::string json_line(std::string_view time, Level level, std::string_view event,
                      std::string_view message, const boost::json::object& fields) {
  boost::json::object line;
  line["time"] = time;
  line["level"] = level_name(level);
  line["event"] = event;
  line["message"] = message;
  // A field never replaces one of the four above.
  for (const auto& field : fields) line.emplace(field.key(), field.value());
  return harmless_json(boost::json::serialize(line));
}

}  // namespace

void configure(Level level, Format format) {
  const std::string_view name = format == Format::kJson ? kJsonLogger : kTextLogger;
  // Every thread writes with it: it is replaced only if it has to be (SIGHUP).
  if (const auto now = spdlog::default_logger(); now && now->name() == name) {
    now->set_level(spdlog_level(level));
    return;
  }
  auto logger = std::make_shared<spdlog::logger>(std::string(name),
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->set_level(spdlog_level(level));
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

std::optional<Level> parse_level(std::string_view text) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) {
    if (level_name(level) == text) return level;
  }
  return std::nullopt;
}

void write(Level level, std::string_view event, std::string_view message,
           boost::json::object fields) {
  const auto logger = current_logger();
  if (!logger->should_log(spdlog_level(level))) return;
  const std::string time = format_time(SystemClock{}.now());
  const std::string line = logger->name() == kJsonLogger
                               ? json_line(time, level, event, message, fields)
                               : text_line(time, level, event, message, fields);
  logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace npmgate::log
