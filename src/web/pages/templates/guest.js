(() => {
  const { LOST, byId, tick, setClock, part, listen, sendForms } = shared;
  const live = byId('shared');
  if (!live) {
    tick();
    return; // the page of one job
  }
  const PICTURE_EVERY_MS = 60000;
  let sent = live.innerHTML;
  let looking = false;
  let stale = false;

  const say = (text) => {
    if (byId('link').textContent !== text) byId('link').textContent = text;
  };
  const update = (html) => {
    if (html === sent) return;
    const before = byId('picture');
    const focused = live.contains(document.activeElement) ? document.activeElement.id : '';
    live.innerHTML = sent = html;
    const after = byId('picture');
    if (before && after && before.getAttribute('src') === after.getAttribute('src')) after.replaceWith(before);
    if (focused) byId(focused)?.focus({ preventScroll: true });
    setClock(byId('now').dataset.now);
  };
  const look = async () => {
    stale = true;
    if (looking || document.hidden) return;
    looking = true;
    while (stale) {
      stale = false;
      try {
        update(await (await part(`${location.pathname}?part=live`)).text());
      } catch {
        say(LOST);
      }
      await new Promise((next) => setTimeout(next, 400));
    }
    looking = false;
  };

  // While somebody looks, and Blender is there, a picture a minute.
  setInterval(() => {
    if (!document.hidden && !byId('new-picture')?.disabled) byId('new-picture')?.click();
  }, PICTURE_EVERY_MS);
  sendForms(() => void look());
  setClock(byId('now').dataset.now);
  listen(() => void look(), say, `${location.pathname}?part=events`);
})();
