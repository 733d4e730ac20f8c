#include "store/disk/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/digest.h"

namespace npmgate {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

Error not_its_own(const std::string& what, const std::string& path) {
  return fail(
      Code::kCorrupt, Origin::kDisk,
      what +
          ": decisions and pins would be lost without a word. Copy the last backup (npm-gate "
          "backup) to " +
          path +
          "/state.db and remove state.db-wal and state.db-shm, or, to go on without what was "
          "decided, start with an empty data folder");
}

bool holds_files(const std::filesystem::path& folder) {
  std::error_code ec;
  std::filesystem::recursive_directory_iterator entries(folder, ec);
  for (const auto end = std::filesystem::recursive_directory_iterator(); !ec && entries != end;
       entries.increment(ec)) {
    if (entries->is_regular_file(ec)) return true;
  }
  return false;
}

std::uint32_t big_endian(const unsigned char* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

// Whether a SQLite file is shorter than its header says (the format's sections 1.3.2, 1.3.8; a page
// size of 1 stands for 65,536). A write-ahead log may hold the pages that are missing.
bool is_cut_off(const std::string& path) {
  std::ifstream in(path + "/state.db", std::ios::binary);
  std::array<unsigned char, 100> header{};
  if (!in.read(reinterpret_cast<char*>(header.data()), header.size())) return true;
  std::uint64_t page = static_cast<std::uint64_t>(header[16]) << 8 | header[17];
  if (page == 1) page = 65'536;
  const bool said = std::memcmp(&header[24], &header[92], 4) == 0;  // the count is in force
  std::error_code ec;
  const std::uint64_t size = std::filesystem::file_size(path + "/state.db", ec);
  const std::uint64_t log = std::filesystem::file_size(path + "/state.db-wal", ec);
  const bool logged = !ec && log > 0;
  return said && !logged && size < page * big_endian(&header[28]);
}

Result<void> write_id(const std::string& path, const std::string& id) {
  const std::string file = path + "/folder-id", made = file + ".new";
  {
    std::ofstream out(made, std::ios::trunc);
    out << id << "\n";
    out.flush();
    if (!out) return disk_error(errno, "write", made);
  }
  if (::rename(made.c_str(), file.c_str()) != 0) return disk_error(errno, "rename", made);
  return {};
}

Result<void> check_state(const std::string& path, bool used) {
  std::error_code ec;
  const std::string file = path + "/state.db";
  const bool there = std::filesystem::exists(file, ec);
  const std::uint64_t size = there ? std::filesystem::file_size(file, ec) : 0;
  if (size == 0) {
    if (used || holds_files(path + "/tarballs") || holds_files(path + "/packuments"))
      return not_its_own(
          file + (there ? " is empty" : " is missing") + ", but the folder was used before", path);
    return {};
  }
  if (is_cut_off(path)) return not_its_own(file + " is cut off", path);
  return {};
}

}  // namespace

Result<std::unique_ptr<DataFolder>> DataFolder::open(const std::string& path) {
  std::error_code ignored;  // opening says better what is wrong
  std::filesystem::create_directories(path, ignored);
  const std::string file = path + "/lock";
  Fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) return disk_error(errno, "open", file);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    const std::string pid = first_line(file);
    return fail(
        Code::kUnavailable, Origin::kDisk,
        "the data folder " + path + " is in use by another npm-gate" +
            (pid.empty() ? "" : " (process " + pid + ")") +
            "; two gates on one folder would not see each other's decisions. Stop it, or give "
            "this one a folder of its own (storage.path)");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.get(), 0) == 0 && ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0)
    return disk_error(errno, "write", file);
  std::string id = first_line(path + "/folder-id");
  if (auto good = check_state(path, !id.empty()); !good) return good.error();
  return std::unique_ptr<DataFolder>(new DataFolder(path, std::move(lock), std::move(id)));
}

Result<void> DataFolder::claim(SettingStore& store) {
  const auto known = store.setting(kSetting);
  if (!known) return known.error();
  // A state.db of before ids, or one that was made just now.
  std::string id = known->value_or("");
  const bool backup = *known && id.empty();
  if (backup) id = id_;
  if (!id_.empty() && id != id_) {
    return not_its_own(path_ + "/state.db " +
                           (id.empty() ? "was never this folder's" : "is another data folder's") +
                           " (if it is the right one after all, remove " + path_ + "/folder-id)",
                       path_);
  }
  if (id.empty()) {
    id = random_hex(16);
  }
  if (id != known->value_or("")) {
    if (auto done = store.put_setting(kSetting, id); !done) return done;
  }
  if (id_.empty()) {
    if (auto done = write_id(path_, id); !done) return done;
    id_ = id;
  }
  return {};
}

}  // namespace npmgate
