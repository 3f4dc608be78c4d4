(() => {
  const { byId, setClock, part, listen } = shared;
  const settle = () => setClock(byId('links').dataset.now);
  /** Who is watching, as it is now. What is typed into the form below stays. */
  const look = async () => {
    try {
      const html = await (await part('/shares')).text();
      const fresh = new DOMParser().parseFromString(html, 'text/html').getElementById('links');
      if (!fresh || byId('links').contains(document.activeElement)) return;
      byId('links').replaceWith(fresh);
      settle();
    } catch {
      // The next change tries again.
    }
  };
  settle();
  listen(() => void look(), () => {});
})();
