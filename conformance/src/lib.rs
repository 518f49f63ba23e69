//! The conformance suite: what a transport promises, as cases by what kind of transport it is.
//!
//! | group | for transports |
//! |---|---|
//! | `every` | all |
//! | `dialed` | that can be dialed |
//! | `stream` | with the bytes of TCP or ipc on the wire, on which a scripted peer can connect to our listener |
//! | `hosted` | the same, on which a scripted peer can be dialed |
//! | `port`, `file`, `local` | with ports, with socket files, between processes of one machine |
//! | `paths` | whose addresses have a path behind the port |
//! | `wildcard` | that listen at all addresses of the machine |
//!
//! One line in a test file runs the suite for a transport: for one of the library by its scheme, for yours with how to
//! register it and an address to listen at, one that nobody else uses, whenever it is asked for.
//!
//! ```no_run
//! use spanwire_conformance::{Kit, conformance};
//!
//! conformance!(tcp, Kit::library("tcp") => every, dialed, stream, hosted, port);
//! // An imaginary one, which leaves the port to the system:
//! conformance!(pigeon, Kit::plugin("pigeon", register, || "pigeon://loft:0".into()) => every, dialed);
//!
//! fn register() { /* spanwire::transport::register(...) */ }
//! # fn main() {}
//! ```
//!
//! A case fails by a panic that says what was expected, or after 10 s. It waits for events, and keeps to no absolute times.

#![forbid(unsafe_code)]
#![allow(dead_code, missing_docs, reason = "a case is named by what it shows; some platforms lack some transports")]

pub mod common;
pub mod dialed;
pub mod every;
pub mod hosted;
pub mod kit;
pub mod paths;
pub mod peer;
#[cfg(unix)]
pub mod places;
pub mod ports;
pub mod stream;
#[cfg(feature = "tls")]
pub mod tls;

pub use kit::Kit;

/// Makes a module with a test for every case of these groups, for the transport of this [`Kit`]. The [crate](crate) has an example.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $kit:expr => $($group:ident),+ $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "what the kit names")]
            use super::*;

            const KIT: $crate::Kit = $kit;
            $($crate::conformance!(@ $group);)+
        }
    };
    (@ every) => { $crate::conformance!(@ in every:
        messages_of_all_sizes, requests_of_all_sizes, large_messages_both_ways_at_once, many_messages_in_order,
        wrong_protocol_is_refused, oversize, events_of_a_pipe, refused_pipes, a_closed_pipe_ends_on_both_sides,
        a_closed_listener_takes_its_pipes_along, addresses_of_pipes, options_of_pipes, close_while_a_callback_decides);
    };
    (@ dialed) => { $crate::conformance!(@ in dialed:
        nobody_there, the_background_waits_for_the_listener, an_address_has_one_listener, an_address_is_free_after_close,
        lost_connections_come_back, endpoints_start_once, refused_peers_are_not_dialed_tightly);
    };
    (@ stream) => { $crate::conformance!(@ in stream:
        bad_handshakes, wrong_protocols, garbage, the_limit, absurd_lengths, byte_by_byte, silence, abrupt_ends,
        half_closed, a_flood_of_connections);
    };
    (@ hosted) => { $crate::conformance!(@ in hosted: refused_handshakes, no_tight_loop, closing_while_a_peer_is_silent); };
    (@ port) => { $crate::conformance!(@ in ports: the_system_chooses_a_port, ports_are_exclusive); };
    (@ wildcard) => {
        // The portable form has no listener for IPv4 and IPv6 at once.
        #[cfg(not(spanwire_portable))]
        $crate::conformance!(@ in ports: wildcards);
    };
    (@ paths) => { $crate::conformance!(@ in paths:
        paths_share_a_port, a_path_has_one_listener, the_port_is_free_after_the_last, other_paths_are_not_found); };
    (@ file) => { $crate::conformance!(@ in places:
        stale_files_are_replaced, live_files_are_not, other_files_are_not, permissions, the_file_goes, missing_directories);
    };
    (@ local) => { $crate::conformance!(@ in places: credentials); };
    (@ in $group:ident: $($case:ident),+) => {
        $(#[test]
        fn $case() {
            KIT.begin();
            $crate::$group::$case(&KIT);
        })+
    };
}
