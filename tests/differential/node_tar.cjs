// Extracts archives with node-tar the way npm does (strip 1, no links, no owners) and prints what is on disk afterwards.
// Usage: node node_tar.cjs <folder of the tar module> <scratch folder>; framing as in profile_driver.cc.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const tar = require(process.argv[2]);
const scratch = process.argv[3];
// A network delivers a file in pieces; where they end must not matter. Small ones put borders inside pax headers.
const PIECES = [65536, 7, 1024, 31, 200];

function files(folder, prefix, found) {
  for (const entry of fs.readdirSync(folder, {withFileTypes: true})) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      files(full, prefix + entry.name + '/', found);
    } else {
      const hash = crypto.createHash('sha256').update(fs.readFileSync(full)).digest('hex');
      found.push([prefix + entry.name, hash]);
    }
  }
  return found;
}

function extract(archive, number) {
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
  } catch (error) {
    return {error: String(error.message || error)};
  } finally {
    fs.rmSync(cwd, {recursive: true, force: true});
  }
}

const input = fs.readFileSync(0);
let number = 0;
for (let at = 0; at < input.length; ++number) {
  const size = input.readUInt32LE(at);
  at += 4;
  console.log(JSON.stringify(extract(input.subarray(at, at + size), number)));
  at += size;
}
