// How long a call takes that meets a server which has just started on a kept folder, beside a bare object of JavaScript
// with rows in the same place. What is begun anew: the process, the Worker's module in it, the object with its rows, and the
// Blender's connection. The access token is one of an earlier start. The engine compiles a function of WebAssembly when it is first
// called; what the rest takes is seen on a side on which it compiles all of them before the server listens. On another, plain
// JavaScript asks of the runtime what the bus asks of it: what is left where the module costs nothing.
import { asked, connected, median, print } from './load.mjs';
import { BUS, attach, dispatch, login } from './bus.mjs';
import { asksCall, asksPeer, asksWorker, echoCall, echoPeer, echoWorker } from './sides.mjs';
import { startWorkerd } from './workerd.mjs';

const STARTS = 5;
const GOAL = 2;
const SINCE = [
  { what: 'process', name: 'the start of the process' },
  { what: 'isolate', name: 'where it listens' },
];

async function bus(state, v8Flags) {
  const server = await startWorkerd({ ...BUS, v8Flags }, state);
  const token = await login(server.port);
  return { server, call: dispatch(token), connect: () => attach(server.port, token) };
}

async function plain(worker, call, peer, state) {
  const server = await startWorkerd(worker, state);
  return { server, call, connect: () => peer(server.port) };
}

/** Milliseconds from the start of the process, and from where it listens, to the answer of the first call and of the second. */
async function start({ server, call, connect }) {
  await server.restart();
  const listens = performance.now();
  const peer = await connect();
  const attached = performance.now();
  const calls = await connected(server.port, async ([connection]) => {
    await asked(connection, call);
    const first = performance.now();
    await asked(connection, call);
    return { first, second: performance.now() - first };
  }, 1);
  peer.close();
  const { first, second } = calls;
  return { process: first - server.begun, isolate: first - listens, attach: attached - listens, call: first - attached, second };
}

/** All in turns. */
export async function coldStarts({ rounds, state }) {
  const sides = [
    { name: 'bus', key: '', goal: GOAL, ...await bus(state, []) },
    { name: 'bus, compiled before', key: 'compiled_', ...await bus(state, ['--no-wasm-lazy-compilation']) },
    { name: 'bus, module at no cost', key: 'asked_', ...await plain(asksWorker(), asksCall, asksPeer, state) },
    { name: 'bare object, two rows', ...await plain(echoWorker(true), echoCall, echoPeer, state) },
  ];
  const count = rounds * STARTS;
  console.log(`${count} starts of each in turns, medians in ms: until it listens, the Blender is attached, a call is answered, and the next`);
  try {
    for (const side of sides) {
      side.starts = [];
      await start(side); // the tables are made, the call has run
    }
    for (let turn = 0; turn < count; turn += 1) for (const side of sides) side.starts.push(await start(side));
  } finally {
    await Promise.all(sides.map(({ server }) => server.stop()));
  }
  const of = (side, what) => side.starts.map((one) => one[what]);
  for (const side of sides) {
    const listens = side.starts.map((one) => one.process - one.isolate);
    const cells = [listens, ...['attach', 'call', 'second'].map((what) => of(side, what))];
    console.log(`${side.name.padEnd(24)} ${cells.map((times) => median(times).toFixed(2).padStart(9)).join(' ')}`);
  }
  const yardstick = sides.at(-1);
  const ratio = (side, what) => median(of(side, what).map((took, turn) => took / of(yardstick, what)[turn]));
  const figures = sides.slice(0, -1).flatMap((side) => SINCE.map(({ name, what }) => ({
    name: `${side.name}: first answer from ${name}`,
    key: `cold_${side.key}${what}_ratio`,
    value: ratio(side, what),
    unit: 'x',
    goal: side.goal,
  })));
  print(figures);
  return figures;
}
