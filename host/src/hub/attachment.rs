//! A running server of a hub.

use super::registry::Hub;
use crate::sync::{Mutex, PoisonError};

/// A server that runs on a hub. The hub accepts events while one of them is attached.
pub struct Attachment {
    hub: Hub,
    attached: Mutex<bool>,
}

impl Attachment {
    /// Attaches a server whose limit on memory is `memory` bytes.
    pub(crate) fn new(hub: &Hub, memory: usize) -> Self {
        hub.add_server(memory);
        Self { hub: hub.clone(), attached: Mutex::new(true) }
    }

    /// Detaches the server, as its drop does. Each thread of a `Server` calls this at the shutdown. Once a call returns, all accepted events are in the
    /// inboxes of the threads with followers, or the hub has another server.
    pub fn detach(&self) {
        let mut attached = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *attached, false) {
            self.hub.remove_server();
        }
    }
}

impl Hub {
    /// Attaches a server of another project to the hub, which has no limit on memory from here on.
    ///
    /// At its shutdown the server calls `Attachment::detach`. Where no other server is attached, the hub then accepts no more
    /// events, and each [`HubReader`](super::HubReader) ends after the last event.
    pub fn attach(&self) -> Attachment {
        Attachment::new(self, usize::MAX)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.detach();
    }
}
