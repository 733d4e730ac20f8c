// Room kept on the data disk for decisions: a rejection can be made when nothing else fits.
#pragma once

#include <mutex>
#include <string>

namespace npmgate {

// A file whose blocks are allocated. Thread-safe; never an error: without room there is no reserve,
// and a decision fails as any other write does.
class DiskReserve {
 public:
  explicit DiskReserve(std::string path) : path_(std::move(path)) {}
  // Takes up to kBytes if the disk has at least twice that left.
  void fill();
  // Gives a part of it back. False if nothing is left.
  bool give_back();

 private:
  const std::string path_;
  std::mutex mutex_;
};

}  // namespace npmgate
