// Which processes are below one, and signals for many.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** Process id and parent of every process. */
function everyProcess() {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
      try {
        return [[Number(name), Number(readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[2])]];
      } catch {
        return []; // it has just ended
      }
    });
  } catch {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
    return (stdout ?? '').trim().split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  }
}

/** The ids of all processes below `root`. */
export function below(root) {
  const all = everyProcess();
  const found = [];
  for (let fresh = [root]; fresh.length > 0; ) {
    fresh = all.filter(([, parent]) => fresh.includes(parent)).map(([id]) => id);
    found.push(...fresh);
  }
  return found;
}

/** Signals processes, or groups by their negative id; tells whether any of them is there. */
export function signalAll(ids, signal) {
  let reached = false;
  for (const id of ids) {
    try {
      process.kill(id, signal);
      reached = true;
    } catch {
      // gone already
    }
  }
  return reached;
}
