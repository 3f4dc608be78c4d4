// What is wrong with the layout of the page that is shown, a line each. An ellipsis is meant to be.
() => {
  const wrong = [];
  const named = (it) => `<${it.tagName.toLowerCase()} class="${it.className}"> ${it.textContent.trim().slice(0, 40)}`;
  const seen = [...document.body.querySelectorAll('*')].filter((it) =>
    it.checkVisibility({visibilityProperty: true}) && !it.closest('script, style, option, svg'));
  const coarse = matchMedia('(pointer: coarse)').matches;
  const clips = (it) => getComputedStyle(it).overflowX !== 'visible';
  if (document.documentElement.scrollWidth > innerWidth) wrong.push(`wider than the window: ${document.documentElement.scrollWidth}`);

  const shown = (it, rect) => {
    let [left, top, right, bottom] = [rect.left, rect.top, rect.right, rect.bottom];
    for (let up = it; up && up !== document.body; up = up.parentElement) {
      if (!clips(up)) continue;
      const box = up.getBoundingClientRect();
      [left, top, right, bottom] = [Math.max(left, box.left), Math.max(top, box.top), Math.min(right, box.right), Math.min(bottom, box.bottom)];
    }
    return {it, left, top, right, bottom};
  };
  const hasText = (it) => [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  for (const it of seen) {
    const style = getComputedStyle(it);
    if (style.overflowX === 'hidden' && style.textOverflow !== 'ellipsis' && it.scrollWidth > it.clientWidth + 1) wrong.push(`cut: ${named(it)}`);
    if (style.overflowY === 'hidden' && it.scrollHeight > it.clientHeight + 2 && hasText(it)) wrong.push(`cut below: ${named(it)}`);
    if (it.tagName === 'BUTTON' && !it.matches('.link') && it.scrollWidth > it.clientWidth + 1) wrong.push(`its text does not fit: ${named(it)}`);
    const small = it.getBoundingClientRect().height < 40;
    if (small && coarse && it.matches('button:not(.link), .button, select, summary, .check, input:not(.check > input)')) wrong.push(`too low for a finger: ${named(it)}`);
    const lines = new Set([...it.getClientRects()].map((rect) => Math.round(rect.top)));
    if (it.matches('button:not(.link), .state') && lines.size > 1) wrong.push(`broken into lines: ${named(it)}`);
  }
  const boxes = seen.filter((it) => it.matches('button, input:not([type=hidden]), select, textarea, img, progress, meter, pre') || hasText(it))
    .flatMap((it) => [...it.getClientRects()].map((rect) => shown(it, rect)))
    .filter((box) => box.right - box.left > 1 && box.bottom - box.top > 1);
  for (const box of boxes) {
    if (box.left < -1 || box.right > innerWidth + 1) wrong.push(`beyond the window: ${named(box.it)}`);
  }
  boxes.sort((a, b) => a.top - b.top);
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length && boxes[j].top < boxes[i].bottom; j++) {
      const [a, b] = [boxes[i], boxes[j]];
      if (a.it.contains(b.it) || b.it.contains(a.it)) continue;
      const [wide, high] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
      if (wide > 2 && high > 4) wrong.push(`overlap: ${named(a.it)} and ${named(b.it)}`);
    }
  }
  return [...new Set(wrong)].slice(0, 20);
}
