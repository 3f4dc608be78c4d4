// `node leash.mjs COMMAND ...`: runs a command that does not outlive who started it. Its standard input is a pipe that the
// starter holds and never writes to: however the starter ends, killed or not, the pipe closes, and the command is ended
// with everything below it. A file descriptor 3, if there is one, is passed on.
import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { below, signalAll } from './process-tree.mjs';

const GRACE_MS = 3000;
const POLL_MS = 50;

const passesThree = (() => {
  try {
    return process.env.LEASH_FD3 === '1' && fstatSync(3) && true;
  } catch {
    return false;
  }
})();
const { LEASH_FD3: _own, ...env } = process.env;
const [command, ...args] = process.argv.slice(2);
const stdio = ['ignore', 'inherit', 'inherit', ...(passesThree ? [3] : [])];
const child = spawn(command, args, { stdio, env, detached: true });
let stopping = false;

/** Ends the command's group, and whoever below it has a group of its own. */
async function stop(signal = 'SIGTERM') {
  if (stopping) return;
  stopping = true;
  const all = [-child.pid, ...below(child.pid)];
  signalAll(all, signal);
  for (const deadline = Date.now() + GRACE_MS; signalAll(all, 0); await new Promise((next) => setTimeout(next, POLL_MS))) {
    if (Date.now() > deadline) signalAll(all, 'SIGKILL');
  }
}

child.once('error', (error) => {
  console.error(`cannot run ${command}: ${error.message}`);
  process.exit(127);
});
child.once('exit', async (code, signal) => {
  if (!stopping) signalAll([-child.pid], 'SIGKILL'); // what it left behind
  while (signalAll([-child.pid], 0)) await new Promise((next) => setTimeout(next, POLL_MS));
  process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
});
process.stdin.resume();
process.stdin.once('close', () => void stop());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stop(signal === 'SIGINT' ? signal : 'SIGTERM'));
