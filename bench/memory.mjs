// What a bus at rest and an idle peer take of the memory of a server: by how much the resident memory of the process grows,
// divided by how many there are. Garbage is collected before each look, so that what is seen is what is kept.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Complaint } from '../scripts/process.mjs';
import { BUS, attach, dispatch, login, toolCall } from './bus.mjs';
import { asked, connected, each, many, print } from './load.mjs';
import { echoCall, echoPeer, echoWorker } from './sides.mjs';
import { users } from './users.mjs';
import { startWorkerd } from './workerd.mjs';

const BUSES = 300;
const PEERS = 1900;
/** One login may have 192 sockets of its bus. */
const OF_A_BUS = 190;
const WARM_UP_MS = 1000;
/** The runtime evicts an object after ten seconds without work. */
const ASLEEP_MS = 13_000;
const MIB = 1024 * 1024;

const INSIDE = {
  ...BUS,
  modules: { 'inside.js': 'bench/inside.js', 'instances.js': 'bench/instances.js', ...BUS.modules },
  v8Flags: ['--expose-gc'],
};
const BARE = echoWorker(true);
const INSIDE_BARE = {
  ...BARE, modules: { 'inside_echo.js': 'bench/inside_echo.js', ...BARE.modules }, v8Flags: ['--expose-gc'],
};
const LOOK = { path: '/inside', headers: {}, body: '', good: ({ status }) => status === 200 };

/** Bytes of the process, and what its Worker tells. */
async function look({ port, pid }) {
  const answers = await each(port, Array(5).fill(LOOK)); // what one collection finds to finish, the next frees
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return { bytes: Number(kib) * 1024, ...JSON.parse(answers.at(-1).body) };
}

async function warmed(server, token) {
  const peer = await attach(server.port, token, { acknowledges: true });
  await connected(server.port, (connections) => many(connections, dispatch(token), WARM_UP_MS));
  return peer;
}

const nothing = (token) => toolCall(token, 'blender_list_available_clients', {});

/** What so many buses take that have been asked for something, and once the runtime has evicted them. */
async function buses(state, count) {
  const server = await startWorkerd(INSIDE, state);
  try {
    const tokens = await users(server, count, INSIDE);
    (await warmed(server, await login(server.port))).close();
    const before = await look(server);
    await each(server.port, tokens.map(nothing));
    const awake = await look(server);
    if (awake.made - before.made !== count) throw new Complaint(`${awake.made - before.made} of ${count} buses were made`);
    await sleep(ASLEEP_MS);
    const asleep = await look(server);
    return { before, awake, asleep };
  } finally {
    await server.stop();
  }
}

async function several(count, open) {
  const made = [];
  for (let number = 0; number < count; number += 1) made.push(await open(number));
  return made;
}

/** What so many registered peers of some buses take that say nothing, with their buses awake, and evicted under them. */
async function peers(state, count) {
  const server = await startWorkerd(INSIDE, state);
  const open = [];
  try {
    const tokens = await users(server, Math.ceil(count / OF_A_BUS), INSIDE);
    for (const token of tokens) open.push(await warmed(server, token));
    const idle = (number) =>
      attach(server.port, tokens[number % tokens.length], { uuid: `idle-${number}`, acknowledges: true });
    await sleep(ASLEEP_MS);
    const before = await look(server);
    open.push(...await several(count, idle));
    const awake = await look(server);
    await sleep(ASLEEP_MS);
    const asleep = await look(server);
    await connected(server.port, ([connection]) => asked(connection, nothing(tokens[0])), 1);
    if ((await look(server)).made === asleep.made) throw new Complaint('the bus was not evicted while its peers were idle');
    return { before, awake, asleep };
  } finally {
    for (const peer of open) peer.close();
    await server.stop();
  }
}

/** What as many sockets take of a bare object of JavaScript, evicted under them: what the runtime itself needs. */
async function bareSockets(state, count) {
  const server = await startWorkerd(INSIDE_BARE, state);
  const open = [await echoPeer(server.port)];
  try {
    await connected(server.port, (connections) => many(connections, echoCall, WARM_UP_MS));
    await sleep(ASLEEP_MS);
    const before = await look(server);
    open.push(...await several(count, () => echoPeer(server.port)));
    await sleep(ASLEEP_MS);
    return { before, asleep: await look(server) };
  } finally {
    for (const peer of open) peer.close();
    await server.stop();
  }
}

/** Both, and what the isolate has for all of them. */
export async function memory({ scale, state }) {
  const [busCount, peerCount] = [BUSES, PEERS].map((count) => Math.ceil(count * scale));
  console.log(`growth of the resident memory of workerd by ${busCount} buses and by ${peerCount} peers of some buses, each`);
  // At the same time: each is a process of its own, and no time is measured.
  const [ofBuses, ofPeers, bare] = await Promise.all(
    [buses(state, busCount), peers(state, peerCount), bareSockets(state, peerCount)]);
  const grown = ({ before, ...later }, when, count) => Math.max(0, later[when].bytes - before.bytes) / count;
  const wasm = ({ before, awake }) => (awake.wasmBytes - before.wasmBytes) / MIB;
  const figures = [
    { name: 'a bus at rest, in memory', key: 'memory_bus_mib', value: grown(ofBuses, 'awake', busCount) / MIB, unit: 'MiB', goal: 1.5 },
    { name: 'a bus, evicted', key: 'memory_bus_evicted_mib', value: grown(ofBuses, 'asleep', busCount) / MIB, unit: 'MiB' },
    { name: 'an idle peer, its bus in memory', key: 'memory_peer_awake_kib', value: grown(ofPeers, 'awake', peerCount) / 1024, unit: 'KiB' },
    { name: 'an idle peer, its bus evicted', key: 'memory_peer_kib', value: grown(ofPeers, 'asleep', peerCount) / 1024, unit: 'KiB', goal: 20 },
    { name: 'an idle socket of a bare object, evicted', key: 'memory_bare_socket_kib', value: grown(bare, 'asleep', peerCount) / 1024, unit: 'KiB' },
    { name: 'WebAssembly of the isolate, shared by all, before', key: 'memory_wasm_mib', value: ofBuses.before.wasmBytes / MIB, unit: 'MiB' },
    { name: `growth of it by ${busCount} buses`, key: 'memory_wasm_of_buses_mib', value: wasm(ofBuses), unit: 'MiB' },
    { name: `growth of it by ${peerCount} peers`, key: 'memory_wasm_of_peers_mib', value: wasm(ofPeers), unit: 'MiB' },
    { name: 'the process before, with one bus', key: 'memory_process_mib', value: ofBuses.before.bytes / MIB, unit: 'MiB' },
  ];
  print(figures);
  return figures;
}
