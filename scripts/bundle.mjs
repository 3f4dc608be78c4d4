// From the module that cargo made to what the runtime loads: build/index.js and build/index_bg.wasm.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renameFunctions, shortened, unnumbered } from './names.mjs';
import { Complaint, ROOT, run } from './process.mjs';
import { toolEnv } from './toolchain.mjs';

export const BUILD = path.join(ROOT, 'build');
export const OUTPUTS = ['index.js', 'index_bg.wasm'].map((name) => path.join(BUILD, name));
const ENTRY = path.join(ROOT, 'scripts', 'entry.js');
/** What rustc and wasm-bindgen write, and no more: the runtime may not know yet what a newer wasm-opt can write. */
const FEATURES = ['mutable-globals', 'sign-ext', 'nontrapping-float-to-int', 'bulk-memory', 'multivalue', 'reference-types',
  'exception-handling'].map((feature) => `--enable-${feature}`);
/** The engine compiles a function at its first call. Were all functions with one caller merged into it, as -O does, a call
 *  would compile much that it never runs; so only short ones are. What is named alike is alike: side by side it is packed a
 *  tenth smaller. */
const SMALLER = ['-O', '-ocimfs', '30', '--reorder-functions-by-name'];
/** What scripts/entry.js needs of wasm-bindgen's own functions, and what they lack: what is found, what takes its place.
 *  After a trap, `__wbg_call_guard` makes the instance anew in the next call. But by then it has been judged whether the
 *  caller belongs to the living instance; so the guard comes first. And it comes without a next call, for somebody waits:
 *  by a promise, since the runtime drops the microtasks that follow one that throws. */
const AMENDMENTS = [
  [/if \((this\.__wbg_inst !== undefined && this\.__wbg_inst|state\.instance) !== __wbg_instance_id\)/g, '__wbg_call_guard();\n$&'],
  [/(function __wbg_handle_catch\(e\) \{[^]*?)(throw e;\n)/, '$1Promise.resolve().then(__wbg_call_guard);\n$2'],
  [/__wbg_instance_id\+\+;/, '$&\nfor (const lose of __lost) lose();\n__lost.clear();'],
];
const ADDED = '\nconst __lost = new Set();\nexport { __lost, __wbg_call_guard, __wbg_instance_id };\n';

/** The classes of objects that wrangler.toml names. */
function objectClasses() {
  const config = readFileSync(path.join(ROOT, 'wrangler.toml'), 'utf8');
  return [...new Set([...config.matchAll(/^class_name\s*=\s*"(\w+)"/gm)].map((match) => match[1]))];
}

function amend(file) {
  let text = readFileSync(file, 'utf8');
  const absent = objectClasses().filter((name) => !text.includes(`export class ${name} {`));
  if (absent.length > 0) throw new Complaint(`wrangler.toml names the class ${absent.join(', ')}, which the module lacks`);
  for (const [found, replacement] of AMENDMENTS) {
    if (text.search(found) < 0) throw new Complaint(`wasm-bindgen wrote nothing like ${found}: mend scripts/bundle.mjs`);
    text = text.replace(found, replacement);
  }
  writeFileSync(file, text + ADDED);
}

function writeEntry(file) {
  const classes = objectClasses();
  const lines = classes.map((name) => `export const ${name} = object(halves.${name});`);
  writeFileSync(file, `${readFileSync(ENTRY, 'utf8')}\nimport * as halves from './index.js';\n${lines.join('\n')}\n`);
}

async function bundleScripts(folder, env) {
  const output = path.join(folder, 'bundled.js');
  const args = ['entry.js', '--bundle', '--format=esm', '--minify', '--external:./index_bg.wasm', '--external:cloudflare:*',
    '--log-level=warning', '--outfile=bundled.js'];
  await run('esbuild', args, { env, cwd: folder });
  // The runtime takes a module of wasm by a plain import.
  writeFileSync(output, readFileSync(output, 'utf8').replace('import source ', 'import '));
  return output;
}

/** Writes build/ from `module`. With `optimize`, wasm-opt makes the module a fifth smaller, which takes a minute. */
export async function bundle(module, bindgen, { optimize }) {
  const env = toolEnv();
  mkdirSync(BUILD, { recursive: true });
  const folder = mkdtempSync(path.join(BUILD, '.making-'));
  try {
    await run(bindgen, [module, folder], { env });
    amend(path.join(folder, 'index.js'));
    writeEntry(path.join(folder, 'entry.js'));
    const script = await bundleScripts(folder, env);
    const wasm = path.join(folder, 'index_bg.wasm');
    if (optimize) {
      const optimized = path.join(folder, 'optimized.wasm');
      // Names of functions stay, in short: the trace of a panic is made of them.
      writeFileSync(wasm, renameFunctions(readFileSync(wasm), shortened));
      await run('wasm-opt', [wasm, ...SMALLER, ...FEATURES, '--debuginfo', '-o', optimized], { env });
      writeFileSync(wasm, renameFunctions(readFileSync(optimized), unnumbered));
    }
    renameSync(wasm, OUTPUTS[1]);
    renameSync(script, OUTPUTS[0]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
