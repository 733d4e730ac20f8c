#include "judge/active_policy.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "base/log.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// The setting that holds the texts of the last policy that was good, as [[path, text]…] with the
// hash that they must load to again.
constexpr std::string_view kLastGood = "policy-last-good";

using Texts = std::vector<std::pair<std::string, std::string>>;

// Reads from disk and notes what was read.
FileReader noting_reader(Texts& texts) {
  return [read = disk_reader(), &texts](const std::string& path) -> Result<std::string> {
    auto text = read(path);
    if (text) texts.emplace_back(path, *text);
    return text;
  };
}

FileReader reader_of(const json::array& texts) {
  return [&texts](const std::string& path) -> Result<std::string> {
    for (const json::value& each : texts) {
      const auto& pair = each.as_array();
      if (pair.at(0).as_string() == path) return std::string(pair.at(1).as_string());
    }
    return fail(Code::kNotFound, Origin::kDisk,
                "not among the texts of the last good policy: " + path);
  };
}

}  // namespace

std::vector<Decision> PolicySnapshot::of(std::string_view name) const {
  std::vector<Decision> mine;
  for (const Decision& decision : decisions) {
    if (decision.name == name && decision.is_for_all()) mine.push_back(decision);
  }
  return mine;
}

std::vector<Decision> PolicySnapshot::all_of(std::string_view name) const {
  std::vector<Decision> mine;
  for (const Decision& decision : decisions) {
    if (decision.name == name) mine.push_back(decision);
  }
  return mine;
}

std::vector<Decision> PolicySnapshot::approvals_for(std::string_view name,
                                                    const Audience& audience) const {
  std::vector<Decision> mine;
  if (!any_for_some) return mine;
  for (const Decision& decision : decisions) {
    if (decision.name != name || decision.reopened || decision.is_for_all()) continue;
    const bool token = decision.token.empty() || decision.token == audience.token;
    const bool project = decision.project.empty() || decision.project == audience.project;
    if (decision.kind == Decision::Kind::kApprove && token && project) mine.push_back(decision);
  }
  return mine;
}

std::vector<Problem> ActivePolicy::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

void ActivePolicy::swap(std::shared_ptr<PolicySnapshot> next) {
  const std::lock_guard lock(mutex_);
  next->revision = revision_.load() + 1;
  next->feed = feed_;
  next->any_for_some = std::any_of(
      next->decisions.begin(), next->decisions.end(),
      [](const Decision& decision) { return !decision.reopened && !decision.is_for_all(); });
  any_for_some_.store(next->any_for_some, std::memory_order_release);
  rules_ = std::move(next);
  revision_.store(rules_->revision, std::memory_order_release);
}

void ActivePolicy::set_feed(std::shared_ptr<const Feed> feed) {
  const std::lock_guard lock(mutex_);
  feed_ = std::move(feed);
  if (!rules_) return;
  auto next = std::make_shared<PolicySnapshot>(*rules_);
  next->revision = revision_.load() + 1;
  next->feed = feed_;
  rules_ = std::move(next);
  revision_.store(rules_->revision, std::memory_order_release);
}

std::vector<std::string> ActivePolicy::watched() const {
  const std::lock_guard lock(mutex_);
  return files_;
}

void ActivePolicy::keep_last_good(const std::string& hash, const Texts& texts) {
  json::array list;
  for (const auto& [path, text] : texts) list.push_back(json::array{path, text});
  const json::object kept{{"hash", hash}, {"texts", std::move(list)}};
  // Only a gate that starts with a broken file would miss it.
  if (auto done = settings_.put_setting(kLastGood, json::serialize(kept)); !done)
    log::warn("policy", "could not be kept for a start with a broken file",
              {{"error", to_string(done.error())}});
}

// Null if none was kept, or it does not load to what it was.
std::shared_ptr<const Policy> ActivePolicy::last_good() const {
  const auto stored = settings_.setting(kLastGood);
  if (!stored || !*stored) return nullptr;
  try {
    const json::object kept = json::parse(**stored).as_object();
    const json::array& texts = kept.at("texts").as_array();
    const PolicyResult loaded = load_policy_file(file_, reader_of(texts), clock_.now());
    const bool same =
        loaded.policy && loaded.policy->hash == std::string_view(kept.at("hash").as_string());
    return same ? loaded.policy : nullptr;
  } catch (const std::exception& e) {
    log::warn("policy", std::string("the last good policy is not readable: ") + e.what());
    return nullptr;
  }
}

Result<ActivePolicy::Loaded> ActivePolicy::load() {
  const std::lock_guard turn(loading_);
  auto decisions = decisions_.decisions();
  if (!decisions) return decisions.error();
  PolicyResult loaded;
  Texts texts;
  if (file_.empty()) {
    loaded.policy = default_policy(clock_.now());
  } else {
    loaded = load_policy_file(file_, noting_reader(texts), clock_.now());
  }
  std::vector<Problem> before;
  {
    const std::lock_guard lock(mutex_);
    files_ = std::move(loaded.files);
    before = std::exchange(problems_, loaded.problems);
  }
  if (!loaded.policy) {
    metrics_.add("npm_gate_policy_loads_total", R"(result="refused")");
    const std::string first = loaded.problems.empty() ? file_ : loaded.problems.front().str();
    if (rules() && before == loaded.problems) return Loaded::kRepeated;
    for (const Problem& problem : loaded.problems) log::error("policy-refused", problem.str());
    const std::shared_ptr<const Policy> good = rules() ? nullptr : last_good();
    if (good) {
      metrics_.set("npm_gate_policy_last_good", "", 1);
      log::error("policy-last-good",
                 "the policy file is broken: the last good policy is in force until it is mended",
                 {{"hash", good->hash}, {"problem", first}});
      auto next = std::make_shared<PolicySnapshot>();
      next->policy = good;
      next->decisions = std::move(*decisions);
      swap(std::move(next));
      return Loaded::kLastGood;
    }
    return fail(Code::kMalformed, Origin::kPolicy, first);
  }
  const std::shared_ptr<const PolicySnapshot> old = rules();
  metrics_.set("npm_gate_policy_last_good", "", 0);
  if (!file_.empty() && (!old || old->policy->hash != loaded.policy->hash))
    keep_last_good(loaded.policy->hash, texts);
  if (old && old->policy->hash == loaded.policy->hash && old->decisions == *decisions) {
    metrics_.add("npm_gate_policy_loads_total", R"(result="unchanged")");
    // A mistake that was taken back is news.
    return before.empty() ? Loaded::kUnchanged : Loaded::kSwapped;
  }
  for (const Problem& warning : loaded.policy->warnings) log::warn("policy", warning.str());
  metrics_.add("npm_gate_policy_loads_total", R"(result="loaded")");
  auto next = std::make_shared<PolicySnapshot>();
  next->policy = loaded.policy;
  next->decisions = std::move(*decisions);
  swap(std::move(next));
  return Loaded::kSwapped;
}

Result<void> ActivePolicy::reload_decisions() {
  const std::lock_guard turn(loading_);
  auto decisions = decisions_.decisions();
  if (!decisions) return decisions.error();
  auto next = std::make_shared<PolicySnapshot>();
  next->policy = rules()->policy;
  next->decisions = std::move(*decisions);
  swap(std::move(next));
  return {};
}

}  // namespace npmgate
