(() => {
  const { byId, tick, part, listen, sendForms, onKeys } = shared;
  const job = byId('job');
  let sent = job.innerHTML;
  let looking = false;
  let end = () => {};

  const settle = () => {
    const isOpen = job.querySelector('[data-open]')?.dataset.open === 'true';
    for (const button of job.querySelectorAll('[data-copy]')) button.hidden = false;
    tick();
    if (!isOpen) end();
    return isOpen;
  };
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      const html = await (await part(location.pathname + location.search)).text();
      if (html !== sent) {
        const focused = job.contains(document.activeElement) ? document.activeElement.id : '';
        job.innerHTML = sent = html;
        if (focused) byId(focused)?.focus({ preventScroll: true });
        settle();
      }
    } catch {
      // The next change tries again.
    }
    looking = false;
  };

  document.addEventListener('click', async ({ target }) => {
    const { copy } = target.dataset;
    if (!copy) return;
    try {
      const answer = await part(copy);
      await navigator.clipboard.writeText(JSON.stringify(await answer.json(), null, 2));
      target.textContent = 'Copied';
    } catch {
      target.textContent = 'Not copied';
    }
  });
  sendForms(() => void look());
  onKeys({ c: () => byId('cancel')?.click() });
  const say = (text, isLost = false) => {
    byId('link').classList.toggle('warning', isLost);
    byId('link').textContent = isLost ? text : '';
  };
  if (settle()) end = listen(() => void look(), say);
})();
