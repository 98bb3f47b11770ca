//! The Wi-Fi that the board joins, and joins again whenever it is lost.

use embassy_time::{Duration, Timer};
use esp_radio::wifi::sta::StationConfig;
use esp_radio::wifi::{AuthenticationMethod, Config, WifiController};
use log::{error, info, warn};

const SSID: &str = env!("SSID", "which Wi-Fi? SSID=… PASSWORD=… cargo run --release");

/// Empty for a network that asks for none.
const PASSWORD: &str = env!("PASSWORD", "the Wi-Fi's password: SSID=… PASSWORD=… cargo run --release");

/// Between attempts: an access point that restarts takes longer, one out of reach is not worth the current.
const PAUSE: Duration = Duration::from_secs(5);

/// Joins the network for ever. The network stack sees the link come and go.
#[embassy_executor::task]
pub(crate) async fn join(mut controller: WifiController<'static>) {
    let mut station = StationConfig::default().with_ssid(SSID);
    station = match PASSWORD {
        "" => station.with_auth_method(AuthenticationMethod::None),
        password => station.with_password(password.into()),
    };
    if let Err(reason) = controller.set_config(&Config::Station(station)) {
        return error!("this is no Wi-Fi that could be joined: {reason:?}");
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
