// `npm run torture -- --minutes N --seed S --kills K`: random histories against the built Worker; tests/torture says what of.
// With --neighbours alone: what a misbehaving peer of somebody else costs.
import { main, run } from './process.mjs';
import { pythonEnv } from './python-env.mjs';
import { ensureBuildTools, toolEnv } from './toolchain.mjs';

const args = process.argv.slice(2);
const neighbours = args[0] === '--neighbours';

await main(async () => {
  await ensureBuildTools();
  await run('node', ['scripts/build-worker.mjs'], { env: toolEnv() });
  await run(await pythonEnv('clients'), neighbours ? ['tests/torture/neighbours.py'] : ['tests/torture/run.py', ...args], { env: toolEnv() });
});
