// `npm run build`, and wrangler's build command, so that plain `npx wrangler dev` and `npx wrangler deploy` work too.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { OUTPUTS } from './bundle.mjs';
import { main, onEnd } from './process.mjs';
import { ensureBuildTools } from './toolchain.mjs';
import { buildExtension, compile, link } from './worker.mjs';

// wrangler says so to its build command when somebody edits under `wrangler dev`.
const forEditing = process.env.WRANGLER_COMMAND === 'dev';

const kib = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;

async function build() {
  onEnd(() => process.exit(130)); // what runs ends with this process
  await buildExtension();
  const { bindgen, alongside: module } = await ensureBuildTools({ keepNpm: true, alongside: () => compile({ forEditing }) });
  const made = await link(module, bindgen, { forEditing });
  const wasm = readFileSync(OUTPUTS[1]);
  const size = forEditing ? kib(wasm.length) : `${kib(wasm.length)} (${kib(gzipSync(wasm, { level: 9 }).length)} gzip)`;
  console.log(`Worker ${made ? 'built' : 'unchanged'}${forEditing ? ' for development' : ''}: index_bg.wasm ${size}`);
}

await main(build);
