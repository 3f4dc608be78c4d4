// Builds the Worker into build/: index.js (the entry) and index_bg.wasm, and what it serves as files into public/: the
// Blender extension. It is wrangler's build command, so that plain `npx wrangler dev` and `npx wrangler deploy` work too.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Complaint, ROOT, main, outputOf, run } from './process.mjs';
import { findPython } from './python-env.mjs';
import { WASM_TARGET, ensureBuildTools, toolEnv, toolFingerprint } from './toolchain.mjs';

const BUILD = path.join(ROOT, 'build');
const STAMP = path.join(BUILD, '.inputs');
const OUTPUTS = ['index.js', 'index_bg.wasm'].map((name) => path.join(BUILD, name));

// wasm-opt makes the module a fifth smaller and takes half a minute: what is deployed and tested has it, but not every
// rebuild while somebody edits under `wrangler dev`, who sets this for its build command.
const OPTIMIZE = process.env.WRANGLER_COMMAND !== 'dev';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');
const kib = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;

function targetDirectory(env) {
  const metadata = outputOf('cargo', ['metadata', '--format-version', '1', '--no-deps'], { env });
  if (!metadata) throw new Complaint('`cargo metadata` failed: is Cargo.toml sound?');
  return JSON.parse(metadata).target_directory;
}

/** Cargo alone knows whether sources changed, so it is always asked; what follows it (bindings, wasm-opt, bundling:
 *  some seconds) depends on nothing but the module it made, and is skipped when that is the same as last time. */
async function build() {
  await run(findPython({ orLater: true }), [path.join(ROOT, 'scripts', 'build-addon.py')]);
  await ensureBuildTools({ keepNpm: true });
  const env = toolEnv();
  await run('cargo', ['build', '--lib', '--release', '--target', WASM_TARGET], { env });
  const module = readFileSync(path.join(targetDirectory(env), WASM_TARGET, 'release', 'blender_bus.wasm'));
  const inputs = sha256(module, toolFingerprint());
  const stamp = OUTPUTS.every(existsSync) && existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : '';
  const fresh = stamp === `${inputs} optimized` || (!OPTIMIZE && stamp === `${inputs} plain`);
  if (!fresh) {
    rmSync(STAMP, { force: true });
    await run('worker-build', ['--release', ...(OPTIMIZE ? [] : ['--no-opt'])], { env });
    writeFileSync(STAMP, `${inputs} ${OPTIMIZE ? 'optimized' : 'plain'}`);
  }
  const wasm = readFileSync(OUTPUTS[1]);
  const size = `${kib(wasm.length)} (${kib(gzipSync(wasm, { level: 9 }).length)} gzip)`;
  const how = fresh ? 'unchanged' : OPTIMIZE ? 'built' : 'built for development';
  console.log(`Worker ${how}: index_bg.wasm ${size}`);
}

await main(build);
