// Where the module and the runtime meet most often: what would be many small calls across their border is one call here. A call
// takes and gives texts, since each value that is passed as an object costs a call of its own to be looked at.
//
// rows(sql, statement, parameters): runs one statement of an object's SQLite.
//   `parameters` and the rows are JSON: an array of values, and an array of such arrays. A value is null, a number, or a
//   text; a blob is an array of its bytes, and a number that is not finite, which JSON cannot write, is true (the positive)
//   or false. Nothing comes back where there are no rows. Throws what the runtime throws.
// answered(ticket, status, text): ends a call of an export with a response of this JSON. `ticket` came with the call
//   (`scripts/entry.js`) and holds both ends of the promise that its caller has.
// post(env, binding, name, url, text, whole, number, heard): sends a text to the object of a name. Later, not before it
//   returns, `heard(number, status, value)` is called once: `value` is the text of the answer if its status is `whole`, else the
//   Response; for a status of 0 it is what went wrong. Throws where there is no such binding.
// completed(response, always, inDocuments): adds headers that a response lacks, each list JSON pairs of a name and a value; the
//   second if it is an HTML document. Headers that may not be changed stay, and so does the handshake of a WebSocket.

/** Answers of objects, passed on as they came. Their headers may not be changed, and an attempt is an exception, which the runtime
 *  traces through the frames of the module: a tenth of what a call costs. */
const passedOn = new WeakSet();

/** The header in which a short and plain text goes to an object, where `scripts/entry.js` reads it: a body costs a stream at
 *  both ends. */
const TEXT = 'bus-text';
const MAX_HEADER = 4096;
const PLAIN = /^[ -~]+$/;

const packed = (value) => {
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  return typeof value === 'number' && !Number.isFinite(value) ? value > 0 : value;
};

/**
 * @param {{ exec(statement: string, ...parameters: unknown[]): { raw(): Iterable<unknown[]> } }} sql
 * @param {string} statement
 * @param {string} parameters
 * @returns {string | undefined}
 */
export function rows(sql, statement, parameters) {
  const bound = JSON.parse(parameters).map((value) => (Array.isArray(value) ? new Uint8Array(value) : value));
  const found = [...sql.exec(statement, ...bound).raw()];
  return found.length > 0 ? JSON.stringify(found.map((row) => row.map(packed))) : undefined;
}

/**
 * @param {{ resolve(value: unknown): void, reject(error: unknown): void }} ticket
 * @param {number} status
 * @param {string} text
 */
export function answered(ticket, status, text) {
  ticket.resolve(new Response(text, { status, headers: { 'content-type': 'application/json' } }));
}

/**
 * @param {Record<string, { getByName(name: string): { fetch(url: string, init: RequestInit): Promise<Response> } }>} env
 * @param {string} binding
 * @param {string} name
 * @param {string} url
 * @param {string} text
 * @param {number} whole
 * @param {number} number
 * @param {(number: number, status: number, value: unknown) => void} heard
 */
export function post(env, binding, name, url, text, whole, number, heard) {
  const isShort = text.length <= MAX_HEADER && PLAIN.test(text);
  const carried = isShort ? { headers: { [TEXT]: text } } : { body: text };
  const asked = env[binding].getByName(name).fetch(url, { method: 'POST', ...carried });
  const read = async () => {
    const response = await asked;
    if (response.status === whole) return [response.status, await response.text()];
    passedOn.add(response);
    return [response.status, response];
  };
  read().then(([status, value]) => heard(number, status, value), (error) => heard(number, 0, error));
}

/**
 * @param {Headers} headers
 * @param {string} wanted
 */
function add(headers, wanted) {
  for (const [name, value] of JSON.parse(wanted)) {
    if (!headers.has(name)) headers.set(name, value);
  }
}

/**
 * @param {Response} response
 * @param {string} always
 * @param {string} inDocuments
 */
export function completed(response, always, inDocuments) {
  if (response.status === 101 || passedOn.has(response)) return;
  try {
    add(response.headers, always);
    if (response.headers.get('content-type')?.startsWith('text/html')) add(response.headers, inDocuments);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}
