#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace npmgate {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

Time at(std::int64_t millis) {
  return Time{Millis{millis}};
}

// 2021-10-22T12:15:21.378Z, as `date -d … +%s` counts it.
constexpr std::int64_t kMoment = 1634904921378;

struct ParseRow {
  const char* name;
  const char* text;
  std::optional<std::int64_t> millis;
};

TEST(Time, ParsesWhatRegistriesWrite) {
  const std::vector<ParseRow> rows = {
      {"registry", "2021-10-22T12:15:21.378Z", kMoment},
      {"no fraction", "2021-10-22T12:15:21Z", kMoment - 378},
      {"one digit", "2021-10-22T12:15:21.3Z", kMoment - 78},
      {"nanoseconds are cut", "2021-10-22T12:15:21.378999999Z", kMoment},
      {"east", "2021-10-22T14:15:21.378+02:00", kMoment},
      {"west", "2021-10-22T06:45:21.378-05:30", kMoment},
      {"lower case", "2021-10-22t12:15:21.378z", kMoment},
      {"date", "1970-01-02", 86400000},
      {"epoch", "1970-01-01T00:00:00Z", 0},
      {"before the epoch", "1969-12-31T23:59:59.999Z", -1},
      {"leap day", "2024-02-29T00:00:00Z", 1709164800000},
      {"no leap day", "2023-02-29T00:00:00Z", std::nullopt},
      {"no leap day in 1900", "1900-02-29", std::nullopt},
      {"month 13", "2021-13-01T00:00:00Z", std::nullopt},
      {"month 0", "2021-00-01", std::nullopt},
      {"day 0", "2021-01-00", std::nullopt},
      {"hour 24", "2021-01-01T24:00:00Z", std::nullopt},
      {"minute 60", "2021-01-01T23:60:00Z", std::nullopt},
      {"leap second", "2016-12-31T23:59:60Z", std::nullopt},
      {"no zone", "2021-10-22T12:15:21", std::nullopt},
      {"space", "2021-10-22 12:15:21Z", std::nullopt},
      {"ten digits", "2021-10-22T12:15:21.0123456789Z", std::nullopt},
      {"bare point", "2021-10-22T12:15:21.Z", std::nullopt},
      {"offset without colon", "2021-10-22T12:15:21+0200", std::nullopt},
      {"offset of a day", "2021-10-22T12:15:21+24:00", std::nullopt},
      {"rest", "2021-10-22T12:15:21Z ", std::nullopt},
      {"rest of a date", "2021-10-22x", std::nullopt},
      {"short year", "21-10-22", std::nullopt},
      {"sign", "+021-10-22", std::nullopt},
      {"empty", "", std::nullopt},
      {"word", "yesterday", std::nullopt},
  };
  for (const ParseRow& row : rows) {
    const auto time = parse_time(row.text);
    EXPECT_EQ(time ? std::optional(time->time_since_epoch().count()) : std::nullopt, row.millis)
        << row.name;
  }
}

TEST(Time, FormatsForMachinesAndPeople) {
  EXPECT_EQ(format_time(at(kMoment)), "2021-10-22T12:15:21.378Z");
  EXPECT_EQ(format_minute(at(kMoment)), "2021-10-22 12:15 UTC");
  EXPECT_EQ(format_http_date(at(kMoment)), "Fri, 22 Oct 2021 12:15:21 GMT");
  EXPECT_EQ(format_time(at(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Time, WhatIsFormattedParsesToTheSame) {
  for (std::int64_t millis = -3'000'000'000'000; millis < 9'000'000'000'000;
       millis += 86'399'123'457) {
    EXPECT_EQ(parse_time(format_time(at(millis))), at(millis));
    const Time second = std::chrono::floor<seconds>(at(millis));
    EXPECT_EQ(parse_http_date(format_http_date(at(millis))), second) << millis;
  }
}

TEST(Time, HttpDateTakesImfFixdateOnly) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), at(784111777000));
  for (const char* text :
       {"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "0", ""}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

TEST(Duration, Parses) {
  EXPECT_EQ(parse_duration("500ms"), Millis{500});
  EXPECT_EQ(parse_duration("30s"), seconds{30});
  EXPECT_EQ(parse_duration("5m"), minutes{5});
  EXPECT_EQ(parse_duration("24h"), hours{24});
  EXPECT_EQ(parse_duration("14d"), days{14});
  EXPECT_EQ(parse_duration("2w"), days{14});
  EXPECT_EQ(parse_duration("0s"), Millis{0});
  EXPECT_EQ(parse_duration("36525d"), days{36525});
  for (const char* text : {"", "5", "m", "-5m", "+5m", "1.5h", "5 m", "5M", "5min", "36526d", "1y",
                           "99999999999999999999s", "18446744073709551615w", "5m "}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, FormatsTheLargestExactUnit) {
  EXPECT_EQ(format_duration(days{14}), "14d");
  EXPECT_EQ(format_duration(hours{36}), "36h");
  EXPECT_EQ(format_duration(seconds{90}), "90s");
  EXPECT_EQ(format_duration(minutes{5}), "5m");
  EXPECT_EQ(format_duration(Millis{1500}), "1500ms");
  EXPECT_EQ(format_duration(Millis{0}), "0s");
}

TEST(Duration, ReadsLikeSpeech) {
  EXPECT_EQ(human_duration(minutes{3}), "3 minutes");
  EXPECT_EQ(human_duration(hours{2}), "2 hours");
  EXPECT_EQ(human_duration(days{14}), "14 days");
  EXPECT_EQ(human_duration(Millis{1}), "0 seconds");
  EXPECT_EQ(human_duration(seconds{1}), "1 second");
  EXPECT_EQ(human_duration(Millis{59'600}), "1 minute");
  EXPECT_EQ(human_duration(minutes{59} + seconds{40}), "1 hour");
  EXPECT_EQ(human_duration(hours{24}), "24 hours");
  EXPECT_EQ(human_duration(hours{47}), "47 hours");
  EXPECT_EQ(human_duration(hours{60}), "3 days");
  EXPECT_EQ(human_duration(minutes{-3}), "3 minutes");
  EXPECT_EQ(human_duration(Millis::min()).substr(0, 12), "106751991167");
}

TEST(Bytes, Parses) {
  EXPECT_EQ(parse_bytes("0"), 0U);
  EXPECT_EQ(parse_bytes("1234"), 1234U);
  EXPECT_EQ(parse_bytes("100B"), 100U);
  EXPECT_EQ(parse_bytes("4KiB"), 4096U);
  EXPECT_EQ(parse_bytes("512MiB"), 512ULL << 20);
  EXPECT_EQ(parse_bytes("50GiB"), 50ULL << 30);
  EXPECT_EQ(parse_bytes("1MB"), 1'000'000U);
  EXPECT_EQ(parse_bytes("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* text : {"", "MiB", "1.5MiB", "-1", "1 MiB", "1mib", "1M", "18446744073709551616",
                           "18446744073709551615KiB", "16777216TiB", "0x10"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

struct BytesRow {
  std::uint64_t bytes;
  const char* text;
};

TEST(Bytes, OneDecimalAtMost) {
  for (const BytesRow& row : std::vector<BytesRow>{{1, "1 B"},
                                                   {1025, "1 KiB"},
                                                   {1100, "1.1 KiB"},
                                                   {1536, "1.5 KiB"},
                                                   {65536, "64 KiB"},
                                                   {1'048'524, "1023.9 KiB"},
                                                   {1'048'525, "1 MiB"},
                                                   {50ULL << 30, "50 GiB"},
                                                   {3ULL << 40, "3 TiB"},
                                                   {1ULL << 50, "1 PiB"}}) {
    EXPECT_EQ(human_bytes(row.bytes), row.text) << row.bytes;
  }
}

TEST(Duration, WhatIsFormattedParsesToTheSame) {
  for (const std::int64_t millis :
       {1LL, 999LL, 1000LL, 1001LL, 59'999LL, 60'000LL, 3'599'000LL, 3'600'000LL, 86'399'999LL,
        86'400'000LL, 604'800'000LL, 31'536'000'000LL}) {
    EXPECT_EQ(parse_duration(format_duration(Millis{millis})), Millis{millis});
  }
}

TEST(Bytes, ReadsLikeSpeech) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1 KiB");
  EXPECT_EQ(human_bytes(1'468'006), "1.4 MiB");
  EXPECT_EQ(human_bytes((1 << 20) - 1), "1 MiB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "16 EiB");
}

TEST(Clock, SystemClockTellsThisCentury) {
  const Time now = SystemClock{}.now();
  EXPECT_GT(now, *parse_time("2024-01-01"));
  EXPECT_LT(now, *parse_time("2100-01-01"));
}

TEST(Earliest, OfTwoThatMayBeMissing) {
  const Time one{Millis{1}}, two{Millis{2}};
  EXPECT_EQ(earliest(one, two), one);
  EXPECT_EQ(earliest(two, one), one);
  EXPECT_EQ(earliest(std::nullopt, two), two);
  EXPECT_EQ(earliest(one, std::nullopt), one);
  EXPECT_EQ(earliest(std::nullopt, std::nullopt), std::nullopt);
}

}  // namespace
}  // namespace npmgate
