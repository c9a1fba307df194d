//! `hold_master` (SIMS) and `imsimta process_held` (iMS): what waits for a user's move goes on.
//!
//! Documented is the mechanics of the channel (`domain/commands.md` 10): the message gets a name that
//! may be delivered, and the job controller sends it where the address leads now. Inferred: that
//! `process_held` takes the same `-u uid -d domain`, that both are silent, and their statuses.

use super::{ToolContext, getopt, imsimta, imta};
use crate::base::display_safe;
use crate::lab::instance::Instance;
use crate::lab::people::kept::Kept;
use crate::lab::people::{Directory, Rules, Site, Target, domain_of};
use crate::lab::queue::{self, HOLD, NEW_LOCAL, OLD_LOCAL, OLD_QUEUE, State};
use crate::lab::world::LabError;
use std::path::PathBuf;

/// One side's hold channel.
struct Channel {
    command: &'static str,
    queue: PathBuf,
    /// The channel that works out anew where an address leads.
    local: &'static str,
    site: Site,
    known: Kept,
}

/// Runs `hold_master -u uid -d domain`.
///
/// # Errors
/// When the queue cannot be read.
pub fn hold_master(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let (lab, host) = (&context.lab, &context.host);
    let channel = Channel {
        command: "hold_master",
        queue: context.root().join(OLD_QUEUE),
        local: OLD_LOCAL,
        site: Site {
            rules: Rules::Sims,
            also: None,
            suffix: lab.config.suffix.clone(),
            dc_root: lab.config.suffix.clone(),
            default_dn: lab.config.default_domain_dn.clone(),
            host: host.fqdn.clone(),
            multi: false,
            everywhere: false,
            aliases: Vec::new(),
            separators: vec!['@'],
        },
        known: Kept::new(imta::dirsync::file(lab, host), None),
    };
    run(context, &channel, args)
}

/// Runs `imsimta process_held -u uid -d domain`.
///
/// # Errors
/// When the queue or the configuration cannot be read.
pub fn process_held(
    context: &mut ToolContext<'_>,
    instance: &Instance,
    args: &[String],
) -> Result<u8, LabError> {
    let value = |name: &str| Ok::<_, LabError>(instance.local(name)?.unwrap_or_default());
    let channel = Channel {
        command: "imsimta process_held",
        queue: instance.queue(),
        local: NEW_LOCAL,
        site: Site {
            rules: Rules::Ims,
            also: None,
            suffix: value("local.ugldapbasedn")?,
            dc_root: value("local.ugldapbasedn")?,
            default_dn: value("local.ugldapdeforgdn")?,
            host: context.host.fqdn.clone(),
            multi: true,
            everywhere: false,
            aliases: Vec::new(),
            separators: vec!['@'],
        },
        known: Kept::new(imsimta::cache_file(instance), None),
    };
    run(context, &channel, args)
}

fn run(context: &mut ToolContext<'_>, channel: &Channel, args: &[String]) -> Result<u8, LabError> {
    let options = getopt::parse(args, "u:d:").ok();
    let asked = options
        .as_ref()
        .and_then(|o| Some((o.value('u')?, o.value('d')?)));
    let Some((uid, domain)) = asked else {
        let usage = format!("usage: {} -u uid -d domain", channel.command);
        return complain(context, &usage, 2);
    };
    let files = queue::list(&channel.queue).map_err(LabError::file(&channel.queue))?;
    let mut status = 0;
    for file in files {
        if file.channel != HOLD || file.state != State::Held {
            continue;
        }
        let Ok((envelope, _)) = queue::read(&file.path) else {
            continue;
        };
        let is_of = |address: &String| channel.is_of(address, uid, domain);
        if !envelope.to.iter().any(is_of) {
            continue;
        }
        let targets = envelope
            .to
            .first()
            .map(|to| channel.site.targets(&channel.known, to));
        let still = match targets {
            Some(Ok(Some(targets))) => targets.iter().any(|t| matches!(t, Target::Hold(_))),
            Some(Err(e)) => {
                let why = format!("{}: {e}", channel.command);
                return complain(context, &why, 1);
            }
            _ => false,
        };
        if still {
            let why = format!("{}: {uid}@{domain} is still on hold", channel.command);
            status = complain(context, &why, 1)?;
            continue;
        }
        let folder = channel.queue.join(channel.local);
        std::fs::create_dir_all(&folder).map_err(LabError::file(&folder))?;
        let name = PathBuf::from(&file.name).with_extension("00");
        std::fs::rename(&file.path, folder.join(name)).map_err(LabError::file(&file.path))?;
    }
    Ok(status)
}

impl Channel {
    /// Whether an address is one of the user with this uid in this domain.
    fn is_of(&self, address: &str, uid: &str, domain: &str) -> bool {
        if let Ok(Some(entry)) = self.site.find(&self.known as &dyn Directory, address) {
            let uids = entry.all("uid").iter();
            return uids.take(1).any(|u| u.eq_ignore_ascii_case(uid))
                && domain_of(&entry.dn).eq_ignore_ascii_case(domain);
        }
        address.eq_ignore_ascii_case(&format!("{uid}@{domain}"))
    }
}

fn complain(context: &mut ToolContext<'_>, message: &str, status: u8) -> Result<u8, LabError> {
    writeln!(context.err, "{}", display_safe(message)).map_err(LabError::file("standard error"))?;
    Ok(status)
}
