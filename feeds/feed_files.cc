#include "feeds/feed_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

namespace npmgate {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kTolerated = 100;  // one unreadable record among so many

// Every *.json file below `folder` that is no hidden one; false of `visit` ends the walk.
Result<void> walk(const fs::path& folder, const std::function<bool(const fs::path&)>& visit) {
  std::error_code ec;
  fs::recursive_directory_iterator it(folder, fs::directory_options::none, ec);
  for (const fs::recursive_directory_iterator end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename().native().starts_with('.')) {
      // ConfigMap volumes keep their real files in a hidden folder and link to them.
      it.disable_recursion_pending();
      continue;
    }
    std::error_code kind;
    if (it->path().extension() != ".json" || !it->is_regular_file(kind)) continue;
    if (!visit(it->path())) return {};
  }
  if (ec)
    return fail(Code::kUnavailable, Origin::kDisk,
                "the feed " + folder.string() + " cannot be read: " + ec.message());
  return {};
}

class Loader {
 public:
  Loader(const FeedLimits& limits, std::stop_token stop)
      : limits_(limits),
        stop_(std::move(stop)),
        until_(std::chrono::steady_clock::now() + limits.max_time),
        builder_(limits.max_index),
        reader_(builder_, counts_) {}

  Result<void> path(const std::string& path) {
    std::error_code ec;
    const auto kind = fs::status(path, ec).type();
    if (kind == fs::file_type::directory) return folder(path);
    if (kind != fs::file_type::regular)
      return fail(Code::kNotFound, Origin::kDisk,
                  "the feed " + path + " is not there: no file and no folder" +
                      (ec ? " (" + ec.message() + ")" : "") + "; see feeds in gate.yaml");
    ++counts_.files;
    return path.ends_with(".zip") ? zip(path) : json(path);
  }

  Result<LoadedFeed> finish() {
    const bool doubtful = counts_.unreadable * kTolerated > counts_.records;
    if (counts_.unreadable != 0 && doubtful)
      return fail(Code::kMalformed, Origin::kDisk,
                  std::to_string(counts_.unreadable) + " of " + std::to_string(counts_.records) +
                      " feed records are no OSV: " + counts_.problems.front());
    LoadedFeed loaded;
    loaded.index = std::make_shared<const AdvisoryIndex>(std::move(builder_).finish());
    loaded.counts = std::move(counts_);
    return loaded;
  }

 private:
  Result<void> in_time() const {
    if (stop_.stop_requested())
      return fail(Code::kUnavailable, Origin::kSelf, "loading the feed was stopped");
    if (std::chrono::steady_clock::now() > until_)
      return fail(
          Code::kTimeout, Origin::kDisk,
          "reading the feed takes longer than " + std::to_string(limits_.max_time.count()) + " s");
    return {};
  }

  Result<void> json(const std::string& path) {
    if (auto going = in_time(); !going) return going;
    std::ifstream stream(path, std::ios::binary | std::ios::ate);
    const auto size = stream ? static_cast<std::uint64_t>(stream.tellg()) : 0;
    if (!stream)
      return fail(Code::kUnavailable, Origin::kDisk,
                  "the feed file " + path + " cannot be read: " + std::strerror(errno));
    if (size > limits_.max_json)
      return fail(
          Code::kTooLarge, Origin::kDisk,
          "the feed file " + path + " is larger than a JSON feed may be; use the zip export");
    text_.resize(size);
    stream.seekg(0);
    stream.read(text_.data(), static_cast<std::streamsize>(size));
    text_.resize(static_cast<std::size_t>(stream.gcount()));
    return reader_.read(text_, path);
  }

  Result<void> folder(const std::string& path) {
    Result<void> problem;
    auto walked = walk(path, [&](const fs::path& file) {
      problem = ++counts_.files > limits_.max_files
                    ? Result<void>(fail(Code::kTooLarge, Origin::kDisk,
                                        "the feed " + path + " holds more files than a feed may"))
                    : json(file.string());
      return problem.has_value();
    });
    return problem ? walked : problem;
  }

  Result<void> zip(const std::string& path) {
    return read_zip(
        path, limits_.zip, [](std::string_view name) { return name.ends_with(".json"); },
        [&](std::string_view name, std::string& text) -> Result<void> {
          if (auto going = in_time(); !going) return going;
          return reader_.read(text, path + "/" + std::string(name));
        });
  }

  const FeedLimits& limits_;
  std::stop_token stop_;
  std::chrono::steady_clock::time_point until_;
  FeedCounts counts_;
  AdvisoryIndexBuilder builder_;
  OsvReader reader_;
  std::string text_;
};

// FNV-1a over what stat tells: a change is noticed, nobody attacks it.
struct Fingerprint {
  std::uint64_t value = 14695981039346656037u;
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) {
      value = (value ^ (number & 0xff)) * 1099511628211u;
      number >>= 8;
    }
  }
};

std::uint64_t fingerprint_of(const std::string& path) {
  Fingerprint print;
  for (const char c : path) print.add(static_cast<unsigned char>(c));
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return print.value;
  print.add(static_cast<std::uint64_t>(info.st_ino));
  print.add(static_cast<std::uint64_t>(info.st_size));
  print.add(static_cast<std::uint64_t>(info.st_mtim.tv_sec));
  print.add(static_cast<std::uint64_t>(info.st_mtim.tv_nsec));
  print.add(static_cast<std::uint64_t>(info.st_mode));
  return print.value;
}

}  // namespace

Result<LoadedFeed> load_feeds(const std::vector<std::string>& paths, const FeedLimits& limits,
                              std::stop_token stop) {
  Loader loader(limits, std::move(stop));
  for (const std::string& path : paths) {
    if (auto done = loader.path(path); !done) return done.error();
  }
  return loader.finish();
}

std::uint64_t feed_fingerprint(const std::vector<std::string>& paths) {
  // A sum: the order in which a folder lists its files says nothing.
  std::uint64_t sum = 0;
  for (const std::string& path : paths) {
    sum += fingerprint_of(path);
    std::error_code ec;
    if (!fs::is_directory(path, ec)) continue;
    // A folder that cannot be walked has another sum than one that can.
    if (!walk(path, [&](const fs::path& file) {
          sum += fingerprint_of(file.string());
          return true;
        }))
      sum += 1;
  }
  return sum;
}

}  // namespace npmgate
