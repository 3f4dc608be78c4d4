'use strict';
/** Says what keeps this browser from being told, or has it told: asks for permission, and posts where it can be reached. */
(() => {
  const PATIENCE_MS = 30000;
  const byId = (id) => document.getElementById(id);
  const form = byId('add');
  const wasTold = 'told' in form.dataset;
  const isApple = /iPhone|iPad|iPod/.test(navigator.userAgent) || (navigator.platform === 'MacIntel' && navigator.maxTouchPoints > 1);

  /** In base64url, as servers have it. */
  const encoded = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const say = (id) => {
    for (const one of document.querySelectorAll('main [role=status] > [id]')) one.hidden = one.id !== id;
  };
  const fail = (text) => {
    byId('failed').textContent = text;
    say('failed');
  };

  /** The id of the text that says what is in the way. */
  const obstacle = () => {
    if (!isSecureContext) return 'insecure';
    if (!('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window)) return isApple ? 'apple' : 'unable';
    return Notification.permission === 'denied' ? 'denied' : null;
  };

  /** What this browser has from this server's key already. One of another key, or of another owner, is given back. */
  const known = async () => {
    const worker = await navigator.serviceWorker.getRegistration('/');
    const subscription = await worker?.pushManager.getSubscription();
    const isGood = subscription && wasTold && encoded(subscription.options.applicationServerKey ?? []) === form.dataset.key;
    if (subscription && !isGood) await subscription.unsubscribe();
    return isGood ? subscription : null;
  };

  const subscribe = async () => {
    await navigator.serviceWorker.register('/notifications.js', { scope: '/' });
    const worker = await navigator.serviceWorker.ready;
    const given = worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: form.dataset.key });
    // Where its push service is out of reach, a browser may try for ever.
    const late = new Promise((_, give) => setTimeout(give, PATIENCE_MS, new Error('its push service does not answer')));
    return Promise.race([given, late]);
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!form.querySelector(':checked')) return fail('Choose at least one of the two.');
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      const subscription = (await known()) ?? (await subscribe());
      form.elements.endpoint.value = subscription.endpoint;
      for (const name of ['p256dh', 'auth']) form.elements[name].value = encoded(subscription.getKey(name));
      form.submit();
    } catch (error) {
      button.disabled = false;
      form.hidden = Notification.permission === 'denied';
      if (form.hidden) say('denied');
      else if (Notification.permission === 'granted') fail(`The browser did not switch it on: ${error.message}`);
      else fail('The browser was not allowed to. Press the button again, and choose Allow.');
    }
  });

  /** Removing this browser also gives back what it has from its push service. */
  for (const row of document.querySelectorAll('form[data-here]')) {
    row.addEventListener('submit', async (event) => {
      if (event.submitter.value !== 'remove') return;
      event.preventDefault();
      const worker = await navigator.serviceWorker?.getRegistration('/');
      await worker?.pushManager?.getSubscription().then((subscription) => subscription?.unsubscribe()).catch(() => {});
      row.append(Object.assign(document.createElement('input'), { type: 'hidden', name: 'action', value: 'remove' }));
      row.submit();
    });
  }

  const start = async () => {
    const inTheWay = obstacle();
    if (inTheWay) return say(inTheWay);
    if (wasTold && Notification.permission === 'granted' && (await known())) return;
    if (wasTold) {
      say('lost');
      byId('told').hidden = true;
    }
    form.hidden = false;
  };
  start();
})();
