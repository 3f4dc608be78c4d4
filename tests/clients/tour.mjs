// What every client of the test suite does, with the TypeScript SDK: `node --input-type=module - URL TOKEN MODE`, with this
// text on standard input and a working directory that has the packages. MODE is sdk1, legacy, auto or modern. The last
// line of the output is the report that test_clients.py reads.
const [url, token, mode] = process.argv.slice(2);
const one = mode === 'sdk1';

async function load() {
  if (!one) return import('@modelcontextprotocol/client');
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  return { Client, ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')) };
}

const { Client, StreamableHTTPClientTransport } = await load();
const negotiation = { legacy: 'legacy', auto: 'auto', modern: { pin: '2026-07-28' } }[mode];
const client = new Client({ name: `tour-${mode}`, version: '1' }, one ? {} : { versionNegotiation: { mode: negotiation } });
const transport = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${token}` } },
});
await client.connect(transport);

const call = (code, options) => {
  const params = { name: 'blender_execute_code', arguments: { code } };
  return one ? client.callTool(params, undefined, options) : client.callTool(params, options);
};
const progress = [];
const report = {
  revision: (one ? transport.protocolVersion : client.getNegotiatedProtocolVersion?.()) ?? transport.protocolVersion ?? null,
  tools: (await client.listTools()).tools.length,
  resources: (await client.listResources()).resources.length,
  templates: (await client.listResourceTemplates()).resourceTemplates.length,
  prompts: (await client.listPrompts()).prompts.length,
  call: (await call('quick')).structuredContent,
  resource: (await client.readResource({ uri: 'blender://bus/clients' })).contents[0].text,
  prompt: (await client.getPrompt({ name: 'blender_debug_assistant', arguments: { error_text: 'E-77' } }))
    .messages[0].content.text,
  slow: (await call('slow', { onprogress: (at) => progress.push([at.progress, at.total ?? null, at.message ?? null]) }))
    .structuredContent,
  progress,
};
const enough = new AbortController();
await call('endless', { signal: enough.signal, onprogress: () => enough.abort('enough') }).catch(() => {});
await new Promise((next) => setTimeout(next, 500)); // the cancellation is sent, not awaited
await client.close();
console.log(JSON.stringify(report));
process.exit(0);
