(() => {
  const { LOST, AGAIN_AFTER_MS, byId, setClock, part, listen, sendForms, onKeys } = shared;
  const live = byId('live');
  const LOOK_EVERY_MS = 400;
  let looking = false;
  let stale = false;
  let lost = false;

  const say = (text, isLost = false) => {
    const link = byId('link');
    link.classList.toggle('warning', isLost);
    if (link.textContent !== text) link.textContent = text;
  };

  // -- the live part: only what has changed is replaced, and what was opened, shown or focused in it stays -----------------

  const known = new Map(); // what the server sent of an item, by its id
  /** Times go on by themselves: they are no news. */
  const timeless = (item) => item.outerHTML.replace(/(<time[^>]*>)[^<]*/g, '$1');
  const note = (root) => root.querySelectorAll('[data-list] > li').forEach((item) => known.set(item.id, timeless(item)));

  const carry = (old, item) => {
    const before = [...old.querySelectorAll('[data-keep]')];
    for (const kept of item.querySelectorAll('[data-keep]')) {
      const same = before.find((one) => one.dataset.keep === kept.dataset.keep);
      if (same) kept.replaceWith(same);
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
      const html = timeless(item);
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
    byId('warning').replaceWith(fresh.querySelector('#warning'));
    byId('seen').hidden = fresh.querySelector('#seen').hidden;
    tellTargets();
    const asked = byId('questions').querySelectorAll('li').length;
    document.title = document.title.replace(/^(\(\d+\) )?/, asked ? `(${asked}) ` : '');
    setClock(fresh.querySelector('#now').dataset.now);
  };
  const tellTargets = () => {
    const connected = [...document.querySelectorAll('#blenders button[name=screenshot]')];
    const uuids = connected.map((button) => button.value);
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
        if (lost) say('Live');
        lost = false;
      } catch {
        lost = true;
        say(LOST, true);
        setTimeout(look, AGAIN_AFTER_MS);
      }
      await new Promise((next) => setTimeout(next, LOOK_EVERY_MS));
    }
    looking = false;
  };

  // -- a picture every minute of the Blenders that the owner chose, while somebody looks and they are free -------------------

  const EVERY_MS = 60000;
  const due = new Map(JSON.parse(sessionStorage.getItem('every') ?? '[]').map((uuid) => [uuid, 0]));
  const glance = async (uuid) => {
    const card = byId(`peer:${uuid}`);
    if (document.hidden || card?.dataset.free !== 'true') return;
    due.set(uuid, Date.now() + EVERY_MS);
    const body = new URLSearchParams({ form_token: byId('do').elements.form_token.value, glance: uuid });
    try {
      const answer = await (await part('/dashboard', { method: 'POST', body })).text();
      byId(`of:${uuid}`).innerHTML = answer.includes('class="error"') ? answer : '';
    } catch {
      // The next minute tries again.
    }
  };
  document.addEventListener('change', ({ target }) => {
    if (!target.closest('.every')) return;
    if (target.checked) due.set(target.value, 0);
    else due.delete(target.value);
    sessionStorage.setItem('every', JSON.stringify([...due.keys()]));
  });
  setInterval(() => {
    for (const [uuid, at] of due) if (at <= Date.now()) void glance(uuid);
  }, 1000);
  for (const box of document.querySelectorAll('.every input')) box.checked = due.has(box.value);

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
    c: () => document.activeElement.closest('#jobs-list li')?.querySelector('button[name=cancel]')?.click(),
  });
  byId('filter').addEventListener('change', ({ target }) => {
    if (target.tagName === 'SELECT') byId('filter').requestSubmit();
  });
  const ask = ({ name, value, textContent }) => {
    if (name === 'release')
      return `Free the name ${value}? The next Blender that connects under it gets it and what waits for it, whatever login or token it has.`;
    if (name !== 'disconnect') return '';
    return textContent === 'Forget'
      ? `Forget ${value}? To take back what it may do, revoke it under Clients.`
      : `Take ${value} off the bus? It stays away until Connect is pressed in it.`;
  };
  sendForms(() => void look(), ask);

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
