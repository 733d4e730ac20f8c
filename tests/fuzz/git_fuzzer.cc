// Answers of git servers: pkt-lines of the advertisement and of ls-refs. What comes out are object
// ids under names that were in the answer.
#include <algorithm>
#include <string>

#include "proxy/external/git_protocol.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == text.npos;
}

void check_tags(const GitTags& tags, std::string_view body) {
  for (const auto& [name, commit] : tags) {
    NPM_GATE_PROMISE(is_object_id(commit));
    NPM_GATE_PROMISE(body.find(name) != body.npos && body.find(commit) != body.npos);
  }
}

void run(std::string_view body) {
  if (const auto advertised = parse_advertisement(body)) check_tags(advertised->tags, body);
  if (const auto refs = parse_ls_refs(body)) check_tags(*refs, body);
  if (const auto tips = parse_branches(body)) {
    for (const std::string& tip : *tips)
      NPM_GATE_PROMISE(is_object_id(tip) && body.find(tip) != body.npos);
  }
  if (const auto pack = parse_fetch(body)) (void)count_objects(*pack);
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
