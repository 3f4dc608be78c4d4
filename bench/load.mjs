// Load, and what is made of the times it took.
import { existsSync, readFileSync } from 'node:fs';
import { Complaint } from '../scripts/process.mjs';
import { Connection } from './sockets.mjs';

export const IN_FLIGHT = 32;
/** Of calls and of the time they take, what is left at the smallest scale: with less nothing would be measured. */
const LEAST = 0.1;

export const partAt = (scale) => Math.max(scale, LEAST);

export const quantile = (numbers, q) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * q)];
export const median = (numbers) => quantile(numbers, 0.5);

/** Makes the call; throws a Complaint where the answer is not the right one. Resolves to the answer. */
export async function asked(connection, call) {
  const answer = await connection.ask(call);
  if (!call.good(answer)) throw new Complaint(`a call was answered with ${answer.status}: ${answer.body.slice(0, 500)}`);
  return answer;
}

/** Milliseconds of processor time the process has taken; none where the system does not tell. */
export function processorMs(pid) {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return NaN;
  const fields = readFileSync(file, 'utf8').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10; // user and system, in ticks of 10 ms
}

/** Milliseconds of each of `count` calls, one after the other. */
export async function one(connections, call, count) {
  const took = [];
  for (let index = 0; index < count; index += 1) {
    const started = performance.now();
    await asked(connections[0], call);
    took.push(performance.now() - started);
  }
  return took;
}

/** Calls a second with as many in flight as there are connections, and the share of a processor this process took. */
export async function many(connections, call, milliseconds) {
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
export async function connected(port, body, count = IN_FLIGHT) {
  const connections = await Promise.all(Array.from({ length: count }, () => Connection.to(port)));
  try {
    return await body(connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Makes each of these calls once, several at a time; resolves to the answers, in the order of the calls. */
export async function each(port, calls) {
  const answers = [];
  let next = 0;
  await connected(port, (connections) => Promise.all(connections.map(async (connection) => {
    while (next < calls.length) {
      const index = next;
      next += 1;
      answers[index] = await asked(connection, calls[index]);
    }
  })));
  return answers;
}

/** Prints figures beside their goals. A figure: `{ name, key, value, unit, goal }`; it is to be at most the goal, if there is one. */
export function print(figures) {
  for (const { name, value, unit, goal } of figures) {
    const verdict = goal === undefined ? '' : `at most ${goal}: ${value <= goal ? 'met' : 'MISSED'}`;
    console.log(`${name.padEnd(76)} ${`${value.toFixed(2)} ${unit}`.padStart(12)}   ${verdict}`);
  }
}
