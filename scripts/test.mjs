// `npm test [-- STAGE ...]`: sets up what is missing and runs every test there is, or the named stages. A stage that
// fails does not stop the others; the exit code and the summary tell.
import { nodeEnv } from './node-env.mjs';
import { Complaint, main, onEnd, spawnLeashed, stopLeashed } from './process.mjs';
import { ensureBlenderLibraries, ensureChromium, findPython, pythonEnv } from './python-env.mjs';
import { rustClient } from './rust-client.mjs';
import { WASM_TARGET, ensureBuildTools, toolEnv } from './toolchain.mjs';

const STAGE_MINUTES = 30; // of a stage that says nothing else
const CLOSING_LINES = {
  cargo: /^test result: .*$/gm,
  pytest: /^(?:=+ )?(?:no tests ran|\d+ (?:passed|failed|error|skipped|xfailed|deselected)).* in [\d.]+s.*$/gm,
};

const clippy = ['clippy', '--workspace', '--quiet'];
const abreast = ['--numprocesses', '3', '--dist', 'loadfile'];
const denyWarnings = ['--', '--deny', 'warnings'];

/** name, what it runs, whose closing line to repeat. `python` names the environment the command is run in. Stages of a `lane`
 *  run one after the other beside the rest, and need nothing of it; one that runs `after` a lane's stage waits for it. One
 *  that must be `asked` for is not among all. */
const STAGES = [
  { name: 'fmt', lane: 'checks', command: ['cargo', 'fmt', '--all', '--check'] },
  { name: 'clippy', command: ['cargo', ...clippy, '--all-targets', ...denyWarnings] },
  { name: 'clippy-wasm', command: ['cargo', ...clippy, '--lib', '--target', WASM_TARGET, ...denyWarnings] },
  { name: 'cargo', command: ['cargo', 'test', '--workspace', '--quiet'], closing: 'cargo' },
  // Most of it, optimizing, is one thread for minutes.
  { name: 'build', lane: 'build', command: ['node', 'scripts/build-worker.mjs'] },
  { name: 'ruff', lane: 'checks', python: 'bpy42', command: ['-m', 'ruff', 'check', '--no-cache', '.'] },
  { name: 'mypy', lane: 'checks', python: 'bpy42', command: ['-m', 'mypy', '--config-file', 'addon/pyproject.toml', 'addon'] },
  // Mostly these wait, for a Blender to start or a deadline to pass: several files at a time, beside the add-on's.
  { name: 'e2e', after: 'build', minutes: 45, python: 'clients', command: ['-m', 'pytest', ...abreast, 'tests', '--ignore=tests/addon', '--ignore=tests/clients_all'], closing: 'pytest' },
  // A Blender is one thread.
  { name: 'addon', lane: 'addon', python: 'bpy42', command: ['-m', 'pytest', 'tests/addon'], closing: 'pytest' },
  // The other Blenders run what needs one; the rest is the same everywhere.
  { name: 'addon-4.5', lane: 'addon', python: 'bpy45', command: ['-m', 'pytest', 'tests/addon', '-m', 'bpy'], closing: 'pytest' },
  { name: 'addon-5.0', lane: 'addon', python: 'bpy50', command: ['-m', 'pytest', 'tests/addon', '-m', 'bpy'], closing: 'pytest' },
  // Every client there is, with environments of some 4 GB: only when it is named.
  { name: 'clients-all', after: 'build', asked: true, minutes: 60, python: 'clients', command: ['-m', 'pytest', 'tests/clients_all'], closing: 'pytest' },
];

/** What the end-to-end tests are told of the environments: variable, environment. */
const END_TO_END = {
  BUS_BPY_PYTHON: 'bpy42', BUS_BPY45_PYTHON: 'bpy45', BUS_BPY50_PYTHON: 'bpy50', BUS_FASTMCP2_PYTHON: 'fastmcp2',
  BUS_FASTMCP3_PYTHON: 'fastmcp3',
  BUS_TUS_PYTHON: 'tus',
  BUS_NODE_CLIENTS: 'node',
};
const ALL_CLIENTS = {
  BUS_FRAMEWORKS1_PYTHON: 'frameworks1', BUS_FRAMEWORKS2_PYTHON: 'frameworks2', BUS_COMMAND_LINES: 'command-lines',
};
const NODE = { node: 'clients', 'command-lines': 'clients_all' };

/** The environments whose paths a stage is told, by variable. */
function told(stage) {
  return { e2e: END_TO_END, 'clients-all': ALL_CLIENTS }[stage.name] ?? {};
}

function chosenStages(names) {
  const known = STAGES.map((stage) => stage.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Complaint(`no stage ${unknown.join(', ')}. Stages: ${known.join(', ')}`);
  const wanted = new Set(names.includes('e2e') || names.includes('clients-all') ? [...names, 'build'] : names); // never test yesterday's Worker
  return wanted.size === 0 ? STAGES.filter((stage) => !stage.asked) : STAGES.filter((stage) => wanted.has(stage.name));
}

/** Runs a command; resolves to `{ failure, output }`. Its output goes to ours at once, or with `held` at its end. */
async function capture(command, args, env, held, minutes = STAGE_MINUTES) {
  const child = spawnLeashed(command, args, { env, stdio: ['pipe', 'pipe'] });
  let output = '';
  for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
    from.setEncoding('utf8').on('data', (text) => {
      if (!held) to.write(text);
      output += text;
    });
  }
  let failure = null;
  const limit = setTimeout(() => {
    failure = `not done after ${minutes} minutes`;
    void stopLeashed(child);
  }, minutes * 60_000);
  await new Promise((resolve) => {
    child.once('error', (error) => resolve((failure = error.message)));
    child.once('close', (code, signal) => resolve(code === 0 || (failure ??= `ended with ${signal ?? code}`)));
  });
  clearTimeout(limit);
  return { failure, output };
}

/** The Python environments are made while cargo compiles: one waits for the network, the other for the processor. */
function startEnvironments(stages) {
  const names = new Set(stages.filter((stage) => stage.python).map((stage) => stage.python));
  for (const stage of stages) Object.values(told(stage)).forEach((name) => names.add(name));
  const ofNode = [...names].filter((name) => NODE[name]);
  ofNode.forEach((name) => names.delete(name));
  const blender = [...names].some((name) => name.startsWith('bpy'));
  const libraries = blender ? ensureBlenderLibraries() : Promise.resolve();
  const environments = new Map([...names].map((name) => [name, libraries.then(() => pythonEnv(name))]));
  for (const name of ofNode) environments.set(name, nodeEnv(NODE[name]));
  if (stages.some((stage) => stage.name === 'e2e')) environments.set('chromium', ensureChromium());
  for (const environment of environments.values()) environment.catch(() => {}); // reported by the stage that needs it
  return environments;
}

async function runStage(stage, environments, held = false) {
  const started = Date.now();
  let [command, ...args] = stage.command;
  const env = toolEnv({ BUS_PROFILE: 'release' });
  try {
    if (stage.python) [command, args] = [await environments.get(stage.python), stage.command];
    for (const [variable, name] of Object.entries(told(stage))) env[variable] = await environments.get(name);
    if (stage.name === 'e2e') {
      env.BUS_RMCP_CLIENT = await rustClient();
      await environments.get('chromium');
    }
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    console.error(`error: ${error.message}`);
    return { failure: error.message, output: '', seconds: 0 };
  }
  const { failure, output } = await capture(command, args, env, held, stage.minutes);
  return { failure, output, seconds: (Date.now() - started) / 1000 };
}

const heading = (stage) => `\n── ${stage.name} ${'─'.repeat(100 - stage.name.length)}`;

/** Starts the lanes, beside which the other stages leave a processor idle at times: by stage, its result. */
function startLanes(stages, environments) {
  const started = new Map();
  const last = {};
  for (const stage of stages.filter((one) => one.lane)) {
    const before = last[stage.lane] ?? Promise.resolve();
    last[stage.lane] = before.then(() => runStage(stage, environments, true));
    started.set(stage.name, last[stage.lane]);
  }
  return started;
}

/** The runner's own last words. Cargo has some for each crate, most of them about no test at all. */
function closingLines(stage, output) {
  const lines = stage.closing ? (output.match(CLOSING_LINES[stage.closing]) ?? []) : [];
  const telling = lines.filter((line) => !line.includes(' 0 passed; 0 failed;'));
  return telling.length > 0 ? telling : lines.slice(-1);
}

async function test() {
  const stages = chosenStages(process.argv.slice(2));
  onEnd(() => process.exit(130)); // what runs ends with this process
  if (stages.some((stage) => stage.python)) findPython(); // said now, not when the stage's turn comes
  await ensureBuildTools();
  const environments = startEnvironments(stages);
  const lanes = startLanes(stages, environments);
  const results = new Map();
  for (const stage of stages.filter((one) => !one.lane)) {
    await lanes.get(stage.after);
    console.log(heading(stage));
    results.set(stage, await runStage(stage, environments));
  }
  for (const stage of stages.filter((one) => one.lane)) {
    results.set(stage, await lanes.get(stage.name));
    console.log(`${heading(stage)}\n${results.get(stage).output.trimEnd()}`);
  }
  console.log(`\n── summary ${'─'.repeat(93)}`);
  for (const stage of stages) {
    const { failure, output, seconds } = results.get(stage);
    const took = `${seconds.toFixed(1)} s`.padStart(8);
    console.log(`${failure ? 'FAILED' : 'ok    '} ${stage.name.padEnd(12)} ${took}  ${failure ?? ''}`);
    for (const line of closingLines(stage, output)) console.log(`       ${line}`);
  }
  return [...results.values()].some((result) => result.failure) ? 1 : 0;
}

await main(test);
