//! Netscape Messaging Server's programs as components: SMTP with its queue, IMAP, POP.
//!
//! One program takes mail in and delivers it: moved to another port it works its queue off while
//! nobody finds it. Each reads its configuration when it starts.

use super::components::{Context, Running, StartError};
use super::mail::{blocking, door, ends, failed, imap_protocol, pop_protocol};
use super::mta::{Relay, Side, Store};
use super::presence::Presence;
use super::reading::NewMailboxes;
use super::session::{Protocol, serve};
use super::{jobs, smtp};
use crate::lab::instance::Instance;
use crate::lab::nms;
use crate::lab::people::ldap::LdapDirectory;
use crate::lab::people::{Rules, Service, Site};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;

/// The name under which the SMTP server at its public port is known to the queue.
const PUBLIC: &str = "nms-smtpd-public";
/// The public port.
const SMTP: u16 = 25;

fn side(context: &Context, instance: &Instance) -> Result<Side, StartError> {
    let directory = context.lab.host_with_role("directory").map_err(failed)?;
    let config = &context.lab.config;
    let directory = Arc::new(LdapDirectory {
        lab: context.lab.clone(),
        host: directory.fqdn.clone(),
        port: 389,
        reader: (String::new(), String::new()),
    });
    Ok(Side {
        lab: context.lab.clone(),
        host_root: context.root(),
        product: "Netscape Messaging Server 4.15",
        site: Site {
            rules: Rules::Nms,
            also: None,
            suffix: config.suffix.clone(),
            dc_root: config.suffix.clone(),
            default_dn: config.default_domain_dn.clone(),
            host: context.host.fqdn.clone(),
            separators: Vec::new(),
            multi: false,
            everywhere: false,
            aliases: Vec::new(),
        },
        // It has no cache of its own: mail goes by the directory as it is.
        known: directory.clone(),
        directory,
        queue: nms::queue(instance),
        counters: instance.root.join("log/counters"),
        local: nms::LOCAL,
        store: Store::Nms {
            instance: instance.root.clone(),
        },
        relay: Relay::Everybody,
    })
}

/// The instance, its store still one that this server can read.
async fn opened(context: &Context) -> Result<(Instance, Side), StartError> {
    let context = context.clone();
    blocking(move || {
        let instance = nms::instance(&context.lab, &context.host);
        if !instance.file("local.conf").is_file() {
            return Err(failed("no instance is installed on this host"));
        }
        if let Some(why) = nms::unreadable(&instance).map_err(failed)? {
            return Err(StartError::Failed(why));
        }
        let side = side(&context, &instance)?;
        Ok((instance, side))
    })
    .await
}

/// Brings up SMTP, wherever the configuration has it, and the delivery of what is queued.
///
/// # Errors
/// When the port is taken or the store cannot be opened.
pub async fn smtpd(context: Context) -> Result<Running, StartError> {
    let (instance, side) = opened(&context).await?;
    let port = nms::smtp_port(&instance).map_err(failed)?;
    let listener = context.listen(port).await?;
    let presence = (port == SMTP).then(|| Presence::new(&context.root(), PUBLIC));
    let delivery = jobs::run(side.clone(), PUBLIC, context.stop.clone());
    let activity = context.activity.clone();
    let side = Arc::new(side);
    let protocol: Protocol = Arc::new(move |stream: TcpStream, peer: IpAddr| {
        activity.touch();
        let (mut reader, mut writer) = ends(stream)?;
        smtp::talk(&mut reader, &mut writer, peer, side.as_ref())
    });
    let stop = context.stop;
    Ok(Box::pin(async move {
        tokio::join!(serve(listener, stop, protocol), delivery);
        drop(presence);
    }))
}

async fn mailboxes(context: &Context, service: Service) -> Result<NewMailboxes, StartError> {
    let (instance, side) = opened(context).await?;
    Ok(NewMailboxes {
        door: door(&side, service),
        instance: instance.root,
    })
}

/// Brings up IMAP.
///
/// # Errors
/// When the port is taken or the store cannot be opened.
pub async fn imapd(context: Context) -> Result<Running, StartError> {
    let store = mailboxes(&context, Service::Imap).await?;
    let listener = context.listen(143).await?;
    let protocol = imap_protocol(&context, store);
    Ok(Box::pin(serve(listener, context.stop, protocol)))
}

/// Brings up POP.
///
/// # Errors
/// When the port is taken or the store cannot be opened.
pub async fn popd(context: Context) -> Result<Running, StartError> {
    let store = mailboxes(&context, Service::Pop).await?;
    let listener = context.listen(110).await?;
    let protocol = pop_protocol(&context, store);
    Ok(Box::pin(serve(listener, context.stop, protocol)))
}
