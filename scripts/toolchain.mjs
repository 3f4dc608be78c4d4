// The tools the Worker is built with. Each version is written down once: Rust crates in Cargo.lock, npm packages in
// package.json, the wasm target in rust-toolchain.toml.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { Complaint, ROOT, outputOf, run } from './process.mjs';

export const WASM_TARGET = 'wasm32-unknown-unknown';
const NODE_MODULES = path.join(ROOT, 'node_modules');
const NODE_BIN = path.join(NODE_MODULES, '.bin');
const CARGO_BIN = path.join(process.env.CARGO_HOME ?? path.join(homedir(), '.cargo'), 'bin');

const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** The version of a crate as Cargo.lock pins it. */
function lockedVersion(crate) {
  const lock = readFileSync(path.join(ROOT, 'Cargo.lock'), 'utf8');
  const version = new RegExp(`\\nname = "${crate}"\\nversion = "([^"]+)"`).exec(lock)?.[1];
  if (!version) throw new Complaint(`Cargo.lock does not pin the crate ${crate}`);
  return version;
}

/** The environment of every child: our npm tools (and with them Node 22) and cargo's tools first on PATH. */
export function toolEnv(extra = {}) {
  const env = { ...process.env, PATH: [NODE_BIN, CARGO_BIN, process.env.PATH].join(path.delimiter) };
  const tools = {
    WASM_BINDGEN_BIN: path.join(CARGO_BIN, 'wasm-bindgen'),
    WASM_OPT_BIN: path.join(NODE_BIN, 'wasm-opt'),
    ESBUILD_BIN: path.join(NODE_BIN, 'esbuild'),
  };
  for (const [name, file] of Object.entries(tools)) if (!env[name] && existsSync(file)) env[name] = file;
  // worker-build sets this for its own cargo call; without it every other cargo call would compile it all again.
  return { ...env, WASM_BINDGEN_USE_JS_SYS: '1', WRANGLER_SEND_METRICS: 'false', ...extra };
}

function requireRust() {
  const version = outputOf('cargo', ['--version'], { env: toolEnv() });
  if (!version) throw new Complaint('cargo was not found. Install Rust with rustup (rustup.rs), then try again.');
  return version;
}

/** npm packages as package-lock.json pins them. `npm ci` is too strict here: it refuses a lock file that was written
 *  where a registry lacked the binaries of some other platform. */
export async function ensureNpmPackages({ onlyIfMissing = false } = {}) {
  const stamp = path.join(NODE_MODULES, '.blender-bus-lock');
  const wanted = sha256(readFileSync(path.join(ROOT, 'package-lock.json')));
  const present = existsSync(path.join(NODE_BIN, 'wrangler')) && existsSync(path.join(NODE_BIN, 'wasm-opt'));
  if (present && (onlyIfMissing || (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted))) return;
  console.log('Installing npm packages (wrangler, workerd, binaryen, Node 22) ...');
  const args = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', args, { hint: 'npm comes with Node; Node 20 or newer is needed.' });
  mkdirSync(NODE_MODULES, { recursive: true });
  writeFileSync(stamp, wanted);
}

/** wrangler needs Node 22. The npm packages bring one for common machines; elsewhere the host's has to do. */
export function requireNode22() {
  const version = outputOf('node', ['--version'], { env: toolEnv() });
  if (Number(/^v(\d+)/.exec(version ?? '')?.[1] ?? 0) < 22) {
    throw new Complaint(`wrangler needs Node 22 or newer, found ${version ?? 'none'}. Install it, then try again.`);
  }
}

async function ensureWasmTarget() {
  const sysroot = outputOf('rustc', ['--print', 'sysroot'], { env: toolEnv() });
  if (sysroot && existsSync(path.join(sysroot, 'lib', 'rustlib', WASM_TARGET, 'lib'))) return;
  console.log(`Adding the Rust target ${WASM_TARGET} ...`);
  const hint = `Install Rust with rustup, or add the target ${WASM_TARGET} to your toolchain.`;
  await run('rustup', ['target', 'add', WASM_TARGET], { hint });
}

/** wasm-bindgen and worker-build, in exactly the versions Cargo.lock needs, in cargo's usual bin folder. */
async function ensureCargoTools() {
  const wanted = [
    { crate: 'wasm-bindgen-cli', binary: 'wasm-bindgen', version: lockedVersion('wasm-bindgen') },
    { crate: 'worker-build', binary: 'worker-build', version: lockedVersion('worker') },
  ];
  for (const { crate, binary, version } of wanted) {
    const found = outputOf(path.join(CARGO_BIN, binary), ['--version']);
    if (found?.split(/\s+/).includes(version)) continue;
    console.log(`Installing ${crate} ${version} (once, 2-3 minutes) ...`);
    // The project's own target folder and flags must not leak into somebody else's crate.
    const { CARGO_TARGET_DIR: _folder, RUSTFLAGS: _flags, ...env } = toolEnv();
    const args = ['install', crate, '--version', version, '--locked', '--force', '--root', path.dirname(CARGO_BIN)];
    await run('cargo', args, { env, cwd: homedir(), hint: 'Is crates.io reachable, and a C compiler installed?' });
  }
}

/** All that a build needs. Quick when it is all there. */
export async function ensureBuildTools({ keepNpm = false } = {}) {
  requireRust();
  await ensureNpmPackages({ onlyIfMissing: keepNpm });
  requireNode22();
  await ensureWasmTarget();
  await ensureCargoTools();
}

/** What identifies the tools: a change in any of them makes an old build stale. */
export function toolFingerprint() {
  const versions = ['wasm-bindgen', 'worker'].map(lockedVersion);
  return sha256([...versions, readFileSync(path.join(ROOT, 'package-lock.json'))].join('\n'));
}
