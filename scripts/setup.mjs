// Installs what building needs and nothing else, and says what cannot be installed.
import { main } from './process.mjs';
import { findPython } from './python-env.mjs';
import { ensureBuildTools } from './toolchain.mjs';

await main(async () => {
  findPython({ orLater: true });
  await ensureBuildTools();
});
