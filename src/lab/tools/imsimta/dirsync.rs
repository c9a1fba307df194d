//! `imsimta dirsync [-F]`: the MTA's cache from the directory.
//!
//! Sources: SIMS manual, which iMS 5.x inherits (`domain/commands.md` 11). Inferred: that nothing is
//! printed on success, that a base which is not there is no error, that stored need not run (the
//! guide's off-line step 13 runs it with stored stopped), and all wordings.

use super::super::directory::{Directory, NO_SUCH_OBJECT, Refused};
use super::super::{ToolContext, getopt, ug};
use super::cache::{Cache, Site, Tag, tags};
use crate::lab::control::{self, Reply, Request};
use crate::lab::instance::Instance;
use crate::lab::lines;
use crate::lab::people::domain_of;
use crate::lab::world::LabError;

const USAGE: &str = "usage: imsimta dirsync [-F] [-v]";

/// The parts of the MTA that a full synchronization starts again, in this order.
const MTA: [&str; 2] = ["ims-job-controller", "ims-dispatcher"];

/// Runs the command.
///
/// # Errors
/// When the instance's files cannot be used.
pub fn run(
    context: &mut ToolContext<'_>,
    instance: &Instance,
    args: &[String],
) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "FvL") {
        Ok(options) if options.operands.is_empty() => options,
        Ok(_) => return Ok(complain(context, USAGE)),
        Err(message) => return Ok(complain(context, &format!("{message}\n{USAGE}"))),
    };
    let full = options.has('F');
    // One at a time: the second waits, as two would spoil the database.
    let _lock = lines::lock(&instance.db().join("dirsync.lock"))?;
    let read = match settings(context, instance)? {
        Ok(settings) => {
            let base = settings.base.clone();
            match ug::connect_ug(context, instance) {
                Ok(mut directory) => synchronize(&mut *directory, &settings, instance, full)?
                    .map_err(|e| format!("search below `{base}`: {e}")),
                Err(e) => Err(e),
            }
        }
        Err(e) => Err(e),
    };
    let count = match read {
        Ok(count) => count,
        Err(message) => return Ok(complain(context, &format!("error: {message}"))),
    };
    if options.has('v') {
        let trace = format!("{count} entries\n");
        let path = instance.root.join("log/imta/dirsync.log");
        lines::write_whole(&path, trace.as_bytes(), false)?;
    }
    if full {
        return restart(context);
    }
    Ok(0)
}

/// What is looked for, and where.
struct Settings {
    base: String,
    dc_root: String,
    filter: Option<String>,
    tags: Vec<Tag>,
    site: Site,
}

fn settings(
    context: &ToolContext<'_>,
    instance: &Instance,
) -> Result<Result<Settings, String>, LabError> {
    let value = |name: &str| instance.local(name);
    let Some(base) = value("local.ugldapbasedn")?.filter(|b| !b.is_empty()) else {
        return Ok(Err("local.ugldapbasedn is not set".to_owned()));
    };
    let tags = match tags(&value("local.imta.schematag")?.unwrap_or_default()) {
        Ok(tags) => tags,
        Err(word) => {
            return Ok(Err(format!(
                "local.imta.schematag: invalid value {}",
                crate::base::display_safe(&word)
            )));
        }
    };
    let organization = value("local.ugldapdeforgdn")?
        .unwrap_or_else(|| context.lab.config.default_domain_dn.clone());
    let dc_root = value("local.dcroot")?.filter(|root| !root.is_empty());
    Ok(Ok(Settings {
        dc_root: dc_root.unwrap_or_else(|| base.clone()),
        base,
        filter: value("local.imta.ugfilter")?.filter(|f| !f.trim().is_empty()),
        tags,
        site: Site {
            host: context.host.fqdn.clone(),
            default_domain: domain_of(&organization),
        },
    }))
}

/// Searches, and writes the cache; returns how many entries were accepted.
fn synchronize(
    directory: &mut dyn Directory,
    settings: &Settings,
    instance: &Instance,
    full: bool,
) -> Result<Result<usize, Refused>, LabError> {
    let mut cache = Cache::default();
    let mut searches = Vec::new();
    for tag in &settings.tags {
        for classes in [tag.user, tag.group] {
            let mut filter = format!("(objectClass={})", classes.join(")(objectClass="));
            if let Some(more) = &settings.filter {
                filter.push_str(more);
            }
            searches.push(format!("(&{filter})"));
        }
    }
    for filter in searches {
        let found = match directory.find(&settings.base, &filter) {
            Ok(found) => found,
            // Success without an entry: the silent failure.
            Err(e) if e.code == NO_SUCH_OBJECT => Vec::new(),
            Err(e) => return Ok(Err(e)),
        };
        for entry in found {
            cache.take(&entry, &settings.tags, &settings.site);
        }
    }
    for class in ["inetDomain", "mailDomain"] {
        match directory.find(&settings.dc_root, &format!("(objectClass={class})")) {
            Ok(found) => {
                for entry in &found {
                    cache.people.put(entry);
                    cache.domains.insert(domain_of(&entry.dn).to_lowercase());
                }
            }
            Err(e) if e.code == NO_SUCH_OBJECT => {}
            Err(e) => return Ok(Err(e)),
        }
    }
    let accepted = cache.entries;
    if !full && let Some(mut old) = Cache::read(instance)? {
        // What was deleted in the directory stays known.
        old.addresses.append(&mut cache.addresses);
        old.domains.append(&mut cache.domains);
        old.people.renew(cache.people);
        old.entries = old.entries.max(accepted);
        cache = old;
    }
    cache.write(instance)?;
    Ok(Ok(accepted))
}

/// The MTA starts anew after a full synchronization, also one that was down.
fn restart(context: &mut ToolContext<'_>) -> Result<u8, LabError> {
    let mut status = 0;
    for component in MTA {
        let host = context.host.name.clone();
        let stop = Request::Stop {
            host: host.clone(),
            component: component.to_owned(),
        };
        let start = Request::Start {
            host,
            component: component.to_owned(),
        };
        control::ask(&context.lab, &stop)?;
        if let Reply::Failed { message } = control::ask(&context.lab, &start)? {
            status = complain(
                context,
                &format!("error: cannot start {component}: {message}"),
            );
        }
    }
    Ok(status)
}

fn complain(context: &mut ToolContext<'_>, message: &str) -> u8 {
    // When standard error is gone nobody is left to be told.
    let _ = writeln!(context.err, "imsimta dirsync: {message}");
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tools::directory::fake::Fake;

    fn settings(base: &str) -> Settings {
        Settings {
            base: base.to_owned(),
            dc_root: base.to_owned(),
            filter: None,
            tags: tags("").unwrap(),
            site: Site {
                host: "mail.siroe.com".into(),
                default_domain: "siroe.com".into(),
            },
        }
    }

    fn directory(uids: &[&str]) -> Fake {
        let mut fake = Fake::default();
        for uid in uids {
            fake.add(
                &format!("uid={uid},dc=siroe,dc=com,o=internet"),
                &[
                    "objectClass: inetLocalMailRecipient",
                    "objectClass: inetMailUser",
                    &format!("uid: {uid}"),
                    &format!("mail: {uid}@siroe.com"),
                    "mailHost: mail.siroe.com",
                ],
            );
        }
        fake
    }

    #[test]
    fn an_incremental_run_keeps_deleted_users_and_a_full_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let instance = Instance {
            server_root: dir.path().to_path_buf(),
            root: dir.path().join("msg-mail"),
        };
        let sync = |uids: &[&str], full| {
            synchronize(
                &mut directory(uids),
                &settings("o=internet"),
                &instance,
                full,
            )
            .unwrap()
            .unwrap()
        };
        let known = || Cache::read(&instance).unwrap().unwrap().addresses.len();
        assert_eq!(sync(&["a", "b"], true), 2);
        sync(&["b", "c"], false);
        assert_eq!(known(), 3);
        sync(&["b", "c"], true);
        assert_eq!(known(), 2);
    }

    #[test]
    fn a_wrong_base_is_a_success_without_entries() {
        let dir = tempfile::tempdir().unwrap();
        let instance = Instance {
            server_root: dir.path().to_path_buf(),
            root: dir.path().join("msg-mail"),
        };
        let count = synchronize(
            &mut directory(&["a"]),
            &settings("o=nowhere"),
            &instance,
            true,
        );
        assert_eq!(count.unwrap(), Ok(0));
    }
}
