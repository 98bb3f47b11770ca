// Ids are EPOCH-SEQ: a life of the log, and a number that counts up by one within it.

/** Whether `id` comes after `cursor`: one of another epoch does, and every id comes after what is none (`oldest`). */
export const isAfter = (id, cursor) => {
  const [epoch, seq] = id.split('-');
  const [ofEpoch, last] = cursor.split('-');
  return epoch !== ofEpoch || +seq > +last;
};
