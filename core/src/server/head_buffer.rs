//! The buffer of a request's head.

/// The buffer of a request's head, until it is released: a reader that waits for events needs none.
#[derive(Debug)]
pub struct HeadBuffer<B>(Option<B>);

impl<B> HeadBuffer<B> {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) const fn new(buffer: B) -> Self {
        Self(Some(buffer))
    }
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for HeadBuffer<B> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], AsRef::as_ref)
    }
}

impl<B: AsMut<[u8]>> AsMut<[u8]> for HeadBuffer<B> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.0.as_mut().map_or(&mut [], AsMut::as_mut)
    }
}
