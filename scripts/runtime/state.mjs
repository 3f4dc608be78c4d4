// The state folder: one server at a time, for two would spoil each other's databases.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Complaint } from '../process.mjs';

function alive(id) {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Takes the folder for this process; what it returns lets go of it. */
export function claim(folder) {
  const file = path.join(folder, 'server.pid');
  const owner = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  if (owner > 0 && owner !== process.pid && alive(owner)) {
    throw new Complaint(`the state folder ${folder} is in use by process ${owner}: stop that server first`);
  }
  writeFileSync(file, `${process.pid}`);
  return () => rmSync(file, { force: true });
}

/** Makes the folder and takes it. */
export function madeFolder(folder) {
  try {
    mkdirSync(path.join(folder, 'objects'), { recursive: true });
    return claim(folder);
  } catch (error) {
    if (error instanceof Complaint) throw error;
    throw new Complaint(`the state folder ${folder} cannot be written (${error.code}): name another with --state`);
  }
}
