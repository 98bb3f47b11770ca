// Loads the page at GOLDCREST_URL, which may be below a path, with all that its files name, and publishes and polls there. What is
// outside the path is not to be asked for.

const base = new URL(process.env.GOLDCREST_URL);
const seen = new Set();

async function load(url) {
  if (seen.has(url.href)) return;
  seen.add(url.href);
  if (!url.href.startsWith(base.href)) throw new Error(`${url} is outside ${base}`);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const text = await answer.text();
  const type = answer.headers.get('content-type');
  const named = type.startsWith('text/html') ? /(?:href|src)="([^"]+)"/g : type.startsWith('text/javascript') ? /from ?['"]([^'"]+)['"]/g : null;
  for (const [, name] of named ? text.matchAll(named) : []) await load(new URL(name, url));
}

await load(base);
if (seen.size < 12) throw new Error(`only ${[...seen].join(' ')}`);
const posted = await fetch(new URL('events/below', base), { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } });
const { id } = await posted.json();
const { after } = await (await fetch(new URL('events/below', base))).json();
if (!id || after !== id) throw new Error(`published ${id}, polled ${after}`);
console.log(`below ${base.pathname}: ${seen.size} files of the page, all found there`);
