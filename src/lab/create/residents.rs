//! Whose mailboxes are filled and who logs in, whether they were drawn or come from an export.

use super::people::Mailbox;

/// How somebody logs in.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// The password, as typed.
    pub(super) password: String,
    /// The services the person may use; none named means all.
    pub(super) services: Vec<String>,
}

/// Somebody the old store knows.
#[derive(Clone, Debug)]
pub(super) struct Resident {
    /// The id in the stores: `uid`, or `uid@domain` of a hosted domain.
    pub(super) store_id: String,
    /// The entry.
    pub(super) dn: String,
    /// The addresses, the main one first.
    pub(super) addresses: Vec<String>,
    /// How much mail there is.
    pub(super) mailbox: Mailbox,
    /// Whether there is an INBOX even where there is no mail.
    pub(super) has_inbox: bool,
    /// Whether mail to the addresses ends in the mailbox here and nowhere else.
    pub(super) takes_mail: bool,
    /// Whether mail to the addresses ends in the mailbox here, and perhaps elsewhere too.
    pub(super) keeps_mail: bool,
    /// How to log in; nobody may whose account is switched off.
    pub(super) login: Option<Login>,
}

impl Resident {
    /// Returns the main address.
    pub(super) fn mail(&self) -> &str {
        self.addresses.first().map_or("", String::as_str)
    }
}

/// A mailing list that mail is queued for.
#[derive(Clone, Debug)]
pub(super) struct List {
    /// Its address.
    pub(super) mail: String,
    /// The members, by number.
    pub(super) members: Vec<usize>,
}

/// Everybody, in the order of the directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Town {
    /// All with mailboxes.
    pub(super) residents: Vec<Resident>,
    /// A list whose members all take mail.
    pub(super) list: Option<List>,
    /// The addresses of all lists whose members keep their mail here.
    pub(super) lists: Vec<String>,
}
