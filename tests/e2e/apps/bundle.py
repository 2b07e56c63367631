"""What a site's own bundle does to contact somebody: each way once, as statements of JavaScript.

``HOST`` is the host to contact. ``add(tag, {…})`` makes an element, gives it its properties and puts it into the page.
"""

from __future__ import annotations

PRELUDE = """
var ran = [], said = {};
function add(name, properties) {
  var element = Object.assign(document.createElement(name), properties);
  document.documentElement.append(element);
  return element;
}
function asAttributes(name, attributes) {
  var element = document.createElement(name);
  for (var key in attributes) element.setAttribute(key, attributes[key]);
  document.documentElement.append(element);
}
"""

WAYS = {
    "script": "add('script', {src: '//HOST/a.js'})",
    "script by attribute": "asAttributes('script', {SRC: '//HOST/a.js'})",
    "script, cloned": """
        const made = Object.assign(document.createElement('script'), {src: '//HOST/a.js'});
        document.head.append(made.cloneNode())""",
    "module": "add('script', {type: 'module', src: 'http://HOST/a.js'})",
    "script before the first": """
        const first = document.getElementsByTagName('script')[0];
        first.parentNode.insertBefore(Object.assign(document.createElement('script'), {src: '//HOST/a.js'}), first)""",
    "image": "new Image().src = 'http://HOST/p.gif'",
    "image by attribute": "document.createElement('img').setAttribute('src', '\\t http:\\\\\\\\HOST/p.gif')",
    "image in markup": """document.createElement('div').innerHTML = '<p><img alt="a>b" src="http://HOST/p.gif">'""",
    "image, parsed": """
        const parsed = new DOMParser().parseFromString('<img src=http://HOST/p.gif>', 'text/html');
        document.head.append(...parsed.body.children)""",
    "image, one of a set": "new Image().srcset = '/own.gif 2x, http://HOST/q.gif 1x'",
    "input": "add('input', {type: 'image', src: 'http://HOST/p.gif'})",
    "poster": "add('video', {poster: 'http://HOST/p.gif'})",
    "audio": "new Audio('http://HOST/a.ogg').load()",
    "frame": "add('iframe', {src: '//HOST/f.html'})",
    "frame, its document": "add('iframe', {srcdoc: '<img src=http://HOST/p.gif>'})",
    "frame in markup": """
        addEventListener('load', () =>
            document.body.insertAdjacentHTML('beforeend', '<iframe src=http://HOST/f.html></iframe>'))""",
    "object": "add('object', {data: 'http://HOST/o.html'})",
    "style sheet": "add('link', {rel: 'stylesheet', href: '//HOST/a.css'})",
    "preload": "add('link', {rel: 'preload', as: 'script', href: '//HOST/a.js'})",
    "svg with its namespace": """
        addEventListener('load', () => document.body.insertAdjacentHTML(
            'beforeend', '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://HOST/p.gif"/></svg>'))""",
    "image in a template's markup": """
        document.createElement('div').innerHTML = '<img src="http:&#x2F;&#x2F;HOST&#47;p.gif">'""",
    "shadow root": """
        const root = add('div', {}).attachShadow({mode: 'closed'});
        root.innerHTML = '<img src=http://HOST/p.gif>'""",
    "link, its kind added later": "add('link', {href: 'http://HOST/a.css'}).relList.add('stylesheet')",
    "fetch from an empty frame": """
        const { contentWindow } = add('iframe', {});
        contentWindow.fetch('http://HOST/x', {mode: 'no-cors'}).catch(() => ran.push('fetch refused'))""",
    "image from an empty frame": """
        const { defaultView } = add('iframe', {}).contentDocument;
        new defaultView.Image().src = 'http://HOST/p.gif'""",
    "written into an empty frame": """
        const inner = add('iframe', {}).contentWindow.document;
        inner.write('<script src=http://HOST/a.js></scr' + 'ipt>');
        inner.close()""",
    "svg": """add('div', {innerHTML: '<svg><image xlink:href="http://HOST/p.gif"/></svg>'})""",
    "written": "document.write('<script src=http://HOST/a.js></scr' + 'ipt>')",
    "fragment of a range": """
        const markup = '<script src=http://HOST/a.js></scr' + 'ipt>';
        document.head.append(document.createRange().createContextualFragment(markup))""",
    "fetch": "fetch('http://HOST/x', {mode: 'no-cors'}).catch(() => ran.push('fetch refused'))",
    "fetch of a request": "fetch(new Request('http://HOST/x')).catch(() => ran.push('fetch refused'))",
    "beacon": "said.beacon = navigator.sendBeacon('http://HOST/x', 'a')",
    "XHR": """
        const request = new XMLHttpRequest();
        request.open('POST', 'http://HOST/x');
        request.setRequestHeader('content-type', 'text/plain');
        request.onerror = () => ran.push('XHR refused');
        request.onload = () => ran.push('XHR answered');
        request.send('a')""",
    "XHR that waits": """
        const request = new XMLHttpRequest();
        request.open('GET', 'http://HOST/x', false);
        try { request.send() } catch { ran.push('XHR refused') }""",
    "event source": "new EventSource('http://HOST/x').onerror = () => ran.push('event source refused')",
    "socket": "new WebSocket('ws://HOST/x').onerror = () => ran.push('socket refused')",
}


def hosts(domain: str) -> dict[str, str]:
    """One host per way, so that a contact says which way it came."""
    return {f"way-{number}.{domain}": way for number, way in enumerate(WAYS)}


def bundle(domain: str) -> str:
    ways = (f"{{{WAYS[way].replace('HOST', host)}}}" for host, way in hosts(domain).items())
    return PRELUDE + "\n".join(ways)
