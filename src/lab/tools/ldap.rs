//! What `ldapsearch` and `ldapmodify` of the Directory SDK 4.x have in common: how they connect,
//! the names of the errors, and where errors go (`domain/commands.md` 17 and 18).

use super::ToolContext;
use super::getopt::Options;
use crate::base::display_safe;
use crate::lab::ldap::client::{Client, ClientError};
use crate::lab::world::LabError;
use std::io::Read;

/// `LDAP_PARAM_ERROR` of the SDK.
pub const PARAM_ERROR: u8 = 89;
/// `LDAP_CONNECT_ERROR` of the SDK.
const CONNECT_ERROR: u8 = 91;

/// Connects as `-h` and `-p` say and binds as `-D`, `-w` and `-j` say.
///
/// Returns the connection, or the exit status after having said what is wrong.
///
/// # Errors
/// When standard error cannot be written.
pub fn connect(
    context: &mut ToolContext<'_>,
    options: &Options,
) -> Result<Result<Client, u8>, LabError> {
    let host = match options.value('h') {
        Some(host) if !host.eq_ignore_ascii_case("localhost") => host.to_owned(),
        _ => context.host.address.to_string(),
    };
    let Ok(port) = options.value('p').map_or(Ok(389), str::parse) else {
        return say(context, "-p: not a port").map(|()| Err(PARAM_ERROR));
    };
    let password = match (options.value('w'), options.value('j')) {
        (Some(password), _) => password.to_owned(),
        (None, Some(file)) => match password_file(context, file) {
            Ok(password) => password,
            Err(e) => {
                let text = format!("{file}: {e}");
                return say(context, &text).map(|()| Err(PARAM_ERROR));
            }
        },
        (None, None) => String::new(),
    };
    let connected = Client::connect(&context.lab, &host, port).and_then(|mut client| {
        if let Some(name) = options.value('D').filter(|name| !name.is_empty()) {
            client.bind(name, &password)?;
        }
        Ok(client)
    });
    match connected {
        Ok(client) => Ok(Ok(client)),
        Err(e) => failed(context, "ldap_simple_bind", &e).map(Err),
    }
}

fn password_file(context: &ToolContext<'_>, file: &str) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(context.real(file))?.read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Says on standard error how a call of the SDK failed; returns the exit status.
///
/// # Errors
/// When standard error cannot be written.
pub fn failed(
    context: &mut ToolContext<'_>,
    call: &str,
    error: &ClientError,
) -> Result<u8, LabError> {
    let (status, name) = match error {
        ClientError::UnknownHost(_) | ClientError::Connection(_) => {
            (CONNECT_ERROR, "Can't connect to the LDAP server".to_owned())
        }
        other => {
            let number = u8::try_from(other.number()).unwrap_or(80);
            (number, describe(number).to_owned())
        }
    };
    say(context, &format!("{call}: {name}"))?;
    if let ClientError::Refused { matched, text, .. } = error {
        if !matched.is_empty() {
            say(context, &format!("{call}: matched: {matched}"))?;
        }
        if !text.is_empty() {
            say(context, &format!("{call}: additional info: {text}"))?;
        }
    }
    Ok(status)
}

/// Writes a line to standard error.
///
/// # Errors
/// When it cannot be written.
pub fn say(context: &mut ToolContext<'_>, text: &str) -> Result<(), LabError> {
    writeln!(context.err, "{}", display_safe(text)).map_err(LabError::file("standard error"))
}

/// Returns the SDK's name for a result code.
pub fn describe(code: u8) -> &'static str {
    match code {
        0 => "Success",
        1 => "Operations error",
        2 => "Protocol error",
        3 => "Timelimit exceeded",
        4 => "Sizelimit exceeded",
        7 => "Authentication method not supported",
        8 => "Strong authentication required",
        11 => "Administrative limit exceeded",
        12 => "Unavailable critical extension",
        16 => "No such attribute",
        17 => "Undefined attribute type",
        18 => "Inappropriate matching",
        19 => "Constraint violation",
        20 => "Type or value exists",
        21 => "Invalid syntax",
        32 => "No such object",
        34 => "Invalid DN syntax",
        48 => "Inappropriate authentication",
        49 => "Invalid credentials",
        50 => "Insufficient access",
        51 => "DSA is busy",
        52 => "DSA is unavailable",
        53 => "DSA is unwilling to perform",
        64 => "Naming violation",
        65 => "Object class violation",
        66 => "Operation not permitted on a non-leaf entry",
        67 => "Operation not permitted on a RDN",
        68 => "Already exists",
        69 => "Cannot modify object class",
        81 => "Can't contact LDAP server",
        87 => "Bad search filter",
        89 => "Bad parameter to an ldap routine",
        _ => "Unknown error",
    }
}
