//! Settings at build time.

/// The URL of the channel to publish the sensors on, by `GOLDCREST_HUB` at build time, such as
/// `http://10.0.2.2:8080/events/device`. Its host is an IP address: the chip has no DNS client. Without it the image contains no
/// client.
pub const HUB_URL: Option<&str> = option_env!("GOLDCREST_HUB");
