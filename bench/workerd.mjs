// Raw workerd with one Worker on a state folder of its own; nothing stands between it and the load.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Complaint, ROOT } from '../scripts/process.mjs';
import { startServer } from './server.mjs';

const MAX_CONFIG = 64 * 1024 * 1024;

function binary() {
  const scope = path.join(ROOT, 'node_modules', '@cloudflare');
  const found = readdirSync(scope).find((name) => name.startsWith('workerd-'));
  if (!found) throw new Complaint('workerd is not installed: run `npm install` first');
  return path.join(scope, found, 'bin', 'workerd');
}

function module(name) {
  return `(name = "${name}", ${name.endsWith('.wasm') ? 'wasm' : 'esModule'} = embed "${name}")`;
}

/** `objects`: binding -> class; the first of `modules`, files of this repository or bytes, is the entry. */
function config({ modules, objects, variables, compatibilityDate, v8Flags = [] }) {
  const texts = Object.entries(variables).map(([name, value]) => `(name = "${name}", text = "${value}")`);
  const bound = Object.entries(objects).map(([name, kind]) => `(name = "${name}", durableObjectNamespace = "${kind}")`);
  const kinds = Object.values(objects).map((kind) => `(className = "${kind}", uniqueKey = "${kind}", enableSql = true)`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "state", disk = (writable = true))],
  sockets = [(name = "http", http = (), service = "main")],
  v8Flags = [${v8Flags.map((flag) => `"${flag}"`).join(', ')}],
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

/** Writes the Worker into `folder`, whose state stays as it is. */
export function layOut(worker, folder) {
  mkdirSync(path.join(folder, 'state'), { recursive: true });
  for (const [name, file] of Object.entries(worker.modules)) {
    writeFileSync(path.join(folder, name), file instanceof Buffer ? file : readFileSync(path.join(ROOT, file)));
  }
  writeFileSync(path.join(folder, 'config.capnp'), config(worker));
  // As wrangler does it: to read modules by way of the text takes the runtime longer than all else of its start.
  const compiled = execFileSync(binary(), ['compile', '--config-only', 'config.capnp', 'config'], { cwd: folder, maxBuffer: MAX_CONFIG });
  writeFileSync(path.join(folder, 'config.bin'), compiled);
}

/** Starts what `layOut` has written, on any port or this one; resolves to `{ port, pid, stop }` once it listens. */
export function serve(folder, port = 0) {
  const args = ['serve', '--binary', 'config.bin', `--socket-addr=http=127.0.0.1:${port}`, '--control-fd=3', '--experimental',
    `--directory-path=state=${path.join(folder, 'state')}`];
  return startServer(binary(), args, { folder, portsAt: 3 });
}

/** A new folder under `state`. */
export const newFolder = (state) => mkdtempSync(path.join(state, 'blender-bus-bench-'));

/** Starts the Worker, its state in a folder under `state`, which goes when it stops; resolves to
 *  `{ port, pid, begun, folder, restart, stop }` once it listens. `restart` kills the process, does `meanwhile`, and starts
 *  another on the same state and the same port. */
export async function startWorkerd(worker, state) {
  const folder = newFolder(state);
  layOut(worker, folder);
  const first = await serve(folder);
  let { stop: kill } = first;
  const server = { port: first.port, pid: first.pid, begun: first.begun, folder };
  server.restart = async (meanwhile = () => {}) => {
    await kill();
    await meanwhile();
    const next = await serve(folder, server.port);
    kill = next.stop;
    Object.assign(server, { pid: next.pid, begun: next.begun });
  };
  server.stop = async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  return server;
}
