//! [`HubReader`] as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use smol::stream::Stream;

use crate::hub::{HubReader, ReaderItem};

impl Stream for HubReader {
    type Item = ReaderItem;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ReaderItem>> {
        self.get_mut().poll_next_item(cx)
    }
}

#[cfg(test)]
mod tests {
    use goldcrest_core::log::EventType;
    use smol::stream::StreamExt;

    use crate::{ChannelLimits, Hub, ReaderItem};

    #[test]
    fn a_reader_is_a_stream() {
        let hub = Hub::new(ChannelLimits::default()).unwrap();
        let reader = hub.reader("a").unwrap();
        for text in ["0", "1", "2", "3"] {
            hub.publish("a", EventType::MESSAGE, text).unwrap();
        }
        let even = reader.filter_map(|item| match item {
            ReaderItem::Event(event) if event.id.seq % 2 == 0 => event.text().map(str::to_owned),
            _ => None,
        });
        assert_eq!(smol::block_on(even.take(2).collect::<Vec<_>>()), ["1", "3"]);
    }
}
