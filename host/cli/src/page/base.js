// The server's URL; behind a proxy it may have a path.

/** The URL of the page's folder, with a slash at its end. */
export const base = new URL('..', import.meta.url).href;
