//! Mailboxes: sessions, rename map, inventories, verification.
