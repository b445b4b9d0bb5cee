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
"""The embed appends a bubble at each init, like an embed whose bubble has been removed."""

QUIET_SECONDS = 0.5
"""The time in which a further call would come: the script pauses for a tenth of a second."""

QUIET = f"new Promise(done => setTimeout(done, {1000 * QUIET_SECONDS}))"
