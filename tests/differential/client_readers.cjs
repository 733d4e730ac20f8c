// The tar readers of three clients, taken out of the installed programs: npm's node-tar, pnpm 10's own parser, and yarn 1's tar-fs over
// tar-stream with its gunzip-maybe, each set up as its client does (top directory off, no links, no owners).
// Usage: node client_readers.cjs npm <folder of node-tar> <scratch> | pnpm <worker.js> | yarn <cli.js> <scratch>
// Framing and output as in profile_driver.cc; those with a scratch folder print what is on disk afterwards.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const zlib = require('node:zlib');

const AT_ONCE = 16;  // yarn's is asynchronous to the last file
const PATIENCE_MS = 60000;  // and waits for ever where its streams lose each other
// A network delivers a file in pieces; where they end must not matter. Small ones put borders inside pax headers.
const PIECES = [65536, 7, 1024, 31, 200];
const sha256 = (body) => crypto.createHash('sha256').update(body).digest('hex');

function evaluate(file, text) {
  const module = new Module(file);
  module.filename = file;
  module.paths = Module._nodeModulePaths(path.dirname(file));
  module._compile(text, file);
  return module.exports;
}

function cut(text, begin, end, file) {
  const at = text.indexOf(begin);
  const stop = text.indexOf(end, at);
  if (at < 0 || stop < 0) throw new Error(`${file}: no "${begin}" in it: another version?`);
  return text.slice(at, stop + end.length);
}

function pnpmReader(file) {
  const parser = cut(fs.readFileSync(file, 'utf8'), 'var require_parseTarball = __commonJS({', '\n});\n', file);
  const wrap = 'const __commonJS = (table) => () => { const m = {exports: {}}; Object.values(table)[0](m.exports, m); return m.exports; };\n';
  const {parseTarball} = evaluate(file, `${wrap}${parser}module.exports = require_parseTarball();\n`);
  return async (archive) => {
    const gzip = archive.length > 2 && archive[0] === 0x1f && archive[1] === 0x8b && archive[2] === 8;
    const tar = gzip ? zlib.gunzipSync(archive) : Buffer.from(archive);
    const entries = [];
    for (const [name, {offset, size}] of parseTarball(tar).files) {
      entries.push([name, sha256(tar.subarray(offset, offset + size))]);
    }
    return {entries};
  };
}

function files(folder, prefix, found) {
  for (const entry of fs.readdirSync(folder, {withFileTypes: true})) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      files(full, prefix + entry.name + '/', found);
    } else {
      found.push([prefix + entry.name, sha256(fs.readFileSync(full))]);
    }
  }
  return found;
}

function npmReader(folder, scratch) {
  const tar = require(folder);
  return async (archive, number) => {
    const cwd = path.join(scratch, String(number));
    fs.mkdirSync(cwd);
    try {
      const unpack = new tar.UnpackSync({
        cwd,
        strip: 1,
        noMtime: true,
        preserveOwner: false,
        filter: (name, entry) => {
          entry.mode = entry.type === 'Directory' ? 0o755 : 0o644;
          return !/Link$/.test(entry.type);
        },
        onwarn: () => {},
      });
      unpack.on('error', (error) => { throw error; });
      const size = PIECES[number % PIECES.length];
      for (let at = 0; at < archive.length; at += size) unpack.write(archive.subarray(at, at + size));
      unpack.end();
      return {entries: files(cwd, '', [])};
    } finally {
      fs.rmSync(cwd, {recursive: true, force: true});
    }
  };
}

function yarnReader(file, scratch) {
  const text = fs.readFileSync(file, 'utf8');
  const load = evaluate(file, text.replace(/return __webpack_require__\(__webpack_require__\.s = \d+\);/, 'return __webpack_require__;'));
  const moduleBefore = (sign) => {
    const at = text.indexOf(sign);
    const numbers = [...text.slice(0, Math.max(at, 0)).matchAll(/^\/\* (\d+) \*\/$/gm)];
    if (at < 0 || numbers.length === 0) throw new Error(`${file}: no "${sign}" in it: another version?`);
    return load(Number(numbers.at(-1)[1]));
  };
  const tarFs = moduleBefore('exports.extract = function (cwd, opts) {');
  const gunzip = moduleBefore('module.exports = gunzip');
  return (archive, number) => new Promise((resolve) => {
    const cwd = path.join(scratch, String(number));
    fs.mkdirSync(cwd);
    const finish = (answer) => {
      clearTimeout(timer);
      fs.rmSync(cwd, {recursive: true, force: true});
      resolve(answer);
    };
    const timer = setTimeout(() => finish({error: 'hangs'}), PATIENCE_MS);
    const now = new Date();
    const map = (header) => Object.assign(header, {mtime: now});
    const out = tarFs.extract(cwd, {strip: 1, dmode: 0o755, fmode: 0o644, chown: false, map});
    const first = gunzip();
    out.on('error', (error) => finish({error: String(error.message)}));
    first.on('error', (error) => finish({error: String(error.message)}));
    first.pipe(out).on('finish', () => finish(fs.existsSync(cwd) ? {entries: files(cwd, '', [])} : {error: 'late'}));
    first.end(archive);
  });
}

async function answer(read, archive, number) {
  try {
    return await read(archive, number);
  } catch (error) {
    return {error: String(error.message || error)};
  }
}

async function main() {
  const [kind, file, scratch] = process.argv.slice(2);
  const read = {npm: npmReader, pnpm: pnpmReader, yarn: yarnReader}[kind](file, scratch);
  const input = fs.readFileSync(0);
  let waiting = [];
  const flush = async () => {
    for (const done of await Promise.all(waiting)) console.log(JSON.stringify(done));
    waiting = [];
  };
  for (let at = 0, number = 0; at < input.length; ++number) {
    const size = input.readUInt32LE(at);
    at += 4;
    waiting.push(answer(read, input.subarray(at, at + size), number));
    if (waiting.length === AT_ONCE) await flush();
    at += size;
  }
  await flush();
}

// What yarn loads keeps the process alive.
main().then(() => process.stdout.write('', () => process.exit(0)));
