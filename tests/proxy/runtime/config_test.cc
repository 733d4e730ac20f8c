// gate.yaml: the sample, every section, and every mistake with its place.
#include "proxy/runtime/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace npmgate {
namespace {

const EnvReader kNoEnvironment = [](const std::string&) { return std::optional<std::string>(); };
constexpr const char* kUpstream =
    "upstreams: [ { name: public, url: https://registry.example } ]\n";

ConfigResult load(const std::string& text, const EnvReader& env = kNoEnvironment) {
  return load_config(text, "etc/gate.yaml", env);
}

std::string problems(const ConfigResult& result) {
  std::string all;
  for (const Problem& problem : result.problems) all += problem.str() + "\n";
  return all;
}

TEST(Sample, IsTheDefaults) {
  const ConfigResult sample =
      load(sample_config("https://registry.example/npm/", "/var/lib/npm-gate"));
  ASSERT_TRUE(sample.problems.empty()) << problems(sample);
  ASSERT_EQ(sample.config.upstreams.size(), 1u);
  EXPECT_EQ(sample.config.upstreams[0].url, "https://registry.example/npm/");
  EXPECT_EQ(sample.config.storage_path, "/var/lib/npm-gate");
  const Config defaults;
  EXPECT_EQ(sample.config.port, defaults.port);
  EXPECT_EQ(sample.config.admin.port, defaults.admin.port);
  EXPECT_EQ(sample.config.fresh, defaults.fresh);
  EXPECT_EQ(sample.config.stale, defaults.stale);
  EXPECT_EQ(sample.config.recent, defaults.recent);
  EXPECT_EQ(sample.config.workers, defaults.workers);
  EXPECT_EQ(sample.config.inspection_timeout, defaults.inspection_timeout);
  EXPECT_EQ(sample.config.max_tarballs, defaults.max_tarballs);
  EXPECT_EQ(sample.config.limits.max_unpacked, defaults.limits.max_unpacked);
  EXPECT_EQ(sample.config.limits.max_ratio, defaults.limits.max_ratio);
  EXPECT_EQ(sample.config.limits.max_entries, defaults.limits.max_entries);
  EXPECT_EQ(sample.config.git_hosts, defaults.git_hosts);
  EXPECT_EQ(sample.config.git_cache, defaults.git_cache);
}

TEST(Config, PathsAreTakenFromTheFilesFolder) {
  const ConfigResult result = load(std::string(kUpstream) + R"(policy: policy.yaml
storage: { path: ../data }
listen: { tls: { certificate: tls/gate.crt, key: /keys/gate.key } }
)");
  ASSERT_TRUE(result.problems.empty()) << problems(result);
  EXPECT_EQ(result.config.policy_file, "etc/policy.yaml");
  EXPECT_EQ(result.config.storage_path, "data");
  EXPECT_EQ(result.config.tls.certificate, "etc/tls/gate.crt");
  EXPECT_EQ(result.config.tls.key, "/keys/gate.key");
}

TEST(Config, Upstreams) {
  const ConfigResult result =
      load(R"(upstreams:
  - { name: internal, url: https://npm.internal.example/npm, scopes: ["@acme"], packages: ["acme-*"], token_env: ACME, inspect: false }
  - { name: public, url: https://registry.example/, times: ingest, tarball_hosts: [cdn.example] }
)",
           [](const std::string& name) {
             return name == "ACME" ? std::optional<std::string>("s3cret") : std::nullopt;
           });
  ASSERT_TRUE(result.problems.empty()) << problems(result);
  ASSERT_EQ(result.config.upstreams.size(), 2u);
  const UpstreamConfig& internal = result.config.upstreams[0];
  EXPECT_EQ(internal.url, "https://npm.internal.example/npm/");
  EXPECT_EQ(internal.token, "s3cret");
  EXPECT_FALSE(internal.inspect);
  EXPECT_TRUE(internal.times_publish);
  const UpstreamConfig& open = result.config.upstreams[1];
  EXPECT_FALSE(open.times_publish);
  EXPECT_TRUE(open.inspect);
  EXPECT_EQ(open.tarball_hosts, std::vector<std::string>{"cdn.example"});
}

TEST(Config, TokenFromAFileIsItsFirstLine) {
  const std::string path = ::testing::TempDir() + "/npm-gate-token";
  std::ofstream(path) << "tok\r\nmore\n";
  const ConfigResult result =
      load("upstreams: [ { url: https://registry.example, token_file: " + path + " } ]\n");
  ASSERT_TRUE(result.problems.empty()) << problems(result);
  EXPECT_EQ(result.config.upstreams.front().token, "tok");
}

struct Mistake {
  const char* name;
  std::string text;
  const char* at;    // file:line:column that the message starts with
  const char* word;  // that it contains
};

class Mistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreNamedWithTheirPlace) {
  const ConfigResult result = load(GetParam().text);
  ASSERT_FALSE(result.problems.empty());
  const std::string first = result.problems.front().str();
  EXPECT_TRUE(first.starts_with(GetParam().at)) << first;
  EXPECT_NE(first.find(GetParam().word), std::string::npos) << first;
}

const std::string kOk = kUpstream;
INSTANTIATE_TEST_SUITE_P(
    All, Mistakes,
    ::testing::Values(
        Mistake{"unknown_key", "listne: { port: 1 }\n" + kOk, "etc/gate.yaml:1:1", "listne"},
        Mistake{"nearest_key", "listne: { port: 1 }\n" + kOk, "etc/gate.yaml:1:1", "listen"},
        Mistake{"unknown_inner_key", kOk + "listen: { prot: 1 }\n", "etc/gate.yaml:2:", "prot"},
        Mistake{"duplicate_key", kOk + "listen: { port: 1 }\nlisten: { port: 2 }\n",
                "etc/gate.yaml:3:1", "listen"},
        Mistake{"anchor", kOk + "log: &x { level: info }\n", "etc/gate.yaml:2:", "anchor"},
        Mistake{"alias", kOk + "log: *x\n", "etc/gate.yaml:2:", "anchor"},
        Mistake{"second_document", kOk + "---\nlog: { level: info }\n",
                "etc/gate.yaml:", "document"},
        Mistake{"not_a_map", "- a\n- b\n", "etc/gate.yaml:1:1", "map"},
        Mistake{"port_too_large", kOk + "listen: { port: 70000 }\n", "etc/gate.yaml:2:", "65535"},
        Mistake{"port_not_a_number", kOk + "listen: { port: http }\n", "etc/gate.yaml:2:", "port"},
        Mistake{"port_octal", kOk + "listen: { port: 010 }\n", "etc/gate.yaml:2:", "port"},
        Mistake{"duration", kOk + "packuments: { fresh: soon }\n", "etc/gate.yaml:2:", "fresh"},
        Mistake{"bytes", kOk + "storage: { tarballs: { max_size: big } }\n",
                "etc/gate.yaml:2:", "max_size"},
        Mistake{"stale_below_fresh", kOk + "packuments: { fresh: 2h, stale: 1h }\n",
                "etc/gate.yaml:", "stale"},
        Mistake{"yes_is_no_boolean",
                "upstreams: [ { url: https://registry.example/, inspect: yes } ]\n",
                "etc/gate.yaml:1:", "inspect"},
        Mistake{"tls_without_key", kOk + "listen: { tls: { certificate: a.crt } }\n",
                "etc/gate.yaml:2:", "key"},
        Mistake{"public_url_required", kOk + "listen: { address: 0.0.0.0 }\n",
                "etc/gate.yaml:", "public_url"},
        Mistake{"public_url_scheme", kOk + "public_url: npm.corp.example\n",
                "etc/gate.yaml:2:", "public_url"},
        Mistake{"public_url_query", kOk + "public_url: https://npm.corp.example/?a\n",
                "etc/gate.yaml:2:", "public_url"},
        Mistake{"access", kOk + "access: { clients: everyone }\n", "etc/gate.yaml:2:", "token"},
        Mistake{"upstreams_not_a_list", "upstreams: https://registry.example/\n",
                "etc/gate.yaml:1:", "list"},
        Mistake{"upstream_without_url", "upstreams: [ { name: a } ]\n", "etc/gate.yaml:1:", "url"},
        Mistake{"upstream_scheme", "upstreams: [ { url: ftp://registry.example/ } ]\n",
                "etc/gate.yaml:1:", "http"},
        Mistake{"upstream_credentials", "upstreams: [ { url: https://u:p@registry.example/ } ]\n",
                "etc/gate.yaml:1:", "credentials"},
        Mistake{"upstream_twice",
                "upstreams:\n  - { name: a, url: https://registry.example/, scopes: ['@a'] }\n"
                "  - { name: a, url: https://registry.example/ }\n",
                "etc/gate.yaml:3:", "twice"},
        Mistake{"upstream_is_the_gate",
                "upstreams: [{ name: a, url: \"http://127.0.0.1:4873/\" }]\n",
                "etc/gate.yaml:", "this gate itself"},
        Mistake{
            "upstream_is_the_gate_by_name",
            "listen: { port: 9000 }\nupstreams: [{ name: a, url: \"http://localhost:9000/\" }]\n",
            "etc/gate.yaml:", "this gate itself"},
        Mistake{"upstream_is_the_gates_public_url",
                "public_url: https://npm.corp.example/\nupstreams: [{ name: a, url: "
                "\"https://npm.corp.example/\" }]\n",
                "etc/gate.yaml:", "this gate itself"},
        Mistake{"two_catch_alls",
                "upstreams:\n  - { name: a, url: https://registry.example/ }\n"
                "  - { name: b, url: https://registry.example/ }\n",
                "etc/gate.yaml:", "more than one"},
        Mistake{"scope_without_at",
                "upstreams: [ { url: https://registry.example/, scopes: [a] } ]\n",
                "etc/gate.yaml:", "@acme"},
        Mistake{"token_env_unset",
                "upstreams: [ { url: https://registry.example/, token_env: NOT_SET } ]\n",
                "etc/gate.yaml:1:", "NOT_SET"},
        Mistake{"token_file_absent",
                "upstreams: [ { url: https://registry.example/, token_file: absent } ]\n",
                "etc/gate.yaml:1:", "etc/absent"},
        Mistake{"times", "upstreams: [ { url: https://registry.example/, times: guess } ]\n",
                "etc/gate.yaml:1:", "ingest"},
        Mistake{"log_level", kOk + "log: { level: loud }\n", "etc/gate.yaml:2:", "debug"},
        Mistake{"log_format", kOk + "log: { format: xml }\n", "etc/gate.yaml:2:", "json"},
        Mistake{"workers_none", kOk + "inspection: { workers: 0 }\n",
                "etc/gate.yaml:2:", "workers"},
        Mistake{"broken", "upstreams: [\n", "etc/gate.yaml:", ""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Config, CredentialsForAnUpstream) {
  const std::string file = ::testing::TempDir() + "/config-token";
  std::ofstream(file) << "secret \n";
  const auto authorization = [&](const std::string& keys) {
    const auto result =
        load("upstreams: [ { name: a, url: https://registry.example/" + keys + " } ]\n");
    EXPECT_TRUE(result.problems.empty()) << problems(result);
    return result.problems.empty() ? result.config.upstreams.front().authorization() : "";
  };
  EXPECT_EQ(authorization(""), "");
  EXPECT_EQ(authorization(", token_file: " + file), "Bearer secret");
  EXPECT_EQ(authorization(", username: ann, token_file: " + file), "Basic YW5uOnNlY3JldA==");
  for (const char* bad : {", username: ann", ", username: \"a:b\", token_file: /nowhere"}) {
    const auto result = load("upstreams: [ { name: a, url: https://registry.example/" +
                             std::string(bad) + " } ]\n");
    EXPECT_NE(problems(result).find("username"), std::string::npos) << problems(result);
  }
}

TEST(Config, WhatNeedsARestart) {
  const std::string before = std::string(kUpstream) + "log: { level: info }\n";
  const auto changed = [&](const std::string& now) {
    return needs_restart(before, now, "gate.yaml");
  };
  EXPECT_EQ(changed(before), "");
  EXPECT_EQ(changed(std::string(kUpstream) + "log: { level: debug }  # noisy\n"), "");
  EXPECT_EQ(changed(before + "listen: { port: 1 }\n"), "listen");
  EXPECT_EQ(changed("log: { level: info }\n"), "upstreams");
  EXPECT_EQ(changed("upstreams:\n  - name: public\n    url: https://registry.example\n"), "");
}

}  // namespace
}  // namespace npmgate
