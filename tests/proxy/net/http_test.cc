// HTTP messages as values: negotiation, validators, header hygiene, errors as responses.
#include "proxy/net/http.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "tests/support/answer.h"

namespace npmgate {
namespace {

using testing::header;

TEST(Headers, NamesIgnoreCaseAndTheFirstWins) {
  Headers headers;
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  EXPECT_EQ(headers.get("X-a"), "1");
  EXPECT_TRUE(headers.has("x-A"));
  EXPECT_FALSE(headers.has("x"));
  EXPECT_EQ(headers.get("absent"), "");
}

// RFC 9110, 12.5.3; what clients send stands in the facts on package managers.
TEST(AcceptsGzip, Table) {
  const std::pair<const char*, bool> rows[] = {
      {"", false},
      {"gzip", true},
      {"GZIP", true},
      {"x-gzip", true},
      {"gzip,deflate", true},
      {"gzip, deflate, br, zstd", true},
      {"deflate, br", false},
      {"identity", false},
      {"gzip;q=0", false},
      {"gzip;q=0.0", false},
      {"gzip;q=0.000", false},
      {"gzip;Q=0", false},
      {"gzip; q=0", false},
      {"gzip ; q = 0", false},
      {"gzip;q=0.001", true},
      {"gzip;q=1.0", true},
      {"*", true},
      {"*;q=0", false},
      {"*;q=0, gzip", true},
      {"gzip;q=0, *", false},
      {"identity;q=1, gzip;q=0.5", true},
      {"gzipx", false},
      {"zstd,gzip,deflate", true},
  };
  for (const auto& [header, expected] : rows) EXPECT_EQ(accepts_gzip(header), expected) << header;
}

TEST(Etag, Matches) {
  EXPECT_TRUE(etag_matches("\"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("W/\"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("\"b\", \"a\"", "\"a\""));
  EXPECT_TRUE(etag_matches("*", "\"a\""));
  EXPECT_FALSE(etag_matches("", "\"a\""));
  EXPECT_FALSE(etag_matches("\"ab\"", "\"a\""));
  EXPECT_FALSE(etag_matches("a", "\"a\""));
}

TEST(HeaderSafe, NothingSplitsAResponse) {
  EXPECT_EQ(header_safe("a\r\nset-cookie: x"), "a  set-cookie: x");
  EXPECT_EQ(header_safe(std::string_view("a\0b\x7f\x1b", 5)), "a b  ");
  EXPECT_EQ(header_safe("caf\xc3\xa9"), "caf??");
  EXPECT_EQ(header_safe(std::string(500, 'x')).size(), 400u);
  EXPECT_EQ(header_safe("abc", 2), "ab");
}

TEST(ErrorResponse, SaysTheReasonInThreePlaces) {
  const Response response = error_response(403, "npm-gate: no\r\nway", "no\r\nway");
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(boost::json::parse(*response.body).at("error").as_string(),
            "npm-gate: no\\u000d\\u000away");
  EXPECT_EQ(header(response, "npm-notice"), "npm-gate: no  way");
  EXPECT_EQ(response.reason, "no  way");
  EXPECT_EQ(header(response, "cache-control"), "no-store");
}

TEST(ErrorResponse, WhatItQuotesIsHarmlessInATerminal) {
  const Response response =
      error_response(403, "npm-gate: key \x1b[2J\u202e \u00e9 is there twice");
  const auto shown = std::string(boost::json::parse(*response.body).at("error").as_string());
  EXPECT_EQ(shown.find('\x1b'), std::string::npos) << shown;
  EXPECT_EQ(shown.find("\u202e"), std::string::npos) << shown;
  EXPECT_NE(shown.find("\u00e9"), std::string::npos) << shown;
}

TEST(ErrorResponse, OneStatusPerKindOfError) {
  struct Row {
    Code code;
    Origin origin;
    int status;
  };
  const Row rows[] = {
      {Code::kNotFound, Origin::kUpstream, 404}, {Code::kMalformed, Origin::kClient, 400},
      {Code::kTooLarge, Origin::kClient, 413},   {Code::kMalformed, Origin::kUpstream, 502},
      {Code::kTooLarge, Origin::kUpstream, 502}, {Code::kRefused, Origin::kPolicy, 403},
      {Code::kRefused, Origin::kUpstream, 502},  {Code::kIntegrityMismatch, Origin::kUpstream, 502},
      {Code::kTimeout, Origin::kUpstream, 503},  {Code::kUnavailable, Origin::kDisk, 503},
      {Code::kCorrupt, Origin::kDisk, 500},      {Code::kInternal, Origin::kSelf, 500},
  };
  for (const Row& row : rows) {
    const Response response = response_for(fail(row.code, row.origin, "why"));
    EXPECT_EQ(response.status, row.status) << static_cast<int>(row.code);
    // npm, pnpm and bun wait as told only if they are told.
    EXPECT_EQ(header(response, "retry-after").empty(), row.status != 503);
  }
}

TEST(ErrorResponse, ToldWithoutThePathsOfTheGate) {
  const Response full =
      response_for(fail(Code::kUnavailable, Origin::kDisk,
                        "/var/lib/npm-gate/tmp/x: write: No space left on device"));
  EXPECT_EQ(full.body->find("/var"), std::string::npos) << *full.body;
  EXPECT_NE(full.body->find("space"), std::string::npos) << *full.body;
  const Response other =
      response_for(fail(Code::kCorrupt, Origin::kDisk, "/var/lib/npm-gate/state.db: malformed"));
  EXPECT_EQ(other.body->find("/var"), std::string::npos) << *other.body;
}

TEST(Reason, EveryStatusThatIsAnsweredHasOne) {
  for (const int status :
       {200, 201, 304, 400, 401, 403, 404, 409, 413, 421, 429, 431, 500, 502, 503})
    EXPECT_NE(standard_reason(status), "Unknown") << status;
}

TEST(ByteRange, Table) {
  struct Row {
    const char* range;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> first_and_count;  // of 100 bytes
  };
  const Row rows[] = {
      {"bytes=0-9", {{0, 10}}},
      {"bytes=90-", {{90, 10}}},
      {"bytes=-10", {{90, 10}}},
      {"bytes=-1000", {{0, 100}}},
      {"bytes=0-0", {{0, 1}}},
      {"Bytes=99-200", {{99, 1}}},
      {"bytes=100-", {{0, 0}}},
      {"bytes=-0", {{100, 0}}},
      {"bytes=9-8", std::nullopt},
      {"bytes=", std::nullopt},
      {"bytes=-", std::nullopt},
      {"bytes=a-b", std::nullopt},
      {"bytes=0-1,3-4", std::nullopt},
      {"lines=0-1", std::nullopt},
      {"", std::nullopt},
      {"bytes=18446744073709551616-", std::nullopt},
      {"bytes=+1-2", std::nullopt},
  };
  for (const Row& row : rows) {
    const auto range = byte_range(row.range, 100);
    ASSERT_EQ(range.has_value(), row.first_and_count.has_value()) << row.range;
    if (!range) continue;
    EXPECT_EQ(range->first, row.first_and_count->first) << row.range;
    EXPECT_EQ(range->count, row.first_and_count->second) << row.range;
  }
  EXPECT_EQ(byte_range("bytes=0-", 0)->count, 0U);
}

TEST(DeniedByUpstream, IsToldWithAStatusThatNoClientRetries) {
  for (const auto& [status, told] : {std::pair{401, 403}, {403, 403}, {451, 451}}) {
    const Response answer =
        response_for(denied_by_upstream("public", status, "left", R"({"error":"no\nway"})"));
    EXPECT_EQ(answer.status, told);
    EXPECT_NE(answer.body->find("way"), std::string::npos) << *answer.body;
  }
}

}  // namespace
}  // namespace npmgate
