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

self.addEventListener('push', (event) => {
  const { title, body, path, tag } = told(event.data);
  const icon = '/icon-192.png';
  event.waitUntil(self.registration.showNotification(title, { body, tag, icon, badge: icon, data: { path } }));
});

async function open(href) {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const shown = windows.find((one) => one.url === href);
  return shown ? shown.focus() : self.clients.openWindow(href);
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(page(event.notification.data?.path)));
});
