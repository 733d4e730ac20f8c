#include "proxy/packages/maintenance.h"

#include <malloc.h>

#include "proxy/runtime/config.h"
#include "store/disk/blob_store.h"
#include "store/state_store.h"

namespace npmgate {
namespace {

// A full disk is noticed within minutes; a round without work costs one query.
constexpr auto kEvery = std::chrono::minutes(5);

}  // namespace

void Maintenance::start() {
  spawn_detached(executor_, "maintenance", [this] { return loop(); });
}

void Maintenance::stop() {
  stopping_ = true;
  tick_.cancel();
}

Task<void> Maintenance::loop() {
  while (!stopping_) {
    auto work = [this]() -> Result<bool> {
      if (auto done = tidy(); !done) return done.error();
      return true;
    };
    auto done = co_await deps_.pool.offload(std::move(work));
    if (!done) log::warn("maintenance", to_string(done.error()));
    tick_.expires_after(kEvery);
    co_await wait_for(tick_);
  }
}

Result<void> Maintenance::tidy() {
  // What a burst took goes back to the system: the allocator keeps it otherwise.
  ::malloc_trim(0);
  const Config& config = deps_.config;
  if (auto done = deps_.store.trim_ledger(deps_.clock.now() - config.ledger_keep); !done)
    return done;
  const std::uint64_t before = deps_.blobs.total_bytes();
  if (before <= config.max_tarballs) return {};
  deps_.blobs.trim(config.max_tarballs, [this](std::string_view sha512) {
    const auto pinned = deps_.store.is_pinned(sha512);
    return !pinned || *pinned;  // what cannot be looked up stays
  });
  const std::uint64_t after = deps_.blobs.total_bytes();
  log::info("trimmed", "tarballs that were never served made room",
            {{"before", before}, {"after", after}, {"limit", config.max_tarballs}});
  if (after > config.max_tarballs) {
    log::warn("storage", "pinned tarballs alone exceed storage.tarballs.max_size and stay",
              {{"bytes", after}, {"limit", config.max_tarballs}});
  }
  return {};
}

}  // namespace npmgate
