"""The same journey in three real browsers.

A test that takes `window` runs in each browser:

    def test_a_page(window: Window) -> None:
        window.open("https://shop.example.test:8443/")
        window.click("a")
        window.wait_for("location.pathname == '/page'")

The fixtures `engine` and `window` are in `tests/browser/conftest.py`.
"""
