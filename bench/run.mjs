// `npm run bench -- [--json FILE] [--rounds N] [--state FOLDER]`: what a dispatch costs beside the least it could cost.
//
// A modern tools/call with a real token goes through the Worker, the user's object and a WebSocket peer that echoes, and
// back; the yardstick is a bare JavaScript Durable Object that does only the echo. All run in turns, so that a noisy
// machine is noisy for all. Load and peer are this one process, on plain TCP sockets; what it costs itself is printed, so
// that one can see it is not what is measured. A second yardstick writes the two rows that a job is kept in, and nothing
// else: what is left between it and a dispatch is the project's own doing. A third is what people come from, a FastMCP
// server with its jobs in memory. CPU is the server's own, which a busy machine changes least. The objects' rows are in
// memory (/dev/shm) where there is such a thing: how long this machine's disk takes to sync them says nothing about the
// platform the Worker is made for. `--state` puts them on a disk.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { Complaint, main, onEnd } from '../scripts/process.mjs';
import { pythonEnv } from '../scripts/python-env.mjs';
import { bus, echo, fastmcp } from './sides.mjs';
import { Connection } from './sockets.mjs';

const IN_FLIGHT = 32;
const SINGLE_CALLS = 300;
const LOAD_MS = 1500;
const WARM_UP_MS = 1500;

/** What is measured; the last is the yardstick. `key` is its name in the JSON file. */
const SIDES = [
  { name: 'dispatch', key: 'dispatch', start: bus(false) },
  { name: 'dispatch, acknowledged', key: 'acknowledged', start: bus(true) },
  { name: 'FastMCP, in memory', key: 'fastmcp', start: fastmcp },
  { name: 'bare object, two rows', key: 'rows', start: echo(true) },
  { name: 'bare object, echo only', start: echo(false) },
];

const quantile = (numbers, q) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * q)];
const median = (numbers) => quantile(numbers, 0.5);

async function asked(connection, call) {
  const answer = await connection.ask(call);
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

/** Runs `body` with connections of its own: a server closes those that have idled while it was another's turn. */
async function connected(port, body) {
  const connections = await Promise.all(Array.from({ length: IN_FLIGHT }, () => Connection.to(port)));
  try {
    return await body(connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

async function prepare({ name, key, start }, state) {
  const { server, call, peer } = await start(state);
  await connected(server.port, (connections) => many(connections, call, WARM_UP_MS));
  const stop = () => {
    peer.close();
    server.stop();
  };
  const figures = { latencies: [], rates: [], p50s: [], generator: [], costs: [] };
  return { name, key, call, port: server.port, stop, pid: server.pid, ...figures };
}

async function measure(side, connections) {
  const took = await one(connections, side.call, SINGLE_CALLS);
  const before = processorMs(side.pid);
  const { count, rate, generator } = await many(connections, side.call, LOAD_MS);
  side.costs.push(((processorMs(side.pid) - before) * 1000) / count);
  side.latencies.push(...took);
  side.p50s.push(median(took));
  side.rates.push(rate);
  side.generator.push(generator);
}

/** Prints the table; returns the ratios by key. */
function report(sides) {
  const bare = sides.at(-1);
  const ratios = {};
  console.log('                            p50 ms   p95 ms   calls/s   CPU us/call   generator   p50 ratio   throughput ratio');
  for (const side of sides) {
    const p50 = median(side.p50s.map((took, round) => took / bare.p50s[round]));
    const throughput = median(side.rates.map((rate, round) => rate / bare.rates[round]));
    if (side.key) Object.assign(ratios, { [`${side.key}_p50_ratio`]: p50, [`${side.key}_throughput_ratio`]: throughput });
    const cells = [median(side.p50s).toFixed(3).padStart(7), quantile(side.latencies, 0.95).toFixed(3).padStart(8),
      median(side.rates).toFixed(0).padStart(9), median(side.costs).toFixed(0).padStart(13),
      `${(median(side.generator) * 100).toFixed(0)} %`.padStart(11), `${p50.toFixed(2)}x`.padStart(11),
      `${throughput.toFixed(2)}x`.padStart(18)];
    console.log(`${side.name.padEnd(26)} ${cells.join(' ')}`);
  }
  return ratios;
}

async function bench() {
  const options = {
    json: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    state: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  };
  const { values } = parseArgs({ options });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Complaint(`--rounds must be a whole number from 1, got ${values.rounds}`);
  }
  console.log(`${rounds} rounds in turns, each ${SINGLE_CALLS} calls one by one, then ${LOAD_MS / 1000} s with `
    + `${IN_FLIGHT} in flight; ${availableParallelism()} processors, rows under ${values.state}`);
  onEnd(() => process.exit(130)); // the servers end with this process
  await pythonEnv('clients'); // made here the first time, for minutes, in which open connections would go stale
  const sides = [];
  try {
    for (const side of SIDES) sides.push(await prepare(side, values.state));
    for (let round = 0; round < rounds; round += 1) for (const side of sides) {
      await connected(side.port, (connections) => measure(side, connections));
    }
  } finally {
    for (const side of sides) side.stop();
  }
  const ratios = report(sides);
  if (values.json) {
    const rounded = Object.entries(ratios).map(([name, value]) => [name, Number(value.toFixed(3))]);
    writeFileSync(values.json, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`);
  }
  process.exit(0);
}

await main(bench);
