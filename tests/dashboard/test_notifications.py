"""Notifications in a real Chromium: switching them on, what is in the way, what is shown, where a click leads.

Its push service cannot be reached from here. A subscription is made by the test in its place, and a message is handed
to the real service worker by the browser's own tools.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.visitor import chromium_binary
from harness.workerd import Workerd
from notifications.push_service import Browser, PushService
from playwright.async_api import Worker, async_playwright, expect

from .owner import Owner

PATH = "/account/notifications"
WRONG = Path(__file__).with_name("layout.js").read_text()
SUBSCRIPTION = """
const fields = %s;
const plain = (text) => atob(text.replaceAll('-', '+').replaceAll('_', '/'));
const bytes = (text) => Uint8Array.from(plain(text), (it) => it.charCodeAt(0)).buffer;
PushManager.prototype.subscribe = async (options) => {
  sessionStorage.setItem('asked', JSON.stringify(options));
  return { endpoint: fields.endpoint, getKey: (name) => bytes(fields[name]) };
};
PushManager.prototype.getSubscription = async () => sessionStorage.getItem('asked') && {
  endpoint: fields.endpoint,
  options: { applicationServerKey: bytes(JSON.parse(sessionStorage.getItem('asked')).applicationServerKey) },
  unsubscribe: async () => sessionStorage.removeItem('asked'),
};
"""
# Clicks on the notification that is there, and says where that leads; null if there is none.
CLICK = """async () => {
  let closed = false;
  Notification.prototype.close = () => (closed = true);
  const led = new Promise((tell) => {
    Clients.prototype.openWindow = async (url) => tell(`opened ${url}`);
    WindowClient.prototype.focus = async function () { tell(`focused ${this.url}`); };
  });
  for (let tries = 0; tries < 50; tries++) {
    const [notification] = await registration.getNotifications();
    if (notification) {
      dispatchEvent(new NotificationEvent('notificationclick', { notification }));
      return [await led, closed];
    }
    await new Promise((next) => setTimeout(next, 20));
  }
  return null;
}"""
# As where the browser has renewed its subscription by itself. Says whether that was given back.
RENEW = """async () => {
  let given = false;
  PushManager.prototype.getSubscription = async () => ({ unsubscribe: async () => (given = true) });
  dispatchEvent(new ExtendableEvent('pushsubscriptionchange'));
  await new Promise((next) => setTimeout(next, 100));
  return given;
}"""
# What is shown, once something is; null if nothing comes.
SHOWN = """async () => {
  const worker = await navigator.serviceWorker.ready;
  for (let tries = 0; tries < 50; tries++) {
    const all = await worker.getNotifications();
    if (all.length) return all.map(({ title, body, tag, data }) => ({ title, body, tag, path: data.path }));
    await new Promise((next) => setTimeout(next, 20));
  }
  return null;
}"""


@asynccontextmanager
async def at_browser(base: str, folder: Path, *, allowed: bool = True, **options: Any) -> AsyncIterator[Owner]:
    """A browser with a profile: a private window has no notifications."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            folder / "profile", executable_path=chromium_binary(), base_url=base, **options
        )
        if allowed:
            await context.grant_permissions(["notifications"], origin=base)
        yield Owner(await context.new_page(), base)
        await context.close()


async def switch_on(owner: Owner, browser: Browser) -> None:
    await owner.page.add_init_script(SUBSCRIPTION % json.dumps(browser.fields))
    await owner.sign_in(PATH)
    form = owner.page.locator("#add")
    await form.get_by_label("when Blender asks me").check()
    await form.get_by_role("button").click()
    await owner.sees("This browser tells you from now on.")


async def delivered(owner: Owner, data: str) -> Worker:
    """Hands a message to the service worker, as the browser does once it has decrypted it."""
    devtools = await owner.page.context.new_cdp_session(owner.page)
    found: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: found.extend(it["registrationId"] for it in told["registrations"]),
    )
    await owner.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await devtools.send("ServiceWorker.enable")
    while not found:
        await owner.page.wait_for_timeout(20)
    message = {"origin": owner.base, "registrationId": found[-1], "data": data}
    await devtools.send("ServiceWorker.deliverPushMessage", message)
    [worker] = owner.page.context.service_workers
    return worker


async def until_shown(owner: Owner, data: str, look: Callable[[Worker], Awaitable[Any]]) -> Any:
    """Delivers a message and looks at what is shown. Without a desktop Chromium drops some again: then once more."""
    for _ in range(8):
        if found := await look(await delivered(owner, data)):
            return found
    raise AssertionError("nothing was shown")


async def shown(owner: Owner, data: str) -> list[dict[str, str]]:
    return list(await until_shown(owner, data, lambda _: owner.page.evaluate(SHOWN)))


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_list_of_browsers_is_readable_at_any_width(
    server: Workerd, tmp_path: Path, width: int, scheme: str
) -> None:
    window = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    async with at_browser(server.url, tmp_path, **window) as owner:
        await switch_on(owner, Browser())
        assert await owner.page.evaluate(WRONG) == [] and await owner.violations() == []
        await owner.picture(f"notifications-on-{width}-{scheme}")


async def test_a_browser_is_switched_on_changed_tested_and_removed(tmp_path: Path) -> None:
    with PushService() as service, Workerd(tmp_path / "w", outbound=service.address) as server:
        async with at_browser(server.url, tmp_path) as owner:
            browser = Browser()
            await switch_on(owner, browser)
            asked = json.loads(await owner.page.evaluate("sessionStorage.getItem('asked')"))
            assert asked["userVisibleOnly"] is True and len(asked["applicationServerKey"]) == 87
            row = owner.page.locator("form[data-here]")
            await expect(row.get_by_role("group")).to_contain_text("Chrome on Linux, this browser")
            await expect(owner.page.locator("#add")).to_be_hidden()
            await expect(row.get_by_label("when a long job has ended")).not_to_be_checked()
            await row.get_by_label("when a long job has ended").check()
            await row.get_by_role("button", name="Save").click()
            await owner.sees("It is saved.")
            await expect(row.get_by_label("when a long job has ended")).to_be_checked()
            await row.get_by_role("button", name="Send a test").click()
            await owner.sees("A test is on its way.")
            [told] = service.read(browser)
            assert await shown(owner, json.dumps(told)) == [told]
            await row.get_by_role("button", name="Remove").click()
            await owner.sees("That browser tells you nothing any more.")
            assert await owner.page.evaluate("sessionStorage.getItem('asked')") is None, "it was given back"
            await expect(owner.page.locator("#add")).to_be_visible()
            assert owner.complaints == [] and owner.elsewhere() == []


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/dashboard/job?id=j-1", "opened {}/dashboard/job?id=j-1"),
        ("/account/notifications", "focused {}/account/notifications"),
        ("//evil.example/x", "opened {}/dashboard"),
        ("/\\evil.example/x", "opened {}/dashboard"),
        ("https://evil.example/x", "opened {}/dashboard"),
        ("javascript:alert(1)", "opened {}/dashboard"),
        ("dashboard/files", "opened {}/dashboard"),
        (None, "opened {}/dashboard"),
    ],
)
async def test_a_click_leads_to_a_page_of_this_server_alone(
    server: Workerd, tmp_path: Path, path: str | None, leads: str
) -> None:
    async with at_browser(server.url, tmp_path) as owner:
        await switch_on(owner, Browser())
        told = {"title": "Blender asks you", "body": "May it run?", "tag": "t", "path": path}
        clicked = await until_shown(owner, json.dumps(told), lambda worker: worker.evaluate(CLICK))
        assert clicked == [leads.format(server.url), True]


async def test_a_message_that_cannot_be_read_is_shown_as_news(server: Workerd, tmp_path: Path) -> None:
    async with at_browser(server.url, tmp_path) as owner:
        await switch_on(owner, Browser())
        assert await shown(owner, "no JSON") == [
            {"title": "Blender Bus", "body": "There is news.", "tag": "news", "path": "/dashboard"}
        ]


async def test_the_service_worker_answers_no_request_of_a_page(server: Workerd, tmp_path: Path) -> None:
    async with at_browser(server.url, tmp_path) as owner:
        await switch_on(owner, Browser())
        answer = await owner.page.goto(server.url + "/dashboard")
        assert answer is not None and not answer.from_service_worker
        source = (Path(__file__).parents[2] / "public" / "notifications.js").read_text()
        assert "'fetch'" not in source and "caches" not in source


async def test_a_push_service_out_of_reach_is_said_after_a_while(server: Workerd, tmp_path: Path) -> None:
    async with at_browser(server.url, tmp_path) as owner:
        await owner.page.clock.install()
        await owner.sign_in(PATH)
        form = owner.page.locator("#add")
        await form.get_by_role("button").click()
        await owner.sees("Choose at least one of the two.")
        await form.get_by_label("when a long job has ended").check()
        await form.get_by_role("button").click()
        await owner.page.wait_for_timeout(1_000)  # Chromium asks its own push service, which does not answer here
        await owner.page.clock.fast_forward(31_000)
        await owner.sees("The browser did not switch it on")
        await expect(form.get_by_role("button")).to_be_enabled()


IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"


@pytest.mark.parametrize(
    ("script", "agent", "says"),
    [
        ("delete window.PushManager", None, "This browser has no Web Push"),
        ("delete window.PushManager", IPHONE, "Add to Home Screen"),
        ("Object.defineProperty(window, 'isSecureContext', { value: false })", None, "plain http"),
        ("Object.defineProperty(Notification, 'permission', { value: 'denied' })", None, "are blocked in this browser"),
    ],
)
async def test_what_is_in_the_way_is_said_with_what_to_do(
    server: Workerd, tmp_path: Path, script: str, agent: str | None, says: str
) -> None:
    options = {} if agent is None else {"user_agent": agent}
    async with at_browser(server.url, tmp_path, allowed=False, **options) as owner:
        await owner.page.add_init_script(script)
        await owner.sign_in(PATH)
        await owner.sees(says)
        await expect(owner.page.locator("#add")).to_be_hidden()
        shown = await owner.page.locator("main [role=status] > :visible").count()
        assert shown == 1 and await owner.violations() == []


async def test_a_refusal_in_the_browsers_own_question_is_understood(server: Workerd, tmp_path: Path) -> None:
    async with at_browser(server.url, tmp_path, allowed=False) as owner:
        await owner.sign_in(PATH)
        form = owner.page.locator("#add")
        await form.get_by_label("when Blender asks me").check()
        await form.get_by_role("button").click()  # without a screen Chromium refuses
        await owner.sees("are blocked in this browser")


async def test_without_scripts_the_page_says_why_it_needs_them(server: Workerd, tmp_path: Path) -> None:
    async with at_browser(server.url, tmp_path, java_script_enabled=False) as owner:
        await owner.sign_in(PATH)
        await owner.sees("This needs scripts")
        await expect(owner.page.locator("#add")).to_be_hidden()


async def test_a_browser_that_has_lost_its_subscription_is_told_so(server: Workerd, tmp_path: Path) -> None:
    async with at_browser(server.url, tmp_path) as owner:
        await switch_on(owner, Browser())
        await owner.page.evaluate("sessionStorage.clear()")
        await owner.opens(PATH)
        await owner.sees("no longer has what it takes")
        await expect(owner.page.locator("#add")).to_be_visible()


async def test_a_browser_whose_push_service_ends_its_subscription_says_so(server: Workerd, tmp_path: Path) -> None:
    async with at_browser(server.url, tmp_path) as owner:
        await switch_on(owner, Browser())
        [worker] = owner.page.context.service_workers
        # Without a desktop Chromium drops some notifications again: then once more.
        for _ in range(8):
            assert await worker.evaluate(RENEW), "what the server does not know of is given back"
            if shown := await owner.page.evaluate(SHOWN):
                break
        [told] = shown
        assert "nothing any more" in told["title"] and told["path"] == PATH


async def test_the_policy_of_the_page_allows_one_worker_of_this_server(server: Workerd, tmp_path: Path) -> None:
    async with at_browser(server.url, tmp_path) as owner:
        await owner.sign_in(PATH)
        answer = await owner.page.goto(server.url + PATH)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "worker-src 'self'" in policy and "unsafe" not in policy and "connect-src" not in policy
        worker = await owner.page.request.get("/notifications.js")
        assert worker.headers["content-type"].startswith(("text/javascript", "application/javascript"))
