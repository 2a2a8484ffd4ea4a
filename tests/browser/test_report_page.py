"""The report in a browser: what it shows, how it answers, whom it leaves out; what it asks of the network.

Run by `make browser`, which fails where Debian's chromium or pdftotext is not installed.
"""

import base64
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from gravida.evidence.sheet import check_published_rates
from gravida.figures import draw_course_chart
from gravida.report.html import ReportContent, render_report
from gravida.report.sections import SECTIONS
from gravida.report.sources import sources_by_name
from gravida.tables import read_cells
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/unit"))

from report_frames import BETWEEN, CONFIGURATION, NEITHER, OK, every_table, ratios, released  # noqa: E402

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
SCREENS = {"light": (1280, "light"), "dark": (1280, "dark"), "phone": (390, "light")}
# One white dot.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
LONG = "a_site_whose_name_is_as_long_as_names_of_sites_may_be_" * 2
# A point of an arm, and what it says.
FIRST = (
    "Treated, year after delivery: 0.27 relapses per year (95% CI 0.16 to 0.42); 19 relapses, 71 pregnancies"
)


@dataclass
class Opened:
    """A page with what it said on the console and what it asked for beside itself."""

    page: Page
    said: list[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program and shutil.which("pdftotext"), "apt-get install chromium poppler-utils"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def published():
    return check_published_rates(read_cells(ROOT / "resources/evidence/published_rates.csv", "sheet"))


@pytest.fixture(scope="module")
def content(published) -> ReportContent:
    tables = every_table()
    made = {
        f"results/release/tables/{name}.csv": (["release_tables"], f"{place:064x}")
        for place, name in enumerate(tables)
    }
    figures = dict.fromkeys(("course", "sensitivity", "evidence_forest"), base64.b64decode(PICTURE))
    return ReportContent(
        tables, BETWEEN, figures, CONFIGURATION, {"pandas": "2.3.3"}, "Invented.",
        sources=sources_by_name(made), chart=draw_course_chart(tables["relapse_rates"], published),
    )  # fmt: skip


@pytest.fixture(scope="module")
def show(browser: Browser, tmp_path_factory) -> Iterator[Callable[..., Opened]]:
    """Return a function that opens a report on a screen."""
    folder, contexts = tmp_path_factory.mktemp("pages"), []

    def opened(
        report: ReportContent, width: int = 1280, scheme: str = "light", scripts: bool = True
    ) -> Opened:
        path = folder / f"{len(contexts)}.html"
        path.write_text(render_report(report), encoding="utf-8")
        size = {"width": width, "height": 800}
        contexts.append(browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=scripts))
        page, said = contexts[-1].new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda fault: said.append(str(fault)))
        page.on(
            "request", lambda asked: asked.url.startswith(("data:", path.as_uri())) or said.append(asked.url)
        )
        page.goto(path.as_uri())
        return Opened(page, said)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def desk(show, content) -> Opened:
    return show(content)


def told(page: Page) -> str:
    return page.locator(".told").inner_text()


def drawn(page: Page) -> int:
    """Return how many marks of the chart can be seen."""
    return sum(point.is_visible() for point in page.locator(".point").all())


def test_every_section_is_there_and_in_the_contents(desk: Opened) -> None:
    headings = desk.page.locator("main h2").all_inner_texts()
    assert headings[0].startswith("Verdict: ") and headings[1] == "Abstract"
    assert headings[2:-4] == [section.title for section in SECTIONS]
    links = desk.page.locator("nav a").evaluate_all("links => links.map(link => link.hash.slice(1))")
    assert links == desk.page.locator("main h2").evaluate_all("all => all.map(one => one.id)")


def test_each_table_says_where_it_is_from(desk: Opened) -> None:
    for section in SECTIONS:
        text = desk.page.locator(f"section[aria-labelledby={section.table}] > .source").inner_text()
        assert text.startswith(
            f"Table: results/release/tables/{section.table}.csv, made by release_tables, SHA-256 "
        )


def test_the_contents_mark_where_one_is(desk: Opened) -> None:
    for name in ("sites", "methods", "attrition"):
        desk.page.evaluate(f"document.getElementById('{name}').scrollIntoView()")
        marked = desk.page.locator("nav a[aria-current=location]")
        expect(marked).to_have_attribute("href", f"#{name}")
        assert marked.count() == 1
        assert desk.page.locator("nav").evaluate("nav => nav.getBoundingClientRect().top") == 0


def test_the_first_stop_of_the_keyboard_leads_past_the_contents(show, content) -> None:
    page = show(content).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_pointing_at_a_mark_says_its_numbers(desk: Opened) -> None:
    page = desk.page
    mark = page.locator(f'.point[aria-label^="{FIRST}"]')
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    assert told(page).startswith(FIRST)
    assert mark.get_attribute("class") == "point chosen"
    page.mouse.move(0, 0)


def test_the_keyboard_moves_through_the_marks(desk: Opened) -> None:
    page = desk.page
    assert page.locator('.point[tabindex="0"]').count() == 1
    page.locator(".chart .scroll").focus()
    page.keyboard.press("Tab")
    said = [told(page)]
    page.keyboard.press("ArrowRight")
    said.append(told(page))
    assert said[0].startswith(FIRST) and said[1].startswith("Untreated, year after delivery: 0.38 ")
    page.keyboard.press("End")
    assert "published" in told(page)
    page.keyboard.press("Home")
    assert told(page) == said[0]
    page.keyboard.press("Escape")
    assert told(page).startswith("Point at a mark")


def test_arms_and_cohorts_are_switched_off_and_on(desk: Opened) -> None:
    page, all_of_them = desk.page, drawn(desk.page)
    for name, prefix in (("Treated", "Treated, "), ("PRIMS Confavreux 1998", "PRIMS Confavreux 1998, ")):
        box = page.get_by_role("checkbox", name=name, exact=True)
        own = page.locator(f'.point[aria-label^="{prefix}"]').count()
        box.focus()
        page.keyboard.press("Space")
        assert own > 0 and drawn(page) == all_of_them - own
        box.check()
        assert drawn(page) == all_of_them
    page.get_by_role("checkbox", name="Treated", exact=True).uncheck()
    assert page.locator('.point[tabindex="0"]').get_attribute("aria-label").startswith("Untreated")
    page.get_by_role("checkbox", name="Treated", exact=True).check()


def test_the_chart_stands_for_the_picture_only_where_scripts_run(desk: Opened, show, content) -> None:
    chart, picture = ".chart svg", ".chart + img"
    assert desk.page.locator(chart).is_visible() and not desk.page.locator(picture).is_visible()
    still = show(content, scripts=False).page
    assert still.locator(picture).is_visible() and not still.locator(chart).is_visible()
    desk.page.emulate_media(media="print")
    assert desk.page.locator(picture).is_visible() and not desk.page.locator(chart).is_visible()
    desk.page.emulate_media(media="screen")


@pytest.mark.parametrize("screen", SCREENS)
def test_nobody_is_left_out(show, content, screen: str) -> None:
    """Checked by axe, contrasts too; and nothing is said, asked for or wider than the screen."""
    width, scheme = SCREENS[screen]
    opened = show(content, width, scheme)
    options = {"runOnly": {"type": "tag", "values": LEVELS}, "resultTypes": ["violations"]}
    found = Axe().run(opened.page, options=options).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    assert opened.said == []


def test_wide_tables_scroll_in_boxes_that_can_be_focused_and_have_names(show, content) -> None:
    page = show(content, width=390).page
    boxes = page.locator(".scroll").all()
    assert len(boxes) >= len(SECTIONS)
    assert all(box.get_attribute("tabindex") == "0" and box.get_attribute("aria-label") for box in boxes)
    wide = [box for box in boxes if box.evaluate("box => box.scrollWidth > box.clientWidth")]
    assert len(wide) > len(SECTIONS) / 2


def test_what_is_printed_has_every_table_to_its_last_column(desk: Opened, tmp_path: Path) -> None:
    desk.page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    command = ["pdftotext", "-layout", str(tmp_path / "report.pdf"), "-"]
    printed = re.sub(r"\s+", "", subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for section in SECTIONS:
        assert re.sub(r"\s+", "", section.caption) in printed, section.table
    beyond = (
        "tables => tables.filter(table => table.offsetWidth > table.parentElement.clientWidth + 1).length"
    )
    desk.page.set_viewport_size({"width": 1030, "height": 700})
    desk.page.emulate_media(media="print")
    assert desk.page.locator("table").evaluate_all(beyond) == 0
    desk.page.emulate_media(media="screen")
    desk.page.set_viewport_size({"width": 1280, "height": 800})


def hidden(tables):
    """Return tables in which every number is withheld."""

    def of(frame):
        numbers = frame.select_dtypes("number").columns
        return frame.assign(suppressed=True, **dict.fromkeys(numbers, float("nan")))

    return {name: of(frame) if "suppressed" in frame else frame for name, frame in tables.items()}


def hard_cases(content: ReportContent, published) -> dict[str, ReportContent]:
    tables, rates = content.tables, content.tables["relapse_rates"]
    one_arm = rates[(rates["group"] != "arm") | (rates["arm"] != "untreated")]
    nothing = hidden({name: tables[name] for name in ("rate_ratios", "relapse_rates", "baseline", "sites")})
    sites = [
        {"kind": "site", "site": f"{LONG}{number}", "policy": "all", "rate": 0.5, "lower": 0.4, "upper": 0.8,
         "pregnancies": 71, "women": 60, "relapses": 19, "person_years": 71.0, "method": "exact", **OK}
        for number in range(300)
    ]  # fmt: skip
    evidence = {name: table for name, table in tables.items() if name.startswith("evidence")}
    return {
        "one arm": replace(
            content, identifiability=NEITHER, chart=draw_course_chart(one_arm, published),
            tables=tables | {"relapse_rates": one_arm},
        ),
        "everything withheld": replace(
            content, tables=nothing, chart=draw_course_chart(nothing["relapse_rates"], published)
        ),
        "300 sites": replace(content, tables={"rate_ratios": ratios(), "sites": released("sites", sites)}),
        "hardly a registry": replace(
            content, identifiability=NEITHER, tables=evidence | {"rate_ratios": ratios()}, chart=""
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["one arm", "everything withheld", "300 sites", "hardly a registry"])
def test_hard_cases_stay_in_their_boxes(show, content, published, name: str) -> None:
    opened = show(hard_cases(content, published)[name], width=390)
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    assert opened.said == []
    assert opened.page.locator("#verdict").inner_text().startswith("Verdict: ")
    points = opened.page.locator(".point").count()
    assert (points > 0) == (name == "one arm")
    if name == "one arm":
        assert not opened.page.locator(".chart label").get_by_text("Untreated").count()
