// Packfiles of git servers, first as the input stands there (the answer of a fetch, then the pack
// itself), then as a pack whose entries the input describes: a byte for its kind, two for its size,
// and what inflates to. Every object comes out under the id of its bytes and within the limits, and
// what a commit holds are paths and ids.
#include <git2/global.h>

#include <span>
#include <string>

#include "diff/git_pack.h"
#include "proxy/external/git_protocol.h"
#include "tests/diff/pack_builder.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

PackLimits small() {
  PackLimits limits;
  limits.max_objects = 64;
  limits.max_object = 1 << 16;
  limits.max_inflated = 1 << 18;
  limits.max_files = 512;
  limits.max_path = 512;
  return limits;
}

void check_objects(const GitObjects& objects) {
  const PackLimits limits = small();
  std::size_t total = 0;
  for (const auto& [id, object] : objects) {
    NPM_GATE_PROMISE(is_object_id(id));
    NPM_GATE_PROMISE(object.body.size() <= limits.max_object);
    if (object.kind == GitObjectKind::kBlob) NPM_GATE_PROMISE(blob_id(object.body) == id);
    total += object.body.size();
    const auto files = files_of_commit(objects, id, limits);
    if (!files) continue;
    NPM_GATE_PROMISE(object.kind == GitObjectKind::kCommit);
    NPM_GATE_PROMISE(files->size() <= limits.max_files);
    for (const auto& [path, blob] : *files)
      NPM_GATE_PROMISE(!path.empty() && path.size() <= limits.max_path && is_object_id(blob));
  }
  NPM_GATE_PROMISE(total <= limits.max_inflated);
}

void read(std::string_view pack) {
  const auto objects = read_pack(std::as_bytes(std::span(pack.data(), pack.size())), small());
  if (objects) check_objects(*objects);
}

std::string described(std::string_view input) {
  std::vector<std::string> entries;
  while (input.size() > 3 && entries.size() < 16) {
    const unsigned kind = take_choice(input) & 7;
    const unsigned low = take_choice(input), size = low | take_choice(input) << 8;
    // What stands between the head and the deflated bytes: a distance or an id.
    std::string before;
    if (kind == 6) before = std::string(input.substr(0, 1));
    if (kind == 7) before = std::string(input.substr(0, 20));
    input.remove_prefix(before.size());
    const std::string_view body = input.substr(0, size);
    input.remove_prefix(body.size());
    entries.push_back(testing::entry_head(static_cast<int>(kind), body.size()) + before +
                      testing::zlib_stored(body));
  }
  return testing::pack_of(entries);
}

void run(std::string_view input) {
  if (const auto pack = parse_fetch(input)) read(*pack);
  read(input);
  read(described(input));
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int ready = git_libgit2_init();
  if (ready > 0) npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
