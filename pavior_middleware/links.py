"""The script by which links to a borrower take the login along."""

# A link's address is changed at the last moment before it is followed, and changed back right after
# that, so that what the status bar shows, what is copied and what other scripts read is the link's
# own. The last moment is that of the last listener: the one that is added when the others are
# there, since all who listen on the window have heard of the event when it gets to the document.
# Whoever stops the event, or follows the link in a way of their own, is left alone.
#
# The next page knows by its referrer that the code comes from here, so the link has to send it: in
# full to this site, and from there on only the origin. Firefox looks at that after the last moment,
# so the link keeps the attributes that say so. In WebKit a link that was ever told to send none
# never does, so another one is followed in its place, where that can be done.
#
# A link with a user name or of a `blob:` does not begin with its origin, and is not for us. Nor is
# one that the page's users have put there, if it says so: it may lead to what hands the code on.
#
# Like the snippet that it stands in, it holds no "<", ">" or "&".
LINKS = """(function (window, patterns, handoff) {
var document = window.document, key = Symbol.for('pavior-middleware.links');
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
if (link.relList.contains('ugc') || link.relList.contains('nofollow')) return false;
return patterns.some(function (pattern) { return matches(link.origin, pattern); });
}
function isPlain(event) {
return !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}
function lead(link, url) {
link.href = url;
link.referrerPolicy = 'strict-origin-when-cross-origin';
link.relList.replace('noreferrer', 'noopener');
}
function follow(event) {
if (event.defaultPrevented || event.button === 2) return;
var link = event.composedPath().find(isLink);
if (!link) return;
if (!leadsToBorrower(link)) return;
var url = window.location.origin + handoff + '?to=' + encodeURIComponent(link.href);
if (isPlain(event)) if (link.relList.contains('noreferrer')) {
event.preventDefault();
var twin = document.createElement('a');
twin.target = link.target;
twin.rel = 'noopener';
lead(twin, url);
return twin.click();
}
var own = link.getAttribute('href');
lead(link, url);
window.setTimeout(function () { link.setAttribute('href', own); });
}
['click', 'auxclick'].forEach(function (type) {
document.addEventListener(type, function () {
window.removeEventListener(type, follow);
window.addEventListener(type, follow);
}, true);
});
})(window, """
