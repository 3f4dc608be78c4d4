// The Worker on plain workerd: one process, its objects in a folder.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { Complaint, ROOT, spawnLeashed, stopLeashed } from '../process.mjs';
import { removeEmpty } from './empty.mjs';
import { layOut } from './layout.mjs';
import { madeFolder } from './state.mjs';

const START_MS = 20_000;
/** What the runtime says of itself; errors are for people. */
const CHATTER = /^(?:workerd\/.*: (?:info|warning): |stack: )/;

const ours = createRequire(import.meta.url);

/** wrangler.toml as the build has left it beside the Worker. */
function readConfig(root) {
  const file = path.join(root, 'build', 'config.json');
  if (!existsSync(file)) throw new Complaint(`${path.dirname(file)} holds no built Worker: run \`npm run build\` first`);
  return { compatibility_flags: [], ratelimits: [], vars: {}, ...JSON.parse(readFileSync(file, 'utf8')) };
}

/** Throws a Complaint when the port cannot be listened on; `again` is the command with another port. */
export async function requireFreePort(host, port, again) {
  const hosts = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
  for (const one of hosts) {
    const code = await new Promise((resolve) => {
      const probe = net.createServer();
      probe.once('error', (error) => resolve(error.code));
      probe.listen(port, one, () => probe.close(() => resolve(null)));
    });
    if (code === 'EADDRINUSE') {
      const other = port < 65535 ? port + 1 : port - 1;
      throw new Complaint(`port ${port} is taken by another program. Stop it, or: ${again(other)}`);
    }
    if (code === 'EACCES') throw new Complaint(`port ${port} may not be used by you. Try: ${again(8787)}`);
    if (code === 'EADDRNOTAVAIL' && one === host) throw new Complaint(`this machine has no address ${host}`);
  }
}

function workerdBinary() {
  try {
    const name = { x64: '64', arm64: 'arm64' }[process.arch];
    return createRequire(createRequire(ours.resolve('wrangler/package.json')).resolve('workerd')).resolve(`@cloudflare/workerd-${process.platform === 'win32' ? 'windows' : process.platform}-${name}/bin/workerd`);
  } catch {
    throw new Complaint(`workerd has no build for ${process.platform} on ${process.arch}, or it is not installed: npm install`);
  }
}

/** Hands each whole line to `say`. */
function lines(stream, say) {
  let rest = '';
  stream.setEncoding('utf8').on('data', (more) => {
    const all = (rest + more).split('\n');
    rest = all.pop();
    for (const line of all) if (!CHATTER.test(line)) say(line);
  });
}

/** A Worker that can be started again on the same state, with what is built by then. */
export class Server {
  constructor({ state, host, port, variables, proxied = false, say, root = ROOT }) {
    Object.assign(this, { state: path.resolve(state), host, port, variables, proxied, say, root, child: null });
    this.release = madeFolder(this.state);
    this.ended = new Promise((resolve) => (this.end = resolve)); // when it ends though nobody stopped it
  }

  async start() {
    const folder = path.join(this.state, 'runtime');
    const config = readConfig(this.root);
    const variables = { ...config.vars, ...this.variables };
    try {
      layOut(folder, { root: this.root, config, names: Object.keys(variables), proxied: this.proxied });
      removeEmpty(path.join(this.state, 'objects'));
    } catch (error) {
      throw error.code ? new Complaint(`the state folder ${this.state} cannot be written: ${error.message}`) : error;
    }
    const environment = Object.entries(variables).map(([name, value]) => [`BUS_VAR_${name}`, `${value}`]);
    const address = this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`;
    const args = ['serve', 'config.capnp', 'config', '--experimental', '--control-fd=3', '--verbose',
      `--socket-addr=http=${address}`, `--directory-path=objects=${path.join(this.state, 'objects')}`,
      `--directory-path=content=${path.join(folder, 'content')}`];
    const env = { ...process.env, ...Object.fromEntries(environment), PWD: folder };
    const child = spawnLeashed(workerdBinary(), args, { cwd: folder, env, stdio: ['pipe', 'pipe'], control: true });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) lines(stream, this.say);
    child.once('exit', (code) => this.child === child && this.end(code));
    await listening(child);
  }

  /** Ends the process and starts another. */
  async restart() {
    await this.halt();
    await this.start();
  }

  async halt() {
    const child = this.child;
    this.child = null;
    if (child) await stopLeashed(child);
  }

  async stop() {
    await this.halt();
    this.release();
  }
}

async function listening(child) {
  let limit;
  const ready = new Promise((resolve, reject) => {
    const failed = (why) => reject(new Complaint(`workerd ${why}; what it said is above`));
    limit = setTimeout(() => failed(`was not ready after ${START_MS / 1000} s`), START_MS);
    child.once('error', (error) => failed(`did not start (${error.message})`));
    child.once('exit', (code) => failed(`ended with ${code}`));
    child.stdio[3].setEncoding('utf8').on('data', (text) => text.includes('"listen"') && resolve());
  });
  await ready.finally(() => clearTimeout(limit));
}
