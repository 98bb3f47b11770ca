// Why an attempt or a publication ended, as an Error that can be acted on.

/** An Error with members: `status` of HTTP, `delay` in ms that the server asked for, `silent` where nothing came. */
export const failure = (message, members) => Object.assign(new Error(message), members);

/** The longest wait before the next try, in ms. */
export const LONGEST = 6e4;

/**
 * The wait in ms that a server asks for by `digits`, each of them `unit` ms: within what a server may ask for. Of what is no number
 * in digits alone (RFC 9110 §10.2.3, WHATWG HTML §9.2.6): 0.
 */
export const asked = (digits, unit) => (/^\d+$/.test(digits) ? Math.min(Math.max(digits * unit, 500), LONGEST) : 0);

/** The failure that an HTTP answer tells, with its `Retry-After` as `delay`. */
export const refused = ({ status, headers }, said = '') =>
  failure(`HTTP ${status} ${said.slice(0, 200)}`, { status, delay: asked(headers.get('retry-after'), 1e3) });
