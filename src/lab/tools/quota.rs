//! `reconstruct -q`, `iminitquota` and `quotacheck` of iMS 5.2 (`domain/commands.md` 21 and 24).

use super::ToolContext;
use super::imsrestore::stored_runs;
use super::userland::USER;
use super::{getopt, place, ug};
use crate::base::display_safe;
use crate::lab::ims::quota::{self, IMS_FILE};
use crate::lab::instance::Instance;
use crate::lab::people::domain_of;
use crate::lab::world::LabError;
use std::collections::BTreeMap;
use std::fmt::Write as _;

fn wrote(e: std::io::Error) -> LabError {
    LabError::file("standard output")(e)
}

fn complain(context: &mut ToolContext<'_>, message: &str) -> Result<u8, LabError> {
    let name = context.path.rsplit('/').next().unwrap_or_default();
    let line = format!("{name}: {message}");
    writeln!(context.err, "{line}").map_err(wrote)?;
    Ok(1)
}

/// Runs `reconstruct -q`: as the mail user, told by `CONFIGROOT` where the instance is.
///
/// # Errors
/// When its output cannot be written.
pub fn reconstruct(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "qmnrfp:") {
        Ok(options) if options.has('q') => options,
        _ => {
            return complain(
                context,
                "usage: reconstruct -q   (nothing else in this lab)",
            );
        }
    };
    if !options.operands.is_empty() {
        return complain(context, "-q takes no mailbox");
    }
    if std::env::var_os("CONFIGROOT").is_none() {
        return complain(context, "CONFIGROOT is not set");
    }
    let instance = match place::instance(context) {
        Ok(instance) if instance.exists() => instance,
        Ok(_) => return complain(context, "CONFIGROOT names no instance"),
        Err(e) => return complain(context, &e.to_string()),
    };
    let user = instance.local("local.serveruid")?.unwrap_or_default();
    if std::env::var(USER).unwrap_or_default() != user {
        return complain(
            context,
            &format!("must be run as the mail server user, {user}"),
        );
    }
    if !stored_runs(context) {
        return complain(context, "stored is not running");
    }
    match quota::rebuild(&instance.root) {
        Ok(_) => Ok(0),
        Err(e) => complain(context, &e.to_string()),
    }
}

/// Runs `iminitquota -a` or `-u USER`: limits from the directory.
///
/// # Errors
/// When its output cannot be written.
pub fn iminitquota(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let wanted = match getopt::parse(args, "au:") {
        Ok(options) if options.has('a') || options.has('u') => options,
        _ => return complain(context, "usage: iminitquota -a | -u user"),
    };
    let done = place::instance(context)
        .map_err(|e| e.to_string())
        .and_then(|instance| {
            let limits = limits(context, &instance)?;
            quota::set_limits(&instance.root, &|user| limits.get(user).copied())
                .map_err(|e| e.to_string())
        });
    let _ = wanted.value('u');
    match done {
        Ok(_) => Ok(0),
        Err(e) => complain(context, &e),
    }
}

/// The users that have a limit, by store id.
fn limits(context: &ToolContext<'_>, instance: &Instance) -> Result<BTreeMap<String, u64>, String> {
    let local = |name: &str| instance.local(name).map_err(|e| e.to_string());
    let base = local("local.ugldapbasedn")?.unwrap_or_default();
    let default = domain_of(&local("local.ugldapdeforgdn")?.unwrap_or_default());
    // Of entries that were not upgraded 0 means no limit.
    let mut directory = ug::connect_ug(context, instance)?;
    let found = directory
        .find(&base, "(&(uid=*)(mailQuota=*))")
        .map_err(|e| e.to_string())?;
    let mut limits = BTreeMap::new();
    for entry in found {
        let (Some(uid), Some(limit)) = (entry.first("uid"), entry.first("mailQuota")) else {
            continue;
        };
        let domain = domain_of(&entry.dn);
        let id = if uid.contains('@') || domain.eq_ignore_ascii_case(&default) {
            uid.to_owned()
        } else {
            format!("{uid}@{domain}")
        };
        let old = !entry.is_a("inetMailUser");
        if let Some(bytes) = bytes(limit).filter(|b| !(old && *b == 0)) {
            limits.insert(id, bytes);
        }
    }
    Ok(limits)
}

/// A limit in bytes; none for -1, -2 and what is no number.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(['K', 'k', 'M', 'm', 'G', 'g']);
    let number: u64 = digits.parse().ok()?;
    let unit = match text.chars().last()? {
        'K' | 'k' => 1 << 10,
        'M' | 'm' => 1 << 20,
        'G' | 'g' => 1 << 30,
        _ => 1,
    };
    number.checked_mul(unit)
}

/// Runs `quotacheck`: everybody's limit and use.
///
/// # Errors
/// When its output cannot be written.
pub fn quotacheck(context: &mut ToolContext<'_>, _args: &[String]) -> Result<u8, LabError> {
    let read = place::instance(context).and_then(|i| quota::read(&i.root.join(IMS_FILE)));
    let all = match read {
        Ok(Some(all)) => all,
        Ok(None) => return complain(context, "cannot open quota.db: No such file or directory"),
        Err(e) => return complain(context, &e.to_string()),
    };
    let mut text = String::from("Domain quota (KB) usage (KB) %used user\n");
    for quota in all {
        let limit = quota
            .limit
            .map_or_else(|| "no quota".to_owned(), |l| l.div_ceil(1024).to_string());
        let percent = match quota.limit {
            Some(limit) if limit > 0 => (quota.used.saturating_mul(100) / limit).to_string() + "%",
            _ => "-".to_owned(),
        };
        let _ = writeln!(
            text,
            "{limit:>10} {:>10} {percent:>5} {}",
            quota.used.div_ceil(1024),
            display_safe(&quota.user)
        );
    }
    context.out.write_all(text.as_bytes()).map_err(wrote)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn limits_have_units_and_no_limit_is_none() {
        assert_eq!(bytes("20M"), Some(20 << 20));
        assert_eq!(bytes("5000000"), Some(5_000_000));
        assert_eq!(bytes("-1"), None);
        assert_eq!(bytes("0"), Some(0));
    }
}
