(() => {
  const { byId, setClock, part } = shared;
  const PAGE = '/dashboard/files';
  const PIECE = 8 * 1024 * 1024;
  const TRIES = 8;
  const AGAIN = [408, 409, 429, 500, 502, 503, 504];
  const [form, queue, list, outcome] = ['upload', 'queue', 'list', 'outcome'].map(byId);
  const waiting = [];
  let running = false;

  const mebibytes = (bytes) => (bytes / 1048576).toFixed(1);

  // -- the list --------------------------------------------------------------------------------------------------------

  const refresh = async () => {
    try {
      const answer = await part(PAGE + location.search);
      if (!answer.ok) return;
      const html = await answer.text();
      const focused = list.contains(document.activeElement) ? document.activeElement.id : '';
      const target = byId('target')?.value;
      const open = [...list.querySelectorAll('details[open]')].map((details) => details.closest('li').id);
      list.innerHTML = html;
      if ([...(byId('target')?.options ?? [])].some((option) => option.value === target)) byId('target').value = target;
      open.forEach((id) => byId(id)?.querySelector('details').setAttribute('open', ''));
      if (focused) (byId(focused) ?? byId('files-title')).focus({ preventScroll: true });
      setClock(byId('now').dataset.now);
    } catch {
      // The next change tries again.
    }
  };
  const act = async (fields) => part(PAGE, { method: 'POST', body: new URLSearchParams({ form_token: form.elements.form_token.value, ...fields }) });

  document.addEventListener('submit', async (event) => {
    const { target, submitter } = event;
    if (target === form) {
      event.preventDefault();
      add(form.elements.file.files);
      form.elements.file.value = '';
    } else if (target.id === 'rows') {
      event.preventDefault();
      const [, id] = submitter.value.split(':');
      submitter.closest('li').setAttribute('aria-busy', 'true');
      try {
        outcome.innerHTML = await (await act({ action: submitter.value, target: target.elements.target?.value ?? '' })).text();
      } catch {
        outcome.textContent = 'The server could not be reached. Try again.';
      }
      byId(id)?.removeAttribute('aria-busy');
      void refresh();
    }
  });

  // A picture that does not come is asked for once more: too many at once are told to wait.
  document.addEventListener('error', ({ target }) => {
    if (target.tagName !== 'IMG') return;
    if (!target.dataset.again) {
      target.dataset.again = '1';
      setTimeout(() => (target.src = target.src), 2000);
      return;
    }
    const badge = Object.assign(document.createElement('span'), { className: 'badge', textContent: target.dataset.badge });
    badge.setAttribute('aria-hidden', 'true');
    target.replaceWith(badge);
  }, true);

  // -- uploads, in parts -----------------------------------------------------------------------------------------------

  class Refused extends Error {}
  class Cancelled extends Error {}

  const wait = (ms) => new Promise((next) => setTimeout(next, ms));
  const send = (upload, method, body, headers) => new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    upload.request = request;
    request.open(method, upload.url);
    for (const [name, value] of Object.entries({ 'Tus-Resumable': '1.0.0', ...headers })) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => upload.show(upload.offset + loaded);
    request.onload = () => done(request);
    request.onerror = () => fail(new Error('broken'));
    request.onabort = () => fail(new Cancelled());
    request.send(body);
  });
  const words = (request) => {
    try {
      return JSON.parse(request.responseText).error_description;
    } catch {
      return `the server answered ${request.status}`;
    }
  };
  const asJson = async (answer) => {
    try {
      return await answer.json();
    } catch {
      throw new Refused(`the server answered ${answer.status}`);
    }
  };

  /** Sends what is left of a file. */
  const advance = async (upload) => {
    const { file } = upload;
    const body = file.slice(upload.offset, upload.offset + PIECE);
    const type = { 'Content-Type': 'application/offset+octet-stream' };
    const answer = await send(upload, 'PATCH', body, { ...type, 'Upload-Offset': String(upload.offset) });
    if (answer.status === 204) {
      upload.offset = Number(answer.getResponseHeader('Upload-Offset'));
      upload.tries = 0;
      return true;
    }
    if (answer.status === 410 && JSON.parse(answer.responseText).error === 'expired') {
      upload.url = (await asJson(await act({ action: `again:${upload.id}` }))).upload_url;
      return true;
    }
    if (!AGAIN.includes(answer.status)) throw new Refused(words(answer));
    return false;
  };
  /** After an interruption: how much has come. */
  const catchUp = async (upload) => {
    upload.tries += 1;
    if (upload.tries > TRIES) throw new Refused('the server could not be reached');
    upload.say('interrupted, trying again ...');
    await wait(Math.min(15000, 500 * 2 ** upload.tries));
    if (upload.cancelled) throw new Cancelled();
    try {
      const answer = await send(upload, 'HEAD', null, {});
      const offset = answer.getResponseHeader('Upload-Offset');
      if (answer.status === 200) upload.offset = offset === null ? upload.file.size : Number(offset);
    } catch (error) {
      if (error instanceof Cancelled) throw error;
    }
  };
  const transfer = async (upload) => {
    const { file } = upload;
    const begun = await asJson(await act({ action: 'begin', name: file.name, bytes: file.size, type: file.type }));
    if (!begun.upload_url) throw new Refused(begun.error_description);
    upload.id = begun.file_id;
    upload.url = begun.upload_url;
    if (upload.cancelled) throw new Cancelled();
    if (!file.size) {
      const answer = await send(upload, 'PUT', '', {});
      if (answer.status !== 201) throw new Refused(words(answer));
    }
    while (upload.offset < file.size) {
      let moved = false;
      try {
        moved = await advance(upload);
      } catch (error) {
        if (error instanceof Refused || error instanceof Cancelled) throw error;
      }
      if (!moved) await catchUp(upload);
    }
  };

  const one = async (upload) => {
    try {
      await transfer(upload);
      upload.say('uploaded');
      upload.end();
      await refresh();
      if (upload.target) {
        const answer = await act({ action: `send:${upload.id}`, target: upload.target });
        outcome.innerHTML = await answer.text();
      }
    } catch (error) {
      const gone = error instanceof Cancelled;
      upload.say(gone ? 'cancelled' : `not uploaded: ${error instanceof Refused ? error.message : 'the server could not be reached'}`, !gone);
      upload.end();
      if (upload.id) await act({ action: `delete:${upload.id}` }).catch(() => {});
    }
  };
  const run = async () => {
    if (running) return;
    running = true;
    while (waiting.length) await one(waiting.shift());
    running = false;
  };

  /** An upload with its line in the queue. */
  const queued = (file, target) => {
    const item = document.createElement('li');
    item.innerHTML = '<div class="line"><strong><bdi></bdi></strong><progress max="1" value="0"></progress><span class="quiet" role="status"></span><button type="button" class="plain small">Cancel</button></div>';
    const [name, bar, state, cancel] = ['bdi', 'progress', '[role]', 'button'].map((what) => item.querySelector(what));
    const shown = [...file.name].length > 78 ? `${[...file.name].slice(0, 56).join('')}…${[...file.name].slice(-20).join('')}` : file.name;
    name.textContent = shown;
    bar.max = Math.max(1, file.size);
    bar.setAttribute('aria-label', `Upload of ${shown}`);
    cancel.setAttribute('aria-label', `Cancel ${shown}`);
    queue.append(item);
    const upload = { file, target, offset: 0, tries: 0 };
    upload.say = (text, wrong = false) => {
      state.textContent = text;
      state.className = wrong ? 'error' : 'quiet';
    };
    upload.show = (bytes) => {
      bar.value = bytes;
      upload.say(`${mebibytes(bytes)} of ${mebibytes(file.size)} MiB`);
    };
    upload.end = () => {
      bar.remove();
      cancel.textContent = 'Clear';
      cancel.setAttribute('aria-label', `Clear ${shown}`);
      cancel.onclick = () => item.remove();
    };
    cancel.onclick = () => {
      upload.cancelled = true;
      upload.request?.abort();
    };
    upload.say('waiting');
    return upload;
  };
  const add = (files) => {
    for (const file of files) waiting.push(queued(file, form.elements.target?.value ?? ''));
    void run();
  };
  addEventListener('beforeunload', (event) => {
    if (running) event.preventDefault();
  });

  // -- dropping --------------------------------------------------------------------------------------------------------

  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  const panel = byId('add');
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    panel.classList.add('over');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) panel.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    panel.classList.remove('over');
    const { items, files } = event.dataTransfer;
    const folders = [...items].filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
    if (folders.length) {
      outcome.innerHTML = '<p class="error" role="alert">A folder cannot be uploaded: pack it into a zip first.</p>';
      return;
    }
    add(files);
  });

  byId('hint').hidden = false;
  setClock(byId('now').dataset.now);
  document.addEventListener('visibilitychange', () => document.hidden || void refresh());
})();
