// The folder that everything is kept in: used by one gate at a time, and with its own state.db.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "store/disk/disk.h"
#include "store/setting_store.h"

namespace npmgate {

// Holds the folder as long as it lives; the lock dies with the process, however that ends.
class DataFolder {
 public:
  // The setting of state.db that holds its folder's id; "" in a backup (StateStore::backup).
  static constexpr const char* kSetting = "data-folder";

  // Makes the folder if there is none. kUnavailable: another gate uses it. kCorrupt: its state.db
  // is missing, empty or cut off although the folder was used; the sentence says what to do.
  static Result<std::unique_ptr<DataFolder>> open(const std::string& path);

  // Whether `store`, opened from this folder's state.db, is the one that belongs to it: both hold
  // the same random id, written at the first start. A backup becomes this folder's. kCorrupt: it is
  // another folder's.
  Result<void> claim(SettingStore& store);

 private:
  DataFolder(std::string path, Fd lock, std::string id)
      : path_(std::move(path)), lock_(std::move(lock)), id_(std::move(id)) {}

  std::string path_;
  Fd lock_;
  std::string id_;  // "": the folder was never used by a gate that writes one
};

}  // namespace npmgate
