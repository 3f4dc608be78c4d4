// Raw workerd with one Worker on a state folder of its own; nothing stands between it and the load.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Complaint, ROOT } from '../scripts/process.mjs';
import { startServer } from './server.mjs';

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
  const args = ['serve', 'config.capnp', 'config', '--socket-addr=http=127.0.0.1:0', '--control-fd=3', '--experimental',
    `--directory-path=state=${path.join(folder, 'state')}`];
  const server = await startServer(binary(), args, { folder, portsAt: 3 });
  const stop = () => {
    server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...server, stop };
}
