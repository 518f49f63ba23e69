//! Any text is a URL or an error, and a URL means the same when it is written down and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spanwire_core::Url;

fuzz_target!(|text: &str| {
    let Ok(url) = Url::parse(text) else { return };
    let again = Url::parse(url.as_str()).expect("what was parsed parses again");
    assert_eq!(url, again);
    let _ = (url.host(), url.port(), url.local(), url.userinfo(), url.path(), url.path_bytes());
    let _ = (url.encoded_path(), url.file(), url.query(), url.fragment(), url.rest(), url.is_wildcard());
    let moved = url.with_port(7);
    assert_eq!(moved.port(), url.host().map(|_| 7));
    assert_eq!(Url::parse(moved.as_str()).expect("another port parses").host(), url.host());
});
