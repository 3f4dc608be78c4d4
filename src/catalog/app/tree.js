// The scene: collections and objects as a tree, with a search in the page that is loaded.
const tree = { asked: {}, page: 1 };

const chip = (text, on) => make('span', { class: on ? 'chip on' : 'chip' }, String(text).slice(0, 80));

const chipsOf = (row, told) => {
  const chips = [];
  if (row.type) chips.push(chip(String(row.type).toLowerCase()));
  if (row.name === told.active && row.kind !== 'collection') chips.push(chip('active', true));
  else if (row.kind !== 'collection' && told.selected?.includes(row.name)) chips.push(chip('selected', true));
  if (row.visible === false) chips.push(chip('hidden'));
  for (const field of ['modifiers', 'materials']) {
    const count = Array.isArray(row[field]) ? row[field].length : 0;
    if (count) chips.push(chip(`${count} ${count > 1 ? field : field.slice(0, -1)}`));
  }
  return chips;
};

const objectRow = (row, told) => {
  const button = make('button', { title: 'Look at it' }, named(row.name));
  button.addEventListener('click', () => { if (!run.now) lookAt(String(row.name)); });
  return make('div', { class: 'row' }, button, ...chipsOf(row, told));
};

/** The element of a row and of all below it. Each knows by what a search finds it. */
const branch = (row, told) => {
  const item = make('li');
  item.words = `${row.name} ${row.type ?? ''}`.toLowerCase();
  const children = Array.isArray(row.children) ? row.children : [];
  if (row.kind === 'collection') {
    const below = make('ul', {}, ...children.map((child) => branch(child, told)));
    item.append(make('details', { open: '' }, make('summary', {}, named(row.name), ...chipsOf(row, told)), below));
  } else {
    item.append(objectRow(row, told));
    if (children.length) item.append(make('ul', {}, ...children.map((child) => branch(child, told))));
  }
  return item;
};

/** Hides what neither has the words nor has something below that does. Returns how many rows have them. */
const sift = (item, words) => {
  let found = 0;
  for (const child of item.querySelectorAll(':scope > ul > li, :scope > details > ul > li')) found += sift(child, words);
  const own = item.words.includes(words);
  item.hidden = !own && found === 0;
  if (found && words) item.firstElementChild.open = true;
  return found + Number(own);
};

const search = () => {
  const words = at('search').value.trim().toLowerCase();
  const all = at('rows').querySelectorAll('li').length;
  let found = 0;
  for (const item of at('rows').querySelectorAll(':scope > ul > li')) found += sift(item, words);
  at('count').textContent = words ? `${found} of ${all}` : '';
};

const showTree = (answer) => {
  const told = parsed(answer.result);
  if (!told?.tree) return news.tell('bad', 'The tree cannot be read.', 'Ask for fewer rows on a page.');
  const mode = `${String(told.mode ?? '').toLowerCase().replaceAll('_', ' ')} mode`;
  const facts = [told.scene, `${told.total_objects} objects`, mode, `frame ${told.frame}`];
  at('facts').replaceChildren(...facts.flatMap((fact, place) => [place ? ' · ' : '', named(fact)]));
  at('rows').replaceChildren(make('ul', {}, branch(told.tree, told)));
  [tree.page, tree.pages] = [told.page ?? 1, told.total_pages ?? 1];
  show('previous', tree.page > 1);
  show('next', tree.page < tree.pages);
  at('page').textContent = tree.pages > 1 ? `Page ${tree.page} of ${tree.pages}` : told.note ?? '';
  search();
};

const loadTree = (page) => run.call('Reading the scene', 'get_scene_tree', { ...tree.asked, page });
