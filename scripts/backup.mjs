// `npm run backup -- --to FOLDER [--state FOLDER]` copies what `npm run serve` keeps, while it runs; `npm run restore --
// --from FOLDER [--state FOLDER]` puts a copy where there is nothing yet. Each object is copied as it is at one moment, the
// objects one after the other.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parsed } from './options.mjs';
import { Complaint, ROOT, main } from './process.mjs';
import { claim } from './runtime/state.mjs';

const INDEX = 'backup.json';
const USAGE = 'usage: npm run backup -- --to FOLDER [--state FOLDER]\n       npm run restore -- --from FOLDER [--state FOLDER]';

const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

async function sqlite() {
  process.removeAllListeners('warning'); // that node:sqlite is new is no concern of who reads this
  try {
    return await import('node:sqlite');
  } catch {
    throw new Complaint(`copying databases needs Node 22 or newer, found ${process.version}`);
  }
}

function databases(objects) {
  if (!existsSync(objects)) throw new Complaint(`${path.dirname(objects)} is no state folder of a server: it has no objects`);
  return readdirSync(objects, { recursive: true }).filter((name) => name.endsWith('.sqlite')).sort();
}

/** Copies one database by SQLite itself, which sees what has been committed and nothing else. */
function copy(DatabaseSync, source, target) {
  mkdirSync(path.dirname(target), { recursive: true });
  const database = new DatabaseSync(source, { readOnly: true });
  try {
    database.exec('PRAGMA busy_timeout = 10000');
    database.prepare('VACUUM INTO ?').run(target);
  } finally {
    database.close();
  }
  const made = new DatabaseSync(target, { readOnly: true });
  try {
    const { integrity_check: verdict } = made.prepare('PRAGMA integrity_check').get();
    if (verdict !== 'ok') throw new Complaint(`the copy of ${source} is not sound: ${verdict}`);
  } finally {
    made.close();
  }
}

async function backup(state, to) {
  if (existsSync(to)) throw new Complaint(`${to} is there already: name a folder that is not`);
  const { DatabaseSync } = await sqlite();
  const [objects, partial] = [path.join(state, 'objects'), `${to}.partial`];
  rmSync(partial, { recursive: true, force: true });
  const files = {};
  for (const name of databases(objects)) {
    const target = path.join(partial, 'objects', name);
    try {
      copy(DatabaseSync, path.join(objects, name), target);
    } catch (error) {
      if (!existsSync(path.join(objects, name))) continue; // its account was deleted meanwhile
      throw error instanceof Complaint ? error : new Complaint(`${name} could not be copied: ${error.message}`);
    }
    files[name.split(path.sep).join('/')] = sha256(target);
  }
  writeFileSync(path.join(partial, INDEX), `${JSON.stringify({ format: 1, made: new Date().toISOString(), files }, null, 1)}\n`);
  renameSync(partial, to);
  console.log(`${Object.keys(files).length} databases copied to ${to}`);
}

function readIndex(from) {
  try {
    const { format, files } = JSON.parse(readFileSync(path.join(from, INDEX), 'utf8'));
    if (format === 1) return files;
  } catch {
    // said below
  }
  throw new Complaint(`${from} is no backup: it has no ${INDEX} that can be read`);
}

function restore(from, state) {
  const files = readIndex(from);
  const objects = path.join(state, 'objects');
  if (existsSync(objects) && databases(objects).length > 0) {
    throw new Complaint(`${state} holds data already: name another folder, or move that one away`);
  }
  const wrong = Object.entries(files).filter(([name, hash]) => {
    const file = path.join(from, 'objects', name);
    return name.split('/').includes('..') || !existsSync(file) || sha256(file) !== hash;
  });
  if (wrong.length > 0) throw new Complaint(`the backup is damaged: ${wrong.map(([name]) => name).join(', ')}`);
  mkdirSync(objects, { recursive: true });
  const release = claim(state);
  for (const name of Object.keys(files)) {
    mkdirSync(path.dirname(path.join(objects, name)), { recursive: true });
    copyFileSync(path.join(from, 'objects', name), path.join(objects, name));
  }
  release();
  console.log(`${Object.keys(files).length} databases restored to ${state}`);
}

await main(async () => {
  const { to, from, state } = parsed({
    to: { type: 'string' }, from: { type: 'string' }, state: { type: 'string', default: path.join(ROOT, '.wrangler', 'serve') },
  }, USAGE);
  if ((to === undefined) === (from === undefined)) throw new Complaint(USAGE);
  if (to === undefined) return restore(path.resolve(from), path.resolve(state));
  return backup(path.resolve(state), path.resolve(to));
});
