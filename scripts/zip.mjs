// A zip file that depends on names and contents alone: stored, in the given order, with the earliest time a zip can hold.
import zlib from 'node:zlib';
import { Complaint } from './process.mjs';

const DATE = 0x0021; // 1 January 1980

function headerOf(name, data, offset) {
  const encoded = Buffer.from(name);
  const common = Buffer.alloc(26);
  [20, 0x0800, 0, 0, DATE].forEach((value, at) => common.writeUInt16LE(value, 2 * at)); // version, UTF-8 names, stored
  [zlib.crc32(data), data.length, data.length].forEach((value, at) => common.writeUInt32LE(value, 10 + 4 * at));
  common.writeUInt16LE(encoded.length, 22);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(offset, 10);
  return {
    local: Buffer.concat([Buffer.from('PK\x03\x04'), common, encoded]),
    central: Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, rest, encoded]),
  };
}

/** `files`: pairs of name and content. */
export function zipOf(files) {
  if (!zlib.crc32) throw new Complaint(`making a release needs Node 20.15 or newer, this is ${process.version}`);
  const parts = [];
  const central = [];
  let offset = 0;
  for (const [name, data] of files) {
    const header = headerOf(name, data, offset);
    parts.push(header.local, data);
    central.push(header.central);
    offset += header.local.length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}
