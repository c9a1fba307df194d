//! The mail servers' programs as components: both MTAs, the IMAP and POP servers, stored.
//!
//! What an iMS program needs of its configuration it reads when it starts, and the configuration
//! directory has to answer for that; later changes wait for the next start, as with the real one.

use super::components::{Context, Running, StartError};
use super::mailbox::Mailboxes;
use super::mappings::Internal;
use super::mta::{Relay, Side, Store};
use super::presence::Presence;
use super::reading::{Door, NewMailboxes, OldMailboxes, Proxy};
use super::session::{Protocol, serve};
use super::{STORED, imap, jobs, pop, proxy, smtp};
use crate::lab::ims::sync;
use crate::lab::instance::Instance;
use crate::lab::options::Options;
use crate::lab::people::kept::{Kept, Make};
use crate::lab::people::ldap::LdapDirectory;
use crate::lab::people::{Rules, Service, Site};
use crate::lab::queue::{NEW_LOCAL, OLD_LOCAL, OLD_QUEUE};
use crate::lab::tools::imsimta;
use crate::lab::tools::imta::dirsync::{self, How};
use crate::lab::traffic::OUTSIDE;
use std::io::{self, BufReader, BufWriter, Write};
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often stored says that it lives.
const CHECKPOINT: Duration = Duration::from_secs(20);

pub(super) fn failed(e: impl std::fmt::Display) -> StartError {
    StartError::Failed(e.to_string())
}

/// Does work that may block, such as asking the configuration directory.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

/// The value of a key of `ims.cnf`, where it is set.
fn ims_cnf(root: &Path, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(root.join("etc/opt/SUNWmail/ims/ims.cnf")).ok()?;
    let mut values = text.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    });
    values.next()
}

/// The old MTA of a host.
fn old_side(context: &Context) -> Result<Side, StartError> {
    let root = context.root();
    let directory = context.lab.host_with_role("directory").map_err(failed)?;
    let mut separators = vec!['@'];
    // The lab's own key: a site whose people log in as uid+domain.
    if let Some(more) = ims_cnf(&root, "ims-login-separator") {
        separators.extend(more.chars());
    }
    let queue = root.join(OLD_QUEUE);
    Ok(Side {
        lab: context.lab.clone(),
        host_root: root.clone(),
        product: "Sun Internet Mail Server sims.4.0",
        site: Site {
            rules: Rules::Sims,
            also: None,
            suffix: context.lab.config.suffix.clone(),
            dc_root: context.lab.config.suffix.clone(),
            default_dn: context.lab.config.default_domain_dn.clone(),
            host: context.host.fqdn.clone(),
            multi: false,
            everywhere: false,
            aliases: Vec::new(),
            separators,
        },
        directory: Arc::new(LdapDirectory {
            lab: context.lab.clone(),
            host: directory.fqdn.clone(),
            port: 389,
            reader: (String::new(), String::new()),
        }),
        known: Arc::new(Kept::new(
            dirsync::file(&context.lab, &context.host),
            Some(make(context)),
        )),
        counters: queue.with_file_name("counters"),
        queue,
        local: OLD_LOCAL,
        store: Store::Old { host_root: root },
        relay: Relay::Everybody,
    })
}

/// Makes the old MTA's first directory cache.
fn make(context: &Context) -> Make {
    let (lab, host) = (context.lab.clone(), context.host.clone());
    Box::new(move || dirsync::synchronize(&lab, &host, How::First))
}

/// The instance of a host, if one is installed.
fn instance(context: &Context) -> Result<Instance, StartError> {
    let instance = Instance::of(&context.lab, &context.host);
    if instance.exists() {
        Ok(instance)
    } else {
        Err(failed("no instance is installed on this host"))
    }
}

/// The world that sends mail, in a lab that has one.
fn outside(context: &Context) -> Option<IpAddr> {
    let host = context.lab.host_with_role(OUTSIDE).ok()?;
    Some(IpAddr::V4(host.address))
}

fn names(list: &str) -> Vec<String> {
    let names = list.split([',', ' ']).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The new MTA of a host, with its configuration as it is now.
fn new_side(context: &Context) -> Result<Side, StartError> {
    let instance = instance(context)?;
    let mut options = Options::open(&context.lab, &instance).map_err(failed)?;
    let mut option = |name: &str| {
        let value = options.get(name).map_err(failed)?;
        Ok::<String, StartError>(value.unwrap_or_default())
    };
    let port = option("local.ugldapport")?;
    let directory = LdapDirectory {
        lab: context.lab.clone(),
        host: option("local.ugldaphost")?,
        port: port.parse().unwrap_or(389),
        reader: (
            option("local.ugldapbinddn")?,
            option("local.ugldapbindcred")?,
        ),
    };
    Ok(Side {
        lab: context.lab.clone(),
        host_root: context.root(),
        product: "iPlanet Messaging Server 5.2",
        site: Site {
            rules: Rules::Ims,
            also: option("local.imta.schematag")?
                .contains("nms41")
                .then_some(Rules::Nms),
            dc_root: match option("local.dcroot")? {
                root if root.is_empty() => option("local.ugldapbasedn")?,
                root => root,
            },
            suffix: option("local.ugldapbasedn")?,
            default_dn: option("local.ugldapdeforgdn")?,
            host: context.host.fqdn.clone(),
            multi: true,
            everywhere: false,
            aliases: names(&option("local.imta.hostnamealiases")?),
            separators: option("service.loginseparator")?.chars().collect(),
        },
        directory: Arc::new(directory),
        known: Arc::new(Kept::new(imsimta::cache_file(&instance), None)),
        queue: instance.queue(),
        counters: instance.counters(),
        local: NEW_LOCAL,
        store: Store::New {
            instance: instance.root.clone(),
        },
        relay: Relay::Mapped(Internal::read(&instance.mappings()).map_err(failed)?),
    })
}

fn side(context: &Context) -> Result<Side, StartError> {
    if context.component.starts_with("sims-") {
        old_side(context)
    } else {
        new_side(context)
    }
}

async fn side_of(context: &Context) -> Result<Side, StartError> {
    let context = context.clone();
    blocking(move || side(&context)).await
}

/// Brings up either dispatcher: SMTP on port 25.
///
/// # Errors
/// When the port is taken or the configuration cannot be read.
pub async fn dispatcher(context: Context) -> Result<Running, StartError> {
    let side = Arc::new(side_of(&context).await?);
    let listener = context.listen(25).await?;
    let presence = Presence::new(&context.root(), context.component);
    let activity = context.activity.clone();
    let outside = outside(&context);
    let protocol: Protocol = Arc::new(move |stream: TcpStream, peer: IpAddr| {
        // What goes on without anybody's doing does not keep a lab up.
        if Some(peer) != outside {
            activity.touch();
        }
        let (mut reader, mut writer) = ends(stream)?;
        smtp::talk(&mut reader, &mut writer, peer, side.as_ref())
    });
    let stop = context.stop;
    Ok(Box::pin(async move {
        serve(listener, stop, protocol).await;
        drop(presence);
    }))
}

/// Brings up either job controller.
///
/// # Errors
/// When the configuration cannot be read.
pub async fn job_controller(context: Context) -> Result<Running, StartError> {
    let side = side_of(&context).await?;
    let dispatcher = if context.component.starts_with("sims-") {
        "sims-dispatcher"
    } else {
        "ims-dispatcher"
    };
    Ok(Box::pin(jobs::run(side, dispatcher, context.stop)))
}

/// Brings up `imaccessd` of SIMS: POP on 110 and IMAP on 143.
///
/// # Errors
/// When a port is taken.
pub async fn imaccessd(context: Context) -> Result<Running, StartError> {
    let side = side_of(&context).await?;
    let led = ims_cnf(&context.root(), "ims-proxy").unwrap_or_default();
    let led = match led.to_ascii_lowercase().as_str() {
        "on" => Proxy::On,
        "only" => Proxy::Only,
        _ => Proxy::Off,
    };
    let old = |service| OldMailboxes {
        door: door(&side, service),
        host_root: context.root(),
        proxy: led,
    };
    let pop_listener = context.listen(110).await?;
    let imap_listener = context.listen(143).await?;
    let pops = serve(
        pop_listener,
        context.stop.clone(),
        pop_protocol(&context, old(Service::Pop)),
    );
    let imaps = serve(
        imap_listener,
        context.stop.clone(),
        imap_protocol(&context, old(Service::Imap)),
    );
    Ok(Box::pin(async move {
        tokio::join!(pops, imaps);
    }))
}

/// Brings up `imapd` of iMS.
///
/// # Errors
/// When the port is taken or the configuration cannot be read.
pub async fn imapd(context: Context) -> Result<Running, StartError> {
    let new = new_mailboxes(&context, Service::Imap).await?;
    let listener = context.listen(143).await?;
    let protocol = imap_protocol(&context, new);
    Ok(Box::pin(serve(listener, context.stop, protocol)))
}

/// Brings up `popd` of iMS.
///
/// # Errors
/// When the port is taken or the configuration cannot be read.
pub async fn popd(context: Context) -> Result<Running, StartError> {
    let new = new_mailboxes(&context, Service::Pop).await?;
    let listener = context.listen(110).await?;
    let protocol = pop_protocol(&context, new);
    Ok(Box::pin(serve(listener, context.stop, protocol)))
}

/// Brings up `mshttpd` of iMS: one page that says who it is.
///
/// # Errors
/// When the port is taken or the configuration cannot be read.
pub async fn mshttpd(context: Context) -> Result<Running, StartError> {
    side_of(&context).await?;
    let listener = context.listen(80).await?;
    let name = context.host.fqdn.clone();
    let protocol: Protocol = Arc::new(move |stream: TcpStream, _| {
        let (mut reader, mut writer) = ends(stream)?;
        while super::session::line(&mut reader)?.is_some_and(|line| !line.is_empty()) {}
        let body = format!("<html><title>iPlanet Messenger Express</title><p>{name}</p></html>\n");
        write!(
            writer,
            "HTTP/1.0 200 OK\r\nServer: iPlanet-Messaging-Server/5.2\r\nContent-Type: text/html\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        writer.flush()
    });
    Ok(Box::pin(serve(listener, context.stop, protocol)))
}

/// Brings up `enpd` of iMS, which only has to be there.
///
/// # Errors
/// When the configuration cannot be read.
pub async fn enpd(context: Context) -> Result<Running, StartError> {
    side_of(&context).await?;
    Ok(Box::pin(context.stop.cancelled_owned()))
}

/// Brings up `stored`: reads the level at which the store is written, loses what a power cut took,
/// and says every so often that it lives.
///
/// # Errors
/// When the configuration cannot be read or the store not be written.
pub async fn stored(context: Context) -> Result<Running, StartError> {
    let after_crash = context.after_crash;
    let starting = context.clone();
    let instance = blocking(move || {
        let instance = instance(&starting)?;
        let mut options = Options::open(&starting.lab, &instance).map_err(failed)?;
        let level = options.get("local.store.synclevel").map_err(failed)?;
        super::takeover::open(&starting, &instance, &mut options)?;
        if after_crash {
            sync::lose_unsynced(&instance.root).map_err(failed)?;
        }
        let level = level
            .filter(|l| !l.is_empty())
            .unwrap_or_else(|| "-1".to_owned());
        sync::stored_started(&instance.root, &level).map_err(failed)?;
        checkpoint(&instance).map_err(failed)?;
        Ok(instance)
    })
    .await?;
    let presence = Presence::new(&context.root(), STORED);
    let stop = context.stop;
    Ok(Box::pin(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(CHECKPOINT) => {
                    // A store that cannot be written shows by the age of its checkpoint.
                    let _ = checkpoint(&instance);
                }
            }
        }
        drop(presence);
        // A stop that cannot sync leaves the notes: the next power cut takes them, as it would.
        let _ = sync::stored_stopped(&instance.root);
    }))
}

fn checkpoint(instance: &Instance) -> io::Result<()> {
    std::fs::write(
        instance.file("stored.ckp"),
        format!("{}\n", super::mta::now()),
    )
}

async fn new_mailboxes(context: &Context, service: Service) -> Result<NewMailboxes, StartError> {
    let mut side = side_of(context).await?;
    let tags = instance(context)?
        .local("local.imta.schematag")
        .map_err(failed)?;
    // Who was not upgraded comes in only while the tag of the old schema is on.
    side.site.multi = tags.is_some_and(|tags| tags.to_lowercase().contains("sims40"));
    Ok(NewMailboxes {
        door: door(&side, service),
        instance: instance(context)?.root,
    })
}

pub(super) fn door(side: &Side, service: Service) -> Door {
    Door {
        site: side.site.clone(),
        directory: Arc::clone(&side.directory),
        service,
    }
}

pub(super) fn imap_protocol(context: &Context, store: impl Mailboxes + 'static) -> Protocol {
    let activity = context.activity.clone();
    let lab = context.lab.clone();
    let outside = outside(context);
    Arc::new(move |stream, peer| {
        if Some(peer) != outside {
            activity.touch();
        }
        let (mut reader, mut writer) = ends(stream)?;
        match imap::talk(&mut reader, &mut writer, &store)? {
            Some(visitor) => proxy::imap(&lab, &visitor, (reader, writer)),
            None => Ok(()),
        }
    })
}

pub(super) fn pop_protocol(context: &Context, store: impl Mailboxes + 'static) -> Protocol {
    let activity = context.activity.clone();
    let lab = context.lab.clone();
    let outside = outside(context);
    Arc::new(move |stream, peer| {
        if Some(peer) != outside {
            activity.touch();
        }
        let (mut reader, mut writer) = ends(stream)?;
        match pop::talk(&mut reader, &mut writer, &store)? {
            Some(visitor) => proxy::pop(&lab, &visitor, (reader, writer)),
            None => Ok(()),
        }
    })
}

pub(super) fn ends(stream: TcpStream) -> io::Result<(BufReader<TcpStream>, BufWriter<TcpStream>)> {
    Ok((BufReader::new(stream.try_clone()?), BufWriter::new(stream)))
}
