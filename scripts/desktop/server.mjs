// Blender Bus for desktop clients that start their servers from a file: MCP over stdio here, HTTP to the bus behind it.
// BUS_URL is the server's address, BUS_TOKEN a personal access token. Only what Node has is used.
import { createInterface } from 'node:readline';

const AGAIN_MS = 3000;
const END_MS = 5000;
const endpoint = new URL(process.env.BUS_URL ?? 'http://localhost:8787');
if (endpoint.pathname === '/') endpoint.pathname = '/mcp';
const state = { session: null, revision: null, closed: new AbortController() };

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

function headers(more) {
  const sent = { Authorization: `Bearer ${process.env.BUS_TOKEN ?? ''}`, ...more };
  if (state.session) sent['Mcp-Session-Id'] = state.session;
  if (state.revision) sent['MCP-Protocol-Version'] = state.revision;
  return sent;
}

/** Passes the messages of an event stream on as they come. */
async function passOn(response) {
  let rest = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + piece).split(/\r?\n\r?\n/);
    rest = events.pop();
    for (const event of events) {
      const data = event.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart());
      if (data.join('')) say(JSON.parse(data.join('\n')));
    }
  }
}

function why(status, text) {
  if (status === 401) return `${endpoint.origin} does not accept the access token; make a new one at ${endpoint.origin}/tokens`;
  return `${endpoint.href} answered ${status}: ${text.slice(0, 500)}`;
}

/** Sends a message and passes on what is answered. */
async function send(message) {
  const more = { Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json' };
  const response = await fetch(endpoint, { method: 'POST', headers: headers(more), body: JSON.stringify(message) });
  const kind = response.headers.get('Content-Type') ?? '';
  if (message.method === 'initialize') state.session = response.headers.get('Mcp-Session-Id');
  if (kind.startsWith('text/event-stream')) return passOn(response);
  const text = await response.text();
  if (kind.startsWith('application/json') && text.includes('"jsonrpc"')) {
    const answer = JSON.parse(text);
    if (message.method === 'initialize') state.revision = answer.result?.protocolVersion ?? null;
    say(answer);
  } else if (!response.ok) throw new Error(why(response.status, text));
}

/** What the server says by itself, for as long as the session lives. */
async function listen() {
  while (state.session && !state.closed.signal.aborted) {
    const more = { Accept: 'text/event-stream' };
    const stream = await fetch(endpoint, { headers: headers(more), signal: state.closed.signal }).catch(() => null);
    if (stream && !stream.ok) return;
    if (stream) await passOn(stream).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
  }
}

async function take(line) {
  let message;
  try {
    message = JSON.parse(line);
  } catch (error) {
    say({ jsonrpc: '2.0', id: null, error: { code: -32700, message: `not JSON: ${error.message}` } });
    return;
  }
  try {
    await send(message);
  } catch (error) {
    const reason = error.cause?.message ? `${endpoint.origin} cannot be reached: ${error.cause.message}` : error.message;
    if (message.id !== undefined) say({ jsonrpc: '2.0', id: message.id, error: { code: -32000, message: reason } });
    else process.stderr.write(`${reason}\n`);
  }
  if (message.method === 'notifications/initialized') void listen();
}

const open = new Set();
for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const going = take(line).finally(() => open.delete(going));
  open.add(going);
  if (line.includes('"initialize"') || line.includes('"notifications/initialized"')) await going; // the rest goes abreast
}
// What was asked is answered, unless that takes long: whoever asked may have gone.
await Promise.race([Promise.allSettled(open), new Promise((resolve) => setTimeout(resolve, END_MS).unref())]);
state.closed.abort();
if (state.session) await fetch(endpoint, { method: 'DELETE', headers: headers({}) }).catch(() => {});
process.exit(0);
