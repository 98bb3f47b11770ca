// Loads the page at GOLDCREST_URL, which may be below a path, with every file that it refers to, and publishes and polls there.
// A reference to a URL outside the path is an error.

const base = new URL(process.env.GOLDCREST_URL);
const seen = new Set();

async function load(url) {
  if (seen.has(url.href)) return;
  seen.add(url.href);
  if (!url.href.startsWith(base.href)) throw new Error(`${url} is outside ${base}`);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const text = await response.text();
  const type = response.headers.get('content-type');
  const named = type.startsWith('text/html') ? /(?:href|src)="([^"]+)"/g : type.startsWith('text/javascript') ? /from ?['"]([^'"]+)['"]/g : null;
  for (const [, name] of named ? text.matchAll(named) : []) await load(new URL(name, url));
}

await load(base);
if (seen.size < 12) throw new Error(`expected at least 12 files, found: ${[...seen].join(' ')}`);
const posted = await fetch(new URL('events/below', base), { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } });
const { id } = await posted.json();
const { after } = await (await fetch(new URL('events/below', base))).json();
if (!id || after !== id) throw new Error(`published ${id}, polled ${after}`);
console.log(`below ${base.pathname}: ${seen.size} files of the page loaded`);
