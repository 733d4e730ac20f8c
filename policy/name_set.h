// Sets as rules ask for them, prepared at load so that judging compares no text it can avoid:
// package names and globs, finding ids.
#pragma once

#include <bitset>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

// Names and globs (registry/name.h), and other sets by reference. Build with add*, then seal();
// immutable and shared from then on.
class NameSet {
 public:
  void add(std::string name_or_glob);
  void add_set(std::shared_ptr<const NameSet> other);
  void add_builtin_popular() { popular_ = true; }
  void seal();  // sorts

  bool matches(std::string_view name) const;
  // Nothing in it, so nothing ever matches.
  bool empty() const;

 private:
  std::vector<std::string> exact_;
  std::vector<std::string> globs_;
  std::vector<std::shared_ptr<const NameSet>> sets_;
  bool popular_ = false;
};

// True for text with a wildcard.
bool is_glob(std::string_view text);
// Why `text` is neither a package name nor a glob over such; "" if it is.
std::string check_name_or_glob(std::string_view text);

// One bit per row of finding_kinds().
using FindingSet = std::bitset<128>;
// nullopt for an id that finding_kinds() does not have.
std::optional<std::size_t> finding_index(std::string_view id);
std::vector<std::string> finding_ids(const FindingSet& set);  // in the order of finding_kinds()

}  // namespace npmgate
