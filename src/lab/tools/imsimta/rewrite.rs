//! `imsimta test -rewrite address`: which channel mail for an address ends in.
//!
//! The command is documented (`domain/commands.md` 11); the output follows that of PMDF, the same
//! MTA, and is inferred for 5.2.

use super::super::ToolContext;
use super::cache::{Cache, Known};
use crate::base::display_safe;
use crate::lab::instance::Instance;
use crate::lab::world::LabError;
use std::fmt::Write as _;

/// Runs the command.
///
/// # Errors
/// When the cache cannot be read or the output not be written.
pub fn run(
    context: &mut ToolContext<'_>,
    instance: &Instance,
    args: &[String],
) -> Result<u8, LabError> {
    let [option, address] = args else {
        let _ = writeln!(context.err, "usage: imsimta test -rewrite address");
        return Ok(2);
    };
    if option != "-rewrite" {
        let _ = writeln!(context.err, "usage: imsimta test -rewrite address");
        return Ok(2);
    }
    let cache = Cache::read(instance)?.unwrap_or_default();
    let default = &context.lab.config.default_domain;
    let text = rewrite(&cache, default, &context.host.fqdn, address);
    context
        .out
        .write_all(text.as_bytes())
        .map_err(LabError::file("standard output"))?;
    Ok(0)
}

fn rewrite(cache: &Cache, default: &str, host: &str, address: &str) -> String {
    let full = match address.rsplit_once('@') {
        Some((local, domain)) if domain.eq_ignore_ascii_case(host) => format!("{local}@{default}"),
        Some(_) => address.to_owned(),
        None => format!("{address}@{default}"),
    };
    let domain = full
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain)
        .to_lowercase();
    let local = domain == default.to_lowercase() || cache.domains.contains(&domain);
    let known = cache.addresses.get(&full.to_lowercase());
    let target = match known {
        Some(Known::User { id }) => Ok(("ims-ms", format!("{id}@ims-ms-daemon"))),
        Some(Known::Group { .. }) => Ok(("reprocess", full.clone())),
        Some(Known::Elsewhere { host }) => Ok(("tcp_local", format!("@{host}:{full}"))),
        None if local => Err("5.1.1 unknown or illegal alias"),
        None => Ok(("tcp_local", full.clone())),
    };
    let forward = if local { "l" } else { "tcp_local" };
    let mut text = format!(
        "forward channel        = {forward}\nheader To: address     = {full}\nenvelope To: address   = {full}\n",
        full = display_safe(&full)
    );
    match target {
        Ok((channel, to)) => {
            let _ = write!(
                text,
                "Submitted address list:\n  {channel}\n    {} (orig {}, inter {}) *NOTIFY-FAILURES* *NOTIFY-DELAYS*\n",
                display_safe(&to),
                display_safe(address),
                display_safe(&full)
            );
        }
        Err(why) => {
            let _ = write!(
                text,
                "*** error expanding {}: {why}\nSubmitted address list:\nAddress list error -- {why}\n",
                display_safe(&full)
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_user_ends_in_ims_ms_and_everybody_else_in_tcp_local() {
        let mut cache = Cache::default();
        cache.addresses.insert(
            "anderson@siroe.com".into(),
            Known::User {
                id: "Anderson".into(),
            },
        );
        let test = |address: &str| rewrite(&cache, "siroe.com", "mail.siroe.com", address);
        for address in ["anderson", "Anderson@siroe.com", "anderson@mail.siroe.com"] {
            let text = test(address);
            assert!(
                text.contains("  ims-ms\n    Anderson@ims-ms-daemon"),
                "{text}"
            );
        }
        assert!(test("x@example.org").contains("  tcp_local\n    x@example.org"));
        let nobody = test("nobody@siroe.com");
        assert!(nobody.contains("Address list error"), "{nobody}");
        assert!(!nobody.contains("ims-ms"));
    }
}
