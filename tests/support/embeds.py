"""Stand-ins for Pavior's embed: they keep the options of each init in `calls`."""

from __future__ import annotations

EMBED = """
window.calls = [];
window.Pavior = (command, options) => {
    calls.push(options);
    dispatchEvent(new Event('called'));
};
"""

EMBED_WITH_BUBBLE = f"""{EMBED}
addEventListener('called', () => {{
    document.querySelector('#bubble')?.remove();
    document.body.append(Object.assign(document.createElement('b'), {{id: 'bubble'}}));
}});
"""
"""It appends a bubble with each init, as an embed does whose bubble is gone."""

QUIET = "new Promise(done => setTimeout(done, 1000))"
"""Within this second a further call would come."""
