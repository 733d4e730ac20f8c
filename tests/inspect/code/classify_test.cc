#include <gtest/gtest.h>

#include "tests/support/table.h"

#include "inspect/code/features.h"

namespace npmgate {
namespace {

using namespace std::string_literals;

struct KindCase {
  const char* name;
  std::string path;
  std::string body;
  FileKind kind;
  std::uint32_t mode = 0644;
};

class Classify : public ::testing::TestWithParam<KindCase> {};
TEST_P(Classify, IsOfThisKind) {
  EXPECT_EQ(to_string(classify(GetParam().path, GetParam().body, GetParam().mode)),
            to_string(GetParam().kind));
}

INSTANTIATE_TEST_SUITE_P(
    Names, Classify,
    ::testing::Values(KindCase{"js", "a/b.js", "x", FileKind::kScript},
                      KindCase{"upper", "A.MJS", "x", FileKind::kScript},
                      KindCase{"cjs", "a.cjs", "", FileKind::kScript},
                      KindCase{"ts", "a.ts", "", FileKind::kScript},
                      KindCase{"declaration", "a.d.ts", "", FileKind::kText},
                      KindCase{"declaration_m", "a.d.mts", "", FileKind::kText},
                      KindCase{"css_module", "a.d.css.ts", "", FileKind::kScript},
                      KindCase{"sh", "a.sh", "", FileKind::kShell},
                      KindCase{"bat", "preinstall.bat", "", FileKind::kShell},
                      KindCase{"ps1", "a.ps1", "", FileKind::kShell},
                      KindCase{"py", "a.py", "", FileKind::kShell},
                      KindCase{"json", "package.json", "{}", FileKind::kJson},
                      KindCase{"map", "a.js.map", "{}", FileKind::kJson},
                      KindCase{"md", "README.md", "x", FileKind::kText},
                      KindCase{"gyp", "binding.gyp", "{}", FileKind::kText},
                      KindCase{"license", "LICENSE", "x", FileKind::kText},
                      KindCase{"node_addon", "a.node", "x", FileKind::kNative},
                      KindCase{"dll", "node-gyp.dll", "x", FileKind::kNative},
                      KindCase{"byte_code", "a.jsc", "x", FileKind::kNative},
                      KindCase{"dot_file", ".js", "x", FileKind::kText},
                      KindCase{"folder_with_ending", "a.js/b", "x", FileKind::kText},
                      KindCase{"bun_lock", "bun.lockb",
                               "#!/usr/bin/env bun\nbun-lockfile-format-v0\n\0\x1\x2"s,
                               FileKind::kOther},
                      KindCase{"picture", "a.png", "\x89PNG\0"s, FileKind::kOther}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Contents, Classify,
    ::testing::Values(
        KindCase{"elf", "tools/setup",
                 "\x7F"
                 "ELF\2\1\1\0"s,
                 FileKind::kNative},
        KindCase{"elf_named_js", "a.js",
                 "\x7F"
                 "ELF\2\1\1\0"s,
                 FileKind::kNative},
        KindCase{"pe", "a", "MZ\x90\0"s + std::string(60, '\0'), FileKind::kNative},
        KindCase{"pe_prose", "a", "MZ " + std::string(80, 'x'), FileKind::kText},
        KindCase{"mach_o", "a", "\xCF\xFA\xED\xFE\7\0\0\1"s, FileKind::kNative},
        KindCase{"mach_o_32", "a", "\xFE\xED\xFA\xCE\0\0\0\1"s, FileKind::kNative},
        KindCase{"universal", "a", "\xCA\xFE\xBA\xBE\0\0\0\2"s, FileKind::kNative},
        KindCase{"java_class", "A.class", "\xCA\xFE\xBA\xBE\0\0\0\x34"s, FileKind::kOther},
        KindCase{"wasm", "a", "\0asm\1\0\0\0"s, FileKind::kNative},
        KindCase{"wasm_named_data", "a.dat", "\0asm\1\0\0\0"s, FileKind::kNative},
        KindCase{"archive", "a.lib", "!<arch>\n", FileKind::kNative},
        KindCase{"node_shebang", "bin/x", "#!/usr/bin/env node\n", FileKind::kScript},
        KindCase{"sh_shebang", "bin/x", "#!/bin/sh\n", FileKind::kShell},
        KindCase{"shebang_in_text", "x.txt", "#!/bin/sh\n", FileKind::kShell},
        KindCase{"executable_text", "bin/x", "node ..", FileKind::kOther, 0755},
        KindCase{"executable_readme", "README.md", "x", FileKind::kText, 0755},
        KindCase{"executable_js", "a.js", "x", FileKind::kScript, 0755},
        KindCase{"unknown_text", "data.bin", "abc", FileKind::kText},
        KindCase{"unknown_binary", "data.bin", "a\0c"s, FileKind::kOther},
        KindCase{"late_nul", "data.bin", std::string(9000, 'a') + "\0"s, FileKind::kText},
        KindCase{"empty", "x", "", FileKind::kText},
        KindCase{"short_magic", "x", "\xCA\xFE\xBA\xBE"s, FileKind::kText}),
    kRowName);

TEST(FileKinds, HaveDistinctNames) {
  std::string names;
  for (const auto kind : {FileKind::kOther, FileKind::kScript, FileKind::kShell, FileKind::kJson,
                          FileKind::kText, FileKind::kNative})
    names += std::string(to_string(kind)) + " ";
  EXPECT_EQ(names, "other script shell json text native ");
}

TEST(Trees, FindByExactPath) {
  Tree tree;
  for (const char* path : {"a.js", "a/b.js", "c.js"}) {
    tree.files.emplace_back();
    tree.files.back().path = path;
  }
  EXPECT_EQ(tree.find("a/b.js"), &tree.files[1]);
  EXPECT_EQ(tree.find("a/B.js"), nullptr);
  EXPECT_EQ(tree.find("z"), nullptr);
  EXPECT_EQ(Tree{}.find(""), nullptr);
}

}  // namespace
}  // namespace npmgate
