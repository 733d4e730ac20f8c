// findings-cost: microseconds of derive_findings and decide over the recorded releases, beside the
// SHA-512 of as many bytes as a median and a large tarball have. Ratios matter, absolutes are
// noisy.
#include <chrono>
#include <cstddef>
#include <iostream>
#include <vector>

#include "base/digest.h"
#include "policy/decide.h"
#include "tests/inspect/findings/replay_scene.h"

using namespace npmgate;

namespace {

constexpr int kRounds = 200;

template <class Work>
double microseconds(std::size_t times, Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < times; ++i) work(i);
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
  return spent.count() / static_cast<double>(times);
}

}  // namespace

int main() {
  const std::string root = NPM_GATE_SOURCE_DIR;
  auto replays = testing::load_replays(root + "/tests/fixtures/attacks.json");
  for (auto& replay : testing::load_replays(root + "/tests/fixtures/benign.json"))
    replays.push_back(std::move(replay));
  std::vector<std::vector<Finding>> findings(replays.size());
  const std::size_t times = replays.size() * kRounds;
  std::size_t total = 0;
  const double derive = microseconds(times, [&](std::size_t i) {
    findings[i % replays.size()] = replays[i % replays.size()].scene.findings();
    total += findings[i % replays.size()].size();
  });
  const Time now = parse_time("2026-01-01T00:00:00Z").value();
  const auto policy = default_policy(now);
  Subject subject;
  subject.name = "left";
  subject.version = "1.0.0";
  subject.semver = Version::parse(subject.version);
  subject.age_start = now;
  subject.inspected = true;
  std::size_t held = 0;
  const double judged = microseconds(times, [&](std::size_t i) {
    held += decide(*policy, subject, findings[i % replays.size()], {}, now).served() ? 0 : 1;
  });
  // docs/ARCHITECTURE.md, section 7: tarballs of a large application, median and 99th percentile.
  const std::vector<std::byte> median(6'400), large(752'000);
  const double hash_median = microseconds(2'000, [&](std::size_t) {
    total += digest(Algorithm::kSha512, std::span<const std::byte>(median)).bytes.size();
  });
  const double hash_large = microseconds(100, [&](std::size_t) {
    total += digest(Algorithm::kSha512, std::span<const std::byte>(large)).bytes.size();
  });
  std::cout << "derive_findings       " << derive << " us a release\n"
            << "decide                " << judged << " us, " << judged / derive << " of it\n"
            << "SHA-512, 6.4 KB       " << hash_median << " us, " << hash_median / derive
            << " of it\n"
            << "SHA-512, 752 KB       " << hash_large << " us, " << hash_large / derive
            << " of it\n"
            << "(" << total << " " << held << ")\n";
}
