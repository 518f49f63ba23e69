//! The conformance suite: what a transport promises, as cases by what kind of transport it is.
//!
//! | group | for transports |
//! |---|---|
//! | `every` | all |
//! | `dialed` | that can be dialed |
//! | `stream` | with a byte stream, on which a scripted peer can connect to our listener |
//! | `hosted` | with a byte stream, on which a scripted peer can be dialed |
//! | `port`, `file`, `local` | with ports, with socket files, between processes of one machine |
//! | `paths` | whose addresses have a path behind the port |
#![allow(dead_code, unreachable_pub, reason = "some platforms lack some transports")]

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

/// Makes a test of every case of these groups, for the transport of this scheme.
macro_rules! conformance {
    ($name:ident, $scheme:literal: $($group:ident),+) => {
        mod $name {
            const KIT: crate::suite::kit::Kit = crate::suite::kit::Kit { scheme: $scheme };
            $(conformance!(@ $group);)+
        }
    };
    (@ every) => { conformance!(@ in every:
        messages_of_all_sizes, requests_of_all_sizes, large_messages_both_ways_at_once, many_messages_in_order,
        wrong_protocol_is_refused, oversize, events_of_a_pipe, refused_pipes, a_closed_pipe_ends_on_both_sides,
        a_closed_listener_takes_its_pipes_along, addresses_of_pipes, options_of_pipes, close_while_a_callback_decides);
    };
    (@ dialed) => { conformance!(@ in dialed:
        nobody_there, the_background_waits_for_the_listener, an_address_has_one_listener, an_address_is_free_after_close,
        lost_connections_come_back, endpoints_start_once, refused_peers_are_not_dialed_tightly);
    };
    (@ stream) => { conformance!(@ in stream:
        bad_handshakes, wrong_protocols, garbage, the_limit, absurd_lengths, byte_by_byte, silence, abrupt_ends,
        half_closed, a_flood_of_connections);
    };
    (@ hosted) => { conformance!(@ in hosted: refused_handshakes, no_tight_loop, closing_while_a_peer_is_silent); };
    (@ port) => { conformance!(@ in ports: the_system_chooses_a_port, ports_are_exclusive); };
    (@ wildcard) => {
        // The portable form has no listener for IPv4 and IPv6 at once.
        #[cfg(not(spanwire_portable))]
        conformance!(@ in ports: wildcards);
    };
    (@ paths) => { conformance!(@ in paths:
        paths_share_a_port, a_path_has_one_listener, the_port_is_free_after_the_last, other_paths_are_not_found); };
    (@ file) => { conformance!(@ in places:
        stale_files_are_replaced, live_files_are_not, other_files_are_not, permissions, the_file_goes, missing_directories);
    };
    (@ local) => { conformance!(@ in places: credentials); };
    (@ in $group:ident: $($case:ident),+) => {
        $(#[test]
        fn $case() {
            crate::suite::$group::$case(&KIT);
        })+
    };
}
