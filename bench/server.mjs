// A server as a process of its own, which says where it listens in a line of JSON: {"port": number, ...}.
import { openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { below } from '../scripts/process-tree.mjs';
import { Complaint, spawnLeashed } from '../scripts/process.mjs';

const START_MS = 30_000;

/** Starts it in `folder`, where its log goes; it says its port at the file descriptor `portsAt`. Resolves to
 *  `{ port, pid, begun, stop }` once it listens: `begun` is when its process began, without what it takes to get there;
 *  `stop` kills it, and resolves once it is gone. */
export async function startServer(command, args, { folder, portsAt }) {
  const log = openSync(path.join(folder, 'log'), 'w');
  const control = portsAt === 3;
  const stdio = [control ? log : 'pipe', log];
  const telling = ['-c', `echo >&${portsAt}; exec "$0" "$@"`, command, ...args];
  const child = spawnLeashed('sh', telling, { cwd: folder, env: { ...process.env, PWD: folder }, stdio, control });
  const { begun, port } = await new Promise((resolve, reject) => {
    const failed = (why) => {
      const said = readFileSync(path.join(folder, 'log'), 'utf8');
      reject(new Complaint(`${path.basename(command)} ${why}:\n${said}`));
    };
    const limit = setTimeout(() => failed(`was not ready after ${START_MS / 1000} s`), START_MS);
    child.once('error', (error) => failed(`did not start (${error.message})`));
    child.once('exit', () => failed('ended'));
    let [text, begun] = ['', null];
    child.stdio[portsAt].setEncoding('utf8').on('data', (more) => {
      begun ??= performance.now();
      text += more;
      const [, line, rest] = text.split('\n');
      if (rest === undefined) return;
      clearTimeout(limit);
      resolve({ begun, port: JSON.parse(line).port });
    });
  });
  child.removeAllListeners('exit');
  const pid = below(child.pid)[0];
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = () => {
    process.kill(pid, 'SIGKILL');
    return ended;
  };
  return { port, pid, begun, stop };
}
