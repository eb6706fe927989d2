"""The docs site in a real Chromium, from the file, with the network cut. Screenshots are left in target/screenshots."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from loaders.conventions import snake_case
from loaders.registry import topics
from tests.docs.conftest import Site
from tests.pipeline.harness import PROJECT

pytestmark = pytest.mark.browser

SCREENSHOTS = PROJECT / "target" / "screenshots"
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1500,1100"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",  # nobody listens there
)

# The elements that somebody sees, and their text as he reads it. Asked of the page at once: to ask for one after the other took a minute.
_VISIBLE = """
const isSeen = one => one.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && [...one.getClientRects()].some(box => box.width > 0 && box.height > 0);
const visible = [...document.querySelectorAll(arguments[0])].filter(isSeen);
const text = one => one.innerText.trim();
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who reads the site in a browser."""

    driver: webdriver.Chrome
    site: Site

    def open(self, place: str = "") -> None:
        """Load the page anew, at a place of it such as ``model/model.fortress_warehouse.units``."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.site.path.as_uri()}#!/{place}")
        self.see("body.loaded, .app")

    def see(self, selector: str, text: str = "") -> WebElement:
        """The first visible element that the selector finds and that holds the text; waits for it, and fails if it never comes."""
        script = f"{_VISIBLE} return visible.find(one => one.innerText.includes(arguments[1]))"
        return WebDriverWait(self.driver, 30, 0.1).until(
            lambda driver: driver.execute_script(script, selector, text), f"{selector!r} with {text!r}"
        )

    def texts(self, selector: str) -> list[str]:
        return self.driver.execute_script(f"{_VISIBLE} return visible.map(text)", selector)

    def rows(self, selector: str) -> list[list[str]]:
        """What stands in the cells of the rows that the selector finds."""
        return self.driver.execute_script(f"{_VISIBLE} return visible.map(row => [...row.querySelectorAll('td')].map(text))", selector)

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    def requests(self) -> set[str]:
        """What the pages asked for since the last time this was called."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    browser, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and chromedriver):
        pytest.fail("Chromium and its driver are needed: on Debian, apt-get install chromium chromium-driver", pytrace=False)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for option in (*_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        driver.get("about:blank")
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def reader(driver: webdriver.Chrome, site: Site) -> Iterator[Reader]:
    yield from _watched(Reader(driver, site))


@pytest.fixture
def first_reader(driver: webdriver.Chrome, first_day: Site) -> Iterator[Reader]:
    yield from _watched(Reader(driver, first_day))


def _watched(reader: Reader) -> Iterator[Reader]:
    """Whatever a test opens: nothing but the file itself is asked for, and the page has nothing to complain about."""
    reader.requests(), reader.complaints()
    yield reader
    asked = {url for url in reader.requests() if not url.startswith(("data:", "blob:", "about:", "chrome:"))}
    assert asked == {reader.site.path.as_uri()}
    assert reader.complaints() == []


def test_the_overview_says_what_this_is_and_leads_to_every_topic(reader):
    reader.open()
    reader.see("h1", "Fortress Warehouse")
    assert reader.driver.title == "Fortress Warehouse"
    assert {topic.label for topic in topics().values()} <= set(reader.texts("table a"))
    reader.picture("overview")
    reader.see("table a", topics()["units"].label).click()
    reader.see("h1", "units")
    assert reader.driver.current_url.endswith("model/model.fortress_warehouse.units")


def test_a_topics_page_describes_it_and_every_column(reader):
    reader.open("model/model.fortress_warehouse.workorders")
    assert topics()["workorders"].description[:60] in reader.see(".model-markdown").text
    reader.see("tr.column-row")
    rows = {row[0]: row[2] for row in reader.rows("tr.column-row")}
    assert rows.keys() >= {snake_case(column.name) for column in topics()["workorders"].columns} | {"_file_id", "_row_number"}
    assert rows["_row_number"].startswith("The row's place in its file")
    assert [name for name, description in rows.items() if not description] == []
    assert "fortress.marts.workorders" in reader.texts("dd.detail-value")
    reader.picture("topic")


def test_topics_stand_under_their_subjects(reader):
    reader.open()
    reader.see(".switch-label", "Group").click()
    reader.see("strong", "Tables by subject")
    expected = {topic.group for topic in topics().values()} | {"audit", "market"}
    assert set(reader.texts(".menu a")) - {"Overview"} == expected
    reader.see(".menu a", topics()["units"].group).click()
    reader.see(".menu a", "units_history")
    reader.picture("groups")


def test_the_lineage_of_a_topic_is_drawn(reader):
    reader.open("model/model.fortress_warehouse.units?g_v=1&g_i=%2Bunits%2B")
    reader.see(".graph-close, .launcher, canvas")
    nodes = WebDriverWait(reader.driver, 30).until(lambda driver: driver.execute_script(_NODES) or None)
    assert {node["label"] for node in nodes if node["drawn"]} >= {
        "fortress.units",
        "stg_fortress__units",
        "units_changes",
        "units_history",
        "units",
    }
    assert "workorders" not in {node["label"] for node in nodes}
    colours = WebDriverWait(reader.driver, 30).until(lambda driver: (found := driver.execute_script(_COLOURS)) and len(found) > 3 and found)
    assert any(red < 120 and green > 150 and blue < 80 for red, green, blue in colours)  # a source is green
    reader.picture("lineage")


_NODES = """
return window.graph && window.graph.nodes().map(node => {
    const box = node.renderedBoundingBox();
    const inside = box.x1 < window.innerWidth && box.x2 > 0 && box.y1 < window.innerHeight && box.y2 > 0;
    return {label: node.data('label'), drawn: node.visible() && inside && box.w > 5};
});
"""

# The colours of opaque pixels on the canvas, coarse, so that a flat background is one of them.
_COLOURS = """
const seen = new Map();
for (const canvas of document.querySelectorAll('canvas')) {
    if (!canvas.width || !canvas.height) continue;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    for (let at = 0; at < pixels.length; at += 16) {
        if (pixels[at + 3] < 250) continue;
        const colour = [pixels[at], pixels[at + 1], pixels[at + 2]].map(part => part & 0xf0);
        seen.set(colour.join(), colour);
    }
}
return [...seen.values()];
"""


@pytest.mark.parametrize(
    ("words", "first"), [("door_code", "workorders"), ("doorCode", "fortress.workorders"), ("unresolved", "unresolved_references")]
)
def test_search_finds_columns_and_tables_and_what_analysts_look_for_comes_first(reader, words, first):
    reader.open()
    reader.see("#search").send_keys(words)
    reader.see(".results .result", first)
    assert reader.texts(".results .result")[0].split()[0] == first
    reader.picture(f"search-{words}")


def test_a_source_says_how_fresh_it_is(reader):
    reader.open("source/source.fortress_warehouse.fortress.units")
    reader.see("h1", "fortress.units")
    details = dict(zip(reader.texts("dt.detail-label"), reader.texts("dd.detail-value"), strict=True))
    shown = {label.lower(): value for label, value in details.items()}
    assert shown["new files expected"] == "within 24 hours"
    assert shown["latest file, its time"].endswith(" UTC")
    reader.picture("source")


def test_an_exposure_says_what_analysts_get(reader):
    reader.open("exposure/exposure.fortress_warehouse.current_tables")
    reader.see(".model-markdown")
    reader.picture("exposure")


def test_the_browser_itself_refuses_the_page_the_network(reader):
    reader.open()
    refused = reader.driver.execute_async_script(
        "const done = arguments[0]; fetch('https://example.org/').then(() => done('fetched'), error => done(String(error)))"
    )
    assert "Failed to fetch" in refused
    assert any("Content Security Policy" in complaint for complaint in reader.complaints())


def test_the_first_days_site_shows_topics_and_columns_too(first_reader):
    first_reader.open()
    first_reader.see("h1", "Fortress Warehouse")
    first_reader.open("model/model.fortress_warehouse.leases")
    first_reader.see("tr.column-row", "unit_id")
    first_reader.picture("first-day")
