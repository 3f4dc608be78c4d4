// `npm run bench -- [--json FILE] [--rounds N] [--state FOLDER]`: what a dispatch costs beside the least it could cost.
//
// A modern tools/call with a real token goes through the Worker, the user's object and a WebSocket peer that echoes, and
// back; the yardstick is a bare JavaScript Durable Object that does only the echo. Both run on raw workerd, in turns, so
// that a noisy machine is noisy for both. Load and peer are this one process, on plain TCP sockets; what it costs itself
// is printed, so that one can see it is not what is measured. A second yardstick writes the two rows that a job is kept
// in, and nothing else: what is left between it and a dispatch is the project's own doing. CPU is the server's own, which
// a busy machine changes least. The objects' rows are in memory (/dev/shm) where there is such a thing: how long this
// machine's disk takes to sync them says nothing about the platform the Worker is made for. `--state` puts them on a disk.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { Complaint, main } from '../scripts/process.mjs';
import { Connection, openPeer } from './sockets.mjs';
import { startWorkerd } from './workerd.mjs';

const IN_FLIGHT = 32;
const SINGLE_CALLS = 300;
const LOAD_MS = 1500;
const WARM_UP_MS = 1500;
const REVISION = '2026-07-28';
const TOOL = 'blender_get_object_info';

const BUS = {
  modules: { 'index.js': 'build/index.js', 'index_bg.wasm': 'build/index_bg.wasm' },
  objects: { USER_BUS: 'UserBus', ACCOUNT: 'Account', KEY_RING: 'KeyRing' },
  variables: { DEV_ACCOUNTS: 'demo:demo' },
  compatibilityDate: '2026-11-01',
};
const echo = (rows) => ({
  modules: { 'echo.js': 'bench/echo.js' },
  objects: { ECHO: 'Echo' },
  variables: { ROWS: rows ? 'yes' : '' },
  compatibilityDate: '2026-11-01',
});

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** The request every call sends; `check` complains of an answer that is not the echo. */
function busCall(port, token) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = { name: TOOL, arguments: { name: 'Cube' }, _meta: meta };
  const head = [`POST / HTTP/1.1`, `Host: localhost:${port}`, 'Content-Type: application/json',
    'Accept: application/json, text/event-stream', `Authorization: Bearer ${token}`, `MCP-Protocol-Version: ${REVISION}`,
    'Mcp-Method: tools/call', `Mcp-Name: ${TOOL}`, ''].join('\r\n');
  return {
    head,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    good: ({ status, body }) => status === 200 && body.includes('"status":"completed"') && body.includes('Cube'),
  };
}

function echoCall(port) {
  const body = JSON.stringify({ command: 'get_object_info', params: { name: 'Cube' } });
  const head = `POST / HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/json\r\n`;
  return { head, body, good: (answer) => answer.status === 200 && answer.body === body };
}

async function login(port) {
  const connection = await Connection.to(port);
  const head = `POST /auth/login HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/json\r\n`;
  const answer = await connection.ask(head, JSON.stringify({ username: 'demo', password: 'demo' }));
  connection.close();
  if (answer.status !== 200) throw new Complaint(`login was answered with ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body).access_token;
}

const tool = (id, name, args) =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });

/** A registered peer that answers each job with its own params; with `acknowledges`, after a progress report. */
async function busPeer(port, token, acknowledges) {
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
    send(tool((id += 1), 'blender_job_update', update));
  };
  const headers = [`Authorization: Bearer ${token}`, 'Sec-WebSocket-Protocol: mcp'];
  const peer = await openPeer(port, '/ws', headers, heard);
  const capabilities = acknowledges ? ['job_ack'] : [];
  const registration = { client_uuid: 'bench', client_type: 'blender', is_persistent: true, capabilities };
  peer.send(tool(1, 'blender_register_client', registration));
  await ready;
  return peer;
}

async function asked(connection, call) {
  const answer = await connection.ask(call.head, call.body);
  if (!call.good(answer)) throw new Complaint(`a call was answered with ${answer.status}: ${answer.body.slice(0, 500)}`);
}

/** Milliseconds of processor time the process has taken; none where the system does not tell. */
function processorMs(pid) {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return NaN;
  const fields = readFileSync(file, 'utf8').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10; // user and system, in ticks of 10 ms
}

/** Milliseconds of each of `count` calls, one after the other. */
async function one(connections, call, count) {
  const took = [];
  for (let index = 0; index < count; index += 1) {
    const started = performance.now();
    await asked(connections[0], call);
    took.push(performance.now() - started);
  }
  return took;
}

/** Calls a second with as many in flight as there are connections, and the share of a processor this process took. */
async function many(connections, call, milliseconds) {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const until = started + milliseconds;
  let count = 0;
  const keepAsking = async (connection) => {
    for (; performance.now() < until; count += 1) await asked(connection, call);
  };
  await Promise.all(connections.map(keepAsking));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { count, rate: count / seconds, generator: (user + system) / 1e6 / seconds };
}

async function prepare(name, worker, state, attach) {
  const server = await startWorkerd(worker, state);
  const { call, peer } = await attach(server.port);
  const connections = await Promise.all(Array.from({ length: IN_FLIGHT }, () => Connection.to(server.port)));
  await many(connections, call, WARM_UP_MS);
  const stop = () => {
    for (const connection of connections) connection.close();
    peer.close();
    server.stop();
  };
  return { name, call, connections, stop, pid: server.pid, latencies: [], rates: [], p50s: [], generator: [], costs: [] };
}

async function measure(side) {
  const took = await one(side.connections, side.call, SINGLE_CALLS);
  const before = processorMs(side.pid);
  const { count, rate, generator } = await many(side.connections, side.call, LOAD_MS);
  side.costs.push(((processorMs(side.pid) - before) * 1000) / count);
  side.latencies.push(...took);
  side.p50s.push(median(took));
  side.rates.push(rate);
  side.generator.push(generator);
}

function report(sides, rounds, state) {
  const quantile = (numbers, q) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * q)];
  const bare = sides.at(-1);
  console.log(`${rounds} rounds in turns, each ${SINGLE_CALLS} calls one by one, then ${LOAD_MS / 1000} s with `
    + `${IN_FLIGHT} in flight; ${availableParallelism()} processors, rows under ${state}`);
  console.log('                            p50 ms   p95 ms   calls/s   CPU us/call   generator   p50 ratio   throughput ratio');
  const ratios = sides.map((side) => ({
    p50: median(side.p50s.map((p50, round) => p50 / bare.p50s[round])),
    throughput: median(side.rates.map((rate, round) => rate / bare.rates[round])),
  }));
  sides.forEach((side, index) => {
    const cells = [median(side.p50s).toFixed(3).padStart(7), quantile(side.latencies, 0.95).toFixed(3).padStart(8),
      median(side.rates).toFixed(0).padStart(9), median(side.costs).toFixed(0).padStart(13), `${(median(side.generator) * 100).toFixed(0)} %`.padStart(11),
      `${ratios[index].p50.toFixed(2)}x`.padStart(11), `${ratios[index].throughput.toFixed(2)}x`.padStart(18)];
    console.log(`${side.name.padEnd(26)} ${cells.join(' ')}`);
  });
  return ratios;
}

async function bench() {
  const options = {
    json: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    state: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  };
  const { values } = parseArgs({ options });
  const { state } = values;
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Complaint(`--rounds must be a whole number from 1, got ${values.rounds}`);
  }
  const onBus = (acknowledges) => async (port) => {
    const token = await login(port);
    return { call: busCall(port, token), peer: await busPeer(port, token, acknowledges) };
  };
  const onEcho = async (port) => ({
    call: echoCall(port),
    peer: await openPeer(port, '/', [], (text, send) => send(text)),
  });
  const sides = [];
  try {
    sides.push(await prepare('dispatch', BUS, state, onBus(false)));
    sides.push(await prepare('dispatch, acknowledged', BUS, state, onBus(true)));
    sides.push(await prepare('bare object, two rows', echo(true), state, onEcho));
    sides.push(await prepare('bare object, echo only', echo(false), state, onEcho));
    for (let round = 0; round < rounds; round += 1) for (const side of sides) await measure(side);
  } finally {
    for (const side of sides) side.stop();
  }
  const [plain, acknowledged] = report(sides, rounds, state);
  if (values.json) {
    const figures = {
      dispatch_p50_ratio: plain.p50,
      dispatch_throughput_ratio: plain.throughput,
      acknowledged_p50_ratio: acknowledged.p50,
      acknowledged_throughput_ratio: acknowledged.throughput,
    };
    const rounded = Object.entries(figures).map(([name, value]) => [name, Number(value.toFixed(3))]);
    writeFileSync(values.json, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`);
  }
  process.exit(0);
}

await main(bench);
