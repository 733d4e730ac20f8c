#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "certs/development.h"
#include "certs/tls_context.h"

namespace npmgate {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::hours kDay{24};
const Time kNow = parse_time("2026-11-24T12:00:00Z").value();

class Certs : public ::testing::Test {
 protected:
  Certs() {
    std::string name = (fs::temp_directory_path() / "certs_test.XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~Certs() override { fs::remove_all(root_); }

  std::string pair(const std::string& folder) {
    const std::string path = root_ + "/" + folder;
    const auto written =
        write_development_pair(path, {"npm.corp.example", "127.0.0.1", "::1"}, kNow);
    EXPECT_TRUE(written) << (written ? "" : to_string(written.error()));
    return path;
  }

  std::string root_;
};

TEST_F(Certs, CheckTable) {
  const std::string folder = pair("a");
  const std::string other = pair("b");
  struct Row {
    const char* name;
    std::string key, host;
    Time now;
    std::string problem;  // "" = fine
  };
  const std::string key = folder + "/server.key";
  const Row rows[] = {
      {"fine", key, "npm.corp.example", kNow + kDay, ""},
      {"IPv4", key, "127.0.0.1", kNow + kDay, ""},
      {"IPv6", key, "::1", kNow + kDay, ""},
      {"no host asked", key, "", kNow + kDay, ""},
      {"no key asked", "", "", kNow + kDay, ""},
      {"other host", key, "other.example", kNow + kDay, "it is not for other.example"},
      {"other key", other + "/server.key", "", kNow + kDay, "does not belong to it"},
      {"soon over", key, "", kNow + kDay * 390, "it expires within 14 days"},
      {"over", key, "", kNow + kDay * 398, "it expired on"},
      {"not yet", key, "", kNow - kDay * 30, "it is not valid before"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto report = check_pair(folder + "/server.crt", row.key, row.host, row.now);
    ASSERT_TRUE(report) << to_string(report.error());
    if (row.problem.empty()) {
      EXPECT_TRUE(report->problems.empty()) << report->problems.front();
      continue;
    }
    ASSERT_EQ(report->problems.size(), 1U);
    EXPECT_NE(report->problems[0].find(row.problem), std::string::npos) << report->problems[0];
  }
}

TEST_F(Certs, PairHasNamesModesAndKeepsItsAuthority) {
  const std::string folder = pair("a");
  const auto report = check_pair(folder + "/server.crt", "", "", kNow);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->names, (std::vector<std::string>{"npm.corp.example", "127.0.0.1", "::1"}));
  for (const char* key : {"/ca.key", "/server.key"}) {
    EXPECT_EQ(fs::status(folder + key).permissions() & fs::perms::all,
              fs::perms::owner_read | fs::perms::owner_write)
        << key;
  }
  const auto again = write_development_pair(folder, {"npm.corp.example"}, kNow);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, (std::vector<std::string>{folder + "/server.crt", folder + "/server.key"}));
}

TEST_F(Certs, NoNamesIsAnError) {
  EXPECT_FALSE(write_development_pair(root_ + "/none", {}, kNow));
}

TEST_F(Certs, ServerContextTable) {
  const std::string folder = pair("a");
  const std::string other = pair("b");
  const std::string junk = root_ + "/junk.pem";
  std::ofstream(junk) << "not a certificate\n";
  const std::string certificate = folder + "/server.crt", key = folder + "/server.key";
  struct Row {
    const char* name;
    TlsFiles files;
    std::string error;  // "" = loads
  };
  const Row rows[] = {
      {"fine", {certificate, key, ""}, ""},
      {"client CA", {certificate, key, folder + "/ca.crt"}, ""},
      {"other key", {certificate, other + "/server.key", ""}, other + "/server.key"},
      {"missing certificate", {root_ + "/none.crt", key, ""}, root_ + "/none.crt"},
      {"missing key", {certificate, root_ + "/none.key", ""}, root_ + "/none.key"},
      {"not PEM", {junk, key, ""}, junk},
      {"client CA not PEM", {certificate, key, junk}, junk},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto context = make_server_context(row.files);
    ASSERT_EQ(context.has_value(), row.error.empty());
    if (context) continue;
    EXPECT_EQ(context.error().code, Code::kUnavailable);
    EXPECT_NE(context.error().context.find(row.error), std::string::npos)
        << context.error().context;
  }
}

}  // namespace
}  // namespace npmgate
