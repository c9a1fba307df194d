//! Smaller answers of a site: what becomes of folders that are there, which DNS server is asked, and
//! where the new server is.

use serde::{Deserialize, Serialize};

/// What becomes of an old folder whose name the new store has already: the inbox of everybody who
/// got new mail before the old mail came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameNames {
    /// Its messages are put among those that are there.
    #[default]
    Mixed,
    /// It becomes a folder of its own, with the date in its name (`imsrestore -n`).
    Twin,
}

impl SameNames {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where names are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// `ADDRESS:PORT` of the DNS server that is asked; absent: those of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver: Option<String>,
}

impl Dns {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the new server is: the one thing on which the guide's procedures for one scenario differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// On the host of the old one.
    SameHost,
    /// On a host of its own.
    NewHost,
}

impl Variant {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameHost => "same-host",
            Self::NewHost => "new-host",
        }
    }
}
