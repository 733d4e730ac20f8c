// What the store's tests share: temporary folders, faults, sample rows, and one suite over both
// kinds of StateStore.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "store/disk/disk.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate::test {

// A new empty folder, removed with its content.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ng-store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string path(const std::string& below = "") const {
    return below.empty() ? path_ : path_ + "/" + below;
  }

 private:
  std::string path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
}

inline std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  return files;
}

// Fails the n-th disk operation (from 0) that is `operation` or any if that is empty; counts
// them all.
struct FailNth {
  explicit FailNth(int n, int error, std::string only = "")
      : left(n), error_number(error), operation(std::move(only)) {}
  std::atomic<int> left;
  const int error_number;
  const std::string operation;
  std::atomic<bool> fired{false};

  DiskFault fault() {
    return [this](std::string_view now) {
      if (!operation.empty() && now != operation) return 0;
      if (left.fetch_sub(1) != 0) return 0;
      fired = true;
      return error_number;
    };
  }
};

constexpr Time at(std::int64_t milliseconds) {
  return Time(Millis(milliseconds));
}

// Unwraps, or fails the test with the error's words.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(to_string(result.error()));
  return std::move(*result);
}
inline void must(const Result<void>& result) {
  if (!result) throw std::runtime_error(to_string(result.error()));
}

inline AuditEntry audit_entry(std::string kind, std::string name = "left", Time when = at(1)) {
  AuditEntry entry;
  entry.at = when;
  entry.kind = std::move(kind);
  entry.actor = "admin:eve";
  entry.name = std::move(name);
  entry.version = "1.0.0";
  entry.content_id = "c:m";
  entry.action = "block";
  entry.policy_hash = "ph";
  entry.client = "127.0.0.1";
  entry.detail = R"({"why":"test"})";
  return entry;
}

inline Decision approval(const std::string& name) {
  Decision decision;
  decision.kind = Decision::Kind::kApprove;
  decision.name = name;
  decision.versions = "1.0.0";
  decision.content_id = "aa:bb";
  decision.findings = {"first-release:d1", "size-jump:d2"};
  decision.actor = "admin:eve";
  decision.reason = "read \"it\"\nall";
  decision.at = at(5'000);
  decision.expires = at(9'000);
  return decision;
}

inline Finding finding(const std::string& id) {
  Finding out;
  out.id = id;
  out.severity = Severity::kHigh;
  out.message = "postinstall was added";
  out.proof = {{"before", nullptr}, {"after", "node x.js"}, {"lines", {1, 2, 3}}, {"ratio", 3.7}};
  out.source = "tarball";
  return out;
}

inline ReleaseRow release_row(const std::string& name, const std::string& version,
                              const std::string& content_id) {
  ReleaseRow row;
  row.name = name;
  row.version = version;
  row.content_id = content_id;
  row.subject.name = name;
  row.subject.version = version;
  row.subject.semver = Version::parse_loose(version);
  row.subject.content_id = content_id;
  row.subject.upstream = "public";
  row.subject.popular = true;
  row.subject.publisher = "alice";
  row.subject.license = "MIT";
  row.subject.age_start = at(77);
  row.subject.published = at(78);
  row.subject.inspected = !content_id.empty();
  row.subject.same_publisher_and_hooks = true;
  row.findings = {finding("install-script-added"), finding("size-jump")};
  row.seen = at(100);
  return row;
}

// Names a table's tests after its rows.
struct RowName {
  template <class Row>
  std::string operator()(const ::testing::TestParamInfo<Row>& row) const {
    return row.param.name;
  }
};

enum class StoreKind { kDisk, kMemory };

// A suite that runs over the real store and over the one that other tests use as their fake: they
// must not differ.
class StateStoreSuite : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    store_ = must(GetParam() == StoreKind::kDisk ? open_state_store(directory_.path("state"))
                                                 : open_memory_state_store());
  }
  bool on_disk() const { return GetParam() == StoreKind::kDisk; }
  // Closes and opens again; what must be remembered is then read from the disk. Nothing in memory.
  void reopen() {
    if (!on_disk()) return;
    store_.reset();
    store_ = must(open_state_store(directory_.path("state")));
  }
  StateStore& store() { return *store_; }

  TempDir directory_;
  std::unique_ptr<StateStore> store_;
};

inline std::string kind_name(const ::testing::TestParamInfo<StoreKind>& kind) {
  return kind.param == StoreKind::kDisk ? "Disk" : "Memory";
}

}  // namespace npmgate::test
