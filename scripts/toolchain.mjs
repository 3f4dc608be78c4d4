// The tools the Worker is built with. Each version is written down once: Rust crates in Cargo.lock, npm packages in
// package.json, the wasm target in rust-toolchain.toml.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { CACHE, exclusively } from './cache.mjs';
import { Complaint, ROOT, outputOf, requireDisk, run } from './process.mjs';

export const WASM_TARGET = 'wasm32-unknown-unknown';
const NODE_MODULES = path.join(ROOT, 'node_modules');
const NODE_BIN = path.join(NODE_MODULES, '.bin');
const CARGO_BIN = path.join(process.env.CARGO_HOME ?? path.join(homedir(), '.cargo'), 'bin');
const BINDGEN = path.join(ROOT, 'scripts', 'bindgen');
const BINDGEN_FILES = ['Cargo.toml', 'Cargo.lock', 'src/main.rs'].map((name) => path.join(BINDGEN, name));
const BUNDLER_FILES = ['bundle.mjs', 'names.mjs', 'entry.js'].map((name) => path.join(ROOT, 'scripts', name));
/** Somebody waits: npm would try for minutes where there is no network, as cargo does for half a minute (CARGO_NET_RETRY). */
const IMPATIENT = { npm_config_fetch_retries: '2', npm_config_fetch_retry_mintimeout: '1000', npm_config_fetch_retry_maxtimeout: '4000' };
export const NO_CRATES = 'Is crates.io reachable?';

const readText = (file) => readFileSync(file, 'utf8');
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** The environment of every child: our npm tools (and with them Node 22) and cargo's tools first on PATH. */
export function toolEnv(extra = {}) {
  const env = { ...process.env, PATH: [NODE_BIN, CARGO_BIN, process.env.PATH].join(path.delimiter) };
  // The `worker` crate is compiled with this set; every other cargo call would otherwise compile it all again.
  return { CARGO_NET_RETRY: '1', ...env, WASM_BINDGEN_USE_JS_SYS: '1', WRANGLER_SEND_METRICS: 'false', ...extra };
}

function requireRust() {
  const version = outputOf('cargo', ['--version'], { env: toolEnv() });
  if (!version) throw new Complaint('cargo was not found. Install Rust with rustup (rustup.rs), then try again.');
  // Build scripts and macros are programs of this machine; rustc has them linked by the C compiler.
  if (process.platform !== 'win32' && outputOf('cc', ['--version'], { env: toolEnv() }) === null) {
    const how = process.platform === 'darwin' ? 'xcode-select --install' : 'sudo apt-get install gcc libc6-dev (on Debian)';
    throw new Complaint(`a C compiler (cc) was not found, which Rust links with. Install one: ${how}, then try again.`);
  }
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
  if (outputOf('npm', ['--version']) === null) throw new Complaint('npm was not found. It comes with Node: install Node 20 or newer.');
  await run('npm', args, { env: { ...process.env, ...IMPATIENT }, hint: 'Is the npm registry reachable?' });
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
  const isThere = () => sysroot && existsSync(path.join(sysroot, 'lib', 'rustlib', WASM_TARGET, 'lib'));
  if (isThere()) return;
  mkdirSync(CACHE, { recursive: true });
  // Two of them at once spoil each other's toolchain.
  await exclusively(path.join(CACHE, 'rustup.lock'), async () => {
    if (isThere()) return;
    console.log(`Adding the Rust target ${WASM_TARGET} ...`);
    const hint = `Is static.rust-lang.org reachable? Without rustup, add the target ${WASM_TARGET} to your toolchain yourself.`;
    await run('rustup', ['target', 'add', WASM_TARGET], { hint });
  });
}

/** The program that writes the JavaScript side of the module, compiled once in the version that Cargo.lock needs. */
export async function ensureBindgen() {
  const folder = path.join(CACHE, 'bindgen', sha256(BINDGEN_FILES.map(readText).join('\n')).slice(0, 12));
  const program = path.join(folder, 'bindgen');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  await exclusively(`${folder}.lock`, async () => {
    if (existsSync(program)) return;
    console.log('Compiling the bindings generator (once, half a minute) ...');
    // The project's own target folder and flags are not for this one.
    const { CARGO_TARGET_DIR: _folder, RUSTFLAGS: _flags, ...env } = toolEnv();
    const target = path.join(folder, 'target');
    const args = ['build', '--quiet', '--locked', '--manifest-path', path.join(BINDGEN, 'Cargo.toml'), '--target-dir', target];
    await run('cargo', args, { env, hint: NO_CRATES });
    copyFileSync(path.join(target, 'debug', 'bindgen'), `${program}.new`);
    renameSync(`${program}.new`, program);
    rmSync(target, { recursive: true, force: true });
  });
  return program;
}

/** All that a build needs. Quick when it is all there. Resolves to the bindings generator, and what `alongside` gives:
 *  it is called once the Rust side is there, and waits for nothing else. */
export async function ensureBuildTools({ keepNpm = false, alongside = async () => null } = {}) {
  requireDisk();
  requireRust();
  const target = ensureWasmTarget();
  const [, bindgen, result] = await Promise.all([
    ensureNpmPackages({ onlyIfMissing: keepNpm }).then(requireNode22),
    target.then(ensureBindgen),
    target.then(alongside),
  ]);
  return { bindgen, alongside: result };
}

/** What identifies the tools: a change in any of them makes an old build stale. */
export function toolFingerprint() {
  const files = [...BINDGEN_FILES, ...BUNDLER_FILES, path.join(ROOT, 'package-lock.json'), path.join(ROOT, 'wrangler.toml')];
  return sha256(files.map(readText).join('\n'));
}
