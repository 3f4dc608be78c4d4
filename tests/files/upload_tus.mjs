// Uploads a file with tus-js-client: `upload_tus.mjs URL TOKEN FILE STOP_AFTER`. It is aborted after so many bytes and resumed.
import { createReadStream, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [, , endpoint, token, file, stopAfter] = process.argv;
const require = createRequire(path.join(process.env.BUS_NODE_CLIENTS, 'node_modules', 'x.js'));
const tus = require('tus-js-client');

const options = {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: 'größe.glb', filetype: 'model/gltf-binary' },
  uploadSize: statSync(file).size,
  chunkSize: 700_000,
  retryDelays: [0, 100],
};

function run(more) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(createReadStream(file), { ...options, ...more(() => upload, resolve), onError: reject });
    upload.start();
  });
}

const url = await run((upload, resolve) => ({
  onChunkComplete(_size, sent) {
    if (sent >= Number(stopAfter)) upload().abort().then(() => resolve(upload().url));
  },
}));
await run((_upload, resolve) => ({ uploadUrl: url, onSuccess: resolve }));
console.log(url);
