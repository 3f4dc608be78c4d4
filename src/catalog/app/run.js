// One call at a time: of the host's, which brought the app here, or of a button's.
const POLL_MS = 1500;
// A wait ends at each change, but for one that came just before it: so no wait is long.
const WAIT_SECONDS = 3;
const run = { now: undefined, target: undefined, over: false };

/** The document of a tool's result, or what is wrong with it. */
const documentOf = (result) => {
  const text = result?.content?.find((block) => block.type === 'text')?.text ?? '';
  if (result?.isError) throw new Error(text || 'the tool refused');
  return result?.structuredContent ?? parsed(text) ?? {};
};

const job = async (tool, args) => documentOf(await host.tool(tool, args));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const isOpen = (status) => status === 'queued' || status === 'running';

const mark = () => {
  for (const button of document.querySelectorAll('#controls button, #reload, #previous, #next, #rows button')) {
    button.setAttribute('aria-disabled', String(Boolean(run.now)));
  }
  at('figure').setAttribute('aria-busy', String(Boolean(run.now)));
};

/** The job of a call among the newest: the only open one like it. Of two, neither is shown or cancelled. */
const ownOf = (call, jobs) => {
  const found = jobs.filter(({ command, status, target_uuid: target }) => isOpen(status)
    && (!run.target || target === run.target)
    && (call.command ? command === call.command : Object.hasOwn(TITLES, command)));
  return found.length === 1 ? found[0] : undefined;
};

/** Begins to watch a call. `id`: of the request, if the app has made it. */
run.begin = (what, command, id) => {
  run.now = { what, command, id, job: undefined, stopping: false };
  mark();
  run.watch(run.now);
};

run.end = (call) => {
  if (run.now !== call) return false;
  run.now = undefined;
  mark();
  return true;
};

/** Tells how far a call is that takes longer. Its job has to be looked for, since an answer that is not there yet names none. */
run.watch = async (call) => {
  const tell = () => { if (run.now === call && !call.stopping && !(call.unclear && !call.job)) news.job(call.what, call.found); };
  await pause(600);
  while (run.now === call && !run.over && !call.follows) {
    tell();
    if (host.capabilities.serverTools && !document.hidden) {
      await look(call).catch(() => {}); // the call itself tells what is wrong
      tell();
    }
    await pause(call.job && !document.hidden && isOpen(call.found?.status) ? 200 : POLL_MS);
  }
};

const look = async (call) => {
  if (call.job) {
    call.found = await job('blender_job_status', { job_id: call.job, wait_seconds: WAIT_SECONDS });
  } else {
    call.found = ownOf(call, (await job('blender_list_jobs', { limit: 50 })).jobs ?? []);
    call.job = call.found?.job_id;
  }
};

/** Cancels what runs: the job where it is known, else the request. */
run.stop = async () => {
  const call = run.now;
  if (!call || call.stopping) return;
  call.stopping = true;
  news.tell('', 'Stopping …', 'Blender may finish what it is at.', { percent: 0 });
  try {
    if (!call.job && !call.id) await look(call);
    if (call.job) await job('blender_job_cancel', { job_id: call.job });
  } catch (error) {
    call.stopping = false;
    news.tell('bad', 'It could not be cancelled.', reason(error.message), { stop: true });
    return;
  }
  if (call.job) await pause(3000);
  if (run.now !== call) return;
  if (call.id) return host.giveUp(call.id);
  call.stopping = false;
  call.unclear = !call.job;
  if (call.unclear) {
    news.tell('warn', 'It is not clear which job this is.', 'Several like it may run: cancel it in the chat, or in the dashboard.', { dashboard: true, stop: true });
  }
};

/** Follows a job whose call has ended before it. */
run.follow = async (call, jobId) => {
  Object.assign(call, { job: jobId, follows: true, id: undefined });
  while (!run.over && run.now === call) {
    await look(call);
    if (!isOpen(call.found.status)) break;
    if (!call.stopping) news.job(call.what, call.found);
    await pause(300);
  }
  return job('blender_job_result', { job_id: jobId });
};

/** Takes a result to its end: shows what came, or says why nothing did. */
run.finish = async (call, result, retry) => {
  try {
    let answer = documentOf(result);
    const isLate = answer.status === 'timeout' || answer.status === 'disconnected';
    if (isLate && answer.job_id && host.capabilities.serverTools) {
      answer = await run.follow(call, answer.job_id);
    }
    if (!run.end(call)) return;
    if (answer.target_uuid && answer.status !== 'unknown_target') {
      run.target = answer.target_uuid;
      at('where').replaceChildren(named(answer.target_uuid));
    }
    if (answer.status === 'completed') {
      news.clear();
      shown(answer, result);
    } else {
      run.failed(answer, retry);
    }
  } catch (error) {
    if (run.end(call)) run.broken(error, retry);
  }
};

run.failed = (answer, retry) => {
  press(view.shown);
  const [head, text] = MEANING[answer.status] ?? ['No answer came.', ''];
  const choices = (retry && answer.candidates ? answer.candidates : []).slice(0, 20)
    .map((uuid) => [uuid, () => { run.target = uuid; retry(); }]);
  const why = reason(answer.error) || text || answer.hint || '';
  news.tell(answer.status === 'cancelled' ? '' : 'bad', head, why, { again: choices.length ? undefined : retry, choices });
};

run.broken = (error, retry) => {
  press(view.shown);
  const lacks = /scope.*bus:dispatch/i.test(error.message);
  if (error.cancelled) news.tell('', 'Cancelled.', '', { again: retry });
  else if (lacks) news.tell('bad', 'This client may look, and change nothing.', 'Its token lacks the scope bus:dispatch.');
  else news.tell('bad', 'That did not work.', reason(error.message), { again: retry });
};

/** Calls a tool for a button, if nothing runs. `before`: a tool that has to be called first. */
run.call = async (what, command, args, before) => {
  if (run.now || !host.capabilities.serverTools) return;
  const retry = () => run.call(what, command, args, before);
  const call = { what, command };
  try {
    for (const [name, given] of [...(before ? [before] : []), [command, args]]) {
      const asked = host.tool(`blender_${name}`, { ...given, target_uuid: run.target });
      run.begin(what, name, asked.id);
      Object.assign(call, { current: run.now });
      const result = await asked;
      if (name !== command && documentOf(result).status === 'completed') continue;
      await run.finish(call.current, result, retry);
      return;
    }
  } catch (error) {
    const { current } = call;
    // The host waits a minute, perhaps: the job goes on.
    if (current?.job && !error.cancelled && run.now === current) {
      await run.finish(current, { structuredContent: { status: 'timeout', job_id: current.job } }, retry);
    } else if (run.end(current)) {
      run.broken(error, retry);
    }
  }
};
