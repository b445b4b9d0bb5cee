"""The script by which links to a borrower take the login along."""

# A link's address is changed at the last moment before it is followed, and changed back right after
# that, so that what the status bar shows, what is copied and what other scripts read is the link's
# own. The last moment is that of the last listener: the one that is added when the others are
# there, since all who listen on the window have heard of the event when it gets to the document.
# Whoever stops the event, or follows the link in a way of their own, is left alone.
#
# What the address gains is a hint in its fragment. It holds nothing, so it may get anywhere: the
# borrower's page asks when it finds it.
#
# A link with a user name or of a `blob:` does not begin with its origin, and is not for us.
#
# Like the snippet that it stands in, it holds no "<", ">" or "&".
LINKS = """(function (window, patterns) {
var document = window.document, key = Symbol.for('pavior-middleware.links'), led = new WeakSet();
if (window[key]) return;
window[key] = true;
function matches(origin, pattern) {
var parts = pattern.split('*');
if (parts.length === 1) return origin === pattern;
if (!origin.startsWith(parts[0]) || !origin.endsWith(parts[1])) return false;
return /^[a-z0-9-]+(\\.[a-z0-9-]+)*$/.test(origin.slice(parts[0].length, -parts[1].length));
}
function isLink(node) {
return ['a', 'area'].includes(node.localName) ? typeof node.href === 'string' : false;
}
function leadsToBorrower(link) {
if (link.hasAttribute('download') || !link.href.startsWith(link.origin)) return false;
if (link.origin === window.location.origin) return false;
return patterns.some(function (pattern) { return matches(link.origin, pattern); });
}
function follow(event) {
if (event.defaultPrevented || event.button === 2) return;
var link = event.composedPath().find(isLink);
if (!link || led.has(link)) return;
if (!leadsToBorrower(link)) return;
var own = link.getAttribute('href'), fragment = link.hash.slice(1);
led.add(link);
link.hash = 'pavior-handoff=ask' + (fragment ? '\\x26' + fragment : '');
window.setTimeout(function () {
led.delete(link);
link.setAttribute('href', own);
});
}
['click', 'auxclick'].forEach(function (type) {
document.addEventListener(type, function () {
window.removeEventListener(type, follow);
window.addEventListener(type, follow);
}, true);
});
})(window, """
