#include "proxy/external/trust_store.h"

#include <fstream>
#include <sstream>

#include "sigstore/seeds.h"

namespace npmgate {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in || !out)
    return fail(Code::kUnavailable, Origin::kDisk, path + ": cannot be read (signatures)");
  return std::move(out).str();
}

Error in_file(const std::string& path, Error error) {
  error.origin = Origin::kDisk;
  error.context = path + ": " + error.context;
  return error;
}

Result<std::shared_ptr<const TrustAnchors>> load(const SignatureConfig& config) {
  const auto seeds = sigstore::read_seeds();
  if (!seeds) return seeds.error();
  auto out = std::make_shared<TrustAnchors>();
  const auto text = [](const std::string& file, const std::string& built_in) {
    return file.empty() ? Result<std::string>(built_in) : read_file(file);
  };
  const auto origin = [](const std::string& file) {
    return file.empty() ? std::string(sigstore::seeds_origin()) : file;
  };
  out->root_origin = origin(config.trusted_root);
  out->keys_origin = origin(config.registry_keys);
  const auto root_text = text(config.trusted_root, seeds->trusted_root);
  if (!root_text) return root_text.error();
  auto root = sigstore::parse_trusted_root(*root_text);
  if (!root) return in_file(out->root_origin, root.error());
  out->root = std::move(*root);
  const auto keys_text = text(config.registry_keys, seeds->registry_keys);
  if (!keys_text) return keys_text.error();
  auto keys = sigstore::parse_registry_keys(*keys_text);
  if (!keys) return in_file(out->keys_origin, keys.error());
  out->keys = std::move(*keys);
  return std::shared_ptr<const TrustAnchors>(std::move(out));
}

}  // namespace

TrustStore::Stamp TrustStore::look() const {
  Stamp stamp;
  for (const std::string& file : {config_.trusted_root, config_.registry_keys}) {
    std::error_code ignored;
    if (!file.empty())
      stamp.emplace_back(std::filesystem::last_write_time(file, ignored),
                         std::filesystem::file_size(file, ignored));
  }
  return stamp;
}

Result<std::unique_ptr<TrustStore>> TrustStore::open(const SignatureConfig& config) {
  std::unique_ptr<TrustStore> store(new TrustStore(config));
  store->stamp_ = store->look();
  auto anchors = load(config);
  if (!anchors) return anchors.error();
  store->anchors_ = std::move(*anchors);
  for (const std::string& part : store->anchors_->root->unused)
    log::warn("signatures", "a part of the trusted root is not used: " + part);
  return store;
}

std::shared_ptr<const TrustAnchors> TrustStore::current() {
  if (!config_.verify) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (stamp_.empty() || now - looked_ < kLookEvery) return anchors_;
  looked_ = now;
  Stamp stamp = look();
  if (stamp == stamp_) return anchors_;
  stamp_ = std::move(stamp);
  if (auto anchors = load(config_)) {
    anchors_ = std::move(*anchors);
    log::info("signatures", "trusted root and registry keys were loaded anew",
              {{"trusted_root", anchors_->root_origin}, {"registry_keys", anchors_->keys_origin}});
  } else {
    log::warn("signatures", "the trust anchors before stay in force: " + anchors.error().context);
  }
  return anchors_;
}

}  // namespace npmgate
