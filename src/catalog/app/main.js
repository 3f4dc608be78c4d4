// What the host sends, and what the buttons do.
const TITLES = { get_viewport_screenshot: 'Viewport', render: 'Render', render_views: 'Views', get_scene_tree: 'Scene' };
const first = { command: undefined, args: {} };

const select = (which) => {
  for (const name of ['picture', 'scene']) {
    at(`tab-${name}`).setAttribute('aria-selected', String(name === which));
    at(`tab-${name}`).tabIndex = name === which ? 0 : -1;
    show(name, name === which);
  }
};

/** Shows a completed answer where it belongs. */
const shown = (answer, result) => {
  at('title').textContent = TITLES[answer.command] ?? 'Blender';
  if (answer.command === 'get_scene_tree') {
    showTree(answer);
    select('scene');
  } else {
    showPicture(answer, result);
    select('picture');
  }
  mark();
};

host.on['ui/notifications/tool-input'] = ({ arguments: args = {} }) => {
  first.args = args;
  first.command = String(host.context.toolInfo?.tool?.name ?? '').replace(/^blender_/, '') || undefined;
  run.target = typeof args.target_uuid === 'string' && args.target_uuid !== 'latest' ? args.target_uuid : undefined;
  if (first.command === 'get_scene_tree') select('scene');
  at('title').textContent = TITLES[first.command] ?? 'Blender';
  run.begin(TITLES[first.command] ?? 'Blender works', first.command);
};

host.on['ui/notifications/tool-result'] = (result) => {
  const command = first.command ?? result.structuredContent?.command;
  const { target_uuid: _, ...args } = first.args;
  if (command === 'get_scene_tree') tree.asked = args;
  const again = host.capabilities.serverTools && Object.hasOwn(TITLES, command ?? '');
  if (!run.now) run.begin(TITLES[command] ?? 'Blender works', command);
  run.finish(run.now, result, again ? () => run.call(TITLES[command], command, args) : undefined);
};

host.on['ui/notifications/tool-cancelled'] = ({ reason: why }) => {
  if (run.now) run.end(run.now);
  news.tell('', 'The call was cancelled.', reason(why));
};

host.on['ui/notifications/host-context-changed'] = (context) => { host.dress(context); fit(); };
host.on['ui/resource-teardown'] = () => { run.over = true; };
host.on.ping = () => ({});

const fit = () => {
  show('larger', Boolean(host.context.availableDisplayModes?.includes('fullscreen')));
  at('larger').textContent = host.context.displayMode === 'fullscreen' ? 'Smaller' : 'Full screen';
};

const click = (id, act) => at(id).addEventListener('click', act);
const wired = () => {
  at('angles').append(...ANGLES.map((angle) => {
    const button = make('button', { 'data-angle': angle, 'aria-pressed': 'false' }, angle[0].toUpperCase() + angle.slice(1));
    button.addEventListener('click', () => see(angle));
    return button;
  }));
  for (const button of document.querySelectorAll('[data-orbit]')) {
    button.addEventListener('click', () => see(turned(button.dataset.orbit)));
  }
  at('figure').addEventListener('keydown', (event) => {
    const arrow = /^Arrow(Left|Right|Up|Down)$/.exec(event.key)?.[1].toLowerCase();
    if (!arrow || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    see(turned(arrow));
  });
  for (const [name, other] of [['picture', 'scene'], ['scene', 'picture']]) {
    click(`tab-${name}`, () => {
      select(name);
      if (name === 'scene' && !at('rows').firstElementChild) loadTree(1);
    });
    at(`tab-${name}`).addEventListener('keydown', ({ key }) => {
      if (key === 'ArrowLeft' || key === 'ArrowRight') { at(`tab-${other}`).click(); at(`tab-${other}`).focus(); }
    });
  }
  document.addEventListener('keydown', ({ key }) => { if (key === 'Escape') run.stop(); });
  click('four', () => run.call('Drawing four views', 'render_views', { target: at('target').value, shading: at('shading').value }));
  click('refresh', () => {
    if (!run.now) view.wanted = undefined;
    run.call('Looking at the viewport', 'get_viewport_screenshot', { max_size: 1024 });
  });
  click('reload', () => loadTree(tree.page));
  click('previous', () => loadTree(tree.page - 1));
  click('next', () => loadTree(tree.page + 1));
  at('search').addEventListener('input', search);
  click('stop', run.stop);
  click('again', () => news.again?.());
  click('answer', () => host.open(document.querySelector('meta[name=dashboard]').content)
    .catch((error) => news.tell('bad', 'The dashboard could not be opened.', reason(error.message))));
  click('larger', async () => {
    const mode = host.context.displayMode === 'fullscreen' ? 'inline' : 'fullscreen';
    const answer = await host.ask('ui/request-display-mode', { mode }).catch(() => ({}));
    if (answer.mode) host.dress({ displayMode: answer.mode });
    fit();
  });
};

wired();
host.start().then(() => {
  show('controls', Boolean(host.capabilities.serverTools));
  show('tab-scene', Boolean(host.capabilities.serverTools) || first.command === 'get_scene_tree');
  fit();
  mark();
});
