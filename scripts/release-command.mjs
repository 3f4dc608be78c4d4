#!/usr/bin/env node
// The command of a release: the Worker is built, so neither Rust nor Python is needed.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { Complaint, ROOT, main, onEnd, spawnLeashed, stopLeashed } from './process.mjs';

const USAGE = `usage: blender-bus dev     [--port N] [--state FOLDER]                  try it: user demo, password demo, loopback only
       blender-bus serve   [--port N] [--host ADDRESS] [--state FOLDER] [--behind-proxy]
       blender-bus backup  --to FOLDER [--state FOLDER]
       blender-bus restore --from FOLDER [--state FOLDER]
       blender-bus deploy  [options of wrangler deploy]            to Cloudflare`;
const STATE = 'blender-bus-state';

/** The folders of installed commands above this package: with them Node 22, which wrangler and SQLite need. */
function binFolders() {
  const folders = [];
  for (let at = ROOT; at !== path.dirname(at); at = path.dirname(at)) {
    const bin = path.join(at, 'node_modules', '.bin');
    if (existsSync(bin)) folders.push(bin);
  }
  return folders;
}

function commandOf([name, ...rest]) {
  const script = (file, ...options) => ['node', [path.join(ROOT, 'scripts', file), ...options, ...rest]];
  const state = rest.includes('--state') ? [] : ['--state', path.resolve(STATE)];
  if (name === 'dev') return script('serve.mjs', '--demo', ...state);
  if (name === 'serve') return script('serve.mjs', ...state);
  if (name === 'backup' || name === 'restore') return script('backup.mjs', ...state);
  if (name === 'deploy') return ['wrangler', ['deploy', '--config', path.join(ROOT, 'wrangler.toml'), ...rest]];
  throw new Complaint(USAGE);
}

await main(async () => {
  const [command, args] = commandOf(process.argv.slice(2));
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', PATH: [...binFolders(), process.env.PATH].join(path.delimiter) };
  const child = spawnLeashed(command, args, { env, cwd: process.cwd() });
  onEnd(() => void stopLeashed(child));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
});
