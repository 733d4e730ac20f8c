// RequestStore over the tables of state.db.
#pragma once

#include "store/request_store.h"
#include "store/sqlite/database.h"

namespace npmgate {

class SqliteRequestStore final : public RequestStore {
 public:
  explicit SqliteRequestStore(Database& database) : database_(database) {}

  Result<Asked> ask(const std::string& name, const std::string& version, const Asker& asker,
                    const AuditEntry& audit) override;
  Result<void> answer(std::int64_t id, const Answer& answer, const AuditEntry& audit) override;
  Result<std::size_t> approve_for(std::int64_t id, const std::string& token,
                                  const std::string& project, const Answer& answer,
                                  const AuditEntry& audit) override;
  Result<std::vector<ReleaseRequest>> requests(const RequestFilter& filter) override;

 private:
  Database& database_;
};

}  // namespace npmgate
