#include "proxy/recorder.h"

#include <iterator>

#include "base/log.h"

namespace npmgate {
namespace {

template <class T>
void put_back(std::vector<T>& queue, std::vector<T> batch, std::size_t keep) {
  batch.insert(batch.end(), std::make_move_iterator(queue.begin()),
               std::make_move_iterator(queue.end()));
  if (batch.size() > keep) {
    log::error("records-lost", "the disk does not take records", {{"lost", batch.size() - keep}});
    batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(batch.size() - keep));
  }
  queue = std::move(batch);
}

}  // namespace

void Recorder::audit(AuditEntry entry) {
  const std::lock_guard lock(mutex_);
  audit_.push_back(std::move(entry));
}

void Recorder::ledger(LedgerEntry entry) {
  const std::lock_guard lock(mutex_);
  ledger_.push_back(std::move(entry));
}

void Recorder::flush() {
  std::vector<AuditEntry> audit;
  std::vector<LedgerEntry> ledger;
  {
    const std::lock_guard lock(mutex_);
    audit.swap(audit_);
    ledger.swap(ledger_);
  }
  if (!audit.empty()) {
    if (auto done = store_.audit(audit); !done) {
      log::error("records", to_string(done.error()));
      const std::lock_guard lock(mutex_);
      put_back(audit_, std::move(audit), kKeep);
    }
  }
  if (!ledger.empty()) {
    if (auto done = store_.ledger(ledger); !done) {
      log::error("records", to_string(done.error()));
      const std::lock_guard lock(mutex_);
      put_back(ledger_, std::move(ledger), kKeep);
    }
  }
}

}  // namespace npmgate
