// A host of MCP Apps in a page: AppBridge and the client of the published packages, unmodified, as the reference host uses them.
// The page has `window.host`, by which a test opens an app and sees what it asked for.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import {
  AppBridge, PostMessageTransport, RESOURCE_MIME_TYPE, buildAllowAttribute, getToolUiResourceUri,
} from '@modelcontextprotocol/ext-apps/app-bridge';

const INFO = { name: 'test-host', version: '1' };
const seen = { links: [], downloads: [], heights: [] };
const state = { client: undefined, bridge: undefined };

async function connect(url, token, mode) {
  const declared = { extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: [RESOURCE_MIME_TYPE] } } };
  state.client = new Client(INFO, { capabilities: declared, versionNegotiation: { mode } });
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  await state.client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
}

async function pageOf(tool) {
  const uri = getToolUiResourceUri(tool);
  if (!uri) throw new Error(`${tool.name} has no app`);
  const { contents: [content] } = await state.client.readResource({ uri });
  if (content.mimeType !== RESOURCE_MIME_TYPE) throw new Error(content.mimeType);
  return { html: content.text, ...content._meta?.ui };
}

/** The proxy of the sandbox, on an origin of its own, once it is ready. */
async function sandbox(frame, address, { permissions }) {
  frame.setAttribute('sandbox', 'allow-scripts allow-same-origin allow-forms');
  const allow = buildAllowAttribute(permissions);
  if (allow) frame.setAttribute('allow', allow);
  const ready = new Promise((resolve) => window.addEventListener('message', ({ source, data }) => {
    if (source === frame.contentWindow && data?.method === 'ui/notifications/sandbox-proxy-ready') resolve();
  }));
  frame.src = address;
  document.body.replaceChildren(frame);
  await ready;
}

/** Calls a tool and shows its app. `capabilities` and `context`: what the host says of itself beside the usual, null for not. */
async function open({ url, token, mode = 'legacy', sandboxAt, tool: name, args = {}, gives_up_ms: timeout = 600_000, capabilities = {}, context = {} }) {
  await connect(url, token, mode);
  const { tools } = await state.client.listTools();
  const tool = tools.find((one) => one.name === name);
  const page = await pageOf(tool);
  const result = state.client.callTool({ name, arguments: args }, { timeout });
  const frame = document.createElement('iframe');
  frame.id = 'app';
  frame.title = 'app';
  await sandbox(frame, sandboxAt, page);
  const offered = { openLinks: {}, serverTools: {}, ...capabilities };
  for (const [what, value] of Object.entries(offered)) if (value === null) delete offered[what];
  const hostContext = { toolInfo: { tool }, theme: 'light', displayMode: 'inline', platform: 'web', ...context };
  for (const [what, value] of Object.entries(hostContext)) if (value === null) delete hostContext[what];
  const bridge = new AppBridge(state.client, INFO, offered, { hostContext });
  state.bridge = bridge;
  bridge.onopenlink = async ({ url: asked }) => { seen.links.push(asked); return {}; };
  bridge.ondownloadfile = async ({ contents }) => { seen.downloads.push(...contents); return {}; };
  bridge.onrequestdisplaymode = async ({ mode: asked }) => {
    bridge.sendHostContextChange({ displayMode: asked });
    return { mode: asked };
  };
  bridge.addEventListener('sizechange', ({ height }) => {
    seen.heights.push(height);
    frame.style.height = `${height}px`;
  });
  const initialized = new Promise((resolve) => bridge.addEventListener('initialized', resolve));
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  await bridge.sendSandboxResourceReady({ html: page.html, csp: page.csp, permissions: page.permissions });
  await initialized;
  bridge.sendToolInput({ arguments: args });
  result.then(
    (answer) => bridge.sendToolResult(answer),
    (error) => bridge.sendToolCancelled({ reason: String(error.message ?? error) }),
  );
}

window.host = {
  open,
  seen,
  change: (context) => state.bridge.sendHostContextChange(context),
  teardown: () => state.bridge.teardownResource({}),
};
