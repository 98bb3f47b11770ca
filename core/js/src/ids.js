// Ids are EPOCH-SEQ: the epoch of the log, and a sequence number that increments within it.

/** Whether `id` is after `cursor`: true for another epoch, and for every id if `cursor` is not an id (`oldest`). */
export const isAfter = (id, cursor) => {
  const [epoch, seq] = id.split('-');
  const [cursorEpoch, last] = cursor.split('-');
  return epoch !== cursorEpoch || +seq > +last;
};
