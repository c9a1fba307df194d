//! Which directory server it really is: product and version, read live.
//!
//! Another one than the guide has in mind is a warning, never a refusal: what counts is whether the
//! schema goes in and the entries change, and other checks look at that.

use super::{Answer, Asked, CheckContext};
use crate::base::display_safe;
use crate::directory::{Connection, DirectoryError, RootDse};

/// What the guide's procedures were written for: a word of the vendor's, the release, the full name.
const ASSUMED: (&str, &str, &str) = ("netscape", "4.12", "Netscape Directory Server 4.12");

pub(super) async fn product(context: &CheckContext) -> Asked {
    let connection = context.connect().await?;
    let dse = connection.root_dse().await?;
    let said = said(&connection, &dse).await?;
    connection.close().await;
    let Some(said) = said else {
        return Ok(Answer::unknown(
            "the directory says neither in its root entry nor in cn=monitor what it is",
        ));
    };
    Ok(judge(&said))
}

/// What the server says of itself: in the root entry, else in cn=monitor as Netscape's do.
async fn said(connection: &Connection, dse: &RootDse) -> Result<Option<String>, DirectoryError> {
    let parts = [dse.vendor.as_deref(), dse.version.as_deref()];
    let own: Vec<&str> = parts.into_iter().flatten().collect();
    if dse.version.is_some() {
        return Ok(Some(own.join(", ")));
    }
    let classes = dse.entry.values("objectClass");
    if classes.iter().any(|c| c == b"OpenLDAProotDSE") {
        return Ok(Some("OpenLDAP".to_owned()));
    }
    // Not everybody may read it, and not every server has it.
    let monitor = connection.read_attributes("cn=monitor", &["version"]).await;
    let version = monitor.ok().flatten();
    let version = version.as_ref().and_then(|m| m.text("version"));
    Ok(match (version, own.first()) {
        (Some(version), _) => Some(display_safe(version).into_owned()),
        (None, Some(vendor)) => Some((*vendor).to_owned()),
        (None, None) => None,
    })
}

fn judge(said: &str) -> Answer {
    let (vendor, release, name) = ASSUMED;
    let lower = said.to_lowercase();
    let as_assumed = lower.contains(vendor)
        && lower
            .split(|c: char| !c.is_ascii_digit() && c != '.')
            .any(|word| word == release);
    if as_assumed {
        return Answer::ok(said);
    }
    Answer::warning(format!(
        "it is {said}; the procedure was written for {name}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    #[test]
    fn another_product_or_release_is_a_warning() {
        let outcome = |said: &str| judge(said).outcome;
        assert_eq!(
            outcome("Netscape Communications Corp., Netscape-Directory/4.12 B00.193.0237"),
            Outcome::Ok
        );
        assert_eq!(outcome("Netscape-Directory/4.121"), Outcome::Warning);
        assert_eq!(outcome("Netscape-Directory/4.16"), Outcome::Warning);
        assert_eq!(
            outcome("389 Project, 389-Directory/2.4.12"),
            Outcome::Warning
        );
    }
}
