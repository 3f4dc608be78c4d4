// What goes on, above the picture: a job and how far it is, a question to the owner, or what went wrong.
const news = { again: undefined };

/** `kind`: '', 'warn' or 'bad'. `can`: which of the buttons are there. */
news.tell = (kind, head, text = '', can = {}) => {
  show('news', true);
  at('news').className = kind;
  const said = [['news-head', head], ['news-text', text]];
  // Told again only when it is another: it is read out.
  for (const [id, words] of said) if (at(id).textContent !== words) at(id).textContent = words;
  show('percent', can.percent !== undefined);
  if (can.percent > 0) at('percent').value = can.percent;
  else at('percent').removeAttribute('value');
  show('answer', Boolean(can.answer || can.dashboard) && Boolean(host.capabilities.openLinks));
  at('answer').textContent = can.answer ? 'Answer in the dashboard' : 'Open the dashboard';
  show('stop', Boolean(can.stop));
  show('again', Boolean(can.again));
  news.again = can.again;
  const choices = (can.choices ?? []).map(([name, choose]) => {
    const button = make('button', {}, named(name));
    button.addEventListener('click', choose);
    return button;
  });
  at('choices').replaceChildren(...choices);
  show('news-acts', ['percent', 'answer', 'stop', 'again'].some((id) => !at(id).hidden) || choices.length > 0);
  news.keepFocus();
};

news.clear = () => {
  show('news', false);
  news.keepFocus();
};

/** Whoever pressed a button that is gone goes on from the picture or the search. */
news.keepFocus = () => {
  if (document.activeElement?.closest('[hidden]')) at(at('scene').hidden ? 'figure' : 'search').focus({ preventScroll: true });
};

/** An open job as blender_job_status or blender_list_jobs describes it. */
news.job = (what, job) => {
  const progress = job?.progress ?? {};
  const id = job ? ` (${job.job_id})` : '';
  const can = { stop: true, percent: Number(progress.percent) || 0 };
  if (progress.asks === 'consent') {
    const text = 'It runs once that is allowed, in Blender itself or in the dashboard; without an answer it is refused after ten minutes.';
    news.tell('warn', `Blender asks its owner about this job${id}.`, text, { stop: true, answer: true });
  } else if (job?.away_since) {
    news.tell('warn', 'This Blender is away.', 'The job goes on when it is back.', can);
  } else if (job?.status === 'queued') {
    news.tell('', `${what}: waits for its turn${id}.`, progress.message ?? '', can);
  } else {
    news.tell('', `${what} …`, [progress.message, can.percent ? `${Math.round(can.percent)} %` : ''].filter(Boolean).join(' · '), can);
  }
};
