// What files are measured against: a bare Worker that takes one file into rows of an object, or into R2, with its SHA-256, and
// gives it back. No accounts, no ranges, no quotas, nothing kept of an upload that breaks off.
import { DurableObject } from 'cloudflare:workers';

const CHUNK = 1024 * 1024;
const PART = 8; // chunks of a part in R2

async function eachChunk(body, take) {
  const reader = body.getReader({ mode: 'byob' });
  let [buffer, filled] = [new ArrayBuffer(CHUNK), 0];
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(buffer, filled, CHUNK - filled));
    if (done) break;
    buffer = value.buffer;
    filled += value.byteLength;
    if (filled < CHUNK) continue;
    await take(new Uint8Array(buffer));
    filled = 0;
  }
  if (filled) await take(new Uint8Array(buffer, 0, filled));
}

const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export class Files extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec('CREATE TABLE IF NOT EXISTS chunks (chunk INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT');
  }

  async fetch(request) {
    return request.method === 'PUT' ? this.put(request) : this.get();
  }

  async put(request) {
    const digest = new crypto.DigestStream('SHA-256');
    const hashing = digest.getWriter();
    const upload = await this.env.FILES?.createMultipartUpload('file');
    const [parts, waiting] = [[], new Uint8Array(PART * CHUNK)];
    let [number, filled] = [0, 0];
    const part = async () => {
      parts.push(await upload.uploadPart(parts.length + 1, waiting.subarray(0, filled)));
      filled = 0;
    };
    if (!upload) this.sql.exec('DELETE FROM chunks');
    await eachChunk(request.body, async (chunk) => {
      await hashing.write(chunk);
      if (!upload) {
        this.sql.exec('INSERT INTO chunks VALUES (?, ?)', number++, chunk);
        return;
      }
      waiting.set(chunk, filled);
      filled += chunk.byteLength;
      if (filled === waiting.byteLength) await part();
    });
    await hashing.close();
    if (upload && filled) await part();
    await upload?.complete(parts);
    return Response.json({ sha256: hex(await digest.digest) }, { status: 201 });
  }

  async get() {
    if (this.env.FILES) return new Response((await this.env.FILES.get('file')).body);
    const [{ length }] = this.sql.exec('SELECT SUM(length(bytes)) AS length FROM chunks').toArray();
    const { readable, writable } = new FixedLengthStream(length);
    const writer = writable.getWriter();
    const send = async () => {
      for (let number = 0, at = 0; at < length; number++) {
        const [{ bytes }] = this.sql.exec('SELECT bytes FROM chunks WHERE chunk = ?', number).toArray();
        await writer.write(new Uint8Array(bytes));
        at += bytes.byteLength;
      }
      await writer.close();
    };
    send();
    return new Response(readable);
  }
}

export default { fetch: (request, env) => env.FILES_OF_USER.getByName('u').fetch(request) };
