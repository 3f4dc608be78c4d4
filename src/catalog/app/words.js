// What is shown is text, whatever Blender says: names of objects can be anything.
const at = (id) => document.getElementById(id);
const show = (id, shown) => { at(id).hidden = !shown; };

/** An element with text or elements in it. */
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

// Characters that draw nothing or turn the direction of writing.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]/gu;

/** A name, apart from the text around it; characters that are not seen are shown by their number. */
const named = (name) => {
  const bdi = make('bdi');
  const text = String(name);
  let from = 0;
  for (const { 0: unseen, index } of text.matchAll(UNSEEN)) {
    const number = unseen.codePointAt(0).toString(16).toUpperCase().padStart(4, '0');
    bdi.append(text.slice(from, index), make('code', {}, `<U+${number}>`));
    from = index + unseen.length;
  }
  bdi.append(text.slice(from));
  return bdi;
};

const size = (bytes) => {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  for (; bytes >= 1024 && unit < 3; unit++) bytes /= 1024;
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
};

/** What a status other than `completed` means, in plain words. */
const MEANING = {
  failed: ['Blender could not do it.', ''],
  timeout: ['Blender needs longer.', 'The job goes on.'],
  no_client: ['No Blender is connected.', 'Open Blender, enable the extension, log in and connect.'],
  ambiguous_target: ['Several Blenders are connected.', 'Which one?'],
  unknown_target: ['That Blender is not here.', 'Which one?'],
  disconnected: ['Blender went away before it answered.', 'Its job goes on if it comes back.'],
  cancelled: ['Cancelled.', ''],
  lost: ['The job is lost.', 'Its Blender did not come back.'],
  busy: ['Blender is busy.', ''],
};

/** The last line of an error, which says what went wrong. */
const reason = (error) => String(error ?? '').trim().split('\n').pop().slice(0, 500);

const parsed = (text) => {
  try { return JSON.parse(text); } catch { return undefined; }
};
