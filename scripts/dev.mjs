// `npm run dev [-- --port N] [--persist-to FOLDER]`: sets up what is missing, builds, serves on loopback, and says what
// to do next.
import { spawn } from 'node:child_process';
import net from 'node:net';
import { parseArgs } from 'node:util';
import { Complaint, ROOT, main, onEnd, stopGroup } from './process.mjs';
import { ensureBuildTools, toolEnv } from './toolchain.mjs';

const DEV_ACCOUNT = 'demo:demo';
const POLL_MS = 100;

/** The port, and where the state is kept when not in .wrangler/state. */
function fromArguments() {
  let values;
  try {
    const options = { port: { type: 'string', default: '8787' }, 'persist-to': { type: 'string' } };
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new Complaint(`${error.message}\nusage: npm run dev -- [--port N] [--persist-to FOLDER]`);
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Complaint(`--port must be a number from 1 to 65535, not "${values.port}"`);
  }
  return { port, folder: values['persist-to'] };
}

/** wrangler would quietly take another port; people would then look at somebody else's server. */
async function requireFreePort(port) {
  for (const host of ['127.0.0.1', '::1']) {
    const code = await new Promise((resolve) => {
      const probe = net.createServer();
      probe.once('error', (error) => resolve(error.code));
      probe.listen(port, host, () => probe.close(() => resolve(null)));
    });
    if (code === 'EADDRINUSE') {
      const other = port < 65535 ? port + 1 : port - 1;
      throw new Complaint(`port ${port} is taken by another program. Stop it, or: npm run dev -- --port ${other}`);
    }
    if (code === 'EACCES') throw new Complaint(`port ${port} may not be used by you. Try: npm run dev -- --port 8787`);
  }
}

function startWrangler(port, folder) {
  const args = ['dev', '--port', `${port}`, '--ip', 'localhost', '--var', `DEV_ACCOUNTS:${DEV_ACCOUNT}`];
  if (folder) args.push('--persist-to', folder);
  // Without the hot keys Ctrl-C is an ordinary signal, and nothing clears the screen with our instructions on it.
  args.push('--show-interactive-dev-session=false');
  // wrangler would ask the Internet where this machine is, and complain at length when it gets no answer.
  const env = toolEnv({ CLOUDFLARE_CF_FETCH_ENABLED: 'false' });
  // A group of its own (`detached`), so that the whole of wrangler, esbuild, cargo and workerd can be stopped together.
  return spawn('wrangler', args, { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
}

async function answers(url) {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

function instructions(url, seconds, folder = '.wrangler/state') {
  return `
  Blender Bus is ready at ${url} (after ${seconds} s). Sign in as demo, password demo.

  Attach a peer:    python -m pip install websockets fastmcp     # once
                    python examples/fake_blender_peer.py --server ${url} --uuid blender-demo01
  Call it:          python examples/quickstart.py ${url}/mcp
  Any MCP client:   ${url}/mcp (it opens the login page by itself)

  Ctrl-C stops it. What the bus stores is kept in ${folder}.
`;
}

async function dev() {
  const started = Date.now();
  const { port, folder } = fromArguments();
  const url = `http://localhost:${port}`;
  await requireFreePort(port);
  await ensureBuildTools();
  const wrangler = startWrangler(port, folder);
  let stopping = null;
  const ended = new Promise((resolve, reject) => {
    wrangler.once('error', (error) => reject(new Complaint(`cannot run wrangler: ${error.message}`)));
    wrangler.once('exit', (code, signal) => resolve(code ?? signal));
  });
  const stop = () => (stopping ??= stopGroup(wrangler, { signal: 'SIGINT' }));
  onEnd(stop);
  const announce = async () => {
    while (!(await answers(url))) {
      if (stopping || wrangler.exitCode !== null) return;
      await new Promise((next) => setTimeout(next, POLL_MS));
    }
    console.log(instructions(url, ((Date.now() - started) / 1000).toFixed(1), folder));
  };
  try {
    const [code] = await Promise.all([ended, announce()]);
    if (!stopping) throw new Complaint(`wrangler ended by itself (${code}); what it said is above`);
  } finally {
    await stop();
  }
}

await main(dev);
