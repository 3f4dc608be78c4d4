// The tour of touring.py with the AI SDK's MCP client: `node --input-type=module - URL TOKEN`, with this text on standard input
// and a working directory that has the packages. The last line of the output is the report.
import { createMCPClient } from '@ai-sdk/mcp';

const [url, token] = process.argv.slice(2);
const client = await createMCPClient({ transport: { type: 'http', url, headers: { Authorization: `Bearer ${token}` } } });
const tools = await client.tools();
const call = (code, options = {}) => tools.blender_execute_code.execute({ code }, { toolCallId: code, messages: [], ...options });

async function giveUp() {
  const giving = new AbortController();
  const ended = call('endless', { abortSignal: giving.signal }).then(() => 'answered', () => 'given up');
  setTimeout(() => giving.abort(), 2000);
  return ended;
}

const steps = {
  list: async () => Object.keys(tools).length,
  call: () => call('quick'),
  'slow call': () => call('slow'),
  'big result': () => call('big'),
  resource: () => client.readResource({ uri: 'blender://bus/clients' }),
  prompt: () => client.experimental_getPrompt({ name: 'blender_debug_assistant', arguments: { error_text: 'E-77' } }),
  cancel: giveUp,
};
const report = {};
for (const [step, take] of Object.entries(steps)) {
  const found = await take().catch((error) => `error: ${error.message}`);
  report[step] = typeof found === 'number' || typeof found === 'string' ? found : JSON.stringify(found);
}
await client.close();
console.log(JSON.stringify(report));
