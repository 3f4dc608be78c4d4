// The names of the functions in a module: the trace of a panic is made of them, and nothing else.

const CUSTOM = 0; // the id of a section with a name of its own
const FUNCTIONS = 1; // the id of what names functions in the section `name`

const LONGEST = 60;

/** The number (LEB128) at a place, and the place behind it. */
function number(bytes, at) {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

function encoded(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** The parts from a place to the end, each an id, its length and its content. */
function* parts(bytes, at) {
  while (at < bytes.length) {
    const [length, start] = number(bytes, at + 1);
    const end = start + length;
    yield { id: bytes[at], whole: bytes.subarray(at, end), content: bytes.subarray(start, end) };
    at = end;
  }
}

const part = (id, content) => Buffer.concat([Buffer.from([id, ...encoded(content.length)]), content]);

function renamed(names, rename) {
  let [count, at] = number(names, 0);
  const made = [Buffer.from(encoded(count))];
  for (; count > 0; count -= 1) {
    const [index, after] = number(names, at);
    const [length, start] = number(names, after);
    at = start + length;
    const name = Buffer.from(rename(names.toString('utf8', start, at)));
    made.push(Buffer.from([...encoded(index), ...encoded(name.length)]), name);
  }
  return Buffer.concat(made);
}

/** The module, with `rename(name)` in the place of each function's name. */
export function renameFunctions(module, rename) {
  const sections = [...parts(module, 8)].map(({ id, whole, content }) => {
    if (id !== CUSTOM) return whole;
    const [length, start] = number(content, 0);
    if (content.toString('utf8', start, start + length) !== 'name') return whole;
    const kinds = [...parts(content, start + length)];
    const made = kinds.map((kind) => (kind.id === FUNCTIONS ? part(FUNCTIONS, renamed(kind.content, rename)) : kind.whole));
    return part(CUSTOM, Buffer.concat([content.subarray(0, start + length), ...made]));
  });
  return Buffer.concat([module.subarray(0, 8), ...sections]);
}

const HASHES = /::h[0-9a-f]{16}|\[[0-9a-f]{12,}\]/g;
const PARAMETERS = /(?<=\w)(?:::)?<[^<>]*>/g;
const IMPLEMENTED = /<(?:impl [^<>]*? for )?([^<>]*?)(?: as [^<>]*)?>/g;

/** `module::Type::function`: without hashes, without the parameters of types, and without the trait that a type has it from. */
export function shortened(name) {
  let text = name.replace(HASHES, '').replaceAll('->', '');
  for (let before; before !== text; ) {
    before = text;
    text = text.replace(PARAMETERS, '');
    if (text === before) text = text.replace(IMPLEMENTED, '$1');
  }
  return text.slice(0, LONGEST);
}

/** Without the number by which wasm-opt tells apart functions of one name. */
export const unnumbered = (name) => name.replace(/_\d+$/, '');
