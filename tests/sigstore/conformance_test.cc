// Every document of the corpora as its name says.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/sigstore/corpus.h"

namespace npmgate::sigstore::testing {
namespace {

struct Tally {
  int good = 0, accepted = 0, bad = 0, refused = 0;
  template <class T>
  void count(const std::string& name, bool should, const Result<T>& result) {
    const std::string why = result ? "" : result.error().context;
    const bool refusal = !result;
    ++(should ? good : bad);
    if (should) {
      accepted += !refusal;
      EXPECT_FALSE(refusal) << name << ": " << why;
    } else {
      refused += refusal;
      EXPECT_TRUE(refusal) << name;
    }
    if (std::getenv("NPM_GATE_TELL") != nullptr) std::printf("%s: %s\n", name.c_str(), why.c_str());
  }
};

TEST(Conformance, EveryDocumentAsItsNameSays) {
  Tally tally;
  for (const Case& each : conformance_cases()) {
    const auto verified = verify_case(each);
    tally.count(each.name, each.good(), verified);
  }
  EXPECT_EQ(tally.good + tally.bad, 70);
  for (const std::string& file : npm_answers()) {
    const auto verified = verify_answer(file, read_fixture("npm/" + file));
    tally.count(file, is_good_answer(file), verified);
  }
  EXPECT_EQ(tally.good + tally.bad, 95);
  std::printf("accepted %d of %d good, refused %d of %d bad\n", tally.accepted, tally.good,
              tally.refused, tally.bad);
}

}  // namespace
}  // namespace npmgate::sigstore::testing
