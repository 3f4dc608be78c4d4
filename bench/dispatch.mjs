// What a dispatch costs beside the least it could cost.
//
// A modern tools/call with a real token goes through the Worker, the user's object and a WebSocket peer that echoes, and
// back; the yardstick is a bare JavaScript Durable Object that does only the echo. All run in turns, so that a noisy
// machine is noisy for all. Load and peer are this one process, on plain TCP sockets; what it costs itself is printed, so
// that one can see it is not what is measured. A second yardstick writes the two rows that a job is kept in, and nothing
// else: what is left between it and a dispatch is the project's own doing. A third is what people come from, a FastMCP
// server with its jobs in memory. CPU is the server's own, which a busy machine changes least.
import { availableParallelism } from 'node:os';
import { pythonEnv } from '../scripts/python-env.mjs';
import { IN_FLIGHT, connected, many, median, one, processorMs, quantile } from './load.mjs';
import { bus, echo, fastmcp } from './sides.mjs';

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

async function prepare({ name, key, start }, state) {
  const { server, call, peer } = await start(state);
  await connected(server.port, (connections) => many(connections, call, WARM_UP_MS));
  const stop = () => {
    peer.close();
    return server.stop();
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

/** Prints the table; returns the ratios as figures. */
function report(sides) {
  const bare = sides.at(-1);
  const figures = [];
  console.log('                            p50 ms   p95 ms   calls/s   CPU us/call   generator   p50 ratio   throughput ratio');
  for (const side of sides) {
    const p50 = median(side.p50s.map((took, round) => took / bare.p50s[round]));
    const throughput = median(side.rates.map((rate, round) => rate / bare.rates[round]));
    if (side.key) {
      figures.push({ key: `${side.key}_p50_ratio`, value: p50 }, { key: `${side.key}_throughput_ratio`, value: throughput });
    }
    const cells = [median(side.p50s).toFixed(3).padStart(7), quantile(side.latencies, 0.95).toFixed(3).padStart(8),
      median(side.rates).toFixed(0).padStart(9), median(side.costs).toFixed(0).padStart(13),
      `${(median(side.generator) * 100).toFixed(0)} %`.padStart(11), `${p50.toFixed(2)}x`.padStart(11),
      `${throughput.toFixed(2)}x`.padStart(18)];
    console.log(`${side.name.padEnd(26)} ${cells.join(' ')}`);
  }
  return figures;
}

/** The table, and its ratios as figures. */
export async function dispatches({ rounds, state }) {
  console.log(`${rounds} rounds in turns, each ${SINGLE_CALLS} calls one by one, then ${LOAD_MS / 1000} s with `
    + `${IN_FLIGHT} in flight; ${availableParallelism()} processors, rows under ${state}`);
  await pythonEnv('clients'); // made here the first time, for minutes, in which open connections would go stale
  const sides = [];
  try {
    for (const side of SIDES) sides.push(await prepare(side, state));
    for (let round = 0; round < rounds; round += 1) for (const side of sides) {
      await connected(side.port, (connections) => measure(side, connections));
    }
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
  }
  return report(sides);
}
