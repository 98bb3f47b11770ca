// Why an attempt or a publication ended, as an Error that can be acted on.

/** An Error with members: `status` of HTTP, `delay` in ms that the server asked for, `silent` where nothing came. */
export const failure = (message, members) => Object.assign(new Error(message), members);

/** The failure that an HTTP answer tells, with the seconds of its `Retry-After` (RFC 9110 §10.2.3) as `delay`. */
export const refused = ({ status, headers }, said = '') =>
  failure(`HTTP ${status} ${said}`, { status, delay: headers.get('retry-after') * 1000 });
