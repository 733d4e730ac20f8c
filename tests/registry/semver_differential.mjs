// Compares registry/semver with npm's own `semver` module on generated questions.
//   node semver_differential.mjs DRIVER [cases] [seed]
// The module: $NPM_GATE_SEMVER_MODULE, else the copy inside the npm on PATH. Exit 77 where there is none.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [driver, wanted = '60000', seedText = '20261124'] = process.argv.slice(2)
const SKIPPED = 77

function findModule () {
  if (process.env.NPM_GATE_SEMVER_MODULE) return process.env.NPM_GATE_SEMVER_MODULE
  try {
    const root = execFileSync('npm', ['root', '-g'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return join(root.trim(), 'npm', 'node_modules', 'semver')
  } catch {
    return ''
  }
}

const directory = findModule()
if (!directory || !existsSync(join(directory, 'package.json'))) {
  console.log('skipped: no semver module (set NPM_GATE_SEMVER_MODULE)')
  process.exit(SKIPPED)
}
const require = createRequire(join(directory, 'package.json'))
const semver = require(directory)
const release = require(join(directory, 'package.json')).version

// mulberry32: the same questions on every machine.
let state = Number(seedText) >>> 0
function random () {
  state = (state + 0x6d2b79f5) >>> 0
  let t = state
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}
const below = n => Math.floor(random() * n)
const pick = list => list[below(list.length)]
const chance = p => random() < p

const SMALL = ['0', '1', '2', '3', '4', '5', '9', '10', '11', '12']
// Around 2^53-1, 2^64 and 1e21, where numbers change their nature in JavaScript.
const LARGE = ['9007199254740990', '9007199254740991', '9007199254740992', '18446744073709551615',
  '18446744073709551616', '999999999999999999999', '1000000000000000000000', '1' + '0'.repeat(40)]
const ODD = ['00', '01', '007', '010']
const BLANKS = [' ', '  ', '\t', '\n', '\r\n', '\u00a0', '\u2003', '\u3000', '\ufeff', '\u2028']
const IDENTIFIERS = ['0', '1', '2', '10', 'a', 'b', 'alpha', 'beta', 'rc', 'RC', 'x', 'X', 'v', '-', '--', '-1', 'a-b',
  '1a', '0a', '01', '00', '0-', 'beta1', '20130313', '9007199254740990', '9007199254740991', '9007199254740994',
  '1e3', 'SNAPSHOT']

const number = () => chance(0.04) ? pick(LARGE) : chance(0.05) ? pick(ODD) : pick(SMALL)
const part = () => chance(0.2) ? pick(['x', 'X', '*']) : number()
const identifiers = () => Array.from({ length: 1 + below(3) }, () => pick(IDENTIFIERS)).join('.')
const prerelease = () => pick(['-', '-', '-', '', '-']) + identifiers()
const build = () => '+' + identifiers()
const blank = () => chance(0.75) ? ' ' : pick(BLANKS)
const blanks = p => chance(p) ? blank() + (chance(0.15) ? blank() : '') : ''

function version () {
  let text = `${number()}.${number()}.${number()}`
  if (chance(0.45)) text += prerelease()
  if (chance(0.12)) text += build()
  if (chance(0.08)) text = pick(['v', '=', 'v=', '= v', 'V', ' ', 'v ']) + text
  return chance(0.06) ? mutate(text) : text
}

function partial () {
  let text = part()
  if (chance(0.8)) text += '.' + part()
  if (chance(0.75)) text += '.' + part()
  if (chance(0.25)) text += prerelease()
  if (chance(0.06)) text += build()
  if (chance(0.05)) text = pick(['v', '=', 'v=', 'v ']) + text
  return text
}

const OPERATORS = ['', '', '', '^', '^', '^', '~', '~', '~>', '>', '>=', '<', '<=', '=', '>', '>=', '<', '<=', '==', '=>', '~=',
  '^~', '> =', '!', '><', '^>=', '~ >', '~>=']

function comparator () {
  return pick(OPERATORS) + blanks(0.15) + partial()
}

function alternative () {
  const kind = random()
  if (kind < 0.15) return partial() + blank() + '-' + blank() + partial()
  if (kind < 0.19) return pick(['', '*', 'x', 'latest', 'next', '-', '>', '<', '=', '~', '^', '>=0.0.0', '>=0.0.0-0', '<0.0.0', '<0.0.0-0', '>*', '<x',
    'git+ssh://registry.example/a.git', 'file:../a', 'npm:a@1.0.0', '1.2.34.5', 'workspace:*'])
  return Array.from({ length: 1 + (chance(0.4) ? 1 + below(2) : 0) }, comparator).join(blank())
}

function range () {
  let text = Array.from({ length: 1 + (chance(0.25) ? 1 + below(2) : 0) }, alternative).join(pick(['||', ' || ', '|| ', '  ||']))
  if (chance(0.05)) text = blank() + text + blank()
  return chance(0.1) ? mutate(text) : text
}

const ALPHABET = [...'0123456789.-+xX*v=<>~^| \ta_', 'é', '\u200b', '.', '-', ' ']
function mutate (text) {
  const characters = [...text]
  for (let i = 1 + below(2); i > 0; --i) {
    const at = below(characters.length + 1)
    const what = below(3)
    if (what === 0) characters.splice(at, 1)
    else if (what === 1) characters.splice(at, 0, pick(ALPHABET))
    else characters.splice(at, 1, pick(ALPHABET))
  }
  return characters.join('')
}

// A version near one that the range names, so that about half of the answers are yes.
function versionFor (text) {
  const named = text.match(/\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?/g)
  if (!named || chance(0.15)) return version()
  const [core, ...tail] = pick(named).split('-')
  const numbers = core.split('.').map(Number)
  while (numbers.length < 3) numbers.push(below(3))
  if (chance(0.6)) numbers[below(3)] += pick([-1, 1, 1, 2])
  if (chance(0.3)) numbers[2] += below(4)
  let out = numbers.map(n => String(Math.max(0, n))).join('.')
  const keep = tail.join('-')
  if (keep && chance(0.7)) out += '-' + keep
  else if (chance(0.25)) out += '-' + identifiers()
  return chance(0.04) ? pick(['v', '=']) + out : out
}

const EDGES = ['1'.repeat(256), '1.0.' + '0'.repeat(252), '1.0.0-' + 'a'.repeat(250), '1.0.0-' + 'a'.repeat(251),
  ' '.repeat(260) + '1.0.0', '1.0.0' + ' '.repeat(251), '1.0.0' + ' '.repeat(252), '1.0.0-' + 'a.'.repeat(124) + 'b',
  '\u00a0'.repeat(251) + '1.0.0', '\u00a0'.repeat(252) + '1.0.0', '', ' ', 'v', '.', '1', '1.2', '1.2.3.', '1.2.3-',
  '1.2.3+', '1.2.3-+b', '1.2.3-.4', '1.2.34.5', '1.2.3.4', '1.2.x', 'constructor', '1.2.3\n', 'v 1.2.3', '= 1.2.3']
const RANGE_EDGES = ['x.x.x-' + 'a'.repeat(251), 'x.x.x-' + 'a'.repeat(252), 'x.x.x-' + 'a.'.repeat(400) + 'a',
  '1.0.0 || 1.0.0-' + 'a'.repeat(252), '^' + '1'.repeat(256), '^' + '1'.repeat(257), '^' + '1'.repeat(258),
  '<=' + '1'.repeat(22), '1 - ' + '1'.repeat(22), '1.0.0 - ' + '1'.repeat(21), '1.0.0 ' + '|| 1.0.0 '.repeat(500),
  '1.0.0+b - 2', '1.0.0 +b - 2', '+b 1.0.0 - 2', '1.0.0 +b', '> +b 1.0.0', '1.2.3*', '*1.2.3', '>=*1.2.3', '*.1', '1.*.3',
  '1.2.3-abv= 1.2.3', 'v= 1.2.3', '> = 1', '* foo', 'foo * bar', 'foo', '||', '|| foo', 'foo ||', '| |', '1|2', '1.2.34.5 - 2',
  '<0.0.0-0 || 1', '1 || <0.0.0-0', '>x || <x', '1.0.0 1.0.0', '1.0.0 =1.0.0', '* || 1', '>=0.0.0 <1', '^0.0.0', '~0', '^0.x', '^0.0.x',
  '^0.0', '^00.1.2', '~1.2.3-beta.2', '~v1.2', '^ 1', '~> 1', '~ >1', '^x', '^1.x.3', '~1.x.3', '1 - x', 'x - 1', 'x - x', '1.x - 2.x',
  '1.2.3-a - 2.0.0-b', '=1 - =2', '1 - 2 - 3', '1 -2', '1- 2', '>=1.2.3 - 2', '0.0.0 - 1', '>=0.0.0-0', '<0', '<=0', '>0', '<0.0.0']

const questions = []
for (const flags of ['', 'l', 'p', 'lp']) {
  for (const text of EDGES) questions.push(['parse', text, flags])
  for (const text of RANGE_EDGES) {
    questions.push(['range', text, flags])
    for (let i = 0; i < 4; ++i) questions.push(['match', text, versionFor(text), flags])
  }
}
while (questions.length < Number(wanted)) {
  const flags = (chance(0.5) ? 'l' : '') + (chance(0.3) ? 'p' : '')
  const kind = random()
  if (kind < 0.15) questions.push(['parse', version(), flags])
  else if (kind < 0.25) questions.push(['compare', version(), version(), flags])
  else if (kind < 0.28) questions.push(['sort', ...Array.from({ length: 2 + below(12) }, version), flags])
  else if (kind < 0.52) questions.push(['range', range(), flags])
  else {
    const text = range()
    questions.push(['match', text, versionFor(text), flags])
  }
}

function expected ([kind, ...rest]) {
  const flags = rest.pop()
  const options = { loose: flags.includes('l'), includePrerelease: flags.includes('p') }
  if (kind === 'parse') return semver.valid(rest[0], options) ?? '-'
  if (kind === 'compare') {
    if (!semver.valid(rest[0], options) || !semver.valid(rest[1], options)) return '-'
    return String(semver.compare(rest[0], rest[1], options))
  }
  if (kind === 'sort') {
    const valid = rest.filter(text => semver.valid(text, options))
    return valid.sort((a, b) => semver.compare(a, b, options)).map(text => semver.valid(text, options)).join(' ')
  }
  // Range::parse asks for validity without includePrerelease; a handful of strict ranges ("1 - v=2.0.0") is valid with it only.
  if (semver.validRange(rest[0], { loose: options.loose }) === null) return '-'
  if (kind === 'range') return semver.validRange(rest[0], options) ?? '-'
  return semver.satisfies(rest[1], rest[0], options) ? '1' : '0'
}

const escape = text => text.replace(/\\/g, '\\\\').replace(/\t/g, '\\t').replace(/\n/g, '\\n').replace(/\r/g, '\\r')
const input = questions.map(fields => fields.map(escape).join('\t') + '\n').join('')
const run = spawnSync(driver, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
if (run.status !== 0) {
  console.log(`the driver failed: ${run.error ?? run.signal ?? run.status}`)
  process.exit(1)
}
const answers = run.stdout.split('\n')
const counts = {}
const wrong = []
questions.forEach((question, i) => {
  const right = expected(question)
  const answer = answers[i]
  if (answer !== right) {
    wrong.push({ question, ours: answer, semver: right })
    return
  }
  const kind = question[0]
  const group = right === '-' ? 'invalid' : kind === 'match' ? (right === '1' ? 'true' : 'false') : 'valid'
  counts[`${kind} ${group}`] = (counts[`${kind} ${group}`] ?? 0) + 1
})

const summary = Object.entries(counts).sort().map(([name, count]) => `${name} ${count}`).join(', ')
console.log(`semver ${release}, seed ${seedText}: ${questions.length} questions, ${questions.length - wrong.length} agree (${summary}), ${wrong.length} disagree`)
for (const row of wrong.slice(0, 20)) console.log(JSON.stringify(row))
// A generator that only asks trivial questions proves nothing.
const enough = ['match true', 'match false', 'range valid', 'range invalid', 'parse valid', 'parse invalid', 'compare valid', 'sort valid']
  .every(name => (counts[name] ?? 0) >= Number(wanted) / 100)
if (!enough) console.log('too few questions of one kind')
process.exit(wrong.length > 0 || !enough ? 1 : 0)
