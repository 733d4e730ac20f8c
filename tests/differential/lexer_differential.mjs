// Scripts made by seed: whatever acorn takes for code, the lexer and the syntax tree must not take for a comment or a literal.
//
//     node lexer_differential.mjs --acorn FOLDER --driver DRIVER [--count N] [--seconds S] [--seed N] [--show N]
//
// Every name q0q, q1q … stands once in its script: as code, in a comment, a literal or a regular expression, by the generator's luck. acorn
// says which are code. Hidden is one that the lexer left out or took into a literal while it understood the script, or that the tree has not
// and yet has no errors. Scripts that acorn refuses tell nothing. Exit status 1 if code was hidden, or if fewer than a fifth were accepted.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { pathToFileURL } from 'node:url'
import path from 'node:path'

const { values: options } = parseArgs({
  options: {
    acorn: { type: 'string' },
    driver: { type: 'string' },
    count: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    show: { type: 'string', default: '5' },
  },
})
const acorn = await import(pathToFileURL(path.resolve(options.acorn, 'dist/acorn.mjs')))
const BATCH = 5000

// mulberry32: small, and the same everywhere.
function generator(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

class Writer {
  constructor(seed) {
    this.random = generator(seed)
    this.names = 0
    this.depth = 0
  }
  below(n) {
    return Math.floor(this.random() * n)
  }
  pick(list) {
    const one = list[this.below(list.length)]
    return typeof one === 'function' ? one() : one
  }
  name() {
    return `q${this.names++}q`
  }
  // White space and comments of every kind that ECMA-262 knows; `line` may end the line.
  gap(line = true) {
    const blanks = [' ', '', '', '\t', '\v', '\f', '\u00a0', '\ufeff', '\u3000', '\u2003', () => `/*${this.name()}*/`, () => `/* * / ${this.name()} **/`, () => `/*/ ${this.name()} /*/`]
    const breaks = ['\n', '\r\n', '\r', '\u2028', '\u2029', () => `//${this.name()}\n`, () => `// */ ${this.name()}\r`, () => `/*\n${this.name()}*/`, () => `\n<!--${this.name()}\n`,
      () => `\n-->${this.name()}\n`, () => `\n/* ${this.name()} */ --> ${this.name()}\n`, () => `/*\n*/-->${this.name()}\n`, () => `//${this.name()}\\\n`, () => `// ${this.name()}\u2028`]
    return this.pick(line && this.random() < 0.3 ? breaks : blanks)
  }
  string() {
    const n = this.name()
    return this.pick([`'${n}'`, `"${n}"`, `'\\'${n}'`, `"\\\\"`, `'/*'`, `"//${n}"`, `'*/'`, `"\\u002f*${n}"`, `'a\\\n${n}'`, `'a\\\r\n${n}'`, `"\u2028${n}"`, `'<!--'`, `"\`"`, `'\${'`, `"'"`, `'"'`, `'\\x27${n}'`])
  }
  template() {
    const n = this.name()
    return this.pick([`\`${n}\``, () => `\`/*${n}\${${this.expression()}}*/\``, () => `\`\${\`\${${this.expression()}}\`}${n}\``, () => `\`\\\`${n}\${ {a:${this.expression()}}.a }\``,
      () => `\`$\{"}"}${n}\``, `\`$${n}\``, `\`\\\${${n}}\``, () => `\`//\${/}/.source}${n}\``, () => `${this.name()}\`a\${${this.expression()}}b\``, `\`\n//${n}\n\``])
  }
  regex() {
    const n = this.name()
    return this.pick([`/${n}/`, `/[/]${n}/g`, `/[/*]/`, `/\\/*${n}/`, `/[\\]/]${n}/`, `/[^"]/`, `/'/`, `/\`/`, `/a//${n}\n1/1`, `/(?<a>b)\\k<a>/u`, `/[/\\]'"]/`, `/ /`, `/=${n}/`, `/{/`, `/}/`, `/[(]/`, `/\\(/`, `/\\//`])
  }
  number() {
    return this.pick(['1', '1.', '.5', '1e3', '0x1f', '1_000', '0b1', '1n', '1..a', '017', '1.0'])
  }
  call() {
    return `${this.name()}${this.gap()}(${this.gap()}${this.random() < 0.3 ? this.expression() : ''})`
  }
  expression() {
    if (++this.depth > 6) {
      this.depth--
      return this.call()
    }
    const e = () => this.expression()
    const g = () => this.gap()
    const out = this.pick([
      () => this.call(), () => this.call(), () => this.call(), () => this.string(), () => this.template(), () => this.regex(), () => this.number(),
      () => `${e()}${g()}/${g()}${e()}`, () => `${e()}${g()}/${g()}${e()}/${g()}${this.name()}`, () => `(${g()}${e()}${g()})`, () => `(${e()})/${this.name()}/${e()}`,
      () => `[${e()},${g()}${e()}]`, () => `[${e()}]/${this.name()}`, () => `({${g()}a:${e()}})`, () => `({${g()}a:${e()}}/${this.name()}/1)`, () => `{}/${this.name()}/1`.replace(/^/, 'x='),
      () => `typeof${g()} ${e()}`, () => `typeof/${this.name()}/`, () => `void/${this.name()}/.a`, () => `!${e()}`, () => `-${g()}-${e()}`, () => `x${g()}++/${this.name()}/1`, () => `x--/${this.name()}`,
      () => `x++${g()}+${e()}`, () => `${e()}?${e()}:${e()}`, () => `x?.5:${e()}`, () => `x?.[${e()}]`, () => `x?.a/${this.name()}/1`, () => `x.if/${this.name()}/1`, () => `x.return${g()}/${this.name()}/1`,
      () => `1${g()}in/${this.name()}/`, () => `1.${g()} in /${this.name()}/`, () => `x${g()} instanceof/${this.name()}/`, () => `()=>${g()}${e()}`, () => `()=>{${this.statement()}}`, () => `x=>/${this.name()}/`,
      () => `async()=>{await/${this.name()}/;${this.statement()}}`, () => `async x=>await ${e()}`, () => `async(${g()})/${this.name()}`, () => `function(){${this.statement()}}`, () => `(function(){${this.statement()}}/${this.name()})`,
      () => `function*(){yield/${this.name()}/;yield${g()}*${e()}}`, () => `class{a=${e()};static{${this.statement()}}}`, () => `class{#p;m(){return #p${g()}in/${this.name()}/}}`, () => `class extends ${this.name()}{['a'](){${this.statement()}}}`,
      () => `new ${this.name()}/${this.name()}`, () => `new.target`, () => `import.meta/${this.name()}`, () => `import(${e()})`, () => `x=${g()}${e()}`, () => `x/=${g()}${e()}`, () => `x/=/${this.name()}/`, () => `x${g()}/=${this.name()}/1`,
      () => `${e()},${g()}${e()}`, () => `await/${this.name()}/1`, () => `await${g()}/${this.name()}/1`, () => `yield/${this.name()}/1`, () => `of/${this.name()}/1`, () => `let/${this.name()}/1`, () => `async/${this.name()}/1`, () => `get/${this.name()}/1`,
      () => `static/${this.name()}/1`, () => `this/${this.name()}/1`, () => `super/1`, () => `null/${this.name()}`, () => `x\`\`/${this.name()}`, () => `/a/g/${this.name()}`, () => `/a/${g()}/${this.name()}`, () => `\\u0061b/${this.name()}`,
      () => `\u00e9/${this.name()}/1`, () => `x<!--${this.name()}\n1`, () => `x-->${this.name()}`, () => `x${g()}--${g()}>${this.name()}`, () => `a<b/${this.name()}>/c`, () => `x??/${this.name()}/`, () => `x**${e()}`,
    ])
    this.depth--
    return out
  }
  statement() {
    if (++this.depth > 5) {
      this.depth--
      return `${this.call()};`
    }
    const e = () => this.expression()
    const s = () => this.statement()
    const g = () => this.gap()
    const out = this.pick([
      () => `${e()};`, () => `${e()}${g()};`, () => `${this.call()}\n`, () => `${g()}${this.call()};${g()}`, () => `if(${e()})${g()}/${this.name()}/.test(x);`, () => `if(${e()})${g()}${s()}`, () => `if(x){${s()}}/${this.name()}/.a;`,
      () => `if(x){}else/${this.name()}/.a;`, () => `while(${this.name()}())/${this.name()}/.a;`, () => `for(const x of/${this.name()}/.a)${s()}`, () => `for(x of[${e()}]){${s()}}`, () => `for(;;/${this.name()}/.a){${s()}break}`, () => `for(var x in/${this.name()}/){}`,
      () => `for await(const x of ${e()})/${this.name()}/.a;`, () => `{${s()}}${g()}/${this.name()}/.a;`, () => `{${s()}}`, () => `do/${this.name()}/.a;while(x)/${this.name()}/.a;`, () => `do ${s()}while(x)\n`, () => `x:{${s()}}/${this.name()}/.a;`, () => `x:/${this.name()}/.a;`,
      () => `switch(${e()}){case/${this.name()}/:${s()}default:/${this.name()}/.a}`, () => `try{${s()}}catch{${s()}}finally{${s()}}/${this.name()}/.a;`, () => `throw/${this.name()}/;`, () => `function f(){return/${this.name()}/}/${this.name()}/.a;`,
      () => `function f(){return${g()}${e()}}`, () => `function f(a=${e()}){${s()}}`, () => `async function f(){for await(x of y)/${this.name()}/.a;await/${this.name()}/.a}`, () => `function*f(){yield/${this.name()}/.a;yield\n/${this.name()}/.a}`,
      () => `class A{a=/${this.name()}/;b/${this.name()}/1}`, () => `class A{get a(){${s()}}static async*b(){${s()}}}/${this.name()}/.a;`, () => `var a=${e()},b=${e()};`, () => `let{a=${e()}}=${e()};`, () => `const x=${e()}\n/${this.name()}/1;`, () => `x\n++\n${this.name()}\n`,
      () => `export default ${e()};`, () => `import x from ${this.string()};`, () => `import * as y from 'z'\n/${this.name()}/.a;`, () => `export{x}/${this.name()}/.a;`, () => `debugger/${this.name()}/.a;`, () => `debugger\n/${this.name()}/.a;`, () => `for(;;){break\n/${this.name()}/.a}`, () => `for(;;){continue\n/[/*]/.a;${s()}}`, () => `class A extends/[/*]${this.name()}/.a{a=${e()}}`, () => `export default/[/*]${this.name()}/.a;${s()}`, () => `with(x)/${this.name()}/.a;`, () => `;${g()};`, () => `'use strict'\n`,
      () => `<!--${this.name()}\n${this.call()};`, () => `\n-->${this.name()}\n${this.call()};`, () => `/*${this.name()}\n*/-->${this.name()}\n${this.call()};`, () => `${this.call()}/*\n*/--> ${this.name()}\n`, () => `var let=1;let/${this.name()}/1;`, () => `var of=1;of/${this.name()}/1;`,
      () => `var yield_,await_;await_/${this.name()}/1;`, () => `a={}/${this.name()}/1;`, () => `a=function(){}/${this.name()}/1;`, () => `(x)/${this.name()}/1;`, () => `(x)\n/${this.name()}/1;`, () => `x=>{}\n/${this.name()}/.a;`, () => `a=x=>{${s()}}\n/${this.name()}/1;`,
    ])
    this.depth--
    return out
  }
  script() {
    let out = this.random() < 0.05 ? `#!${this.name()}${this.pick(['\n', '\r', '\u2028'])}` : this.random() < 0.05 ? '\ufeff' : ''
    for (let n = 1 + this.below(4); n > 0; --n) out += this.statement()
    // A piece lost or doubled: what nobody writes, and acorn may still accept.
    if (this.random() < 0.15) {
      const at = this.below(out.length)
      out = out.slice(0, at) + this.pick(['', '/', '*', '\n', '`', "'", '}', '(', '//', '/*', '*/', '-->', '\\']) + out.slice(at + this.below(2))
    }
    return out
  }
}

// The numbers that acorn takes for code; null if it takes the text for no script and no module. Where both are possible they must agree.
function code_of(text) {
  const found = []
  for (const sourceType of ['script', 'module']) {
    const names = new Set()
    const comments = []
    const take = (token) => {
      if (token.type === acorn.tokTypes.name && /^q\d+q$/.test(token.value)) names.add(Number(token.value.slice(1, -1)))
    }
    try {
      acorn.parse(text, { ecmaVersion: 'latest', sourceType, onToken: take, onComment: comments, allowReturnOutsideFunction: true, allowAwaitOutsideFunction: sourceType === 'module', allowHashBang: true })
      found.push(names)
    } catch {
      continue
    }
  }
  if (found.length === 0) return null
  // Live for one of the two is live: nobody says beforehand how it is loaded.
  return new Set(found.flatMap((names) => [...names]))
}

function numbers(word) {
  return word === '-' ? new Set() : new Set(word.split(',').map(Number))
}

const started = Date.now()
const count = Number(options.count)
const seconds = Number(options.seconds)
const seed = Number(options.seed)
let made = 0, accepted = 0, names = 0, lost = 0, errors = 0
const hidden = { lexer: [], literal: [], tree: [] }
while (made < count && (seconds === 0 || Date.now() - started < seconds * 1000)) {
  const scripts = []
  for (let n = Math.min(BATCH, count - made); n > 0; --n, ++made) {
    const text = new Writer(seed * 1_000_003 + made).script()
    const code = code_of(text)
    if (code !== null) scripts.push({ text, code })
  }
  const parts = []
  for (const { text } of scripts) {
    const body = Buffer.from(text)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(body.length)
    parts.push(size, body)
  }
  const run = spawnSync(options.driver, { input: Buffer.concat(parts), maxBuffer: 1 << 28 })
  if (run.status !== 0) {
    console.error(`the driver ended with ${run.status ?? run.signal}: ${run.stderr}`)
    process.exit(2)
  }
  const lines = run.stdout.toString().trimEnd().split('\n')
  scripts.forEach(({ text, code }, i) => {
    const [is_lost, state, plain, literal, tree] = lines[i].split(' ')
    const in_plain = numbers(plain), in_literal = numbers(literal), in_tree = numbers(tree)
    ++accepted
    names += code.size
    lost += is_lost === '1'
    errors += state !== 'parsed'
    for (const name of code) {
      if (is_lost === '0' && !in_plain.has(name)) (in_literal.has(name) ? hidden.literal : hidden.lexer).push({ text, name })
      if (state === 'parsed' && !in_tree.has(name)) hidden.tree.push({ text, name })
    }
  })
}
for (const [reader, list] of Object.entries(hidden)) {
  for (const { text, name } of list.slice(0, Number(options.show))) console.error(`${reader} hides q${name}q: ${JSON.stringify(text)}`)
}
const some = Object.entries(hidden).map(([reader, list]) => `${reader} ${list.length}`).join(', ')
console.log(`${made} scripts, ${accepted} accepted by acorn with ${names} names as code; hidden: ${some}; not understood by the lexer ${lost}, with errors in the tree ${errors}; ${((Date.now() - started) / 1000).toFixed(1)} s`)
const total = Object.values(hidden).reduce((sum, list) => sum + list.length, 0)
process.exit(total > 0 || accepted * 5 < made ? 1 : 0)
