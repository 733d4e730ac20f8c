// Lockfiles that are refused: what is said, and where.
#include "tests/lockfile/lockfile_testing.h"

namespace npmgate::testing {
namespace {

struct BadRow {
  const char* what;
  const char* file;
  std::string text;
  const char* problem;  // the start of the first problem
};

std::string npm3(const std::string& packages) {
  return "{\"lockfileVersion\": 3,\n\"packages\": {" + packages + "}}";
}

std::vector<BadRow> rows() {
  std::string deep = "{\"lockfileVersion\": 3, \"x\": ";
  for (int i = 0; i < 300; ++i) deep += "[";
  return {
      {"empty", "yarn.lock", " \n", "yarn.lock:1:1: an empty file"},
      {"binary bun", "bun.lockb", "#!/usr/bin/env bun\n", "bun.lockb:1:1: the binary form"},
      {"not UTF-8", "yarn.lock", "\xFF", "yarn.lock:1:1: not UTF-8"},
      {"cut off", "package-lock.json", "{\"lockfileVersion\": 3,\n\"packages\": {",
       "package-lock.json:2:14: the file ends here; expected a key"},
      {"single quotes", "package-lock.json", "{\n 'a': 1}",
       "package-lock.json:2:2: expected a key in double quotes, found ''a': 1}'"},
      {"trailing comma", "package-lock.json", "{\"lockfileVersion\": 3,}",
       "package-lock.json:1:23: expected a"},
      {"open text", "package-lock.json", "{\"a\": \"b",
       "package-lock.json:1:7: a text that is never"},
      {"raw newline in a text", "package-lock.json", "{\"a\": \"b\nc\"}",
       "package-lock.json:1:7: a malformed text"},
      {"bad number", "package-lock.json", "{\"a\": 01}", "package-lock.json:1:7: expected a value"},
      {"behind the end", "package-lock.json", "{} {}",
       "package-lock.json:1:4: expected the end of the file"},
      {"too deep", "package-lock.json", deep, "package-lock.json:1:228: nested deeper than 200"},
      {"duplicate key", "package-lock.json",
       npm3("\"node_modules/a\": {},\n\"node_modules/a\": {}"), "package-lock.json:3:"},
      {"unknown version", "package-lock.json", "{\"lockfileVersion\": 4}",
       "package-lock.json:1:1: lockfileVersion 4 is not known"},
      {"no lockfile", "data.json", "{\"a\": 1}", "data.json:1:1: no lockfileVersion"},
      {"a list", "package-lock.json", "[]", "package-lock.json:1:1: "},
      {"bad name", "package-lock.json", npm3("\n\"node_modules/a b\": {\"version\": \"1.0.0\"}"),
       "package-lock.json:3:1: 'a b' is not a package name"},
      {"path in a name", "package-lock.json",
       npm3("\n\"node_modules/x\": {\"name\": \"../../x\", \"version\": \"1.0.0\"}"),
       "package-lock.json:3:1: '../../x' is not a package name"},
      {"bad version", "package-lock.json", npm3("\n\"node_modules/a\": {\"version\": \"^1.0.0\"}"),
       "package-lock.json:3:1: a: '^1.0.0' is not a version"},
      {"no version", "package-lock.json", npm3("\n\"node_modules/a\": {}"),
       "package-lock.json:3:1: a: '' is not a version"},
      {"entry is no map", "package-lock.json", npm3("\"node_modules/a\": 1"),
       "package-lock.json:2:1: expected a map for"},
      {"pnpm 5", "pnpm-lock.yaml", "lockfileVersion: 5.4\n",
       "pnpm-lock.yaml:1:1: lockfileVersion 5.4 is not read"},
      {"no version in pnpm's", "pnpm-lock.yaml", "a: b\n",
       "pnpm-lock.yaml:1:1: no lockfileVersion"},
      {"anchor", "pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages: &a {}\n",
       "pnpm-lock.yaml:2:"},
      {"pnpm duplicate", "pnpm-lock.yaml",
       "lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\n  a@1.0.0: {}\n",
       "pnpm-lock.yaml:4:3: dup"},
      {"conflict", "yarn.lock", "# yarn lockfile v1\n<<<<<<< HEAD\n",
       "yarn.lock:2:1: a merge conflict"},
      {"no entry", "yarn.lock", "# yarn lockfile v1\n  version \"1\"\n",
       "yarn.lock:2:1: not yarn.lock: '  version"},
      {"odd indent", "yarn.lock", "a@^1:\n   version \"1.0.0\"\n", "yarn.lock:2:1: not yarn.lock"},
      {"two versions", "yarn.lock", "a@^1:\n  version \"1.0.0\"\n  version \"2.0.0\"\n",
       "yarn.lock:3:1: a second version"},
      {"same pattern twice", "yarn.lock",
       "a@^1:\n  version \"1.0.0\"\n\na@^1:\n  version \"1.0.1\"\n",
       "yarn.lock:4:1: a second entry for 'a@^1'"},
      {"two packages", "yarn.lock", "a@^1, b@^1:\n  version \"1.0.0\"\n",
       "yarn.lock:1:1: one entry for several packages"},
      {"open quote", "yarn.lock", "\"a@^1:\n", "yarn.lock:1:1: not yarn.lock"},
      {"berry without resolution", "yarn.lock",
       "__metadata:\n  version: 8\n\"a@npm:1\":\n  version: 1\n",
       "yarn.lock:3:1: an entry without resolution"},
      {"bun entry is no list", "bun.lock", "{\"lockfileVersion\": 1,\n\"packages\": {\n\"a\": {}}}",
       "bun.lock:3:1: expected a list"},
      {"bun comment", "bun.lock", "{ /* ", "bun.lock:1:3: a comment that is never closed"},
  };
}

TEST(BadLockfile, IsRefusedWithPlaceAndReason) {
  for (const BadRow& row : rows()) {
    const LockfileResult result = parse_lockfile(row.text, row.file);
    EXPECT_FALSE(result.lockfile.has_value()) << row.what;
    ASSERT_FALSE(result.problems.empty()) << row.what;
    EXPECT_TRUE(result.problems.front().str().starts_with(row.problem))
        << row.what << ": " << result.problems.front().str();
  }
}

TEST(BadLockfile, SizesAreBounded) {
  const auto refused = [](const std::string& text, const char* file) {
    const LockfileResult result = parse_lockfile(text, file);
    return result.problems.empty() ? "" : result.problems.front().message;
  };
  EXPECT_EQ(refused(std::string((std::size_t{32} << 20) + 1, ' '), "yarn.lock"),
            "larger than 32 MiB");
  std::string many;
  for (int i = 0; i < 200'001; ++i) {
    const std::string name = "p" + std::to_string(i);
    many += name + "@1:\n  version \"1.0.0\"\n";
  }
  EXPECT_EQ(refused(many, "yarn.lock"), "more than 200000 entries");
}

TEST(BadLockfile, EveryCutOfAGoodFileIsAnErrorOrAnAnswer) {
  const std::string good =
      R"({"lockfileVersion": 3, "packages": {"node_modules/a": )"
      R"({"version": "1.0.0", "resolved": "https://r.example/a/-/a-1.0.0.tgz"}}})";
  for (std::size_t size = 0; size < good.size(); ++size) {
    const LockfileResult result = parse_lockfile(good.substr(0, size), "package-lock.json");
    EXPECT_FALSE(result.lockfile.has_value()) << size;
    EXPECT_FALSE(result.problems.empty()) << size;
  }
}

TEST(BadLockfile, TellsAtMostTwentyProblems) {
  std::string text = "{\"lockfileVersion\": 3, \"packages\": {";
  for (int i = 0; i < 100; ++i)
    text += (i == 0 ? "\"node_modules/" : ",\"node_modules/") + std::to_string(i) + " \": {}";
  EXPECT_EQ(parse_lockfile(text + "}}", "package-lock.json").problems.size(), 20u);
}

}  // namespace
}  // namespace npmgate::testing
