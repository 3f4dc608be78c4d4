// Installs what building needs and nothing else.
import { main } from './process.mjs';
import { ensureBuildTools } from './toolchain.mjs';

await main(() => ensureBuildTools());
