//! Joins the Wi-Fi network, again after each disconnect.

use embassy_time::{Duration, Timer};
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{AuthenticationMethod, Config, WifiController};
use log::{error, info, warn};

const SSID: &str = env!("SSID", "expected the network's name: SSID=… PASSWORD=… cargo run --release");

/// Empty for an open network.
const PASSWORD: &str = env!("PASSWORD", "expected the network's password: SSID=… PASSWORD=… cargo run --release");

/// The delay between attempts, which limits the current drawn while no access point is in range.
const PAUSE: Duration = Duration::from_secs(5);

/// Keeps the network joined. The driver reports the link's state to the network stack.
#[embassy_executor::task]
pub(crate) async fn join(mut controller: WifiController<'static>) {
    let mut station = StationConfig::default().with_ssid(SSID);
    station = match PASSWORD {
        "" => station.with_auth_method(AuthenticationMethod::None),
        password => station.with_password(password.into()),
    };
    if let Err(reason) = controller.set_config(&Config::Station(station)) {
        return error!("invalid Wi-Fi configuration: {reason:?}");
    }
    loop {
        match controller.connect_async().await {
            Ok(_) => {
                info!("joined {SSID}");
                let _ = controller.wait_for_disconnect_async().await;
                warn!("lost {SSID}");
            }
            Err(reason) => warn!("could not join {SSID}: {reason:?}"),
        }
        Timer::after(PAUSE).await;
    }
}
