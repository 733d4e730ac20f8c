// A finding's proof in words: its data as lines for people. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

namespace npmgate {

struct ProofLine {
  enum class Kind { kFact, kBefore, kAfter, kItem } kind = Kind::kFact;
  std::string label;  // "hook", "first published"; "" for items
  std::string text;   // foreign text as it came: not yet made harmless
  friend bool operator==(const ProofLine&, const ProofLine&) = default;
};

// In the proof's order; `before` and `after` stand together as kBefore and kAfter; lists of objects
// give one kItem each, at most `items` of a list and then how many more there are.
std::vector<ProofLine> proof_lines(const boost::json::object& proof, std::size_t items = 6);

}  // namespace npmgate
