// `npm run torture -- --minutes N --seed S --kills K`: random histories against the built Worker; tests/torture says what of.
import { main, run } from './process.mjs';
import { pythonEnv } from './python-env.mjs';
import { ensureBuildTools, toolEnv } from './toolchain.mjs';

await main(async () => {
  await ensureBuildTools();
  await run('node', ['scripts/build-worker.mjs'], { env: toolEnv() });
  await run(await pythonEnv('clients'), ['tests/torture/run.py', ...process.argv.slice(2)], { env: toolEnv() });
});
