'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const live = byId('live');
  const LOOK_EVERY_MS = 400;
  const AGAIN_AFTER_MS = 5000;
  let stream = null;
  let looking = false;
  let stale = false;
  let again = 0;
  let ahead = 0; // how far this clock is ahead of the server's, in seconds

  const say = (text) => {
    if (byId('link').textContent !== text) byId('link').textContent = text;
  };

  // -- times ---------------------------------------------------------------------------------------------------------

  const inWords = (seconds) => {
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    return seconds < 86400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} days`;
  };
  const tick = () => {
    if (document.hidden) return;
    const now = Date.now() / 1000 - ahead;
    for (const time of document.querySelectorAll('time')) {
      const { at, since } = time.dataset;
      const text = inWords(Math.max(0, now - Number(at ?? since)));
      const shown = at ? `${text} ago` : text;
      if (time.textContent !== shown) time.textContent = shown;
    }
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
        const more = item.querySelector('details[open]');
        if (more) void showJob(more);
        now = item;
      } else if (old !== place) {
        list.insertBefore(old, place);
      }
      place = now.nextElementSibling;
    }
  };
  const update = (html) => {
    const fresh = new DOMParser().parseFromString(html, 'text/html').body;
    ahead = Date.now() / 1000 - Number(fresh.querySelector('#now').dataset.now);
    for (const section of fresh.querySelectorAll('section')) {
      const old = byId(section.id);
      const list = section.querySelector('[data-list]');
      if (!list) {
        old.replaceWith(section);
        continue;
      }
      updateList(old.querySelector('[data-list]'), list);
      old.hidden = section.hidden;
      const [was, is] = [old, section].map((one) => one.querySelector(':scope > p'));
      if (is && !was) old.querySelector('h2').after(is);
      else if (was && is) was.replaceWith(is);
      else was?.remove();
    }
    tellTargets();
    const asked = byId('questions').querySelectorAll('li').length;
    document.title = document.title.replace(/^(\(\d+\) )?/, asked ? `(${asked}) ` : '');
    tick();
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

  const part = async (address, options = {}) => {
    const answer = await fetch(address, { ...options, headers: { 'X-Dashboard-Part': '1' } });
    if (answer.status === 401) location.reload();
    return answer.text();
  };
  const look = async () => {
    stale = true;
    if (looking || document.hidden) return;
    looking = true;
    while (stale && !document.hidden) {
      stale = false;
      try {
        update(await part('/dashboard/live'));
      } catch {
        say('Not connected. Trying again ...');
      }
      await new Promise((next) => setTimeout(next, LOOK_EVERY_MS));
    }
    looking = false;
  };

  // -- one stream of news, while somebody looks ------------------------------------------------------------------------

  const listen = () => {
    clearTimeout(again);
    if (stream || document.hidden) return;
    stream = new EventSource('/dashboard/events');
    stream.onopen = () => {
      say('Live');
      void look();
    };
    stream.onmessage = () => void look();
    stream.onerror = () => {
      say('Not connected. Trying again ...');
      if (stream?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      stream = null;
      void look(); // which finds out if it is because of the session
      again = setTimeout(listen, AGAIN_AFTER_MS);
    };
  };
  const rest = () => {
    clearTimeout(again);
    stream?.close();
    stream = null;
    say('Paused while nobody looks');
  };
  document.addEventListener('visibilitychange', () => (document.hidden ? rest() : listen()));
  addEventListener('pagehide', rest);
  addEventListener('pageshow', listen);

  // -- forms and details -----------------------------------------------------------------------------------------------

  document.addEventListener('submit', async (event) => {
    const { target: form, submitter } = event;
    if (!form.dataset.out) return;
    event.preventDefault();
    if (submitter.dataset.ask && !confirm(submitter.dataset.ask)) return;
    const body = new URLSearchParams(new FormData(form, submitter));
    const out = byId(form.dataset.out);
    submitter.disabled = true;
    out.setAttribute('aria-busy', 'true');
    try {
      const answer = await part(form.getAttribute('action'), { method: 'POST', body });
      const gone = body.get('action') === 'disconnect' ? byId('outcome') : out;
      gone.innerHTML = answer;
    } catch {
      out.textContent = 'The server could not be reached. Try again.';
    }
    out.removeAttribute('aria-busy');
    submitter.disabled = false;
    void look();
  });

  const showJob = async (details) => {
    try {
      details.lastElementChild.innerHTML = await part(`/dashboard/job?id=${encodeURIComponent(details.dataset.job)}`);
    } catch {
      details.lastElementChild.textContent = 'The server could not be reached. Close this and open it again.';
    }
  };
  document.addEventListener('toggle', (event) => {
    if (event.target.open && event.target.dataset.job) void showJob(event.target);
  }, true);

  const command = byId('command');
  const tellTakes = () => {
    const takes = command.selectedOptions[0].title;
    const code = command.value === 'execute_code';
    byId('takes').textContent = code ? 'The code runs in Blender; what it prints is the result.' : `${command.value} takes ${takes}.`;
  };
  command.addEventListener('change', tellTakes);
  tellTakes();

  note(live);
  ahead = Date.now() / 1000 - Number(byId('now').dataset.now);
  tick();
  setInterval(tick, 1000);
  listen();
})();
