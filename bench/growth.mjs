// What a dispatch costs on a server that holds much, beside the same server empty: p50 by p50, in turns.
//
// Everything is made as its makers make it, by requests, but for the ended jobs: those are copies of jobs that the bus wrote
// itself, put into the file of its database while the server is stopped (bench/fill_jobs.py).
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { ROOT, run } from '../scripts/process.mjs';
import { pythonEnv } from '../scripts/python-env.mjs';
import { BUS, JSON_TYPE, attach, dispatch, login, toolCall } from './bus.mjs';
import { connected, each, many, median, one, partAt, print } from './load.mjs';
import { users } from './users.mjs';
import { startWorkerd } from './workerd.mjs';

const CALLS = 60;
const WARM_UP = 5;
/** A new server becomes quicker for some thousand calls. */
const WARM_UP_MS = 3000;
/** Turns of each pair, for each of the rounds. */
const TURNS = 5;
const GOAL = 1.1;

const range = (count) => Array.from({ length: count }, (_, index) => index);

/** The file of the largest object of a class: of a bus, where one user has worked. */
function databaseOf(folder, kind) {
  const files = readdirSync(path.join(folder, 'state', kind)).filter((name) => name.endsWith('.sqlite'));
  const all = files.map((name) => path.join(folder, 'state', kind, name));
  return all.sort((a, b) => statSync(b).size - statSync(a).size)[0];
}


const registered = (token, uuid) =>
  toolCall(token, 'blender_register_client', { client_uuid: uuid, client_type: 'llm', is_persistent: true });

async function clients({ server, token }, count) {
  await each(server.port, range(count).map((number) => registered(token, `client-${number}`)));
}

async function jobs({ server, token }, count) {
  const peer = await attach(server.port, token);
  await each(server.port, range(20).map(() => dispatch(token)));
  peer.close();
  const python = await pythonEnv('clients');
  const args = (file) => ['bench/fill_jobs.py', file, String(count)];
  await server.restart(() => run(python, args(databaseOf(server.folder, 'UserBus')), { cwd: ROOT }));
}

/** Blenders that are connected and do nothing, of two logins: one may not have them all. */
async function sockets({ server }, count) {
  const tokens = [await login(server.port), await login(server.port)];
  return Promise.all(range(count).map((number) => attach(server.port, tokens[number % 2], { uuid: `idle-${number}` })));
}

async function otherUsers({ server }, count) {
  const tokens = await users(server, count);
  await each(server.port, tokens.map((token) => toolCall(token, 'blender_list_available_clients', {})));
}

const SESSION = { 'MCP-Protocol-Version': '2025-11-25', Accept: 'application/json, text/event-stream', ...JSON_TYPE };

/** A request of a session, or without one what opens it. */
function inSession(token, session, method, params) {
  const headers = { ...SESSION, Authorization: `Bearer ${token}`, ...(session && { 'Mcp-Session-Id': session }) };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return { path: '/mcp', headers, body, good: ({ status, body: text }) => status === 200 && text.includes('"result"') };
}

/** Sessions of ten logins, of which one may not have them all; the last has subscribed to as much as it may. */
async function sessions({ server }, count, subscriptions) {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
  const opened = [];
  for (let left = count; left > 0; left -= 100) {
    const token = await login(server.port);
    const opening = inSession(token, null, 'initialize', params);
    const answers = await each(server.port, range(Math.min(left, 100)).map(() => opening));
    opened.push(...answers.map(({ head }) => ({ token, id: /\r\nmcp-session-id: *(\S+)/i.exec(head)[1] })));
  }
  const { token, id } = opened.at(-1);
  const uris = ['blender://bus/clients', 'blender://bus/stats',
    ...range(subscriptions).map((number) => `blender://inbox/client-${number}`)];
  await each(server.port, uris.map((uri) => inSession(token, id, 'resources/subscribe', { uri })));
}

/** Nearly as much of everything as there may be: clients, sessions, an inbox, open jobs for a Blender that is away. */
async function lists(side, count) {
  const { server, token } = side;
  (await attach(server.port, token, { uuid: 'away' })).close();
  await clients(side, count - 10);
  await sessions(side, count, Math.min(254, count - 10));
  const say = toolCall(token, 'blender_send_message', { payload: { text: 'x'.repeat(100) }, target_uuid: 'client-0' });
  await each(server.port, range(count).map(() => say));
  const params = { command: 'get_object_info', params: { name: 'Cube' }, target_uuid: 'away' };
  await each(server.port, range(count * 9).map(() => toolCall(token, 'blender_submit', params)));
}

/** `usual`: how many, at full scale. */
const VARIANTS = [
  { name: 'empty as well', key: 'control', usual: 0, fill: async () => [] },
  { name: 'registered clients', key: 'clients', usual: 998, fill: clients },
  { name: 'ended jobs', key: 'jobs', usual: 100_000, fill: jobs },
  { name: 'open sockets', key: 'sockets', usual: 255, fill: sockets },
  { name: 'other users on the server', key: 'users', usual: 999, fill: otherUsers },
  { name: 'clients, sessions, records, and 9 times as many open jobs', key: 'lists', usual: 1000, fill: lists },
];

const LISTS = [
  { name: 'list of 50 jobs', key: 'list', tool: 'blender_list_jobs', args: {} },
  { name: 'list of running jobs', key: 'list_running', tool: 'blender_list_jobs', args: { status: 'running' } },
  { name: 'list of failed jobs', key: 'list_failed', tool: 'blender_list_jobs', args: { status: 'failed' } },
];

const measured = ({ token }) => dispatch(token, { target_uuid: 'bench' });

async function prepare({ fill, usual }, { state, scale }) {
  const server = await startWorkerd(BUS, state);
  const side = { server, token: await login(server.port) };
  const count = Math.ceil(usual * scale);
  const idle = (await fill(side, count)) ?? [];
  const peer = await attach(server.port, side.token);
  await connected(server.port, (connections) => many(connections, measured(side), WARM_UP_MS * partAt(scale)));
  const stop = async () => {
    for (const socket of [peer, ...idle]) socket.close();
    await server.stop();
  };
  return { ...side, count, stop };
}

const turn = (side, call, calls) => connected(side.server.port, async (connections) => {
  await one(connections, call, WARM_UP);
  return median(await one(connections, call, calls));
}, 1);

/** The p50 of both in turns, and the median of its ratios. */
async function compared(side, empty, callOf, { turns, calls }) {
  const [ours, theirs] = [[], []];
  for (const number of range(turns)) {
    const order = [[side, ours], [empty, theirs]];
    for (const [which, times] of number % 2 ? order : order.reverse()) times.push(await turn(which, callOf(which), calls));
  }
  return { p50: median(ours), empty: median(theirs), ratio: median(ours.map((took, index) => took / theirs[index])) };
}

/** One after the other, each beside the empty server. */
export async function growth({ rounds, scale, state }) {
  const much = { turns: rounds * TURNS, calls: Math.ceil(CALLS * partAt(scale)) };
  console.log(`${much.turns} turns of each pair, ${much.calls} calls each, one by one: milliseconds of the median call`);
  const figures = [];
  const add = (name, key, { p50, empty, ratio }) => {
    figures.push({ name: `${name}: ${p50.toFixed(3)} ms, empty ${empty.toFixed(3)}`, key: `growth_${key}_p50_ratio`, value: ratio, unit: 'x', goal: GOAL });
    print(figures.slice(-1));
  };
  const empty = await prepare(VARIANTS[0], { state, scale });
  try {
    for (const variant of VARIANTS) {
      const side = await prepare(variant, { state, scale });
      try {
        const named = variant.usual ? `${side.count} ${variant.name}` : variant.name;
        add(named, variant.key, await compared(side, empty, measured, much));
        if (variant.key !== 'jobs') continue;
        for (const { name, key, tool, args } of LISTS) {
          add(`${named}, ${name}`, key, await compared(side, empty, ({ token }) => toolCall(token, tool, args), much));
        }
      } finally {
        await side.stop();
      }
    }
  } finally {
    await empty.stop();
  }
  return figures;
}
