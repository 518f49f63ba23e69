//! The HTTP heads that open a WebSocket: any bytes as a request and as a response, and any lines as headers.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spanwire_transports::ws::fuzz::{heads, judge_request, judge_response};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    bytes: &'a [u8],
    /// Where a good head is spoiled, and with what.
    at: u16,
    lines: &'a str,
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const REP: &str = "rep.sp.nanomsg.org";
const HEAD_MAX: usize = 8 * 1024;

fuzz_target!(|input: Input<'_>| {
    judge(input.bytes);
    let _ = judge_response(input.bytes, KEY, REP);

    if let Some((request, response)) = heads(input.lines, KEY, REP) {
        // Whatever the application adds, there is one head, and it says what it should.
        if request.len().max(response.len()) <= HEAD_MAX && input.lines.lines().count() < 50 {
            assert_eq!(judge_request(&request, REP), Some((101, request.len())));
            assert_eq!(judge_response(&response, KEY, REP), Ok(Some(response.len())));
        }
    }

    let (request, response) = heads("", KEY, REP).expect("no lines");
    judge(&spoiled(&request, &input));
    let _ = judge_response(&spoiled(&response, &input), KEY, REP);
});

fn spoiled(head: &[u8], input: &Input<'_>) -> Vec<u8> {
    let (before, behind) = head.split_at(usize::from(input.at) % head.len());
    [before, input.bytes, behind].concat()
}

/// A head is judged by itself: what comes behind it changes nothing, and it is not judged before it is complete.
fn judge(bytes: &[u8]) {
    let judged = judge_request(bytes, REP);
    match judged {
        Some((101, len)) => {
            assert!(len <= bytes.len());
            assert_eq!(judge_request(&bytes[..len], REP), judged);
            assert_eq!(judge_request(&bytes[..len - 1], REP), None);
        }
        Some((status, _)) => assert!([400, 405, 426, 431, 505].contains(&status), "{status}"),
        None => assert!(bytes.len() < HEAD_MAX),
    }
}
