// The Worker's log for somebody who looks on: jobs in short, all else as it is.

const clock = () => new Date().toTimeString().slice(0, 8);

/** `line` as it is printed. */
export function readable(line) {
  let entry;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  const { event, job_id: job, command, target_uuid: target, state, took_ms: took } = entry ?? {};
  if (event !== 'job_made' && event !== 'job_ended') return line;
  return `${clock()}  ${job}  ${command} for ${target}: ${state}${took === undefined ? '' : ` after ${took} ms`}`;
}
