#include "base/time.h"

#include <array>
#include <cstdio>
#include <limits>

namespace npmgate {
namespace {

using std::chrono::day;
using std::chrono::days;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::weekday;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::array<std::string_view, 7> kWeekdays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Reads a text from the front; every step fails without effect once one step has failed.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  int digits(std::size_t count) {
    if (!ok_ || rest_.size() < count) return give_up();
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(rest_[i])) return give_up();
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  void expect(std::string_view text) {
    if (!ok_ || !rest_.starts_with(text)) {
      ok_ = false;
      return;
    }
    rest_.remove_prefix(text.size());
  }

  // True, and past it, if the next character is one of `set`.
  bool take(std::string_view set) {
    if (!ok_ || rest_.empty() || set.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  template <std::size_t N>
  unsigned one_of(const std::array<std::string_view, N>& words) {
    for (unsigned i = 0; ok_ && i < N; ++i) {
      if (rest_.starts_with(words[i])) {
        rest_.remove_prefix(words[i].size());
        return i;
      }
    }
    ok_ = false;
    return 0;
  }

 private:
  int give_up() {
    ok_ = false;
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::optional<sys_days> calendar_day(int y, int m, int d) {
  const year_month_day date{year{y}, month{static_cast<unsigned>(m)},
                            day{static_cast<unsigned>(d)}};
  if (!date.ok()) return std::nullopt;
  return sys_days{date};
}

struct DayTime {
  int hour = 0, minute = 0, second = 0;
  bool ok() const { return hour <= 23 && minute <= 59 && second <= 59; }
  Millis since_midnight() const {
    return std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second};
  }
};

DayTime read_day_time(Cursor& in) {
  DayTime t;
  t.hour = in.digits(2);
  in.expect(":");
  t.minute = in.digits(2);
  in.expect(":");
  t.second = in.digits(2);
  return t;
}

// ".378" with 1 to 9 digits, or nothing; what is finer than a millisecond is cut off.
Millis read_fraction(Cursor& in) {
  if (!in.take(".")) return Millis{0};
  constexpr int kMaxDigits = 9;
  int count = 0, millis = 0;
  while (is_digit(in.peek()) && count < kMaxDigits) {
    const int digit = in.digits(1);
    if (count < 3) millis = millis * 10 + digit;
    ++count;
  }
  if (count == 0) in.digits(1);
  for (int i = count; i < 3; ++i) millis *= 10;
  return Millis{millis};
}

// "Z" or "+hh:mm" as what has to be subtracted to reach UTC.
Millis read_offset(Cursor& in) {
  if (in.take("Zz")) return Millis{0};
  const bool east = in.take("+");
  if (!east) in.expect("-");
  const int hours = in.digits(2);
  in.expect(":");
  const int minutes = in.digits(2);
  if (hours > 23 || minutes > 59) in.expect("a valid offset");
  const Millis size = std::chrono::hours{hours} + std::chrono::minutes{minutes};
  return east ? size : -size;
}

// Calendar fields of a moment; years before 0 and after 9999 do not occur in what we print.
struct Fields {
  int y, hour, minute, second, milli;
  unsigned m, d, wday;
};

Fields split(Time time) {
  const sys_days date = std::chrono::floor<days>(time);
  const year_month_day ymd{date};
  const std::chrono::hh_mm_ss<Millis> clock{time - date};
  return Fields{static_cast<int>(ymd.year()),
                static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()),
                static_cast<unsigned>(ymd.month()),
                static_cast<unsigned>(ymd.day()),
                weekday{date}.c_encoding()};
}

template <class... Args>
std::string print(const char* format, Args... args) {
  std::array<char, 96> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), format, args...);
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// "12GiB" as 12 * factor of the unit; the longest digit run, then exactly one unit of the table.
template <std::size_t N>
std::optional<std::uint64_t> parse_quantity(std::string_view text,
                                            const std::array<Unit, N>& units) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    const auto digit = static_cast<std::uint64_t>(text[at] - '0');
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  if (at == 0) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(at) != unit.name) continue;
    if (value > kMax / unit.factor) return std::nullopt;
    return value * unit.factor;
  }
  return std::nullopt;
}

constexpr std::uint64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute,
                        kDay = 24 * kHour;

}  // namespace

Time SystemClock::now() const {
  return std::chrono::floor<Millis>(std::chrono::system_clock::now());
}

std::optional<Time> parse_time(std::string_view text) {
  Cursor in(text);
  const int y = in.digits(4);
  in.expect("-");
  const int m = in.digits(2);
  in.expect("-");
  const int d = in.digits(2);
  const auto date = in.ok() ? calendar_day(y, m, d) : std::nullopt;
  if (!date) return std::nullopt;
  if (in.done()) return Time{*date};
  if (!in.take("Tt")) return std::nullopt;
  const DayTime clock = read_day_time(in);
  const Millis fraction = read_fraction(in);
  const Millis offset = read_offset(in);
  if (!in.done() || !clock.ok()) return std::nullopt;
  return Time{*date} + clock.since_midnight() + fraction - offset;
}

std::string format_time(Time time) {
  const Fields f = split(time);
  return print("%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", f.y, f.m, f.d, f.hour, f.minute, f.second,
               f.milli);
}

std::string format_minute(Time time) {
  const Fields f = split(time);
  return print("%04d-%02u-%02u %02d:%02d UTC", f.y, f.m, f.d, f.hour, f.minute);
}

std::string format_http_date(Time time) {
  const Fields f = split(time);
  return print("%s, %02u %s %04d %02d:%02d:%02d GMT", kWeekdays[f.wday].data(), f.d,
               kMonths[f.m - 1].data(), f.y, f.hour, f.minute, f.second);
}

std::string format_mail_date(Time time) {
  const Fields f = split(time);
  return print("%s, %02u %s %04d %02d:%02d:%02d +0000", kWeekdays[f.wday].data(), f.d,
               kMonths[f.m - 1].data(), f.y, f.hour, f.minute, f.second);
}

std::optional<Time> parse_http_date(std::string_view text) {
  Cursor in(text);
  const unsigned wday = in.one_of(kWeekdays);
  in.expect(", ");
  const int d = in.digits(2);
  in.expect(" ");
  const unsigned m = in.one_of(kMonths) + 1;
  in.expect(" ");
  const int y = in.digits(4);
  in.expect(" ");
  const DayTime clock = read_day_time(in);
  in.expect(" GMT");
  if (!in.done() || !clock.ok()) return std::nullopt;
  const auto date = calendar_day(y, static_cast<int>(m), d);
  if (!date || weekday{*date}.c_encoding() != wday) return std::nullopt;
  return Time{*date} + clock.since_midnight();
}

std::optional<Millis> parse_duration(std::string_view text) {
  constexpr std::array<Unit, 6> kUnits = {Unit{"ms", 1}, {"s", kSecond}, {"m", kMinute},
                                          {"h", kHour},  {"d", kDay},    {"w", 7 * kDay}};
  constexpr std::uint64_t kHundredYears = 36525 * kDay;
  const auto millis = parse_quantity(text, kUnits);
  if (!millis || *millis > kHundredYears) return std::nullopt;
  return Millis{*millis};
}

std::string format_duration(Millis duration) {
  constexpr std::array<Unit, 4> kUnits = {
      Unit{"d", kDay}, {"h", kHour}, {"m", kMinute}, {"s", kSecond}};
  const std::int64_t millis = duration.count();
  if (millis == 0) return "0s";
  for (const Unit& unit : kUnits) {
    const auto factor = static_cast<std::int64_t>(unit.factor);
    if (millis % factor == 0) return std::to_string(millis / factor) + std::string(unit.name);
  }
  return std::to_string(millis) + "ms";
}

std::string human_duration(Millis duration) {
  // A unit serves until its rounded count reaches `below`; two days are still told in hours.
  struct Step {
    std::string_view name;
    std::uint64_t factor, below;
  };
  constexpr std::array<Step, 4> kSteps = {Step{"second", kSecond, 60},
                                          {"minute", kMinute, 60},
                                          {"hour", kHour, 48},
                                          {"day", kDay, std::numeric_limits<std::uint64_t>::max()}};
  const std::int64_t count = duration.count();
  const std::uint64_t millis = count < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(count)
                                         : static_cast<std::uint64_t>(count);
  for (const Step& step : kSteps) {
    const std::uint64_t rounded = millis / step.factor + (millis % step.factor * 2 >= step.factor);
    if (rounded >= step.below) continue;
    return std::to_string(rounded) + " " + std::string(step.name) + (rounded == 1 ? "" : "s");
  }
  return {};
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr std::uint64_t kKi = 1024, kK = 1000;
  constexpr std::array<Unit, 11> kUnits = {Unit{"", 1},
                                           {"B", 1},
                                           {"KiB", kKi},
                                           {"MiB", kKi * kKi},
                                           {"GiB", kKi * kKi * kKi},
                                           {"TiB", kKi * kKi * kKi * kKi},
                                           {"kB", kK},
                                           {"KB", kK},
                                           {"MB", kK * kK},
                                           {"GB", kK * kK * kK},
                                           {"TB", kK * kK * kK * kK}};
  return parse_quantity(text, kUnits);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 and above would print as 1024.0 of the smaller unit.
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::string number = print("%.1f", value);
  if (number.ends_with(".0")) number.resize(number.size() - 2);
  return number + " " + kUnits[unit];
}

}  // namespace npmgate
