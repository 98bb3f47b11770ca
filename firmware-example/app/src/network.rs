//! The address of the chip: by DHCP, else the board's own.

use embassy_net::{Config, ConfigV4, Stack};
use embassy_time::{Duration, with_timeout};
use log::{info, warn};

use crate::Board;
use crate::plain::{Decimal, Plain};

/// The time limit of DHCP.
const PATIENCE: Duration = Duration::from_secs(10);

/// The configuration that the network stack starts with.
pub fn dhcp() -> Config {
    Config::dhcpv4(Default::default())
}

/// Waits for an address; without DHCP the board's fallback.
#[embassy_executor::task]
pub(crate) async fn configure(stack: Stack<'static>, board: &'static Board) {
    stack.wait_link_up().await;
    if with_timeout(PATIENCE, stack.wait_config_up()).await.is_err() {
        warn!("no DHCP");
        stack.set_config_v4(ConfigV4::Static(board.fallback.clone()));
        stack.wait_config_up().await;
    }
    if let Some(config) = stack.config_v4() {
        let [a, b, c, d] = config.address.address().octets().map(|byte| Decimal(byte.into()));
        info!("{} serves http://{a}.{b}.{c}.{d}/", Plain(board.name));
    }
}
