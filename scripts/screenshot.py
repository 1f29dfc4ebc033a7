"""The picture of docs/browse.md: a question of the demo, with a recycled solution.

After `make demo`: PYTHONPATH=. python scripts/screenshot.py docs/browse.png
"""

import shutil
import sys

from playwright.sync_api import sync_playwright

from benchmarks.browse import served

RUN, QUESTION = "results/runs/demo", "embedded/chains/seed0/pools/question?id=unlabelled-00000"


def main() -> None:
    """Open the question, and the first of its recycled solutions; save what a window shows."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with served(RUN) as (address, _), sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_context(viewport={"width": 1120, "height": 800}).new_page()
        page.goto(f"{address}{QUESTION}")
        page.locator("details.answer summary").first.click()
        page.locator("details.answer summary", has_text="recycled").first.click()
        page.screenshot(path=sys.argv[1])
        opened.close()


if __name__ == "__main__":
    main()
