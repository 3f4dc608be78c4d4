// Child processes: run to the end, read their output, stop them with all they started.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { constants as osConstants, homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const LEASH = path.join(ROOT, 'scripts', 'leash.mjs');

/** A failure whose message is meant for the person at the keyboard: printed without a stack trace, and not at all where it
 *  is empty, because all is said. */
export class Complaint extends Error {}

/** Less than this on a disk, and nothing can be built there. */
const ROOM_BYTES = 32 << 20;
/** npm ends with the number of the fault, of which a shell sees one byte; what it had written is gone by then. */
const NPM_NO_SPACE = 256 - osConstants.errno.ENOSPC;

/** What is wrong with the disks that a build writes to: a sentence, or null. */
function diskFault() {
  const home = process.env.HOME ?? homedir();
  const folders = [ROOT, process.env.XDG_CACHE_HOME ?? path.join(home, '.cache'), process.env.CARGO_TARGET_DIR, tmpdir()];
  for (const folder of folders.filter(Boolean)) {
    let at = path.resolve(folder);
    while (!existsSync(at) && at !== path.dirname(at)) at = path.dirname(at);
    try {
      accessSync(at, constants.W_OK);
    } catch (error) {
      return `${at}: ${DISK_FAULTS[error.code] ?? DISK_FAULTS.EACCES}`;
    }
    const { bavail, blocks, bsize } = statfsSync(at);
    // Some file systems do not tell, and have no blocks at all.
    if (blocks > 0 && bavail * bsize < ROOM_BYTES) return `${at}: ${DISK_FAULTS.ENOSPC}`;
  }
  return null;
}

/** Throws a Complaint where nothing can be built, before anything tries. */
export function requireDisk() {
  const fault = diskFault();
  if (fault) throw new Complaint(fault);
}

/** Standard output of a short command, trimmed; null when it is missing or fails. */
export function outputOf(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  return result.status === 0 ? result.stdout.trim() : null;
}

/** Starts a command that ends with this process, however that ends, together with all it has started itself. `stdio` is
 *  what its output goes to, `control` a fourth pipe (file descriptor 3). Killing what this returns ends the command too. */
export function spawnLeashed(command, args, { env = process.env, cwd = ROOT, stdio = ['inherit', 'inherit'], control = false } = {}) {
  const outputs = ['pipe', ...stdio, ...(control ? ['pipe'] : [])];
  const own = control ? { ...env, LEASH_FD3: '1' } : env;
  return spawn(process.execPath, [LEASH, command, ...args], { cwd, env: own, stdio: outputs, detached: true });
}

/** Resolves once a leashed command and all below it are gone. */
export async function stopLeashed(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.stdin.destroy();
  await ended;
}

/** Runs a command to its end with our output streams; throws a Complaint naming it when it fails, or the fault of the disk
 *  that made it fail. One that `tells` has said itself what is wrong. */
export async function run(command, args, { env, cwd, hint = '', stdio, tells = false } = {}) {
  const code = await new Promise((resolve, reject) => {
    const child = spawnLeashed(command, args, { env, cwd, stdio });
    child.once('error', (error) => reject(new Complaint(`cannot run ${command}: ${error.message}. ${hint}`.trim())));
    child.once('exit', (status, signal) => resolve(signal ?? status));
  });
  if (code !== 0 && tells) throw new Complaint('');
  if (code === NPM_NO_SPACE) throw new Complaint(`${command}: ${DISK_FAULTS.ENOSPC}`);
  if (code !== 0) throw new Complaint(diskFault() ?? `\`${command} ${args.join(' ')}\` ended with ${code}. ${hint}`.trim());
}

/** Our parent and its parent: the shell that npm runs a script in, and npm. Beyond Linux only the first is known. */
function ancestors() {
  let above = '';
  try {
    above = readFileSync(`/proc/${process.ppid}/stat`, 'utf8').replace(/^.*\)/s, '').split(' ')[2];
  } catch {
    // no /proc, or the parent has just gone, which the other half tells
  }
  return `${process.ppid} ${above}`;
}

/** Calls `stop` when we are told to end, or when who started us is gone: npm that is killed does not pass it on. */
export function onEnd(stop) {
  const started = ancestors();
  const watch = setInterval(() => ancestors() !== started && stop(), 1000);
  watch.unref();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
}

const DISK_FAULTS = {
  ENOSPC: 'no space is left on the disk: make room, then try again',
  EDQUOT: 'your share of the disk is used up: make room, then try again',
  EROFS: 'the disk is read-only: work in a copy that can be written',
  EACCES: 'you may not write there: work in a copy that is yours',
};

function sentence(error) {
  if (error instanceof Complaint) return error.message && `\nerror: ${error.message}`;
  const fault = DISK_FAULTS[error?.code];
  return fault && error.path ? `\nerror: ${error.path}: ${fault}` : error;
}

/** Runs a script's main function; what its user can mend is one line on stderr, anything else keeps its stack. */
export async function main(body) {
  try {
    if (Number(process.versions.node.split('.')[0]) < 20) {
      throw new Complaint(`Node 20 or newer is needed, this is ${process.version}. Install it, then try again.`);
    }
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    const said = sentence(error);
    if (said !== '') console.error(said);
    process.exit(1); // at once: what still runs or watches ends with this process
  }
}
