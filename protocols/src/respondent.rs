//! Respondent: answers surveys.
//!
//! Works like [rep](crate::rep), with the same states, rules and words on the wire; the peer is a
//! [surveyor](crate::surveyor), which asks everybody and takes as many answers as come in time.
//!
//! **Dropped, options, errors, wire:** as for [rep](crate::rep).

use spanwire_core::protocol::ProtocolInfo;

use crate::Form;
use crate::rep::RepForm;
use crate::replier::Replier;

/// Respondent.
pub type Respondent = Replier<RespondentForm>;

/// Facts about [`Respondent`].
#[derive(Debug)]
pub enum RespondentForm {}

impl Form for RespondentForm {
    const INFO: ProtocolInfo =
        ProtocolInfo { name: "respondent", peer_name: "surveyor", number: 0x63, peer: 0x62, ..RepForm::INFO };
}
