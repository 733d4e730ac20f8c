// Which hooks are followed to the end. Whole releases with each of these:
// tests/fixtures/hook-pairs.json.
#include "inspect/hooks/strict_command.h"

#include <gtest/gtest.h>

#include <set>

namespace npmgate {
namespace {

std::string reasons(std::string_view command, const StringMap& scripts = {}) {
  static const std::set<std::string, std::less<>> kFiles{
      "x.js", "./x.js", "scripts/x.js", "./x", "scripts/x", "sub/x.js", "./setup.sh"};
  std::string out;
  const HasFile has_file = [](std::string_view path) { return kFiles.contains(path); };
  for (const auto& part : unresolved_parts(command, scripts, has_file))
    out += (out.empty() ? "" : ", ") + part;
  return out;
}

TEST(StrictCommand, FollowsFilesOfThePackageAndKnownPrograms) {
  for (const char* command : {"node x.js",
                              "node ./x",
                              "node x.js --flag a.b",
                              "cd sub && node x.js",
                              "sh ./setup.sh",
                              "NODE_ENV=production node x.js",
                              "cross-env CI=1 node x.js",
                              "node x.js || exit 0",
                              "node x.js > /dev/null 2>&1",
                              "node x.js >nul",
                              "(node x.js) || true",
                              "./x.js",
                              "node --no-warnings x.js",
                              "node -r ./x x.js",
                              "node-gyp rebuild",
                              "node-gyp-build",
                              "prebuild-install || node-gyp rebuild",
                              "prebuild-install -r napi || node-gyp rebuild",
                              "is-ci || husky install",
                              "patch-package",
                              "npx --no-install husky",
                              "npx only-allow pnpm",
                              "echo done",
                              "node -e \"try{require('./x')}catch(e){}\"",
                              "node -e \"import('./x.js')\"",
                              "node -e \"console.log('thanks')\"",
                              "rm -rf build",
                              "node-gyp-build \"node x.js\""})
    EXPECT_EQ(reasons(command), "") << command;
}

TEST(StrictCommand, SaysWhatItCannotFollow) {
  const std::pair<const char*, const char*> rows[] = {
      {"node *.js", "a glob"},
      {"node $X", "an expansion"},
      {"node \"$X\"", "an expansion within quotes"},
      {"node `x`", "an expansion"},
      {"node %X%", "an expansion"},
      {"node 'a&b'", "an expansion within quotes"},
      {"node ~/x.js", "a path outside of the package"},
      {"node \"x.js", "a quote without an end"},
      {"(node x.js", "brackets that do not match"},
      {"node x.js)", "brackets that do not match"},
      {"node < x.js", "input from a file"},
      {"node x.js > y.js", "output into a file"},
      {"node y.js", "y.js is not in the package"},
      {"node ../x.js", "../x.js is not in the package"},
      {"node", "code from the standard input"},
      {"echo 1 | node", "code that another command prints"},
      {"node -e \"eval(x)\"", "text that node evaluates"},
      {"node -r./x x.js", "node's option -r./x"},
      {"node -r dotenv/config x.js", "a module that is loaded first"},
      {"sh -c x", "text that sh runs"},
      {"curl x", "program curl is not known"},
      {"find . -exec node x.js", "program find is not known"},
      {"if true", "program if is not known"},
      {"PATH=. node x.js", "sets PATH"},
      {"npm run y", "what npm y runs"},
      {"npm install x", "what npm install runs"},
      {"npx x", "what npx fetches and runs"},
      {"npx -c x", "what npx fetches and runs"},
      {"cp a x.js && node x.js", "program cp is not known"},
      {"node-gyp-build \"node y.js\"", "y.js is not in the package"},
  };
  for (const auto& [command, reason] : rows) EXPECT_EQ(reasons(command), reason) << command;
}

TEST(StrictCommand, FollowsScriptsOfTheSamePackageJson) {
  const StringMap scripts{{"a", "node x.js"},
                          {"b", "npm run a && node *.js"},
                          {"prea", "node y.js"},
                          {"loop", "npm run loop"}};
  EXPECT_EQ(reasons("npm run a", scripts), "y.js is not in the package");
  EXPECT_EQ(reasons("yarn b", scripts), "a glob");
  EXPECT_EQ(reasons("npm run loop", scripts), "");
  EXPECT_EQ(reasons("cd sub && npm run a", scripts), "a script of another package.json");
}

TEST(StrictCommand, StopsAtEightReasons) {
  std::string command;
  for (int i = 0; i < 40; ++i) command += "program" + std::to_string(i) + "; ";
  EXPECT_EQ(unresolved_parts(command, {}, [](auto) { return true; }).size(), 8u);
}

}  // namespace
}  // namespace npmgate
