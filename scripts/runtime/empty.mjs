// Databases of objects that were asked once and keep nothing: workerd leaves a file of one page for each.
import { closeSync, openSync, readSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

const MAGIC = 'SQLite format 3\0';
/** From the file format of SQLite: the header of a file, then that of its first page, the root of the table of tables. */
const HEADER = { bytes: 108, pageSize: 16, kind: 100, leaf: 0x0d, entries: 103 };

/** Whether a file is a database of one page without any table, and no write to it is still in its journal. */
function isEmpty(file) {
  for (const journal of [`${file}-wal`, `${file}-journal`]) {
    if (statSync(journal, { throwIfNoEntry: false })?.size) return false;
  }
  const { size } = statSync(file);
  if (size === 0) return true;
  const bytes = Buffer.alloc(HEADER.bytes);
  const opened = openSync(file, 'r');
  try {
    if (readSync(opened, bytes, 0, HEADER.bytes, 0) < HEADER.bytes) return false;
  } finally {
    closeSync(opened);
  }
  return bytes.toString('latin1', 0, MAGIC.length) === MAGIC && size === bytes.readUInt16BE(HEADER.pageSize)
    && bytes[HEADER.kind] === HEADER.leaf && bytes.readUInt16BE(HEADER.entries) === 0;
}

/** Removes them; how many they were. Nobody may have them open. */
export function removeEmpty(objects) {
  const found = readdirSync(objects, { recursive: true }).filter((name) => name.endsWith('.sqlite'));
  const empty = found.map((name) => path.join(objects, name)).filter(isEmpty);
  for (const file of empty) for (const end of ['-wal', '-shm', '-journal', '']) rmSync(file + end, { force: true });
  return empty.length;
}
