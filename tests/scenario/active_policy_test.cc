// Policies and decisions swapped while others judge: each listing is explained by exactly one
// policy version, and what has been decided is in force for whoever asks next.
#include "judge/active_policy.h"

#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "store/sqlite/open_state_store.h"
#include "tests/judge/judge_testing.h"

namespace npmgate::testing {
namespace {

constexpr int kVariants = 5;
constexpr int kLoads = 10'000;
constexpr int kReaders = 3;

// Blocks 1.N.0 and 2.N.0 in two rules: a listing made of two versions would hide an odd pair.
std::string variant(int number) {
  const std::string n = std::to_string(number);
  return "version: 1\nrules:\n" + rule("one-" + n, "version: 1." + n + ".0", "block") +
         rule("two-" + n, "version: 2." + n + ".0", "block");
}

std::shared_ptr<const PackageSnapshot> package() {
  std::vector<Row> rows;
  for (int major = 1; major <= 2; ++major) {
    for (int minor = 0; minor < kVariants; ++minor)
      rows.push_back({std::to_string(major) + "." + std::to_string(minor) + ".0",
                      400 - 10 * major - minor, ""});
  }
  return snapshot_of(rows);
}

class ActivePolicyScenario : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "ng-rules-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    auto opened = open_memory_state_store();
    ASSERT_TRUE(opened);
    store_ = std::move(*opened);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& text) {
    const std::string fresh = folder_ + "/new";
    std::ofstream(fresh, std::ios::binary) << text;
    std::filesystem::rename(fresh, file());
  }
  std::string file() const { return folder_ + "/policy.yaml"; }

  std::string folder_;
  SystemClock clock_;
  Metrics metrics_;
  std::unique_ptr<StateStore> store_;
};

// What one listing must look like: the pair of its own rules, told by the rules that blocked them.
std::string check_listing(const std::shared_ptr<const PackageSnapshot>& snapshot,
                          const PolicySnapshot& rules) {
  Judge judge(snapshot, rules.policy, {}, {}, kNow);
  const Judge::Listing listing = judge.listing({});
  if (listing.hidden.size() != 2) return std::to_string(listing.hidden.size()) + " are hidden";
  const std::string number = rules.policy->rules.front().id.substr(4);
  if (listing.hidden[0].version != "2." + number + ".0" ||
      listing.hidden[1].version != "1." + number + ".0")
    return "policy " + number + " hides " + listing.hidden[0].version + " and " +
           listing.hidden[1].version;
  if (listing.hidden[0].sentence.find("(rule two-" + number + ")") == std::string::npos)
    return listing.hidden[0].sentence;
  return {};
}

TEST_F(ActivePolicyScenario, TenThousandLoadsAndEveryListingIsOfOneVersion) {
  write(variant(0));
  ActivePolicy active_policy(file(), clock_, *store_, *store_, metrics_);
  ASSERT_TRUE(active_policy.load());
  const auto snapshot = package();
  std::atomic<bool> stop{false};
  std::atomic<int> listings{0};
  std::vector<std::string> wrong(kReaders);
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] {
      std::uint64_t last = 0;
      while (!stop && wrong[static_cast<std::size_t>(i)].empty()) {
        const auto rules = active_policy.rules();
        std::string problem = check_listing(snapshot, *rules);
        if (problem.empty() && rules->revision < last) problem = "the revision went back";
        last = rules->revision;
        wrong[static_cast<std::size_t>(i)] = std::move(problem);
        ++listings;
      }
    });
  }
  int refused = 0;
  for (int load = 1; load <= kLoads; ++load) {
    const bool bad = load % 7 == 0;
    const std::string before = active_policy.rules()->policy->hash;
    write(bad ? variant(load % kVariants) + "  - { id: broken" + std::to_string(load) + " }\n"
              : variant(load % kVariants));
    const auto loaded = active_policy.load();
    ASSERT_EQ(loaded.has_value(), !bad) << load;
    if (bad) {
      ++refused;
      ASSERT_EQ(active_policy.rules()->policy->hash, before);
      ASSERT_FALSE(active_policy.problems().empty());
    } else {
      ASSERT_EQ(active_policy.rules()->policy->rules.front().id,
                "one-" + std::to_string(load % kVariants));
      ASSERT_TRUE(active_policy.problems().empty());
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  for (const std::string& problem : wrong) EXPECT_EQ(problem, "");
  EXPECT_GT(listings, 100);
  EXPECT_EQ(refused, kLoads / 7);
}

// Two reviewers decide and an editor saves at the same time: none undoes another's.
TEST_F(ActivePolicyScenario, WhatWasDecidedIsInForceForWhoeverAsksNext) {
  write(variant(0));
  ActivePolicy active_policy(file(), clock_, *store_, *store_, metrics_);
  ASSERT_TRUE(active_policy.load());
  std::atomic<bool> stop{false};
  std::thread editor([&] {
    for (int i = 1; !stop; ++i) {
      write(variant(i % kVariants));
      EXPECT_TRUE(active_policy.load());
      EXPECT_EQ(active_policy.rules()->policy->rules.front().id,
                "one-" + std::to_string(i % kVariants));
    }
  });
  std::vector<std::thread> reviewers;
  for (const std::string name : {"left", "right"}) {
    reviewers.emplace_back([&, name] {
      for (std::size_t i = 1; i <= 300; ++i) {
        Decision decision;
        decision.kind = Decision::Kind::kReject;
        decision.name = name;
        decision.versions = std::to_string(i);
        AuditEntry audit;
        audit.kind = "decision";
        ASSERT_TRUE(store_->add_decision(decision, audit));
        ASSERT_TRUE(active_policy.reload_decisions());
        ASSERT_EQ(active_policy.rules()->of(name).size(), i);
      }
    });
  }
  for (std::thread& reviewer : reviewers) reviewer.join();
  stop = true;
  editor.join();
  EXPECT_EQ(active_policy.rules()->decisions.size(), 600U);
}

TEST_F(ActivePolicyScenario, SaysWhatALoadCameTo) {
  write(variant(0));
  ActivePolicy active_policy(file(), clock_, *store_, *store_, metrics_);
  ASSERT_EQ(active_policy.load().value(), ActivePolicy::Loaded::kSwapped);
  const std::uint64_t revision = active_policy.revision();
  EXPECT_EQ(active_policy.load().value(), ActivePolicy::Loaded::kUnchanged);
  write("version: 2\n");
  EXPECT_FALSE(active_policy.load());
  EXPECT_EQ(active_policy.load().value(), ActivePolicy::Loaded::kRepeated);
  EXPECT_EQ(active_policy.problems().size(), 1U);
  write(variant(0));
  EXPECT_EQ(active_policy.load().value(), ActivePolicy::Loaded::kSwapped)
      << "the mistake is taken back";
  EXPECT_TRUE(active_policy.problems().empty());
  EXPECT_EQ(active_policy.revision(), revision) << "no finished answer was thrown away for it";
  EXPECT_EQ(active_policy.watched(), std::vector<std::string>{file()});
}

}  // namespace
}  // namespace npmgate::testing
