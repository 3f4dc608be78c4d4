// Builds the Worker into build/ and what it serves as files, the Blender extension, into public/.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BUILD, OUTPUTS, bundle } from './bundle.mjs';
import { Complaint, ROOT, outputOf, requireDisk, run } from './process.mjs';
import { findPython } from './python-env.mjs';
import { NO_CRATES, WASM_TARGET, toolEnv, toolFingerprint } from './toolchain.mjs';

const CONFIG = path.join(BUILD, 'config.json');
const STAMP = path.join(BUILD, '.inputs');

/** `npm test` builds once, as for a deployment, and has every command it starts serve that. */
const asDeployed = process.env.BUS_PROFILE === 'release';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

function targetDirectory(env) {
  const metadata = outputOf('cargo', ['metadata', '--format-version', '1', '--no-deps'], { env });
  if (!metadata) throw new Complaint('`cargo metadata` failed: is Cargo.toml sound?');
  return JSON.parse(metadata).target_directory;
}

export async function buildExtension({ quiet = false } = {}) {
  requireDisk();
  const stdio = quiet ? ['ignore', 'inherit'] : undefined;
  await run(findPython({ orLater: true }), [path.join(ROOT, 'scripts', 'build-addon.py')], { stdio });
}

/** Compiles the module; returns its path. `forEditing` takes the profile that compiles fast, not the one that runs fast. */
export async function compile({ forEditing, quiet = false }) {
  const env = toolEnv();
  const profile = forEditing && !asDeployed ? 'edit' : 'release';
  const args = ['build', '--lib', '--locked', '--profile', profile, '--target', WASM_TARGET, ...(quiet ? ['--quiet'] : [])];
  await run('cargo', args, { env, hint: `What is wrong stands above. ${NO_CRATES}` });
  return path.join(targetDirectory(env), WASM_TARGET, profile, 'blender_bus.wasm');
}

/** wrangler.toml as JSON, for the runtime without wrangler: reading it with wrangler's own code takes seconds. */
function writeConfig() {
  const code = 'import json, tomllib; print(json.dumps(tomllib.load(open("wrangler.toml", "rb"))))';
  const text = outputOf(findPython({ orLater: true }), ['-c', code]);
  if (text === null) throw new Complaint('wrangler.toml cannot be read: is it sound TOML?');
  writeFileSync(CONFIG, text);
}

/** Makes build/ from the module, unless it was made from the same one before; tells whether it did. Cargo alone knows
 *  whether sources changed; what follows it depends on nothing but the module and the tools. */
export async function link(module, bindgen, { forEditing: wanted }) {
  const forEditing = wanted && !asDeployed;
  const inputs = sha256(readFileSync(module), toolFingerprint());
  const stamp = [...OUTPUTS, CONFIG].every(existsSync) && existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : '';
  if (stamp === `${inputs} optimized` || (forEditing && stamp === `${inputs} plain`)) return false;
  rmSync(STAMP, { force: true });
  await bundle(module, bindgen, { optimize: !forEditing });
  writeConfig();
  writeFileSync(STAMP, `${inputs} ${forEditing ? 'plain' : 'optimized'}`);
  return true;
}
