// The bus as its clients and its Blenders speak to it.
import { asked, connected } from './load.mjs';
import { openPeer } from './sockets.mjs';

const REVISION = '2026-07-28';
export const JSON_TYPE = { 'Content-Type': 'application/json' };

/** The Worker, as `startWorkerd` takes it. */
export const BUS = {
  modules: { 'index.js': 'build/index.js', 'index_bg.wasm': 'build/index_bg.wasm' },
  objects: { USER_BUS: 'UserBus', ACCOUNT: 'Account', KEY_RING: 'KeyRing', FILES_OF_USER: 'Files' },
  variables: { DEV_ACCOUNTS: 'demo:demo' },
  compatibilityDate: '2026-11-01',
};

const answered = ({ status, body }) => status === 200 && body.includes('"result":') && !body.includes('"isError":true');

/** A request of the modern revision, as `Connection.ask` takes it; `named` is what stands in `Mcp-Name`. */
export function request(token, method, params, named) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return {
    path: '/',
    headers: {
      ...JSON_TYPE, Accept: 'application/json, text/event-stream', ...(token && { Authorization: `Bearer ${token}` }),
      'MCP-Protocol-Version': REVISION, 'Mcp-Method': method, ...(named && { 'Mcp-Name': named }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
    good: answered,
  };
}

export const toolCall = (token, name, args) => request(token, 'tools/call', { name, arguments: args }, name);

/** The document of a tool's answer, which comes as JSON, or as the last event of a stream where it took long. */
export function documentOf({ body }) {
  const text = body.startsWith('{') ? body : body.split('\n').filter((line) => line.startsWith('data: {')).at(-1).slice(6);
  return JSON.parse(text).result.structuredContent;
}

/** The call that is measured; with a token, if there is one. */
export function dispatch(token, args = {}) {
  const good = ({ status, body }) => status === 200 && body.includes('"status":"completed"') && body.includes('Cube');
  return { ...toolCall(token, 'blender_get_object_info', { name: 'Cube', ...args }), good };
}

/** An access token of an account whose password is its name. */
export async function login(port, username = 'demo') {
  const body = JSON.stringify({ username, password: username });
  const call = { path: '/auth/login', headers: JSON_TYPE, body, good: ({ status }) => status === 200 };
  const answer = await connected(port, ([connection]) => asked(connection, call), 1);
  return JSON.parse(answer.body).access_token;
}

const peerCall = (id, name, args) =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });

/** A registered Blender that answers each job with its own params; with `acknowledges`, after a progress report. */
export async function attach(port, token, { uuid = 'bench', acknowledges = false } = {}) {
  let registered = null;
  const ready = new Promise((resolve) => (registered = resolve));
  let id = 1;
  const heard = (text, send) => {
    const message = JSON.parse(text);
    if (message.id === 1) registered(message);
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
  peer.send(peerCall(1, 'blender_register_client', {
    client_uuid: uuid, client_type: 'blender', is_persistent: true, capabilities,
  }));
  await ready;
  return peer;
}
