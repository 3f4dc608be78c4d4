// What people write after a command.
import { parseArgs } from 'node:util';
import { Complaint } from './process.mjs';

/** The options of this process; throws a Complaint with the usage when there are others. */
export function parsed(options, usage) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    throw new Complaint(`${error.message}\n${usage}`);
  }
}

export function portOf(value) {
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw new Complaint(`--port must be a number from 1 to 65535, not "${value}"`);
}
