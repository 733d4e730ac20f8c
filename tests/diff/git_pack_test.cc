// Packfiles in memory: objects come out under the ids of their bytes, or the pack is refused.
#include "diff/git_pack.h"

#include <gtest/gtest.h>

#include "diff/line_diff.h"
#include "tests/diff/pack_builder.h"
#include "tests/inspect/archive/tar_builder.h"

namespace npmgate {
namespace {

using testing::bytes_of;
using testing::copy_and_add;
using testing::entry_head;
using testing::id_delta;
using testing::id_of;
using testing::offset_delta;
using testing::pack_entry;
using testing::pack_of;
using testing::tree_entry;
using testing::zlib_stored;
using enum GitObjectKind;

const std::string kBase = "the quick brown fox jumps over the lazy dog";
const std::string kNext = "quick brown cat";

class GitPack : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(prepare_line_diff()); }
  // "" if it is read, else why not.
  static std::string refusal(const std::string& pack, const PackLimits& limits = {}) {
    const auto objects = read_pack(bytes_of(pack), limits);
    return objects ? std::string() : objects.error().context;
  }
};

TEST_F(GitPack, NamesObjectsAsGitDoes) {
  // git hash-object of "hello\n", and of nothing.
  EXPECT_EQ(blob_id("hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(blob_id(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  const std::string pack = pack_of({pack_entry(kBlob, "hello\n"), pack_entry(kTag, kBase)});
  const auto objects = read_pack(bytes_of(pack), {});
  ASSERT_TRUE(objects) << objects.error().context;
  ASSERT_EQ(objects->size(), 2U);
  EXPECT_EQ(objects->at("ce013625030ba8dba906f756967f9e9ca394464a").body, "hello\n");
}

TEST_F(GitPack, MakesObjectsOfDeltas) {
  const std::string delta = copy_and_add(kBase.size(), 4, 12, "cat");
  const std::string base = pack_entry(kBlob, kBase);
  const std::string second = offset_delta(base.size(), delta);
  // A delta of a delta, by the distance to that one.
  const std::string third = offset_delta(second.size(), copy_and_add(kNext.size(), 0, 5, "!"));
  const struct {
    const char* why;
    std::vector<std::string> entries;
  } rows[] = {
      {"by offset", {base, second, third}},
      {"by id",
       {base, id_delta(id_of(kBlob, kBase), delta),
        id_delta(id_of(kBlob, kNext), copy_and_add(kNext.size(), 0, 5, "!"))}},
      {"before its base",
       {id_delta(id_of(kBlob, kNext), copy_and_add(kNext.size(), 0, 5, "!")),
        id_delta(id_of(kBlob, kBase), delta), base}},
      {"by offset of one that waits",
       {id_delta(id_of(kBlob, kBase), delta),
        offset_delta(id_delta(id_of(kBlob, kBase), delta).size(),
                     copy_and_add(kNext.size(), 0, 5, "!")),
        base}},
  };
  for (const auto& row : rows) {
    const std::string pack = pack_of(row.entries);
    const auto objects = read_pack(bytes_of(pack), {});
    ASSERT_TRUE(objects) << row.why << ": " << objects.error().context;
    EXPECT_EQ(objects->size(), 3U) << row.why;
    for (const std::string& body : {kBase, kNext, std::string("quick!")}) {
      const auto found = objects->find(blob_id(body));
      ASSERT_NE(found, objects->end()) << row.why << ": " << body;
      EXPECT_EQ(found->second.body, body) << row.why;
    }
  }
}

TEST_F(GitPack, RefusesEverythingElse) {
  const std::string good = pack_entry(kBlob, kBase);
  const std::string pack = pack_of({good});
  const auto changed = [&](std::size_t at, char to) {
    std::string other = pack;
    other[at] = to;
    return other;
  };
  const auto deltaed = [&](const std::string& delta) {
    return pack_of({good, offset_delta(good.size(), delta)});
  };
  const struct {
    const char* why;
    std::string pack;
  } rows[] = {
      {"empty", ""},
      {"another file", std::string(100, 'x')},
      {"version 3", changed(7, '\3')},
      {"more objects than there are", changed(11, '\2')},
      {"fewer", changed(11, '\0')},
      {"an unknown kind", pack_of({entry_head(5, 1) + zlib_stored("x")})},
      {"kind 0", pack_of({entry_head(0, 1) + zlib_stored("x")})},
      {"a size beyond 64 bits", pack_of({"\xb0" + std::string(12, '\xff')})},
      {"larger than it says", pack_of({entry_head(3, 4) + zlib_stored("hello")})},
      {"smaller than it says", pack_of({entry_head(3, 6) + zlib_stored("hello")})},
      {"a delta of what is not there",
       pack_of({id_delta(std::string(40, '1'), copy_and_add(1, 0, 1, ""))})},
      {"a delta of itself", pack_of({offset_delta(1, copy_and_add(1, 0, 1, ""))})},
      {"a delta of what lies before the pack",
       pack_of({offset_delta(5000, copy_and_add(1, 0, 1, ""))})},
      {"a delta of the middle of an object",
       pack_of({good, offset_delta(good.size() - 3, copy_and_add(kBase.size(), 0, 4, ""))})},
      {"a base of another size", deltaed(copy_and_add(kBase.size() + 1, 0, 4, ""))},
      {"a copy beyond the base", deltaed(copy_and_add(kBase.size(), 40, 4, ""))},
      {"a copy from beyond it", deltaed(copy_and_add(kBase.size(), 60, 1, ""))},
      {"a delta that ends early", deltaed(copy_and_add(kBase.size(), 0, 4, "").substr(0, 5))},
      {"a delta without sizes", deltaed("")},
      {"an instruction that is none",
       deltaed(copy_and_add(kBase.size(), 0, 4, "") + std::string(1, '\0'))},
      {"more than it says", deltaed(copy_and_add(kBase.size(), 0, 4, "") + "\1x")},
  };
  EXPECT_EQ(refusal(pack), "");
  for (const auto& row : rows) EXPECT_NE(refusal(row.pack), "") << row.why;
  for (std::size_t size = 0; size < pack.size(); ++size)
    EXPECT_NE(refusal(pack.substr(0, size)), "") << size;
}

TEST_F(GitPack, StopsAtItsLimits) {
  const std::string pack = pack_of({pack_entry(kBlob, kBase), pack_entry(kBlob, kNext)});
  PackLimits limits;
  limits.max_objects = 1;
  EXPECT_EQ(read_pack(bytes_of(pack), limits).error().code, Code::kTooLarge);
  limits = {};
  limits.max_object = kBase.size() - 1;
  EXPECT_EQ(read_pack(bytes_of(pack), limits).error().code, Code::kTooLarge);
  limits = {};
  limits.max_inflated = kBase.size() + kNext.size() - 1;
  EXPECT_EQ(read_pack(bytes_of(pack), limits).error().code, Code::kTooLarge);
  limits.max_inflated = kBase.size() + kNext.size();
  EXPECT_EQ(refusal(pack, limits), "");
}

TEST_F(GitPack, AFewBytesThatMakeGigabytesAreTooLarge) {
  // Each delta doubles what the one before made.
  std::string body(0x8000, 'a');
  std::vector<std::string> entries{pack_entry(kBlob, body)};
  std::size_t size = body.size();
  for (int i = 0; i < 8; ++i) {
    std::string delta;
    const auto number = [&](std::size_t value) {
      for (; value >= 0x80; value >>= 7) delta += static_cast<char>((value & 0x7f) | 0x80);
      delta += static_cast<char>(value);
    };
    number(size);
    number(size * 2);
    for (int twice = 0; twice < 2; ++twice) {
      for (std::size_t done = 0; done < size; done += 0x8000) {
        delta += static_cast<char>(0x80 | 0x0f | 0x30);
        for (int shift = 0; shift < 32; shift += 8)
          delta += static_cast<char>(done >> shift & 0xff);
        delta += '\0';
        delta += '\x80';
      }
    }
    entries.push_back(offset_delta(entries.back().size(), delta));
    size *= 2;
  }
  PackLimits limits;
  limits.max_object = std::size_t{1} << 20;
  EXPECT_EQ(read_pack(bytes_of(pack_of(entries)), limits).error().code, Code::kTooLarge);
}

TEST_F(GitPack, ListsFilesOfACommit) {
  const auto made = testing::source_of({{"a", "1"}, {"lib/b.js", "2"}, {"lib/deep/c", "3"}});
  const auto objects = read_pack(bytes_of(made.pack), {});
  ASSERT_TRUE(objects) << objects.error().context;
  const auto files = files_of_commit(*objects, made.commit, {});
  ASSERT_TRUE(files) << files.error().context;
  EXPECT_EQ(
      *files,
      (SourceFiles{{"a", blob_id("1")}, {"lib/b.js", blob_id("2")}, {"lib/deep/c", blob_id("3")}}));
  EXPECT_FALSE(files_of_commit(*objects, std::string(40, '1'), {}));
  EXPECT_FALSE(files_of_commit(*objects, "no id", {}));
  PackLimits limits;
  limits.max_files = 2;
  EXPECT_EQ(files_of_commit(*objects, made.commit, limits).error().code, Code::kTooLarge);
}

TEST_F(GitPack, LeavesSubmodulesOutAndMissesTrees) {
  const std::string other(40, '1');
  const std::string tree = tree_entry("160000", "module", other) + tree_entry("120000", "z", other);
  const std::string commit = testing::commit_of(id_of(kTree, tree));
  const std::string pack = pack_of({pack_entry(kTree, tree), pack_entry(kCommit, commit)});
  const auto objects = read_pack(bytes_of(pack), {});
  ASSERT_TRUE(objects);
  const auto files = files_of_commit(*objects, id_of(kCommit, commit), {});
  ASSERT_TRUE(files) << files.error().context;
  EXPECT_EQ(*files, (SourceFiles{{"z", other}}));

  const std::string lacking = testing::commit_of(other);
  const std::string without = pack_of({pack_entry(kCommit, lacking)});
  const auto half = read_pack(bytes_of(without), {});
  ASSERT_TRUE(half);
  EXPECT_EQ(files_of_commit(*half, id_of(kCommit, lacking), {}).error().code, Code::kMalformed);
}

// Ten folders of ten folders each …, all the same trees: as many paths as stars, of a few bytes.
TEST_F(GitPack, ATreeOfItselfManyTimesIsTooLarge) {
  std::vector<std::string> entries;
  std::string tree = tree_entry("100644", "f", std::string(40, '1'));
  for (int depth = 0; depth < 12; ++depth) {
    entries.push_back(pack_entry(kTree, tree));
    const std::string id = id_of(kTree, tree);
    tree.clear();
    for (char name = 'a'; name <= 'j'; ++name)
      tree += tree_entry("40000", std::string(1, name), id);
  }
  entries.push_back(pack_entry(kTree, tree));
  const std::string commit = testing::commit_of(id_of(kTree, tree));
  entries.push_back(pack_entry(kCommit, commit));
  const auto objects = read_pack(bytes_of(pack_of(entries)), {});
  ASSERT_TRUE(objects);
  PackLimits limits;
  limits.max_files = 1000;
  EXPECT_EQ(files_of_commit(*objects, id_of(kCommit, commit), limits).error().code,
            Code::kTooLarge);
}

}  // namespace
}  // namespace npmgate
