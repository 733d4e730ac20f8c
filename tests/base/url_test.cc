// URLs from configuration, packuments and redirects: split the same way everywhere, or not at all.
#include <gtest/gtest.h>

#include "base/url.h"

namespace npmgate {
namespace {

struct Good {
  const char *text, *scheme, *host, *path;
  int port;
  const char *origin, *host_header;
};

TEST(Url, Splits) {
  const Good rows[] = {
      {"https://registry.example", "https", "registry.example", "/", 443,
       "https://registry.example:443", "registry.example"},
      {"http://Registry.EXAMPLE:80/npm/", "http", "registry.example", "/npm/", 80,
       "http://registry.example:80", "registry.example"},
      {"https://registry.example:8443/a/b", "https", "registry.example", "/a/b", 8443,
       "https://registry.example:8443", "registry.example:8443"},
      {"http://127.0.0.1:4873/", "http", "127.0.0.1", "/", 4873, "http://127.0.0.1:4873",
       "127.0.0.1:4873"},
      {"https://[2001:DB8::1]:444/", "https", "2001:db8::1", "/", 444, "https://[2001:db8::1]:444",
       "[2001:db8::1]:444"},
      {"http://[::1]/", "http", "::1", "/", 80, "http://[::1]:80", "[::1]"},
  };
  for (const Good& row : rows) {
    const auto url = parse_url(row.text);
    ASSERT_TRUE(url) << row.text;
    EXPECT_EQ(url->scheme, row.scheme) << row.text;
    EXPECT_EQ(url->host, row.host) << row.text;
    EXPECT_EQ(url->path, row.path) << row.text;
    EXPECT_EQ(url->port, row.port) << row.text;
    EXPECT_EQ(url->origin(), row.origin) << row.text;
    EXPECT_EQ(url->host_header(), row.host_header) << row.text;
  }
}

TEST(Url, RefusesWhatIsNoBaseUrl) {
  for (const char* text : {"",
                           "registry.example",
                           "ftp://registry.example/",
                           "file:///etc/passwd",
                           "https://",
                           "https:///path",
                           "https://user@registry.example/",
                           "https://user:pw@registry.example/",
                           "https://registry.example/?q",
                           "https://registry.example/#f",
                           "https://a b/",
                           "https://registry.example:0/",
                           "https://registry.example:65536/",
                           "https://registry.example:/",
                           "https://registry.example:80x/",
                           "https://[::1",
                           "https://[]/",
                           "https://[::1]x/",
                           "https://registry.example\\@evil.example/",
                           "javascript:alert(1)"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
}

TEST(Url, TrailingSlash) {
  EXPECT_EQ(with_trailing_slash("https://registry.example"), "https://registry.example/");
  EXPECT_EQ(with_trailing_slash("https://registry.example/"), "https://registry.example/");
  EXPECT_EQ(with_trailing_slash(""), "");
}

TEST(Loopback, OnlyAddressesAndItsOneName) {
  for (const char* yes : {"127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"})
    EXPECT_TRUE(is_loopback(yes)) << yes;
  for (const char* no : {"0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example", "localhost.example",
                         "LOCALHOST.", "", "127.1"})
    EXPECT_FALSE(is_loopback(no)) << no;
}

}  // namespace
}  // namespace npmgate
