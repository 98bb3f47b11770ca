// Errors of attempts and publications.

/** An Error with members: `status` of HTTP, `delay` in ms that the server requested, `silent` if nothing was received in time. */
export const failure = (message, members) => Object.assign(new Error(message), members);

/** The longest delay before the next attempt, in ms, without jitter. */
export const LONGEST = 6e4;

/**
 * The delay in ms that a server requests by `digits`, in units of `unit` ms, clamped to 500 to LONGEST. 0 if it is not digits only
 * (RFC 9110 §10.2.3, WHATWG HTML §9.2.6).
 */
export const asked = (digits, unit) => (/^\d+$/.test(digits) ? Math.min(Math.max(digits * unit, 500), LONGEST) : 0);

/** The failure for an HTTP response of this status, with its `Retry-After` as `delay`. */
export const refused = ({ status, headers }, said = '') =>
  failure(`HTTP ${status} ${said.slice(0, 200)}`, { status, delay: asked(headers.get('retry-after'), 1e3) });
