#include "proxy/delivery/alert_dispatcher.h"

#include <map>

#include "alert/retry.h"
#include "base/digest.h"
#include "proxy/delivery/smtp.h"
#include "proxy/delivery/webhook.h"

namespace npmgate {
namespace {

constexpr auto kTick = std::chrono::milliseconds(500);
// No attempt takes longer; should the process end during one, the next begins after this or with
// the next start.
constexpr auto kLease = std::chrono::minutes(5);
constexpr auto kMailLimit = std::chrono::seconds(30);
constexpr int kBatch = 100;
constexpr auto kKeep = std::chrono::hours(24 * 90);
// Of one message: what receivers take. More events go into the next one.
constexpr std::size_t kMessageBytes = std::size_t{1} << 20;

AlertMessage message_of(const Delivery& delivery, const std::string& pages_url) {
  AlertMessage message;
  message.key = delivery.key;
  message.at = delivery.created;
  message.pages_url = pages_url;
  for (const OutboxEvent& stored : delivery.events) {
    auto event = alert_event_from(stored.json);
    if (event)
      message.events.push_back(std::move(*event));
    else
      log::error("alerts", event.error().context, {{"event", stored.id}});
  }
  return message;
}

using Waiting = std::vector<const WaitingEvent*>;

// Addresses in the order in which they are to hear (routes_of): subscribers first.
std::vector<Waiting> by_address(const std::vector<WaitingEvent>& waiting) {
  std::vector<Waiting> groups;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (const WaitingEvent& each : waiting) {
    const auto [place, added] =
        places.emplace(std::pair(each.to.sink, each.to.target), groups.size());
    if (added) groups.emplace_back();
    groups[place->second].push_back(&each);
  }
  return groups;
}

std::string labels(const Delivery& delivery, std::string_view result) {
  return "sink=\"" + delivery.to.sink + "\",result=\"" + std::string(result) + "\"";
}

}  // namespace

AlertDispatcher::AlertDispatcher(DispatcherDependencies deps)
    : deps_(std::move(deps)), github_(deps_.upstream, deps_.store, deps_.pool, deps_.clock) {}

Task<void> AlertDispatcher::run() {
  net::steady_timer tick(co_await net::this_coro::executor);
  while (true) {
    auto done = co_await step();
    if (!done) log::error("alerts", to_string(done.error()));
    tick.expires_after(kTick);
    const auto error = co_await wait_for(tick);
    if (error) co_return;
  }
}

Result<int> AlertDispatcher::bundle_ripe() {
  auto waiting = deps_.store.waiting();
  if (!waiting) return waiting.error();
  const Time now = deps_.clock.now();
  deps_.metrics.set("npm_gate_alerts_waiting", "", static_cast<double>(waiting->size()));
  int made = 0;
  for (const Waiting& events : by_address(*waiting)) {
    const std::string& name = events.front()->to.sink;
    const SinkSettings* sink = deps_.settings.sink(name);
    if (sink != nullptr) {
      auto sent = deps_.store.sent_since(name, now - std::chrono::hours(1));
      if (!sent) return sent.error();
      if (*sent >= sink->rate) continue;
      const Millis wait = batch_delay(deps_.settings.wait, deps_.settings.max_wait, *sent);
      if (now - events.front()->event.at < wait) continue;
    }
    std::vector<std::int64_t> rows;
    std::size_t bytes = 0;
    for (const WaitingEvent* each : events) {
      bytes += each->event.json.size();
      if (bytes > kMessageBytes && !rows.empty()) break;
      rows.push_back(each->id);
    }
    auto bundled = deps_.store.bundle(rows, events.front()->to, random_hex(16), now);
    if (!bundled) return bundled.error();
    ++made;
  }
  return made;
}

Task<Result<int>> AlertDispatcher::step() {
  std::function<Result<std::vector<Delivery>>()> look = [this]() -> Result<std::vector<Delivery>> {
    if (auto made = bundle_ripe(); !made) return made.error();
    const Time now = deps_.clock.now();
    if (first_) {
      if (auto done = deps_.store.trim_outbox(now - kKeep); !done) return done.error();
    }
    // At the start nothing is under way, whatever a process before has noted.
    return deps_.store.due(first_ ? now + std::chrono::hours(24) : now, kBatch);
  };
  auto due = co_await deps_.pool.offload(std::move(look));
  if (!due) co_return due.error();
  first_ = false;
  std::map<std::string, std::vector<Delivery>> by_sink;
  int count = 0;
  for (Delivery& each : *due) {
    if (busy_.contains(each.to.sink)) continue;
    by_sink[each.to.sink].push_back(std::move(each));
    ++count;
  }
  auto executor = co_await net::this_coro::executor;
  for (auto& [sink, deliveries] : by_sink) {
    busy_.insert(sink);
    auto shared = std::make_shared<std::vector<Delivery>>(std::move(deliveries));
    spawn_detached(executor, "alerts to " + sink,
                   [this, shared] { return deliver_all(std::move(*shared)); });
  }
  co_return count;
}

Task<void> AlertDispatcher::deliver_all(std::vector<Delivery> deliveries) {
  struct Free {
    std::set<std::string>& busy;
    std::string sink;
    Free(std::set<std::string>& b, std::string s) : busy(b), sink(std::move(s)) {}
    ~Free() { busy.erase(sink); }
  } free(busy_, deliveries.front().to.sink);
  for (Delivery& each : deliveries) co_await deliver(std::move(each));
}

Task<void> AlertDispatcher::deliver(Delivery delivery) {
  const Time now = deps_.clock.now();
  std::function<Result<bool>()> begin = [this, &delivery, now]() -> Result<bool> {
    if (auto done = deps_.store.begin_attempt(delivery.id, now + kLease); !done)
      return done.error();
    return true;
  };
  auto begun = co_await deps_.pool.offload(std::move(begin));
  if (!begun) {
    log::error("alerts", to_string(begun.error()));
    co_return;
  }
  ++delivery.attempts;
  const SinkSettings* sink = deps_.settings.sink(delivery.to.sink);
  SendOutcome outcome(SendOutcome::Kind::kDead, "no sink of this name is configured any more");
  if (sink != nullptr) outcome = co_await attempt(*sink, delivery);
  std::function<Result<bool>()> end = [this, &delivery, &outcome]() -> Result<bool> {
    if (auto done = settle(delivery, outcome); !done) return done.error();
    return true;
  };
  auto ended = co_await deps_.pool.offload(std::move(end));
  if (!ended) log::error("alerts", to_string(ended.error()));
}

Task<SendOutcome> AlertDispatcher::attempt(const SinkSettings& sink, const Delivery& delivery) {
  AlertMessage message = message_of(delivery, deps_.pages_url);
  if (message.events.empty())
    co_return SendOutcome(SendOutcome::Kind::kDead, "its events cannot be read");
  co_return co_await send(sink, delivery.to.target, std::move(message));
}

Task<SendOutcome> AlertDispatcher::send(const SinkSettings& sink, std::string target,
                                        AlertMessage message) {
  if (sink.type == SinkType::kGithub)
    co_return co_await github_.deliver(sink, std::move(target), std::move(message));
  if (sink.type != SinkType::kEmail)
    co_return co_await send_hook(deps_.upstream, sink, std::move(message), deps_.clock.now());
  const std::string text = email_text(message, sink.from, sink.to);
  std::function<Result<SendOutcome>()> mail = [this, &sink, text]() -> Result<SendOutcome> {
    return send_mail(sink, text, kMailLimit, leaving_);
  };
  auto outcome = co_await deps_.slow.offload(std::move(mail));
  if (!outcome) co_return SendOutcome(SendOutcome::Kind::kRetry, to_string(outcome.error()));
  co_return std::move(*outcome);
}

Task<SendOutcome> AlertDispatcher::test(const SinkSettings& sink) {
  AlertMessage message;
  message.key = "test-" + random_hex(16);
  message.at = deps_.clock.now();
  message.pages_url = deps_.pages_url;
  AlertEvent event;
  event.kind = EventKind::kTest;
  event.at = message.at;
  event.sentence = "npm-gate can reach this sink; nothing has happened";
  message.events.push_back(std::move(event));
  if (sink.type == SinkType::kGithub) co_return co_await github_.check(sink);
  co_return co_await send(sink, "", std::move(message));
}

Result<void> AlertDispatcher::settle(const Delivery& delivery, const SendOutcome& outcome) {
  const Time now = deps_.clock.now();
  if (outcome.kind == SendOutcome::Kind::kSent) {
    deps_.metrics.add("npm_gate_alerts_total", labels(delivery, "sent"));
    return deps_.store.finish(delivery.id, "sent", now, outcome.detail);
  }
  const bool too_old = now - delivery.created >= deps_.settings.give_up;
  if (outcome.kind == SendOutcome::Kind::kDead || too_old) {
    deps_.metrics.add("npm_gate_alerts_total", labels(delivery, "dead"));
    log::error("alert-dead", "an alert could not be delivered and is given up",
               {{"sink", delivery.to.sink},
                {"target", delivery.to.target},
                {"attempts", delivery.attempts},
                {"reason", outcome.detail}});
    return deps_.store.finish(delivery.id, "dead", now, outcome.detail);
  }
  deps_.metrics.add("npm_gate_alerts_total", labels(delivery, "retry"));
  const Millis wait = retry_wait(delivery.attempts, deps_.chance(), outcome.wait);
  log::warn("alert-retry", outcome.detail,
            {{"sink", delivery.to.sink}, {"in", format_duration(wait)}});
  return deps_.store.failed(delivery.id, now + wait, outcome.detail);
}

}  // namespace npmgate
