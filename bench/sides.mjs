// What is measured, and against what. Each side starts a server on a state folder, attaches a peer, and says what call is
// made; `good` tells whether an answer is the right one.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../scripts/process.mjs';
import { pythonEnv } from '../scripts/python-env.mjs';
import { BUS, JSON_TYPE, attach, dispatch, login } from './bus.mjs';
import { startServer } from './server.mjs';
import { openPeer } from './sockets.mjs';
import { startWorkerd } from './workerd.mjs';

/** A bare Worker with one object that echoes. */
export const echoWorker = (rows) => ({
  modules: { 'echo.js': 'bench/echo.js' },
  objects: { ECHO: 'Echo' },
  variables: { ROWS: rows ? 'yes' : '' },
  compatibilityDate: '2026-11-01',
});

/** The bus, with a real token. */
export const bus = (acknowledges) => async (state) => {
  const server = await startWorkerd(BUS, state);
  const token = await login(server.port);
  return { server, token, call: dispatch(token), peer: await attach(server.port, token, { acknowledges }) };
};

const ECHOED = JSON.stringify({ command: 'get_object_info', params: { name: 'Cube' } });

/** What is asked of a bare object. */
export const echoCall = {
  path: '/', headers: JSON_TYPE, body: ECHOED, good: ({ status, body }) => status === 200 && body === ECHOED,
};

/** What answers it. */
export const echoPeer = (port) => openPeer(port, '/', {}, (text, send) => send(text));

/** A bare object of JavaScript that echoes, and with `rows` writes the two rows that a job is kept in. */
export const echo = (rows) => async (state) => {
  const server = await startWorkerd(echoWorker(rows), state);
  return { server, call: echoCall, peer: await echoPeer(server.port) };
};

/** The tables of a bus, as a module. */
function schema() {
  const folder = path.join(ROOT, 'durable', 'bus', 'schema');
  const migrations = readdirSync(folder).sort().map((name) => readFileSync(path.join(folder, name), 'utf8'));
  return Buffer.from(`export default ${JSON.stringify(migrations.join('\n'))};`);
}

/** Plain JavaScript that asks of the runtime what a dispatch asks. */
export const asksWorker = () => ({
  modules: { 'asks.js': 'bench/asks.js', 'schema.js': schema() },
  objects: { ASKS: 'Asks' },
  variables: {},
  compatibilityDate: '2026-11-01',
});

const NO_TOKEN = dispatch('a token is some four hundred characters long, '.repeat(9));

/** What is asked of it: a dispatch, which it sends back. */
export const asksCall = { ...NO_TOKEN, good: ({ status, body }) => status === 200 && body === NO_TOKEN.body };

/** What answers it: all but the confirmation of an answer. */
export const asksPeer = (port) => openPeer(port, '/', {}, (text, send) => text.startsWith('{') || send(text));

/** What is left where the module costs nothing. */
export const asks = async (state) => {
  const server = await startWorkerd(asksWorker(), state);
  return { server, call: asksCall, peer: await asksPeer(server.port) };
};

/** A FastMCP server that keeps its jobs in memory and asks for no token. */
export const fastmcp = async (state) => {
  const folder = mkdtempSync(path.join(state, 'blender-bus-bench-'));
  const program = path.join(ROOT, 'bench', 'fastmcp_server.py');
  const server = await startServer(await pythonEnv('clients'), [program], { folder, portsAt: 1 });
  const stop = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const heard = (text, send) => {
    const { job_id, params } = JSON.parse(text);
    send(JSON.stringify({ job_id, result: JSON.stringify(params) }));
  };
  const peer = await openPeer(server.port, '/ws', {}, heard);
  return { server: { ...server, stop }, call: dispatch(null), peer };
};
