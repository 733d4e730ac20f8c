#include "proxy/packages/maintenance.h"

#include <malloc.h>

#include <algorithm>
#include <map>

#include "base/digest.h"
#include "proxy/packages/package_cache.h"
#include "proxy/runtime/config.h"
#include "proxy/runtime/routes.h"
#include "store/disk/blob_store.h"
#include "store/state_store.h"

namespace npmgate {
namespace {

// A full disk is noticed within minutes; a round without work costs one query.
constexpr auto kEvery = std::chrono::minutes(5);

// How long a round may look for pinned tarballs that can be fetched again: each of another package
// costs reading its packument.
constexpr auto kLookLimit = std::chrono::seconds(20);

// Whether the upstream has what was pinned, by its newest packument that is kept here.
class StillUpstream {
 public:
  explicit StillUpstream(const Dependencies& deps) : deps_(deps) {}

  // Reads the pins; blocks on disk for some 0.1 ms a package.
  Result<void> prepare() {
    const auto names = deps_.store.package_names();
    if (!names) return names.error();
    for (const std::string& name : *names) {
      const auto pins = deps_.store.pins_of(name);
      if (!pins) return pins.error();
      for (const auto& [version, pin] : *pins)
        pinned_[pin.content_id.substr(0, pin.content_id.find(':'))].push_back({name, version});
    }
    return {};
  }

  bool has(std::string_view sha512) {
    const auto found = pinned_.find(sha512);
    if (found == pinned_.end() || std::chrono::steady_clock::now() > until_) return false;
    return std::all_of(found->second.begin(), found->second.end(),
                       [&](const Pinned& release) { return lists(release, sha512); });
  }

 private:
  struct Pinned {
    std::string name, version;
  };

  bool lists(const Pinned& release, std::string_view sha512) {
    const std::shared_ptr<const Packument> packument = packument_of(release.name);
    const PackumentVersion* listed = packument ? packument->find(release.version) : nullptr;
    if (listed == nullptr) return false;
    const auto digests = strongest(parse_integrity(listed->release.dist.integrity));
    return !digests.empty() && std::all_of(digests.begin(), digests.end(), [&](const Digest& each) {
      return each.algorithm == Algorithm::kSha512 && each.hex() == sha512;
    });
  }

  // Releases of one package often lie side by side.
  std::shared_ptr<const Packument> packument_of(const std::string& text) {
    if (text == name_) return packument_;
    name_ = text;
    packument_.reset();
    const auto name = PackageName::parse(text);
    const UpstreamConfig* upstream = name ? route(deps_.config, *name) : nullptr;
    if (upstream == nullptr) return nullptr;
    auto document = deps_.store.document(document_key(*upstream, *name));
    if (!document || !*document) return nullptr;
    auto parsed = Packument::parse(std::move((*document)->body), *name);
    if (parsed) packument_ = *parsed;
    return packument_;
  }

  const Dependencies& deps_;
  const std::chrono::steady_clock::time_point until_ =
      std::chrono::steady_clock::now() + kLookLimit;
  std::map<std::string, std::vector<Pinned>, std::less<>> pinned_;  // by SHA-512 of the tarball
  std::string name_;
  std::shared_ptr<const Packument> packument_;
};

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
  const std::uint64_t unserved = deps_.blobs.total_bytes();
  if (unserved > config.max_tarballs) {
    StillUpstream upstream(deps_);
    if (auto read = upstream.prepare(); !read) return read;
    deps_.blobs.trim(config.max_tarballs,
                     [&](std::string_view sha512) { return !upstream.has(sha512); });
  }
  const std::uint64_t after = deps_.blobs.total_bytes();
  log::info("trimmed", "tarballs that were never served, or that the upstream has, made room",
            {{"before", before},
             {"after", after},
             {"served", unserved - after},
             {"limit", config.max_tarballs}});
  if (after > config.max_tarballs) {
    log::warn("storage",
              "pinned tarballs that the upstream may not have exceed storage.tarballs.max_size and "
              "stay",
              {{"bytes", after}, {"limit", config.max_tarballs}});
  }
  return {};
}

}  // namespace npmgate
