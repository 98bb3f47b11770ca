//! A captive portal: a chip that is its own access point opens its page on each device that joins.
//!
//! A device that joins a network requests a known URL of its vendor, such as `http://connectivitycheck.gstatic.com/generate_204`.
//! [`answer_dns`] resolves every name to the chip, and [`redirect`] answers every unknown host with the page of the chip. The
//! device then shows that page.
//!
//! The program sets `access.hosts` to [`HostPolicy::Any`](goldcrest_core::server::HostPolicy::Any): the requests of unknown hosts
//! reach the handler, whose only response to them is the redirect. So a page of another name still reads nothing (DNS rebinding).

use core::fmt::Write;
use core::net::Ipv4Addr;

use goldcrest_core::http::{Response, Status};
use goldcrest_core::server::{Exchange, HandlerResult, HostPolicy, Runtime};

/// Answers a request for an unknown host with 302 to the page at `own`. Returns all other requests.
pub(crate) async fn redirect<'x, 'l, R: Runtime>(
    exchange: Exchange<'x, 'l, R>,
    own: Ipv4Addr,
) -> Result<Exchange<'x, 'l, R>, HandlerResult> {
    let host = exchange.request().host().unwrap_or_default();
    if HostPolicy::LocalNetwork.permits(host) {
        return Ok(exchange);
    }
    let mut location = heapless::String::<24>::new();
    let [a, b, c, d] = own.octets();
    let _ = write!(location, "http://{a}.{b}.{c}.{d}/"); // fits: at most 23 bytes
    // Without `no-store` a device would keep the redirect, and use it in another network.
    let headers = &[("Location", location.as_str()), ("Cache-Control", "no-store")];
    Err(exchange.respond(&Response::empty(Status::FOUND).with_headers(headers)).await)
}

/// The time that a device keeps the address, in seconds: short, since the names are those of others.
const TTL: u32 = 10;

/// Writes the response to a DNS query (RFC 1035 §4.1) into `response`: the address `own` for every name. Returns its length; `None`
/// for a message that is not a query of one question, or a `response` that is too small. A query is at most 512 bytes long.
pub(crate) fn answer_dns(query: &[u8], own: Ipv4Addr, response: &mut [u8]) -> Option<usize> {
    let (header, body) = query.split_first_chunk::<12>()?;
    let [id_high, id_low, flags, _, 0, 1, ..] = *header else { return None };
    // A response, or another operation than a standard query.
    if flags & 0b1111_1000 != 0 {
        return None;
    }
    let question = body.get(..question_length(body)?)?;
    let [.., type_high, type_low, _, 1] = *question else { return None };
    // Other types, such as AAAA, have an empty response, so that the device uses the IPv4 address.
    let is_address = [type_high, type_low] == [0, 1];
    let recursion = flags & 1;
    let mut written = 0;
    let mut put = |bytes: &[u8]| {
        let room = response.get_mut(written..)?.get_mut(..bytes.len())?;
        room.copy_from_slice(bytes);
        written += bytes.len();
        Some(written)
    };
    // QR and AA are set, and RA, because some resolvers require it.
    put(&[id_high, id_low, 0b1000_0100 | recursion, 0b1000_0000, 0, 1, 0, is_address.into(), 0, 0, 0, 0])?;
    let length = put(question)?;
    if !is_address {
        return Some(length);
    }
    // A pointer to the name of the question (§4.1.4), type A, class IN.
    put(&[0xc0, 12, 0, 1, 0, 1])?;
    put(&TTL.to_be_bytes())?;
    put(&[0, 4])?;
    put(&own.octets())
}

/// The length of the question at the start of `body`: labels up to an empty one, type and class.
fn question_length(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match usize::from(*body.get(at)?) {
            0 => return Some(at + 5),
            // A pointer cannot be in the first name of a message.
            64.. => return None,
            label => at += 1 + label,
        }
    }
}
