'use strict';
/** What the pages with a script share: times in words, parts of a page, and the stream of news while somebody looks. */
const shared = (() => {
  const AGAIN_AFTER_MS = 5000;
  const LOST = 'Connection lost. Trying again ...';
  const byId = (id) => document.getElementById(id);
  let ahead = 0; // how far this clock is ahead of the server's, in seconds

  const inWords = (seconds) => {
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} days`;
  };
  /** Times as words; the exact one, where the reader is, on hover. */
  const tick = () => {
    if (document.hidden) return;
    const now = Date.now() / 1000 - ahead;
    for (const time of document.querySelectorAll('time')) {
      const { at, since, until } = time.dataset;
      const apart = inWords(Math.max(0, until ? until - now : now - (at ?? since)));
      const shown = at ? `${apart} ago` : until ? `in ${apart}` : apart;
      if (time.textContent === shown) continue;
      time.title ||= new Date((at ?? since ?? until) * 1000).toLocaleString();
      time.textContent = shown;
    }
  };
  /** Takes over the server's clock, Unix seconds. */
  const setClock = (now) => {
    ahead = Date.now() / 1000 - Number(now);
    tick();
  };

  /** A part of a page. A browser that is signed out goes to the sign-in page. */
  const part = async (address, options = {}) => {
    const answer = await fetch(address, { ...options, headers: { 'X-Dashboard-Part': '1' } });
    if (answer.status === 401) location.reload();
    return answer;
  };

  /** Calls `look` whenever the bus has news at `address`, and `say` with how the connection is, while somebody looks. Returns what ends it. */
  const listen = (look, say, address = '/dashboard/events') => {
    let stream = null;
    let again = 0;
    let ended = false;
    const open = () => {
      clearTimeout(again);
      if (stream || ended || document.hidden) return;
      stream = new EventSource(address);
      stream.onopen = () => {
        say('Live');
        look();
      };
      stream.onmessage = look;
      stream.onerror = () => {
        say(LOST, true);
        if (stream?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
        stream = null;
        look(); // which finds out if it is because of the session
        again = setTimeout(open, AGAIN_AFTER_MS);
      };
    };
    const rest = () => {
      clearTimeout(again);
      stream?.close();
      stream = null;
      say('Paused while nobody looks');
    };
    document.addEventListener('visibilitychange', () => (document.hidden ? rest() : open()));
    addEventListener('pagehide', rest);
    addEventListener('pageshow', open);
    open();
    return () => {
      ended = true;
      rest();
    };
  };

  /**
   * Sends forms that say where their outcome goes, without leaving the page, and then calls `after`. `ask(button)` is what to
   * ask first, if anything. With `of` the outcome goes to what its button is about.
   */
  const sendForms = (after, ask = () => '') => {
    document.addEventListener('submit', async (event) => {
      const { target: form, submitter } = event;
      if (!form.dataset.out) return;
      event.preventDefault();
      const question = ask(submitter);
      if (question && !confirm(question)) return;
      const body = new URLSearchParams(new FormData(form, submitter));
      const place = form.dataset.out === 'of' ? `of:${submitter.dataset.out ?? submitter.value}` : form.dataset.out;
      const out = byId(place) ?? byId('outcome');
      submitter.disabled = true;
      out.setAttribute('aria-busy', 'true');
      try {
        const answer = await part(form.getAttribute('action'), { method: 'POST', body });
        const shown = body.has('disconnect') ? byId('outcome') : out;
        shown.innerHTML = await answer.text();
      } catch {
        out.textContent = 'The server could not be reached. Try again.';
      }
      out.removeAttribute('aria-busy');
      submitter.disabled = false;
      after();
    });
  };

  /** Calls `keys[key]` for a key that is pressed alone and is not typed into something. */
  const onKeys = (keys) => {
    document.addEventListener('keydown', (event) => {
      const { key, target, ctrlKey, metaKey, altKey } = event;
      if (ctrlKey || metaKey || altKey || target.closest('input, select, textarea') || !keys[key]) return;
      event.preventDefault();
      keys[key]();
    });
  };

  setInterval(tick, 1000);
  return { LOST, AGAIN_AFTER_MS, byId, tick, setClock, part, listen, sendForms, onKeys };
})();
