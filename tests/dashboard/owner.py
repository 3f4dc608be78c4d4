"""An owner at a browser, and what the dashboard shows them."""

from __future__ import annotations

from harness.visitor import Visitor
from playwright.async_api import Locator


class Owner(Visitor):
    async def sign_in(self, path: str = "/dashboard", username: str = "demo", password: str = "demo") -> None:
        """Asks for a page of the owner's, and signs in where that leads."""
        await self.opens(path)
        await self.page.get_by_label("User name").fill(username)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(self.base + path)

    def link(self) -> Locator:
        """What the dashboard says of its own connection."""
        return self.page.locator("#link")

    def peer(self, uuid: str) -> Locator:
        return self.page.locator(f'[id="peer:{uuid}"]')

    def jobs(self) -> Locator:
        return self.page.locator("#jobs-list > li")

    async def sees_job(self, row: Locator) -> None:
        """Goes to the page of a job."""
        await row.locator("a.what").click()
        await self.page.wait_for_url("**/dashboard/job?id=*")

    async def send(self, command: str, text: str) -> None:
        panel = self.page.locator("#send-panel")
        if await panel.get_attribute("open") is None:
            await panel.locator("summary").click()
        await self.page.get_by_label("Command", exact=True).select_option(command)
        await self.page.get_by_label("Python code").fill(text)
        await self.page.get_by_role("button", name="Send", exact=True).click()
