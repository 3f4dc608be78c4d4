(() => {
  const { byId, setClock, part, listen, sendForms, onKeys } = shared;
  const live = byId('live');
  const LOOK_EVERY_MS = 400;
  let looking = false;
  let stale = false;

  const say = (text) => {
    if (byId('link').textContent !== text) byId('link').textContent = text;
  };

  // -- the live part: only what has changed is replaced, and what was opened, shown or focused in it stays -----------------

  const known = new Map(); // what the server sent of an item, by its id
  const note = (root) => root.querySelectorAll('[data-list] > li').forEach((item) => known.set(item.id, item.outerHTML));

  const carry = (old, item) => {
    for (const kept of item.querySelectorAll('[data-keep]')) {
      const before = old.querySelector(`[data-keep="${kept.dataset.keep}"]`);
      if (before) kept.replaceWith(before);
    }
  };
  const updateList = (list, fresh) => {
    const wanted = new Map([...fresh.children].map((item) => [item.id, item]));
    for (const old of [...list.children]) {
      if (!wanted.has(old.id)) {
        known.delete(old.id);
        old.remove();
      }
    }
    let place = list.firstElementChild;
    for (const [id, item] of wanted) {
      const html = item.outerHTML;
      const old = [...list.children].find((one) => one.id === id);
      let now = old;
      if (!old || known.get(id) !== html) {
        const focused = old?.contains(document.activeElement) ? document.activeElement.id : '';
        if (old) carry(old, item);
        if (old === place) place = old?.nextElementSibling ?? null;
        old?.remove();
        list.insertBefore(item, place);
        known.set(id, html);
        if (focused) byId(focused)?.focus({ preventScroll: true });
        now = item;
      } else if (old !== place) {
        list.insertBefore(old, place);
      }
      place = now.nextElementSibling;
    }
  };
  const update = (html) => {
    const fresh = new DOMParser().parseFromString(html, 'text/html').body;
    for (const section of fresh.querySelectorAll('section')) {
      const old = byId(section.id);
      const lists = section.querySelectorAll('[data-list]');
      if (!lists.length) old.replaceWith(section);
      else old.hidden = section.hidden;
      for (const list of lists) updateList(byId(list.id), list);
      for (const swapped of section.querySelectorAll('[data-swap]')) byId(swapped.id).replaceWith(swapped);
    }
    byId('seen').hidden = fresh.querySelector('#seen').hidden;
    tellTargets();
    const asked = byId('questions').querySelectorAll('li').length;
    document.title = document.title.replace(/^(\(\d+\) )?/, asked ? `(${asked}) ` : '');
    setClock(fresh.querySelector('#now').dataset.now);
  };
  const tellTargets = () => {
    const connected = [...document.querySelectorAll('#blenders button[value="screenshot"]')];
    const uuids = connected.map((button) => button.form.elements.client_uuid.value);
    const target = byId('target');
    const offered = [...target.options].slice(0, -1).map((option) => option.value);
    if (offered.join('\n') === uuids.join('\n')) return;
    const chosen = target.value;
    target.replaceChildren(...uuids.map((uuid) => new Option(uuid)), target.lastElementChild);
    target.value = uuids.includes(chosen) ? chosen : uuids[0] ?? 'latest';
  };

  const look = async () => {
    stale = true;
    if (looking || document.hidden) return;
    looking = true;
    while (stale && !document.hidden) {
      stale = false;
      try {
        update(await (await part(`/dashboard/live${location.search}`)).text());
      } catch {
        say('Not connected. Trying again ...');
      }
      await new Promise((next) => setTimeout(next, LOOK_EVERY_MS));
    }
    looking = false;
  };

  // -- keys, filters and forms -----------------------------------------------------------------------------------------

  const move = (by) => {
    const jobs = [...document.querySelectorAll('#jobs-list .what')];
    const at = jobs.findIndex((job) => job.closest('li').contains(document.activeElement));
    jobs[Math.min(jobs.length - 1, Math.max(0, at < 0 ? 0 : at + by))]?.focus();
  };
  onKeys({
    '/': () => byId('by-text').focus(),
    j: () => move(1),
    k: () => move(-1),
    c: () => document.activeElement.closest('#jobs-list li')?.querySelector('button[value=cancel]')?.click(),
  });
  byId('filter').addEventListener('change', ({ target }) => {
    if (target.tagName === 'SELECT') byId('filter').requestSubmit();
  });
  sendForms(() => void look());

  const command = byId('command');
  const tellTakes = () => {
    const takes = command.selectedOptions[0].title;
    const code = command.value === 'execute_code';
    byId('takes').textContent = code ? 'The code runs in Blender; what it prints is the result.' : `${command.value} takes ${takes}.`;
  };
  command.addEventListener('change', tellTakes);
  tellTakes();

  note(live);
  setClock(byId('now').dataset.now);
  listen(() => void look(), say);
})();
