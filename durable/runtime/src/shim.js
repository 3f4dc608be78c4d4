// Where the module and the runtime meet most often: what would be many small calls across their border is one call here. A call
// takes and gives texts, since each value that is passed as an object costs a call of its own to be looked at.
//
// rows(sql, statement, parameters): runs one statement of an object's SQLite.
//   `parameters` and the rows are JSON: an array of values, and an array of such arrays. A value is null, a number, or a
//   text; a blob is an array of its bytes, and a number that is not finite, which JSON cannot write, is true (the positive)
//   or false. Nothing comes back where there are no rows. Throws what the runtime throws.

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
