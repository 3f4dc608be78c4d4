// What is measured, and against what. Each side starts a server on a state folder, attaches a peer, and says what call is
// made; `good` tells whether an answer is the right one.
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Complaint, ROOT } from '../scripts/process.mjs';
import { pythonEnv } from '../scripts/python-env.mjs';
import { startServer } from './server.mjs';
import { Connection, openPeer } from './sockets.mjs';
import { startWorkerd } from './workerd.mjs';

const REVISION = '2026-07-28';
const TOOL = 'blender_get_object_info';
const JSON_TYPE = { 'Content-Type': 'application/json' };

const BUS = {
  modules: { 'index.js': 'build/index.js', 'index_bg.wasm': 'build/index_bg.wasm' },
  objects: { USER_BUS: 'UserBus', ACCOUNT: 'Account', KEY_RING: 'KeyRing' },
  variables: { DEV_ACCOUNTS: 'demo:demo' },
  compatibilityDate: '2026-11-01',
};
const echoWorker = (rows) => ({
  modules: { 'echo.js': 'bench/echo.js' },
  objects: { ECHO: 'Echo' },
  variables: { ROWS: rows ? 'yes' : '' },
  compatibilityDate: '2026-11-01',
});

/** A modern tools/call; with a token, if there is one. */
function toolCall(token) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = { name: TOOL, arguments: { name: 'Cube' }, _meta: meta };
  return {
    path: '/',
    headers: {
      ...JSON_TYPE, Accept: 'application/json, text/event-stream', ...(token && { Authorization: `Bearer ${token}` }),
      'MCP-Protocol-Version': REVISION, 'Mcp-Method': 'tools/call', 'Mcp-Name': TOOL,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    good: ({ status, body }) => status === 200 && body.includes('"status":"completed"') && body.includes('Cube'),
  };
}

async function login(port) {
  const connection = await Connection.to(port);
  const body = JSON.stringify({ username: 'demo', password: 'demo' });
  const answer = await connection.ask({ path: '/auth/login', headers: JSON_TYPE, body });
  connection.close();
  if (answer.status !== 200) throw new Complaint(`login was answered with ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body).access_token;
}

const peerCall = (id, name, args) =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });

/** A registered peer that answers each job with its own params; with `acknowledges`, after a progress report. */
async function attachToBus(port, token, acknowledges) {
  let registered = null;
  const ready = new Promise((resolve) => (registered = resolve));
  let id = 1;
  const heard = (text, send) => {
    const message = JSON.parse(text);
    if (message.id === 1) registered();
    if (message.method !== 'notifications/message') return;
    const { job_id, params } = message.params.data.payload;
    if (acknowledges) {
      const progress = { progressToken: job_id, progress: 0 };
      send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: progress }));
    }
    const update = { job_id, status: 'completed', result: JSON.stringify(params) };
    send(peerCall((id += 1), 'blender_job_update', update));
  };
  const headers = { Authorization: `Bearer ${token}`, 'Sec-WebSocket-Protocol': 'mcp' };
  const peer = await openPeer(port, '/ws', headers, heard);
  const capabilities = acknowledges ? ['job_ack'] : [];
  const registration = { client_uuid: 'bench', client_type: 'blender', is_persistent: true, capabilities };
  peer.send(peerCall(1, 'blender_register_client', registration));
  await ready;
  return peer;
}

/** The bus, with a real token. */
export const bus = (acknowledges) => async (state) => {
  const server = await startWorkerd(BUS, state);
  const token = await login(server.port);
  return { server, call: toolCall(token), peer: await attachToBus(server.port, token, acknowledges) };
};

/** A bare object of JavaScript that echoes, and with `rows` writes the two rows that a job is kept in. */
export const echo = (rows) => async (state) => {
  const server = await startWorkerd(echoWorker(rows), state);
  const body = JSON.stringify({ command: 'get_object_info', params: { name: 'Cube' } });
  const good = (answer) => answer.status === 200 && answer.body === body;
  const peer = await openPeer(server.port, '/', {}, (text, send) => send(text));
  return { server, call: { path: '/', headers: JSON_TYPE, body, good }, peer };
};

/** A FastMCP server that keeps its jobs in memory and asks for no token. */
export const fastmcp = async (state) => {
  const folder = mkdtempSync(path.join(state, 'blender-bus-bench-'));
  const program = path.join(ROOT, 'bench', 'fastmcp_server.py');
  const server = await startServer(await pythonEnv('clients'), [program], { folder, portsAt: 1 });
  const stop = () => {
    server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const heard = (text, send) => {
    const { job_id, params } = JSON.parse(text);
    send(JSON.stringify({ job_id, result: JSON.stringify(params) }));
  };
  const peer = await openPeer(server.port, '/ws', {}, heard);
  return { server: { ...server, stop }, call: toolCall(null), peer };
};
