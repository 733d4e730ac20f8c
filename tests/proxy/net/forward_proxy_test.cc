#include "proxy/net/forward_proxy.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

TEST(NoProxy, Table) {
  struct Row {
    const char *list, *url;
    bool bypass;
  };
  const Row rows[] = {
      {"", "https://registry.example/", false},
      {"*", "https://registry.example/", true},
      {"registry.example", "https://registry.example/", true},
      {"Registry.Example", "https://registry.example/", true},
      {"example", "https://registry.example/", true},
      {".example", "https://registry.example/", true},
      {".EXAMPLE", "https://registry.example/", true},
      {"xample", "https://registry.example/", false},
      {"other.example, registry.example", "https://registry.example/", true},
      {"registry.example:443", "https://registry.example/", true},
      {"registry.example:8443", "https://registry.example/", false},
      {"registry.example:8443", "https://registry.example:8443/", true},
      {"127.0.0.1", "http://127.0.0.1:4873/", true},
      {"::1", "http://[::1]:4873/", true},
      {"[::1]", "http://[::1]:4873/", true},
      {", ,", "https://registry.example/", false},
      {"10.0.0.0/8", "http://10.1.2.3/", true},
      {"10.0.0.0/8", "http://11.1.2.3/", false},
      {"other.example,192.168.7.0/24", "https://192.168.7.9:8443/", true},
      {"fd00::/8", "http://[fd00::1]/", true},
      {"10.0.0.0/8", "http://10.example/", false},
      {"10.0.0.0/99", "http://10.1.2.3/", false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(bypasses_proxy(row.list, *parse_url(row.url)), row.bypass)
        << row.list << " " << row.url;
}

TEST(ForwardProxy, IsHostAndPortWithAnOptionalUser) {
  struct Row {
    const char *text, *origin, *authorization;
  };
  const Row rows[] = {
      {"http://proxy.example:3128", "http://proxy.example:3128", ""},
      {"http://Proxy.example:3128/", "http://proxy.example:3128", ""},
      {"proxy.example:3128", "http://proxy.example:3128", ""},
      {"proxy.example", "http://proxy.example:80", ""},
      {"http://[::1]:3128", "http://[::1]:3128", ""},
      {"http://user:pass@proxy.example:3128", "http://proxy.example:3128", "Basic dXNlcjpwYXNz"},
      {"http://user@proxy.example:3128", "http://proxy.example:3128", "Basic dXNlcjo="},
      {"u%40x:p%3Aq@proxy.example:3128", "http://proxy.example:3128", "Basic dUB4OnA6cQ=="},
  };
  for (const Row& row : rows) {
    const auto proxy = parse_forward_proxy(row.text);
    ASSERT_TRUE(proxy) << row.text << " " << to_string(proxy.error());
    EXPECT_EQ(proxy->url.origin(), row.origin) << row.text;
    EXPECT_EQ(proxy->authorization, row.authorization) << row.text;
  }
}

TEST(ForwardProxy, AnythingElseIsAnErrorThatKeepsThePassword) {
  for (const char* text : {"socks5://u:secret@proxy.example", "https://u:secret@proxy.example",
                           "http://", "http://u:secret@proxy.example:99999", "http://a b/",
                           "http://u:secret@proxy.example/path"}) {
    const auto proxy = parse_forward_proxy(text);
    ASSERT_FALSE(proxy) << text;
    EXPECT_EQ(proxy.error().code, Code::kMalformed);
    EXPECT_NE(proxy.error().context.find("expected http://"), std::string::npos);
    EXPECT_EQ(proxy.error().context.find("secret"), std::string::npos) << proxy.error().context;
  }
}

TEST(ForwardProxy, UpperCaseWinsOverLowerCase) {
  const auto settings =
      proxies_from_environment([](const std::string& name) -> std::optional<std::string> {
        if (name == "HTTPS_PROXY") return "http://upper.example/";
        if (name == "https_proxy" || name == "http_proxy") return "http://small.example/";
        return std::nullopt;
      });
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->https, "http://upper.example/");
  EXPECT_EQ(settings->http, "http://small.example/");
  EXPECT_EQ(settings->none, "");
}

TEST(ForwardProxy, AllProxyStandsInForTheOthers) {
  const auto settings =
      proxies_from_environment([](const std::string& name) -> std::optional<std::string> {
        if (name == "ALL_PROXY") return "http://all.example/";
        if (name == "https_proxy") return "http://own.example/";
        return std::nullopt;
      });
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->https, "http://own.example/");
  EXPECT_EQ(settings->http, "http://all.example/");
}

TEST(ForwardProxy, AnUnusableVariableIsNamed) {
  const auto settings =
      proxies_from_environment([](const std::string& name) -> std::optional<std::string> {
        if (name == "https_proxy") return "socks5://proxy.example";
        return std::nullopt;
      });
  ASSERT_FALSE(settings);
  EXPECT_NE(settings.error().context.find("https_proxy"), std::string::npos);
}

}  // namespace
}  // namespace npmgate
