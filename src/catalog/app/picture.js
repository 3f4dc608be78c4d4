// The picture, the sides to see the scene from, and the files of a result.
const ANGLES = ['persp', 'front', 'right', 'back', 'left', 'top', 'bottom', 'camera'];
const ROUND = ['front', 'right', 'back', 'left'];
const view = { angle: 'persp', side: 'front', wanted: undefined, shown: undefined };

/** The side that an arrow leads to. */
const turned = (arrow) => {
  const place = ROUND.indexOf(view.angle);
  if (arrow === 'up') return view.angle === 'bottom' ? view.side : 'top';
  if (arrow === 'down') return view.angle === 'top' ? view.side : 'bottom';
  if (place < 0) return arrow === 'left' ? 'left' : 'right';
  return ROUND[(place + (arrow === 'right' ? 1 : 3)) % 4];
};

/** Marks the side that the picture shows; none where it shows several, or whatever Blender's own view is turned to. */
const press = (angle) => {
  for (const button of at('angles').children) button.setAttribute('aria-pressed', String(button.dataset.angle === angle));
};

const see = (angle) => {
  if (run.now) return;
  view.angle = view.wanted = angle;
  if (ROUND.includes(angle)) view.side = angle;
  press(angle);
  const [target, shading] = [at('target').value, at('shading').value];
  if (at('turn').checked) {
    run.call('Turning the view', 'get_viewport_screenshot', { max_size: 1024 }, ['set_view', { target, angle, shading }]);
  } else {
    run.call('Drawing the view', 'render_views', { views: [angle], target, shading });
  }
};

/** An object to look at, beside everything and the selection. */
const lookAt = (name) => {
  at('target').querySelector('[data-object]')?.remove();
  at('target').append(make('option', { value: name, 'data-object': '' }, name.replace(UNSEEN, '�').slice(0, 60)));
  at('target').value = name;
  select('picture');
  see(view.angle);
};

const imageOf = (result, document) => {
  const block = result?.content?.find((one) => one.type === 'image');
  const [kind, data] = block ? [block.mimeType, block.data] : [document?.image?.mime_type, document?.image?.data];
  const isPicture = /^image\/(png|jpeg|webp)$/.test(kind ?? '') && /^[A-Za-z0-9+/=\s]+$/.test(data ?? '');
  return isPicture ? { kind, data, url: `data:${kind};base64,${data}` } : undefined;
};

const captionOf = (command, told) => {
  const parts = [];
  if (command === 'render_views' && told.views) parts.push(told.views.map((one) => one.angle).join(', '));
  if (told.width && told.height) parts.push(`${told.width} × ${told.height}`);
  if (told.engine) parts.push(told.engine);
  if (told.frames?.length) parts.push(told.frames.length > 1 ? `${told.frames.length} frames` : `frame ${told.frames[0].frame}`);
  if (typeof told.seconds === 'number') parts.push(`${told.seconds.toFixed(1)} s`);
  if (told.note) parts.push(told.note);
  return parts.map(String).join(' · ');
};

const showPicture = (answer, result) => {
  const told = parsed(answer.result) ?? {};
  const picture = imageOf(result, told);
  show('image', Boolean(picture));
  show('none', !picture);
  at('none').textContent = 'This result has no picture.';
  view.shown = { render_views: told.views?.length === 1 ? told.views[0].angle : undefined, get_viewport_screenshot: view.wanted }[answer.command];
  press(view.shown);
  if (picture) {
    const caption = captionOf(answer.command, told);
    at('image').src = picture.url;
    at('image').alt = `Picture from Blender: ${caption || answer.command}`;
    at('caption').textContent = caption;
    show('caption', Boolean(caption));
  }
  const files = [answer.result_file, ...(Array.isArray(answer.files) ? answer.files : [])].filter((file) => file?.file_id);
  at('files').replaceChildren(...files.slice(0, 50).map((file) => fileRow(file)));
};

const fileRow = (file) => {
  const button = make('button', {}, 'Download');
  button.addEventListener('click', () => download(file, button));
  const about = [file.mime_type, Number.isFinite(file.bytes) ? size(file.bytes) : ''].filter(Boolean).join(' · ');
  return make('li', {}, make('span', { class: 'grow' }, named(file.name ?? file.file_id), ' ', make('span', { class: 'quiet' }, about)), button);
};

/** Has the host download a file, by a link that the server makes anew, or open that link. */
const download = async (file, button) => {
  try {
    const { url, name, mime_type: mimeType } = await job('blender_get_file', { file_id: file.file_id });
    if (typeof url !== 'string') throw new Error('the server has it no longer');
    if (host.capabilities.downloadFile) {
      const contents = [{ type: 'resource_link', uri: url, name, mimeType }];
      const answer = await host.ask('ui/download-file', { contents });
      if (answer.isError) throw new Error('the host did not download it');
    } else if (host.capabilities.openLinks) {
      await host.open(url);
    } else {
      button.replaceWith(make('code', {}, url));
    }
  } catch (error) {
    news.tell('bad', 'The file could not be downloaded.', reason(error.message));
  }
};
