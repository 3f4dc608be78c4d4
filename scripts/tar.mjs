// A tar file that depends on names and contents alone: no times, no owners.

const BLOCK = 512;

function field(header, value, offset, length) {
  header.write(value, offset, length, 'utf8');
}

function headerOf(name, size) {
  if (Buffer.byteLength(name) > 100) throw new Error(`the name is too long for a plain tar file: ${name}`);
  const header = Buffer.alloc(BLOCK);
  field(header, name, 0, 100);
  field(header, name.endsWith('release-command.mjs') ? '0000755\0' : '0000644\0', 100, 8);
  field(header, '0000000\0', 108, 8);
  field(header, '0000000\0', 116, 8);
  field(header, `${size.toString(8).padStart(11, '0')}\0`, 124, 12);
  field(header, '00000000000\0', 136, 12);
  field(header, '        0', 148, 9); // the checksum counts as blanks; then the type: a file
  field(header, 'ustar\x0000', 257, 8);
  const sum = header.reduce((total, byte) => total + byte, 0);
  field(header, `${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return header;
}

/** `files`: pairs of name and content. */
export function tarOf(files) {
  const parts = files.flatMap(([name, data]) => [headerOf(name, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
