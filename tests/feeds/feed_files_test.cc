#include "feeds/feed_files.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace npmgate {
namespace {

namespace fs = std::filesystem;

std::string plain_record(const std::string& id, const std::string& package) {
  return R"({"id":")" + id + R"(","affected":[{"package":{"ecosystem":"npm","name":")" + package +
         R"("},"versions":["1.0.0"]}]})";
}

class FeedFiles : public ::testing::Test {
 protected:
  FeedFiles() : folder_(fs::path(::testing::TempDir()) / ("feed-" + unique())) {
    fs::create_directories(folder_);
  }
  ~FeedFiles() override { fs::remove_all(folder_); }

  static std::string unique() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return std::string(test->name()) + "-" + std::to_string(::getpid());
  }
  std::string path(const std::string& name = "") const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return path(name);
  }
  // As an ecosystem's export: deflated entries in the root.
  std::string zip(const std::string& name,
                  const std::vector<std::pair<std::string, std::string>>& entries) const {
    archive* out = archive_write_new();
    archive_write_set_format_zip(out);
    archive_write_open_filename(out, path(name).c_str());
    for (const auto& [entry_name, text] : entries) {
      archive_entry* entry = archive_entry_new();
      archive_entry_set_pathname(entry, entry_name.c_str());
      archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_perm(entry, 0644);
      archive_write_header(out, entry);
      archive_write_data(out, text.data(), text.size());
      archive_entry_free(entry);
    }
    archive_write_free(out);
    return path(name);
  }
  static Result<LoadedFeed> load(const std::vector<std::string>& paths, FeedLimits limits = {}) {
    return load_feeds(paths, limits);
  }
  static std::string why(const Result<LoadedFeed>& loaded) {
    return loaded ? "loaded" : to_string(loaded.error());
  }

  fs::path folder_;
};

TEST_F(FeedFiles, AFolderIsReadAtAnyDepth) {
  write("npm/left/MAL-1.json", plain_record("MAL-1", "left"));
  write("MAL-2.json", "[" + plain_record("MAL-2", "right") + "]");
  write("README.md", "not a plain_record");
  write(".hidden/MAL-3.json", plain_record("MAL-3", "up"));
  const auto loaded = load({path()});
  ASSERT_TRUE(loaded) << why(loaded);
  EXPECT_TRUE(loaded->index->names("left"));
  EXPECT_TRUE(loaded->index->names("right"));
  EXPECT_FALSE(loaded->index->names("up"));
  EXPECT_EQ(loaded->counts.files, 2u);
  EXPECT_EQ(loaded->counts.malware, 2u);
}

TEST_F(FeedFiles, LinksToFilesAreFollowedAndLinksToFoldersAreNot) {
  write("..data/MAL-1.json", plain_record("MAL-1", "left"));
  fs::create_symlink("..data/MAL-1.json", path("MAL-1.json"));
  fs::create_directory_symlink(".", path("again"));
  const auto loaded = load({path()});
  ASSERT_TRUE(loaded) << why(loaded);
  EXPECT_EQ(loaded->counts.files, 1u);
  EXPECT_TRUE(loaded->index->names("left"));
}

TEST_F(FeedFiles, OneFileAndTheZipExport) {
  const std::string file = write("own.json", plain_record("MAL-1", "left"));
  const std::string all = zip("all.zip", {{"MAL-2.json", plain_record("MAL-2", "right")},
                                          {"MAL-3.json", plain_record("MAL-3", "up")},
                                          {"notes.txt", "nothing"}});
  const auto loaded = load({file, all});
  ASSERT_TRUE(loaded) << why(loaded);
  for (const char* name : {"left", "right", "up"}) EXPECT_TRUE(loaded->index->names(name)) << name;
  EXPECT_EQ(loaded->counts.records, 3u);
  EXPECT_EQ(loaded->counts.files, 2u);
}

TEST_F(FeedFiles, WhatIsNotThereIsAnErrorThatSaysSo) {
  const auto loaded = load({path("missing")});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kNotFound);
  EXPECT_NE(loaded.error().context.find("missing is not there"), std::string::npos);
}

TEST_F(FeedFiles, OneBadRecordAmongFewRefusesTheWhole) {
  write("MAL-1.json", plain_record("MAL-1", "left"));
  write("MAL-2.json", "{\"id\":\"MAL-2");
  const auto loaded = load({path()});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kMalformed);
  EXPECT_NE(loaded.error().context.find("MAL-2.json"), std::string::npos) << why(loaded);
}

TEST_F(FeedFiles, OneBadRecordAmongManyIsPassedOverAndTold) {
  std::vector<std::pair<std::string, std::string>> entries{{"bad.json", "{"}};
  for (int i = 0; i < 100; ++i)
    entries.emplace_back("MAL-" + std::to_string(i) + ".json",
                         plain_record("MAL-" + std::to_string(i), "p" + std::to_string(i)));
  const auto loaded = load({zip("all.zip", entries)});
  ASSERT_TRUE(loaded) << why(loaded);
  EXPECT_EQ(loaded->counts.malware, 100u);
  EXPECT_EQ(loaded->counts.unreadable, 1u);
  EXPECT_NE(loaded->counts.problems.at(0).find("all.zip/bad.json"), std::string::npos);
}

TEST_F(FeedFiles, ADamagedZipIsRefused) {
  const std::string all =
      zip("all.zip", {{"MAL-1.json", plain_record("MAL-1", "left") + std::string(5000, ' ')},
                      {"MAL-2.json", plain_record("MAL-2", "right")}});
  const auto size = fs::file_size(all);
  // Cut at every place: a download that is under way is never believed.
  std::ifstream stream(all, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  ASSERT_EQ(bytes.size(), size);
  for (std::size_t cut = 0; cut < bytes.size(); cut += 7) {
    const std::string half = write("half.zip", bytes.substr(0, cut));
    EXPECT_FALSE(load({half})) << cut;
  }
  // A body that does not match its checksum is no plain_record.
  std::string changed = bytes;
  changed[60] = static_cast<char>(changed[60] ^ 1);
  EXPECT_FALSE(load({write("changed.zip", changed)}));
  EXPECT_FALSE(load({write("other.zip", "not a zip at all")}));
}

TEST_F(FeedFiles, EveryLimitHolds) {
  const std::string all =
      zip("all.zip", {{"MAL-1.json", plain_record("MAL-1", "left") + std::string(100'000, ' ')},
                      {"MAL-2.json", plain_record("MAL-2", "left")}});
  const std::string file = write("own.json", plain_record("MAL-1", "left"));
  const auto refused = [&](const std::string& what, void (*change)(FeedLimits&)) {
    FeedLimits limits;
    change(limits);
    const auto loaded = load({what}, limits);
    EXPECT_FALSE(loaded);
    return loaded ? Code::kInternal : loaded.error().code;
  };
  EXPECT_EQ(refused(all, [](FeedLimits& l) { l.zip.max_entry = 1000; }), Code::kTooLarge);
  EXPECT_EQ(refused(all, [](FeedLimits& l) { l.zip.max_total = 1000; }), Code::kTooLarge);
  EXPECT_EQ(refused(all, [](FeedLimits& l) { l.zip.max_entries = 1; }), Code::kTooLarge);
  EXPECT_EQ(refused(file, [](FeedLimits& l) { l.max_json = 10; }), Code::kTooLarge);
  EXPECT_EQ(refused(file, [](FeedLimits& l) { l.max_index = 10; }), Code::kTooLarge);
  EXPECT_EQ(refused(path(), [](FeedLimits& l) { l.max_files = 0; }), Code::kTooLarge);
  EXPECT_EQ(refused(file, [](FeedLimits& l) { l.max_time = std::chrono::seconds(-1); }),
            Code::kTimeout);
}

TEST_F(FeedFiles, LoadingCanBeStopped) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(
      load_feeds({write("own.json", plain_record("MAL-1", "left"))}, {}, stop.get_token()));
}

TEST_F(FeedFiles, EveryChangeChangesTheFingerprint) {
  const std::vector<std::string> paths{path()};
  std::vector<std::uint64_t> seen{feed_fingerprint(paths)};
  const auto differs = [&](const char* what) {
    const std::uint64_t now = feed_fingerprint(paths);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), now), 0) << what;
    EXPECT_EQ(feed_fingerprint(paths), now) << what;
    seen.push_back(now);
  };
  write("deep/MAL-1.json", plain_record("MAL-1", "left"));
  differs("a file appeared");
  write("deep/MAL-1.json", plain_record("MAL-1", "left") + " ");
  differs("a file grew");
  fs::rename(path("deep/MAL-1.json"), path("deep/MAL-2.json"));
  differs("a file was renamed");
  fs::remove(path("deep/MAL-2.json"));
  differs("a file went");
  fs::remove_all(path());
  differs("the folder went");
}

}  // namespace
}  // namespace npmgate
