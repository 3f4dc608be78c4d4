// `npm run dev [-- --port N] [--persist-to FOLDER]`: sets up what is missing, builds, serves on loopback, says what to do
// next, and serves each edit seconds later.
import { watch } from 'node:fs';
import path from 'node:path';
import { readable } from './dev-log.mjs';
import { parsed, portOf } from './options.mjs';
import { Complaint, ROOT, main, onEnd } from './process.mjs';
import { Server, requireFreePort } from './runtime/server.mjs';
import { ensureBuildTools } from './toolchain.mjs';
import { buildExtension, compile, link } from './worker.mjs';

const USAGE = 'usage: npm run dev -- [--port N] [--persist-to FOLDER]';
const DEV_ACCOUNTS = 'demo:demo';
const WATCHED = ['src', 'durable', 'addon'];
/** Editors write a file in several steps. */
const SETTLE_MS = 60;
const TICK_MS = 10_000;

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;
const say = (text) => console.log(text);

/** Says every ten seconds that a long step goes on. */
async function ticking(what, promise) {
  const started = Date.now();
  const tick = setInterval(() => say(`... ${what}, ${seconds(started)}`), TICK_MS);
  return promise.finally(() => clearInterval(tick));
}

function instructions(url, took, folder) {
  return `
  Blender Bus is ready at ${url} (after ${took}). Sign in as demo, password demo.

  Attach a peer:    python -m pip install websockets fastmcp     # once
                    python examples/fake_blender_peer.py --server ${url} --uuid blender-demo01
  Call it:          python examples/quickstart.py ${url}/mcp
  Any MCP client:   ${url}/mcp (it opens the login page by itself)

  Edits of src/, durable/ and addon/ are served within seconds. Ctrl-C stops it. What the bus stores is kept in ${folder}.
`;
}

/** Compiles while the tools are fetched: one waits for the network, the other for the processor. */
async function firstBuild() {
  await buildExtension();
  const tools = await ensureBuildTools({ alongside: () => compile({ forEditing: true, quiet: true }) });
  await link(tools.alongside, tools.bindgen, { forEditing: true });
  return tools.bindgen;
}

/** Builds what an edit of these files touches; tells whether there is something new to serve. */
async function rebuild(changed, bindgen) {
  const extension = changed.some((name) => name.startsWith('addon'));
  if (extension) await buildExtension({ quiet: true });
  const rust = changed.some((name) => !name.startsWith('addon'));
  const linked = rust && (await link(await compile({ forEditing: true, quiet: true }), bindgen, { forEditing: true }));
  return extension || linked;
}

/** Calls `edited` with the files of each edit, one edit at a time. */
function watchSources(edited) {
  const changed = new Set();
  let busy = false;
  let timer = null;
  const settle = async () => {
    if (busy || changed.size === 0) return;
    busy = true;
    const names = [...changed];
    changed.clear();
    await edited(names);
    busy = false;
    void settle();
  };
  for (const folder of WATCHED) {
    watch(path.join(ROOT, folder), { recursive: true }, (_event, name) => {
      // What editors and tools put down for a moment is no source; every source has an extension.
      if (!name || /(^|\/)(\.|__pycache__|target)|~$|\.pyc$/.test(name) || !path.extname(name)) return;
      changed.add(`${folder}/${name}`);
      clearTimeout(timer);
      timer = setTimeout(settle, SETTLE_MS);
    });
  }
}

async function serveEdit(names, server, bindgen) {
  const started = Date.now();
  const what = names.length === 1 ? names[0] : `${names[0]} and ${names.length - 1} more`;
  try {
    if (!(await ticking(`building ${what}`, rebuild(names, bindgen)))) {
      say(`${what}: built after ${seconds(started)}, which changes nothing`);
      return;
    }
    await server.restart();
    say(`${what}: served after ${seconds(started)}`);
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    say(`${what}: not served, the build failed. What was built before is served still.`);
  }
}

async function dev() {
  const started = Date.now();
  const options = { port: { type: 'string', default: '8787' }, 'persist-to': { type: 'string', default: '.wrangler/dev' } };
  const values = parsed(options, USAGE);
  const [port, folder] = [portOf(values.port), values['persist-to']];
  const told = new Promise((resolve) => onEnd(() => resolve('told')));
  await requireFreePort('localhost', port, (other) => `npm run dev -- --port ${other}`);
  let ready = null;
  const served = new Promise((resolve) => (ready = resolve));
  watchSources(async (names) => serveEdit(names, ...(await served))); // what is edited meanwhile comes after the first build
  const bindgen = await Promise.race([ticking('setting up and compiling', firstBuild()), told]);
  if (bindgen === 'told') return process.exit(0); // what still runs ends with this process
  const server = new Server({
    state: path.resolve(ROOT, folder), host: 'localhost', port, variables: { DEV_ACCOUNTS }, say: (line) => say(readable(line)),
  });
  try {
    await server.start();
    say(instructions(`http://localhost:${port}`, seconds(started), folder));
    ready([server, bindgen]);
    const code = await Promise.race([server.ended, told]);
    if (code !== 'told') throw new Complaint(`the runtime ended by itself (${code}); what it said is above`);
  } finally {
    await server.stop();
  }
  return process.exit(0); // the watchers would keep it
}

await main(dev);
