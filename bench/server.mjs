// A server as a process of its own, which says where it listens in a line of JSON: {"port": number, ...}.
import { openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { below } from '../scripts/process-tree.mjs';
import { Complaint, spawnLeashed } from '../scripts/process.mjs';

const START_MS = 30_000;

/** Starts it in `folder`, where its log goes; it says its port at the file descriptor `portsAt`. Resolves to
 *  `{ port, pid, stop }` once it listens; `stop` kills it, and resolves once it is gone. */
export async function startServer(command, args, { folder, portsAt }) {
  const log = openSync(path.join(folder, 'log'), 'w');
  const control = portsAt === 3;
  const stdio = [control ? log : 'pipe', log];
  const child = spawnLeashed(command, args, { cwd: folder, env: { ...process.env, PWD: folder }, stdio, control });
  const port = await new Promise((resolve, reject) => {
    const failed = (why) => {
      const said = readFileSync(path.join(folder, 'log'), 'utf8');
      reject(new Complaint(`${path.basename(command)} ${why}:\n${said}`));
    };
    const limit = setTimeout(() => failed(`was not ready after ${START_MS / 1000} s`), START_MS);
    child.once('error', (error) => failed(`did not start (${error.message})`));
    child.once('exit', () => failed('ended'));
    let text = '';
    child.stdio[portsAt].setEncoding('utf8').on('data', (more) => {
      text += more;
      if (!text.includes('\n')) return;
      clearTimeout(limit);
      resolve(JSON.parse(text.split('\n')[0]).port);
    });
  });
  child.removeAllListeners('exit');
  const pid = below(child.pid)[0];
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = () => {
    process.kill(pid, 'SIGKILL');
    return ended;
  };
  return { port, pid, stop };
}
