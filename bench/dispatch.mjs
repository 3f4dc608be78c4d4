// What a dispatch costs beside the least it could cost.
//
// A modern tools/call with a real token goes through the Worker, the user's object and a WebSocket peer that echoes, and
// back. The yardstick of all ratios is a bare JavaScript Durable Object that echoes and writes the two rows that a job is
// kept in. Beside it: one that asks of the runtime what a dispatch asks, so that the rest of a dispatch is the module's
// doing; one that only echoes; and what people come from, a FastMCP server with its jobs in memory. All run in turns, so
// that a noisy machine is noisy for all. Load and peer are this one process, on plain TCP sockets; what it costs itself is
// printed, so that one can see it is not what is measured. CPU is the server's own, which a busy machine changes least.
import { availableParallelism } from 'node:os';
import { pythonEnv } from '../scripts/python-env.mjs';
import { IN_FLIGHT, connected, many, median, one, partAt, processorMs, quantile } from './load.mjs';
import { asks, bus, echo, fastmcp } from './sides.mjs';

const SINGLE_CALLS = 300;
const LOAD_MS = 1500;
const WARM_UP_MS = 1500;
const YARDSTICK = 'bare object, two rows';

/** What is measured, by the yardstick. `key` is its name in the JSON file; `goals`: the most that its ratios should be. */
const SIDES = [
  { name: 'dispatch', key: 'dispatch', start: bus(false), goals: { p50: 1.5, cpu: 1.6 } },
  { name: 'dispatch, acknowledged', key: 'acknowledged', start: bus(true) },
  { name: 'dispatch, module at no cost', key: 'asked', start: asks },
  { name: 'FastMCP, in memory', key: 'fastmcp', start: fastmcp },
  { name: YARDSTICK, start: echo(true) },
  { name: 'bare object, echo only', key: 'echo', start: echo(false) },
];

async function prepare({ name, key, start, goals = {} }, { state, part }) {
  const { server, call, peer } = await start(state);
  await connected(server.port, (connections) => many(connections, call, WARM_UP_MS * part));
  const stop = () => {
    peer.close();
    return server.stop();
  };
  const figures = { latencies: [], rates: [], p50s: [], generator: [], costs: [] };
  return { name, key, goals, call, port: server.port, stop, pid: server.pid, ...figures };
}

async function measure(side, connections, part) {
  const took = await one(connections, side.call, Math.ceil(SINGLE_CALLS * part));
  const before = processorMs(side.pid);
  const { count, rate, generator } = await many(connections, side.call, LOAD_MS * part);
  side.costs.push(((processorMs(side.pid) - before) * 1000) / count);
  side.latencies.push(...took);
  side.p50s.push(median(took));
  side.rates.push(rate);
  side.generator.push(generator);
}

/** Prints the table; returns the ratios as figures. */
function report(sides) {
  const yardstick = sides.find((side) => side.name === YARDSTICK);
  const figures = [];
  console.log(`${''.padEnd(27)}  p50 ms   p95 ms   calls/s   CPU us/call   generator   by the yardstick: p50, calls/s, CPU`);
  for (const side of sides) {
    const ratio = (what) => median(side[what].map((value, round) => value / yardstick[what][round]));
    const ratios = { p50: ratio('p50s'), throughput: ratio('rates'), cpu: ratio('costs') };
    const named = Object.entries(ratios).map(([what, value]) => ({ key: `${side.key}_${what}_ratio`, value, goal: side.goals[what] }));
    if (side.key) figures.push(...named);
    const cells = [median(side.p50s).toFixed(3).padStart(7), quantile(side.latencies, 0.95).toFixed(3).padStart(8),
      median(side.rates).toFixed(0).padStart(9), median(side.costs).toFixed(0).padStart(13),
      `${(median(side.generator) * 100).toFixed(0)} %`.padStart(11),
      ...Object.values(ratios).map((value, index) => `${value.toFixed(2)}x`.padStart(index === 0 ? 23 : 8))];
    console.log(`${side.name.padEnd(27)} ${cells.join(' ')}`);
  }
  return figures;
}

/** The table, and its ratios as figures. */
export async function dispatches({ rounds, scale, state }) {
  const part = partAt(scale);
  console.log(`${rounds} rounds in turns, each ${Math.ceil(SINGLE_CALLS * part)} calls one by one, then ${(LOAD_MS * part) / 1000} s with `
    + `${IN_FLIGHT} in flight; ${availableParallelism()} processors, rows under ${state}`);
  await pythonEnv('clients'); // made here the first time, for minutes, in which open connections would go stale
  const sides = [];
  try {
    for (const side of SIDES) sides.push(await prepare(side, { state, part }));
    for (let round = 0; round < rounds; round += 1) for (const side of sides) {
      await connected(side.port, (connections) => measure(side, connections, part));
    }
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
  }
  return report(sides);
}
