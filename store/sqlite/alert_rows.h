// AlertStore over SQLite.
#pragma once

#include "store/alert_store.h"
#include "store/sqlite/database.h"

namespace npmgate {

class SqliteAlertStore final : public AlertStore {
 public:
  // `database` outlives it.
  explicit SqliteAlertStore(Database& database) : database_(database) {}

  Result<std::vector<KnownStanding>> standings() override;
  Result<int> record(const News& news) override;
  Result<std::string> last_told(const OutboxAddress& to, std::string_view name,
                                std::string_view version) override;
  Result<std::vector<OutboxAddress>> told(std::string_view name, std::string_view version) override;
  Result<std::vector<WaitingEvent>> waiting() override;
  Result<Delivery> bundle(const std::vector<std::int64_t>& rows, const OutboxAddress& to,
                          const std::string& key, Time now) override;
  Result<std::vector<Delivery>> due(Time now, int limit) override;
  Result<void> begin_attempt(std::int64_t id, Time next) override;
  Result<void> failed(std::int64_t id, Time next, std::string_view detail) override;
  Result<void> finish(std::int64_t id, std::string_view state, Time now,
                      std::string_view detail) override;
  Result<int> sent_since(std::string_view sink, Time since) override;
  Result<std::vector<Delivery>> deliveries(int limit) override;
  Result<std::vector<StoredIssue>> issues(std::string_view repository) override;
  Result<void> put_issue(const StoredIssue& issue) override;
  Result<void> trim_outbox(Time before) override;

 private:
  Database& database_;
};

}  // namespace npmgate
