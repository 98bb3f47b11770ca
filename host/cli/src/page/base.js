// Where the server is. Behind a proxy that may be below a path.

/** The URL of the folder that the page is in, with a slash at its end. */
export const base = new URL('..', import.meta.url).href;
