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

// One code point, or one byte that is no UTF-8.
struct Unit {
  std::uint32_t code = 0;
  std::size_t size = 1;
  bool valid = true;
};

// Decodes the first unit of a non-empty text (RFC 3629: shortest form, no surrogates, up to
// U+10FFFF).
Unit decode(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const Unit broken{lead, 1, false};
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return broken;
  std::uint32_t code = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return broken;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[size] || code > 0x10ffff || surrogate) return broken;
  return {code, size, true};
}

// Code points that move the cursor, reorder the line or show nothing at all.
// Sources: Unicode general categories Cc and Cf as far as text can be disguised with them (UTS #39,
// UAX #9).
bool is_treacherous(std::uint32_t code) {
  struct Span {
    std::uint32_t first, last;
  };
  constexpr std::array<Span, 13> kSpans = {{{0x00, 0x1f},
                                            {0x7f, 0x9f},
                                            {0xad, 0xad},
                                            {0x61c, 0x61c},
                                            {0x115f, 0x1160},
                                            {0x180b, 0x180f},
                                            {0x200b, 0x200f},
                                            {0x2028, 0x202e},
                                            {0x2060, 0x206f},
                                            {0x3164, 0x3164},
                                            {0xfeff, 0xfeff},
                                            {0xfff0, 0xfffb},
                                            {0xe0000, 0xe0fff}}};
  for (const Span& span : kSpans) {
    if (code >= span.first && code <= span.last) return true;
  }
  return false;
}

// \uXXXX, as a surrogate pair above U+FFFF: what JSON readers turn back into the character.
std::string escape(std::uint32_t code) {
  std::array<char, 16> buffer{};
  if (code <= 0xffff) {
    std::snprintf(buffer.data(), buffer.size(), "\\u%04x", code);
  } else {
    const std::uint32_t offset = code - 0x10000;
    std::snprintf(buffer.data(), buffer.size(), "\\u%04x\\u%04x", 0xd800 + (offset >> 10),
                  0xdc00 + (offset & 0x3ff));
  }
  return buffer.data();
}

// Serialized JSON with what Boost.JSON passes through raw escaped; invalid bytes become U+FFFD.
std::string harmless_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const Unit unit = decode(json);
    if (!unit.valid) {
      out += "\\ufffd";
    } else if (is_treacherous(unit.code)) {
      out += escape(unit.code);
    } else {
      out += json.substr(0, unit.size);
    }
    json.remove_prefix(unit.size);
  }
  return out;
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

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    const Unit unit = decode(text);
    std::string shown(text.substr(0, unit.size));
    if (!unit.valid) {
      std::array<char, 8> buffer{};
      std::snprintf(buffer.data(), buffer.size(), "\\x%02x", unit.code);
      shown = buffer.data();
    } else if (is_treacherous(unit.code)) {
      shown = escape(unit.code);
    }
    if (out.size() + shown.size() > limit) return out + "…";
    out += shown;
    text.remove_prefix(unit.size);
  }
  return out;
}

}  // namespace npmgate::log
