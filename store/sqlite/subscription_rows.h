// SubscriptionStore over the tables of state.db.
#pragma once

#include "store/sqlite/database.h"
#include "store/subscription_store.h"

namespace npmgate {

class SqliteSubscriptionStore final : public SubscriptionStore {
 public:
  explicit SqliteSubscriptionStore(Database& database) : database_(database) {}

  Result<void> put(const Subscription& subscription, const std::vector<SubscribedRelease>& releases,
                   std::size_t limit) override;
  Result<std::vector<Subscription>> all() override;
  Result<std::vector<SubscribedRelease>> releases_of(std::string_view id) override;
  Result<bool> remove(std::string_view id) override;
  Result<int> remove_renewed_before(Time time) override;
  Result<std::vector<std::string>> names() override;
  Result<std::vector<std::pair<Subscription, SubscribedRelease>>> holders(
      std::string_view name) override;

 private:
  Database& database_;
};

}  // namespace npmgate
