// The user's cache folder, where everything is kept that is heavy to make and does not depend on the clone.
import { closeSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

export const CACHE = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'blender-bus');
const LOCK_STALE_MS = 20_000;

const sleep = (ms) => new Promise((next) => setTimeout(next, ms));

/** Runs `body` while no other process does the same: a lock file, kept fresh while its owner lives. */
export async function exclusively(lock, body) {
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx'));
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > LOCK_STALE_MS) rmSync(lock, { force: true });
      else await sleep(500);
    }
  }
  const heartbeat = setInterval(() => utimesSync(lock, new Date(), new Date()), LOCK_STALE_MS / 4);
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
    rmSync(lock, { force: true });
  }
}
