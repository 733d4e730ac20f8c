// What a hook's command line runs: forms seen in real packages (harmless ones and, as stand-ins,
// hostile ones).
#include "inspect/code/commands.h"

#include <gtest/gtest.h>

#include "inspect/code/command_line.h"
#include "tests/support/table.h"

namespace npmgate {
namespace {

const StringMap& scripts() {
  static const StringMap kScripts{
      {"build", "tsc -p . && node ./tools/build.js"},
      {"prebuild", "node pre.js"},
      {"postbuild", "node post.js"},
      {"build:a", "node a.js"},
      {"build:b", "node b.js"},
      {"build:b:deep", "node deep.js"},
      {"loop", "npm run loop2"},
      {"loop2", "npm run loop && node loop.js"},
      {"test", "node test.js"},
      {"setup", "sh ./setup.sh"},
  };
  return kScripts;
}

struct CommandCase {
  const char* name;
  const char* command;
  const char* candidates;  // blank separated
  const char* arguments = "";
};

class Commands : public ::testing::TestWithParam<CommandCase> {};

TEST_P(Commands, RunTheseFiles) {
  const auto files = command_files(GetParam().command, scripts());
  EXPECT_EQ(joined(files.candidates), GetParam().candidates) << GetParam().command;
  EXPECT_EQ(joined(files.arguments), GetParam().arguments) << GetParam().command;
}

INSTANTIATE_TEST_SUITE_P(
    Node, Commands,
    ::testing::Values(
        CommandCase{"plain", "node install.js", "install.js"},
        CommandCase{"dot", "node ./lib/build.js", "./lib/build.js"},
        CommandCase{"no_ending", "node scripts/postinstall", "scripts/postinstall"},
        CommandCase{"words_behind", "node install cloud-mta-build-tool", "install"},
        CommandCase{"file_behind", "node run.js ./payload.js -x", "run.js", "./payload.js"},
        CommandCase{"preload", "node -r ./y x", "./y x"},
        CommandCase{"preload_long", "node --require=./y.js x", "./y.js x"},
        CommandCase{"preload_package", "node -r dotenv/config x.js", "x.js"},
        CommandCase{"import_flag", "node --import ./hook.mjs x.mjs", "./hook.mjs x.mjs"},
        CommandCase{"memory_flag", "node --max-old-space-size=4096 x.js", "x.js"},
        CommandCase{"value_flag", "node -C production x.js", "x.js"},
        CommandCase{"eval_require", "node -e \"require('./postinstall')\"", "./postinstall"},
        CommandCase{"eval_try", "node -e \"try{require('./postinstall')}catch(e){}\"",
                    "./postinstall"},
        CommandCase{"eval_print", "node -p \"require('../x')\"", "../x"},
        CommandCase{"eval_nothing", "node -e \"console.log('a b')\"", ""},
        CommandCase{"eval_spawn", "node -e \"require('child_process').spawn('node',['run.js'])\"",
                    "", "run.js"},
        CommandCase{"eval_shell",
                    "node -e \"require('child_process').execSync('node ./inner.js')\"",
                    "./inner.js"},
        CommandCase{"run_flag", "node --run setup", "./setup.sh"},
        CommandCase{"exe", "node.exe x.js", "x.js"},
        CommandCase{"absolute", "/usr/bin/node x.js", "x.js"},
        CommandCase{"npm_node", "$npm_node_execpath x.js", "x.js"},
        CommandCase{"this_folder", "node .", "."}, CommandCase{"stdin", "node < x.js", "x.js"},
        CommandCase{"node_options", "NODE_OPTIONS='--require ./y.js' node x.js", "./y.js x.js"},
        CommandCase{"backslash", "node scripts\\setup.js", "scripts\\setup.js"},
        CommandCase{"quoted", "node \"my file.js\" 'b'", "my file.js"},
        CommandCase{"half_quoted", "node ./\"a b\"/x.js", "./a b/x.js"},
        CommandCase{"tsx", "tsx ./src/install.ts", "./src/install.ts"},
        CommandCase{"bun", "bun run bun_environment.js", "bun_environment.js"},
        CommandCase{"bun_short", "bun ./x.ts", "./x.ts"},
        CommandCase{"deno", "deno run -A x.ts", "x.ts"}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Lists, Commands,
    ::testing::Values(
        CommandCase{"conjunction", "node a && node b", "a b"},
        CommandCase{"disjunction", "node a || node b", "a b"},
        CommandCase{"or_exit", "node ./bin/post-install || exit 0", "./bin/post-install"},
        CommandCase{"sequence", "node a; node b", "a b"},
        CommandCase{"lines", "node a\nnode b", "a b"},
        CommandCase{"pipe", "cat x.txt | node y.js", "y.js", "x.txt"},
        CommandCase{"background", "start /B node preinstall.js & node preinstall.js",
                    "preinstall.js preinstall.js"},
        CommandCase{"silent", "node a >/dev/null 2>&1 && node b 2>err.txt", "a b"},
        CommandCase{"silent_both", "node a &> /dev/null", "a"},
        CommandCase{"folder", "cd sub && node x.js", "sub/x.js"},
        CommandCase{"folder_deep", "cd sub && cd ../b && node x.js", "b/x.js"},
        CommandCase{"folder_and_back", "cd sub && npm install && cd .. && npm run setup",
                    "sub/package.json ./setup.sh"},
        CommandCase{"folder_windows", "cd /d sub && node x.js", "sub/x.js"},
        CommandCase{"folder_in_brackets", "(cd sub && node x.js); node y.js", "sub/x.js y.js"},
        CommandCase{"folder_npm", "cd sub && npm install", "sub/package.json"},
        CommandCase{"prefix_npm", "npm --prefix sub run build2", "sub/package.json"},
        CommandCase{"substitution", "echo $(node x.js)", "x.js"},
        CommandCase{"backticks", "echo `node x.js`", "x.js"},
        CommandCase{"substitution_in_quotes", "echo \"$(cd sub; node x.js)\"", "sub/x.js"},
        CommandCase{"not_in_single_quotes", "echo '$(node x.js)'", ""},
        CommandCase{"working_folder", "node $PWD/x.js", "x.js"},
        CommandCase{"init_folder", "node $(pwd)/x.js", "x.js"},
        CommandCase{"assignment", "A=1 B='c d' node x", "x"},
        CommandCase{"cross_env", "cross-env A=1 node x", "x"},
        CommandCase{"cross_env_shell", "cross-env-shell A=1 \"node x && node y\"", "x y"},
        CommandCase{"env", "env -i node x", "x"},
        CommandCase{"not_ci", "is-ci || node x.js", "x.js"},
        CommandCase{"if_then", "if [ -f a.js ]; then node b.js; fi", "b.js"},
        CommandCase{"if_windows", "if exist a.js node b.js", "b.js"},
        CommandCase{"timeout", "timeout 30 node x.js", "x.js"},
        CommandCase{"npx", "npx -y tsx x.ts", "x.ts"}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Shells, Commands,
    ::testing::Values(
        CommandCase{"sh", "sh x.sh", "x.sh"},
        CommandCase{"sh_flags", "sh -e -o pipefail ./x.sh", "./x.sh"},
        CommandCase{"bash_c", "bash -c \"node x.js\"", "x.js"},
        CommandCase{"bash_lc", "bash -lc 'node x.js && sh y.sh'", "x.js y.sh"},
        CommandCase{"nested", "sh -c \"bash -c 'node x.js'\"", "x.js"},
        CommandCase{"source", ". ./env.sh && source b.sh", "./env.sh b.sh"},
        CommandCase{"cmd", "cmd /c node x.js", "x.js"},
        CommandCase{"cmd_quoted", "cmd.exe /d /s /c \"node x.js & y.bat\"", "x.js y.bat"},
        CommandCase{"powershell_file", "powershell -ExecutionPolicy Bypass -File .\\x.ps1",
                    ".\\x.ps1"},
        CommandCase{"powershell_command", "powershell -Command \"node x.js\"", "x.js"},
        CommandCase{"python", "python3 -u setup.py", "setup.py"},
        CommandCase{"python_module", "python -m tools.gen", "", "tools/gen.py"},
        CommandCase{"perl", "perl x.pl a.txt", "x.pl", "a.txt"},
        CommandCase{"here_string", "sh <<< 'node x.js'",
                    "node x.js"}),  // read as a file: named, not found
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Managers, Commands,
    ::testing::Values(
        CommandCase{"npm_run", "npm run build", "pre.js ./tools/build.js post.js"},
        CommandCase{"npm_run_silent", "npm run --silent setup", "./setup.sh"},
        CommandCase{"npm_test", "npm test", "test.js"}, CommandCase{"npm_t", "npm t", "test.js"},
        CommandCase{"npm_unknown", "npm run missing", ""},
        CommandCase{"npm_install", "npm install --production", ""},
        CommandCase{"npm_word", "npm build:a", ""}, CommandCase{"yarn", "yarn build:a", "a.js"},
        CommandCase{"yarn_run", "yarn run build:a", "a.js"},
        CommandCase{"yarn_node", "yarn node x.js", "x.js"},
        CommandCase{"pnpm", "pnpm build:a", "a.js"},
        CommandCase{"pnpm_run", "pnpm run build:a", "a.js"},
        CommandCase{"pnpm_exec", "pnpm exec node x.js", "x.js"},
        CommandCase{"npm_exec", "npm exec -- node x.js", "x.js"},
        CommandCase{"execpath", "$npm_execpath run build:a", "a.js"},
        CommandCase{"run_s", "run-s build:a build:b", "a.js b.js"},
        CommandCase{"run_all", "npm-run-all --parallel build:a setup", "a.js ./setup.sh"},
        CommandCase{"run_glob", "run-p build:*", "a.js b.js"},
        CommandCase{"run_deep_glob", "run-p 'build:**'", "a.js b.js deep.js"},
        CommandCase{"concurrently", "concurrently \"npm:build:a\" \"node x.js\"", "a.js x.js"},
        CommandCase{"loop", "npm run loop", "loop.js"}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Programs, Commands,
    ::testing::Values(CommandCase{"own_binary", "./tools/setup", "./tools/setup"},
                      CommandCase{"own_binary_plain", "bin/run --x", "bin/run"},
                      CommandCase{"windows_binary", ".\\tools\\setup.exe", ".\\tools\\setup.exe"},
                      CommandCase{"batch", "preinstall.bat", "preinstall.bat"},
                      CommandCase{"call", "call setup.cmd", "setup.cmd"},
                      CommandCase{"rundll", "rundll32 node-gyp.dll,main", "node-gyp.dll"},
                      CommandCase{"make", "make -C deps", "deps/Makefile"},
                      CommandCase{"make_file", "make -f build.mk all", "build.mk"},
                      CommandCase{"installed_binary", "./node_modules/.bin/tsc -p .", ""},
                      CommandCase{"gyp", "node-gyp rebuild", ""},
                      CommandCase{"prebuild", "prebuild-install || node-gyp rebuild", ""},
                      CommandCase{"patch", "patch-package", ""},
                      CommandCase{"husky", "husky install .config/husky", "", ".config/husky"},
                      CommandCase{"rollup", "rollup -c ./rollup.config.js", "",
                                  "./rollup.config.js"},
                      CommandCase{"url", "open https://a.example/x.js", ""},
                      CommandCase{"echo", "echo node x.js", ""}, CommandCase{"empty", "", ""},
                      CommandCase{"operators", "&& || ; ( ) | &", ""}),
    kRowName);

TEST(ParsedCommands, KnowShellsScriptsAndAddons) {
  EXPECT_TRUE(parse_command("cd x && bash y.sh").starts_shell);
  EXPECT_FALSE(parse_command("node x.sh").starts_shell);
  EXPECT_TRUE(parse_command("prebuild-install || node-gyp rebuild").builds_addon);
  EXPECT_TRUE(parse_command("npm run gyp", {{"gyp", "node-gyp configure build"}}).builds_addon);
  EXPECT_FALSE(parse_command("node x.js").builds_addon);
  EXPECT_EQ(joined(parse_command("node -e 'a()' && node -p 'b()'").scripts), "a() b()");
}

TEST(ParsedCommands, EndOnHostileNesting) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "$(";
  EXPECT_TRUE(command_files(deep, {}).candidates.empty());
  std::string brackets(200'000, '(');
  EXPECT_EQ(joined(command_files(brackets + "node x.js", {}).candidates), "x.js");
}

TEST(ParsedCommands, FollowShellsInShells) {
  std::string command = "node x.js";
  for (int level = 0; level < 4; ++level) {
    std::string escaped;
    for (const char c : command)
      escaped += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    command = "sh -c \"" + escaped + "\"";
    EXPECT_EQ(joined(command_files(command, {}).candidates), "x.js") << command;
  }
}

TEST(CommandLines, SplitWordsAndRedirections) {
  const auto line = split_command("a 'b c'\"d\\\"e\" f\\ g < in 2> err >>out | h");
  ASSERT_EQ(line.commands.size(), 2u);
  EXPECT_EQ(line.commands[0].words, (std::vector<std::string>{"a", "b cd\"e", "f g"}));
  EXPECT_EQ(line.commands[0].reads, (std::vector<std::string>{"in"}));
  EXPECT_TRUE(line.writes);
  EXPECT_TRUE(line.piped);
  EXPECT_FALSE(line.unclosed);
}

TEST(CommandLines, KnowWhatIsNoPipe) {
  EXPECT_FALSE(split_command("a || b").piped);
  EXPECT_FALSE(split_command("a && b").piped);
  EXPECT_TRUE(split_command("a | b").piped);
  EXPECT_FALSE(split_command("a 2>&1 >/dev/null").writes);
  EXPECT_TRUE(split_command("a > b").writes);
}

TEST(CommandLines, UnclosedQuotesEndWithTheLine) {
  for (const char* text : {"a 'b", "a \"b", "a `b", "a $(b"})
    EXPECT_TRUE(split_command(text).unclosed) << text;
  EXPECT_EQ(split_command("a 'b c").commands[0].words.back(), "b c");
}

struct BannerCase {
  const char* name;
  const char* command;
  bool banner;
};
class Banner : public ::testing::TestWithParam<BannerCase> {};
TEST_P(Banner, IsOneOrNot) {
  EXPECT_EQ(is_banner(GetParam().command), GetParam().banner) << GetParam().command;
}

INSTANTIATE_TEST_SUITE_P(
    Yes, Banner,
    ::testing::Values(
        BannerCase{"empty", "", true}, BannerCase{"echo", "echo hello", true},
        BannerCase{"echo_quoted", "echo \"Thank you for installing (1.0)!\"", true},
        BannerCase{"exit", "exit 0", true}, BannerCase{"exit_bare", "exit", true},
        BannerCase{"truth", "true", true}, BannerCase{"colon", ":", true},
        BannerCase{"two", "echo a && echo b || exit 0; true", true},
        BannerCase{"silent", "echo a > /dev/null 2>&1", true},
        BannerCase{"to_stderr", "echo a >&2", true},
        BannerCase{"log", "node -e \"console.log('installed')\"", true},
        BannerCase{"log_two", "node -e \"console.log('a', 'b'); console.error('c' + 'd');\"", true},
        BannerCase{"log_exit", "node -e \"console.log('a');process.exit(0)\"", true}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    No, Banner,
    ::testing::Values(
        BannerCase{"node", "node x.js", false}, BannerCase{"pipe", "echo x | sh", false},
        BannerCase{"write", "echo x > ~/.bashrc", false},
        BannerCase{"substitution", "echo $(node x.js)", false},
        BannerCase{"backticks", "echo `node x.js`", false},
        BannerCase{"variable", "echo $NPM_TOKEN", false},
        BannerCase{"variable_windows", "echo %USERNAME%", false},
        BannerCase{"and_then", "echo a && node b", false},
        BannerCase{"background", "echo a & b", false}, BannerCase{"read", "echo < x", false},
        BannerCase{"unclosed", "echo 'a", false}, BannerCase{"exit_words", "exit 0 node", false},
        // cmd.exe knows no single quotes: it would run the second half.
        BannerCase{"single_quotes_on_windows", "echo 'a & node b'", false},
        BannerCase{"escaped_quote_on_windows", "echo \"a\\\" & node b\"", false},
        BannerCase{"log_call", "node -e \"console.log(require('./x'))\"", false},
        BannerCase{"log_comma", "node -e \"console.log('a'),run()\"", false},
        BannerCase{"log_template", "node -e 'console.log(`${run()}`)'", false},
        BannerCase{"log_escape", "node -e \"console.log('a\\\\');run('b')\"", false},
        BannerCase{"log_preload", "node -r ./x -e \"console.log('a')\"", false},
        BannerCase{"assignment", "A=1 echo x", false}, BannerCase{"other_echo", "./echo x", false}),
    kRowName);

struct ImportCase {
  const char* name;
  const char* script;
  const char* files;
};
class Imports : public ::testing::TestWithParam<ImportCase> {};
TEST_P(Imports, NameTheseFiles) {
  EXPECT_EQ(joined(relative_imports(GetParam().script)), GetParam().files);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, Imports,
    ::testing::Values(
        ImportCase{"require", "require('./a'); require(\"../b.js\")", "../b.js ./a"},
        ImportCase{"import_from", "import x from './a.mjs'; export * from './b'", "./a.mjs ./b"},
        ImportCase{"dynamic", "await import(`./c.js`)", "./c.js"},
        ImportCase{"packages", "require('fs'); require('lodash'); require('a/b')", ""},
        ImportCase{"joined_path", "path.join(__dirname, 'bun_environment.js')",
                   "bun_environment.js"},
        ImportCase{"added_path", "run(__dirname + '/run.sh')", "run.sh"},
        ImportCase{"spawned", "spawn('/bin/bash', ['preinstall.sh'])", "preinstall.sh"},
        ImportCase{"command", "exec('node ./x.js && sh y.sh')", "./x.js y.sh"},
        ImportCase{"split", "require('./pay' + 'load')", "./payload"},
        ImportCase{"commented", "// require('./a')\n/* './b' */", ""},
        ImportCase{"addresses", "get('https://a.example/x.js'); read('/etc/x.js')", "etc/x.js"},
        ImportCase{"twice", "require('./a'); require('./a')", "./a"},
        ImportCase{"prose", "log('see ./docs for more'); log('nothing')", ""}),
    kRowName);

}  // namespace
}  // namespace npmgate
