'use strict';
/** The service worker of Blender Bus: it shows what the server tells, and opens the page that is about it. It answers no requests
 *  of pages and keeps nothing. */

const DASHBOARD = '/dashboard';

/** The page of this server at a path; the dashboard for anything else. */
function page(path) {
  try {
    const url = new URL(path, self.location.origin);
    if (path.startsWith('/') && url.origin === self.location.origin) return url.href;
  } catch {
    // It is no path.
  }
  return new URL(DASHBOARD, self.location.origin).href;
}

/** What a message says. One that cannot be read is told as news of some kind: a browser wants each to be shown. */
function told(data) {
  try {
    const { title, body, path, tag } = data.json();
    return { title: String(title), body: String(body), path: String(path), tag: String(tag) };
  } catch {
    return { title: 'Blender Bus', body: 'There is news.', path: DASHBOARD, tag: 'news' };
  }
}

function show({ title, body, path, tag }) {
  const icon = '/icon-192.png';
  return self.registration.showNotification(title, { body, tag, icon, badge: icon, data: { path } });
}

self.addEventListener('push', (event) => event.waitUntil(show(told(event.data))));

const LOST = {
  title: 'This browser tells you nothing any more',
  body: 'Its push service has ended that. Open this to switch it on again.',
  path: '/account/notifications',
  tag: 'lost',
};

/** Where this browser is reached from now on only its owner may tell the server, signed in, on that page. So the browser's new
 *  subscription is given back, for the page to say that it is lost, and the owner is told. */
async function lost() {
  try {
    const subscription = await self.registration.pushManager.getSubscription();
    await subscription?.unsubscribe();
  } finally {
    await show(LOST);
  }
}

self.addEventListener('pushsubscriptionchange', (event) => event.waitUntil(lost()));

async function open(href) {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const shown = windows.find((one) => one.url === href);
  return shown ? shown.focus() : self.clients.openWindow(href);
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(page(event.notification.data?.path)));
});
