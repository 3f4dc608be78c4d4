// Raw workerd with one Worker on a state folder of its own; nothing stands between it and the load.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Complaint, ROOT } from '../scripts/process.mjs';

const START_MS = 10_000;

function binary() {
  const scope = path.join(ROOT, 'node_modules', '@cloudflare');
  const found = readdirSync(scope).find((name) => name.startsWith('workerd-'));
  if (!found) throw new Complaint('workerd is not installed: run `npm install` first');
  return path.join(scope, found, 'bin', 'workerd');
}

function module(name) {
  return `(name = "${name}", ${name.endsWith('.wasm') ? 'wasm' : 'esModule'} = embed "${name}")`;
}

/** `objects`: binding -> class; the first of `modules` is the entry. */
function config({ modules, objects, variables, compatibilityDate }) {
  const texts = Object.entries(variables).map(([name, value]) => `(name = "${name}", text = "${value}")`);
  const bound = Object.entries(objects).map(([name, kind]) => `(name = "${name}", durableObjectNamespace = "${kind}")`);
  const kinds = Object.values(objects).map((kind) => `(className = "${kind}", uniqueKey = "${kind}", enableSql = true)`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "state", disk = (writable = true))],
  sockets = [(name = "http", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [${Object.keys(modules).map(module).join(', ')}],
  compatibilityDate = "${compatibilityDate}",
  bindings = [${[...texts, ...bound].join(', ')}],
  durableObjectNamespaces = [${kinds.join(', ')}],
  durableObjectStorage = (localDisk = "state"),
);
`;
}

/** Starts the Worker, its state in a folder under `state`; resolves to `{ port, pid, stop }` once it listens. */
export async function startWorkerd(worker, state) {
  const folder = mkdtempSync(path.join(state, 'blender-bus-bench-'));
  mkdirSync(path.join(folder, 'state'));
  for (const [name, file] of Object.entries(worker.modules)) {
    writeFileSync(path.join(folder, name), readFileSync(path.join(ROOT, file)));
  }
  writeFileSync(path.join(folder, 'config.capnp'), config(worker));
  const log = openSync(path.join(folder, 'log'), 'w');
  const args = ['serve', 'config.capnp', 'config', '--socket-addr=http=127.0.0.1:0', '--control-fd=3', '--experimental',
    `--directory-path=state=${path.join(folder, 'state')}`];
  const env = { ...process.env, PWD: folder };
  const child = spawn(binary(), args, { cwd: folder, env, stdio: ['ignore', log, log, 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = () => {
    process.removeListener('exit', kill);
    kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const port = await new Promise((resolve, reject) => {
    const failed = (why) => reject(new Complaint(`workerd ${why}:\n${readFileSync(path.join(folder, 'log'), 'utf8')}`));
    const limit = setTimeout(() => failed(`was not ready after ${START_MS / 1000} s`), START_MS);
    child.once('exit', () => failed('ended'));
    child.stdio[3].setEncoding('utf8').on('data', (text) => {
      clearTimeout(limit);
      resolve(JSON.parse(text.split('\n')[0]).port);
    });
  });
  child.removeAllListeners('exit');
  return { port, pid: child.pid, stop };
}
