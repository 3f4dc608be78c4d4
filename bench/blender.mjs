// Where the time of a call to a real Blender goes: network, bus, waiting for the main thread, work, answer.
//
// The same clock runs in all processes of a machine: the client notes when it asks and when it has its answer,
// bench/spy_blender.py what happens in between in Blender. What is left is the bus and the network, whose share is measured
// by itself, as a round trip of the loopback: there are two in a call.
import { mkdirSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Complaint, ROOT, spawnLeashed, stopLeashed } from '../scripts/process.mjs';
import { ensureBlenderLibraries, pythonEnv } from '../scripts/python-env.mjs';
import { BUS, attach, dispatch, documentOf, login, toolCall } from './bus.mjs';
import { asked, connected, many, median, print, quantile } from './load.mjs';
import { startServer } from './server.mjs';
import { startWorkerd } from './workerd.mjs';

/** For each of the rounds. */
const CALLS = 15;
const START_MS = 60_000;
const WARM_UP_MS = 3000;
/** How often the extension's timer is due in a Blender that is idle, in milliseconds: a frame at 50 Hz. */
const FRAME_MS = 20;
const ECHO = `require('net').createServer((socket) => socket.setNoDelay().pipe(socket)).listen(0, '127.0.0.1', function () {
  console.log(JSON.stringify({ port: this.address().port }));
})`;
const TELL = 'import json, bench_times; print(json.dumps(bench_times.times))';

/** Leaves nothing behind that would make the next call slower. */
const TURNS = "import bpy\nfor n in range(1000): bpy.data.objects['Camera'].rotation_euler.z += 0.001";
const COMMANDS = [
  { name: 'get_object_info', key: 'look', args: () => ({ name: 'Camera' }) },
  { name: 'execute_code, 1,000 turns', key: 'code', tool: 'execute_code', args: () => ({ code: TURNS }) },
];
const SHARES = ['network', 'bus', 'waiting for the main thread', 'work', 'answer'];

const now = () => Number(process.hrtime.bigint()) / 1e6;

/** The median of a round trip over TCP between two processes, in milliseconds. */
async function roundTrip(folder, count) {
  const server = await startServer(process.execPath, ['-e', ECHO], { folder, portsAt: 1 });
  const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
  const took = [];
  const text = Buffer.alloc(500, 'x');
  for (let turn = 0; turn < count; turn += 1) {
    const begun = now();
    socket.write(text);
    await new Promise((resolve) => socket.once('data', resolve));
    took.push(now() - begun);
  }
  socket.destroy();
  await server.stop();
  return median(took.slice(Math.floor(count / 4)));
}

function startBlender(python, mode, { port, folder }, token) {
  const home = path.join(folder, mode);
  mkdirSync(path.join(home, 'extensions', 'user_default'), { recursive: true });
  symlinkSync(path.join(ROOT, 'addon'), path.join(home, 'extensions', 'user_default', 'blender_bus'));
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: home, BLENDER_USER_RESOURCES: home };
  const args = [path.join(ROOT, 'bench', 'spy_blender.py'), mode, `http://localhost:${port}`, token];
  return spawnLeashed(python, args, { cwd: home, env, stdio: ['ignore', 'ignore'] });
}

const called = (token, { name, tool = name, args }) => toolCall(token, `blender_${tool}`, args());

/** What a command answers, on a connection of its own. */
const answerOf = (port, token, command) =>
  connected(port, async ([connection]) => documentOf(await asked(connection, called(token, command))), 1);

/** Until a Blender answers. */
async function answering(port, token) {
  const until = now() + START_MS;
  for (;;) {
    const { status } = await answerOf(port, token, COMMANDS[0]);
    if (status === 'completed') return;
    if (now() > until) throw new Complaint(`no Blender answered: ${status}`);
    await sleep(200);
  }
}

/** Calls at no regular times, one by one; each as `{ id, asked, answered }`. */
const calls = (port, token, command, count) => connected(port, async ([connection]) => {
  const made = [];
  for (let turn = 0; turn < count; turn += 1) {
    await sleep(Math.random() * 3 * FRAME_MS);
    const call = called(token, command);
    const begun = now();
    const answer = await asked(connection, call);
    const ended = now();
    const { status, job_id } = documentOf(answer);
    if (status !== 'completed') throw new Complaint(`Blender answered ${answer.body.slice(0, 500)}`);
    made.push({ id: job_id, asked: begun, answered: ended });
  }
  return made;
}, 1);

/** Milliseconds of each share of one call. */
function shares({ asked: begun, answered }, told, network) {
  const at = Object.fromEntries(Object.entries(told).map(([what, seconds]) => [what, seconds * 1000]));
  return {
    network: 2 * network,
    bus: at.arrived - begun + (answered - at.sent) - 2 * network,
    'waiting for the main thread': at.began - at.arrived,
    work: at.ended - at.began,
    answer: at.sent - at.ended,
    all: answered - begun,
    turns: told.turns,
  };
}

async function measured(python, mode, server, count) {
  const token = await login(server.port);
  const blender = startBlender(python, mode, server, token);
  try {
    await answering(server.port, token);
    const network = await roundTrip(server.folder, 200);
    const made = [];
    for (const command of COMMANDS) made.push(await calls(server.port, token, command, count));
    const tell = { name: 'execute_code', args: () => ({ code: TELL }) };
    const { result } = await answerOf(server.port, token, tell);
    const told = JSON.parse(result);
    return made.map((ofCommand) => ofCommand.map((call) => shares(call, told[call.id], network)));
  } finally {
    await stopLeashed(blender);
  }
}

const MODES = [
  { mode: 'headless', name: 'without a window' },
  { mode: 'window', name: 'as with a window' },
];

/** A new server becomes quicker for some thousand calls. */
async function warmUp(port, scale) {
  const token = await login(port);
  const peer = await attach(port, token, { acknowledges: true });
  await connected(port, (connections) => many(connections, dispatch(token), WARM_UP_MS * Math.max(scale, 0.1)));
  peer.close();
}

/** Medians of the shares, for a Blender without a window and for one whose timer turns as with a window. */
export async function inBlender({ rounds, scale, state }) {
  await ensureBlenderLibraries();
  const python = await pythonEnv('bpy42');
  const count = Math.ceil(rounds * CALLS * scale);
  console.log(`${count} calls of each command, one by one, to Blender 4.2: medians in ms, and shares of all of their time`);
  const figures = [];
  const server = await startWorkerd(BUS, state);
  try {
    await warmUp(server.port, scale);
    for (const { mode, name } of MODES) {
      const found = await measured(python, mode, server, count);
      for (const [index, { name: command, key }] of COMMANDS.entries()) {
        const of = (what) => found[index].map((one) => one[what]);
        const sum = (times) => times.reduce((all, time) => all + time, 0);
        const cells = SHARES.map((what) => `${what} ${median(of(what)).toFixed(2)} (${((100 * sum(of(what))) / sum(of('all'))).toFixed(0)} %)`);
        console.log(`${name}, ${command}: ${median(of('all')).toFixed(2)} = ${cells.join(', ')}`);
        for (const what of SHARES) {
          const short = what.split(' ')[0];
          figures.push({ key: `blender_${mode}_${key}_${short}_share`, value: sum(of(what)) / sum(of('all')) });
        }
      }
      const of = (what) => found.flat().map((one) => one[what]);
      const waits = [{
        name: `${name}: 95 in 100 wait no longer for the main thread`, key: `blender_${mode}_wait_ms`,
        value: quantile(of('waiting for the main thread'), 0.95), unit: 'ms',
      }];
      if (mode === 'window') waits.push({
        name: `turns of the timer, every ${FRAME_MS} ms, that any of them waited`, key: 'blender_wait_turns',
        value: Math.max(...of('turns')), unit: 'turns', goal: 1,
      });
      print(waits);
      figures.push(...waits);
    }
  } finally {
    await server.stop();
  }
  return figures;
}
