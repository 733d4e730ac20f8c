// Policy files: loaded as a whole or refused with a place for every problem; the same text always
// means the same.
#include <string>

#include "policy/policy.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

constexpr Time kNow{Millis{1'700'000'000'000}};

// What `include` and list files name: one other file that is fine.
Result<std::string> other_file(const std::string& path) {
  if (path.ends_with("list.txt")) return std::string("left\n@acme/*\n");
  if (path.ends_with("more.yaml")) return std::string("version: 1\nrules: []\n");
  return fail(Code::kNotFound, Origin::kDisk, "no such file: " + path);
}

void run(std::string_view text) {
  const PolicyResult loaded = load_policy(text, "policy.yaml", other_file, kNow);
  NPM_GATE_PROMISE((loaded.policy == nullptr) != loaded.problems.empty());
  for (const Problem& problem : loaded.problems) {
    NPM_GATE_PROMISE(problem.at.line >= 1 && problem.at.column >= 1);
    NPM_GATE_PROMISE(!problem.at.file.empty() && !problem.message.empty());
    NPM_GATE_PROMISE(problem.str().find('\n') == std::string::npos);
  }
  if (loaded.policy == nullptr) return;
  for (const Rule& rule : loaded.policy->rules) {
    NPM_GATE_PROMISE(!rule.id.empty() && rule.when != nullptr && rule.then != Action::kAllow);
  }
  const PolicyResult again = load_policy(text, "policy.yaml", other_file, kNow);
  NPM_GATE_PROMISE(again.policy != nullptr && again.policy->hash == loaded.policy->hash);
  NPM_GATE_PROMISE(again.policy->rules.size() == loaded.policy->rules.size());
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
