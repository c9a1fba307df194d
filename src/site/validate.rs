//! What a site has to keep to beyond its types.

use super::ProcedureError;
use super::types::{Label, Site, SiteHost, Transport};
use crate::base::Hint as _;
use crate::base::document::{Document, Problem, did_you_mean};
use crate::scenario::{self, Product};
use std::net::IpAddr;

/// Returns everything that is wrong with a site.
pub fn problems(site: &Site, document: &Document<'_>) -> Vec<Problem> {
    let mut found = Found {
        document,
        problems: Vec::new(),
    };
    found.texts();
    found.roles(site);
    found.product(site);
    for (index, host) in site.hosts.iter().enumerate() {
        found.host(site, host, &format!("hosts[{index}]"));
    }
    found.directory(site);
    found.paths(site);
    found.ports(site);
    found.rest(site);
    found.batches(site);
    found.changes(site);
    found.problems
}

struct Found<'a, 't> {
    document: &'a Document<'t>,
    problems: Vec<Problem>,
}

impl Found<'_, '_> {
    fn add(&mut self, path: &str, message: impl Into<String>, hint: Option<&str>) {
        let mut problem = self.document.problem(path, message);
        problem.hint = hint.map(str::to_owned);
        self.problems.push(problem);
    }

    fn texts(&mut self) {
        let mut wrong = Vec::new();
        self.document.each_string("", &mut |path, text| {
            if text.chars().any(char::is_control) {
                wrong.push(path.to_owned());
            }
        });
        for path in wrong {
            self.add(&path, "the value holds a control character", None);
        }
    }

    fn roles(&mut self, site: &Site) {
        let scenario = match scenario::load(&site.scenario) {
            Ok(scenario) => scenario,
            Err(error) => {
                let hint = did_you_mean(&site.scenario, scenario::ids());
                self.add("scenario", error.to_string(), Some(&hint));
                return;
            }
        };
        if site.hosts.is_empty() {
            self.add("hosts", "a site needs `[[hosts]]`", None);
            return;
        }
        for role in &scenario.roles {
            let holders: Vec<usize> = (0..)
                .zip(&site.hosts)
                .filter(|(_, host)| host.roles.contains(role))
                .map(|(index, _)| index)
                .collect();
            match holders.as_slice() {
                [] => self.add(
                    "hosts",
                    format!("no host has the role `{role}` ({})", role.title()),
                    Some(&format!(
                        "add \"{role}\" to the `roles` of the host that is the {}",
                        role.title()
                    )),
                ),
                [_] => {}
                [first, others @ ..] => {
                    for other in others {
                        self.add(
                            &format!("hosts[{other}].roles"),
                            format!("the role `{role}` is given to hosts[{first}] already"),
                            None,
                        );
                    }
                }
            }
        }
    }

    /// What only one product has: all of it for a site of that product, nothing for another.
    fn product(&mut self, site: &Site) {
        let Ok(scenario) = scenario::load(&site.scenario) else {
            return;
        };
        let old = &site.old;
        let texts = [
            ("old.server_root", &old.server_root),
            ("old.instance_root", &old.instance_root),
            ("old.mailq", &old.mailq),
            ("old.dssetup", &old.dssetup),
        ];
        let given = texts.map(|(path, value)| (path, value.is_some()));
        let given = given.into_iter().chain([
            ("old.drain_port", old.drain_port.is_some()),
            ("old.partitions", !old.partitions.is_empty()),
        ]);
        let is_nms = scenario.product == Product::Nms;
        for (path, there) in given {
            if is_nms && !there {
                self.add(
                    path,
                    format!("`{path}` is missing"),
                    Some("it belongs to Netscape Messaging Server; `imsmigrate site new nms-unix` has an example"),
                );
            } else if !is_nms && there {
                self.add(
                    path,
                    format!("`{path}` is of Netscape Messaging Server, and the site is not"),
                    Some("leave it out"),
                );
            }
        }
        let paths = texts
            .into_iter()
            .filter_map(|(path, value)| Some((path.to_owned(), value.as_ref()?)));
        let partitions = old.partitions.iter();
        let partitions = partitions.map(|(name, path)| (format!("old.partitions.{name}"), path));
        for (path, value) in paths.chain(partitions) {
            if !value.starts_with('/') || value == "/" || value.split('/').any(|p| p == "..") {
                self.add(&path, format!("`{value}` is not a path to work in"), None);
            } else if value.ends_with('/') {
                self.add(
                    &path,
                    format!("`{value}` ends with `/`"),
                    Some("leave it out"),
                );
            }
        }
        if is_nms && !old.partitions.is_empty() && !old.partitions.contains_key("primary") {
            self.add(
                "old.partitions",
                "there is no partition `primary`",
                Some("every store has one: see configutil -p store.partition"),
            );
        }
        if old.drain_port == Some(old.smtp_port) || old.drain_port == Some(0) {
            self.add(
                "old.drain_port",
                "the port at which the queue is worked off has to be another than SMTP's",
                Some("the guide takes 901"),
            );
        }
    }

    fn host(&mut self, site: &Site, host: &SiteHost, path: &str) {
        if !is_label(&host.name) {
            self.add(
                &format!("{path}.name"),
                format!("`{}` is not a host's short name", host.name),
                Some("letters, digits and hyphens, such as `mail`"),
            );
        }
        let twins = |other: &&SiteHost| other.name.eq_ignore_ascii_case(&host.name);
        if site.hosts.iter().filter(twins).count() > 1 {
            self.add(
                &format!("{path}.name"),
                format!("two hosts are called `{}`", host.name),
                None,
            );
        }
        if !is_hostname(&host.fqdn) || !host.fqdn.contains('.') {
            self.add(
                &format!("{path}.fqdn"),
                format!("`{}` is not a full host name", host.fqdn),
                Some("host and domain, such as `mail.siroe.com`"),
            );
        }
        if let Some(address) = &host.address
            && address.parse::<IpAddr>().is_err()
            && (!is_hostname(address) || address.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
        {
            self.add(
                &format!("{path}.address"),
                format!("`{address}` is neither an IP address nor a host name"),
                None,
            );
        }
        match (host.transport, host.via.is_empty()) {
            (Transport::Via, true) => self.add(
                &format!("{path}.transport"),
                "the transport `via` needs `via`: the launcher's argv",
                None,
            ),
            (Transport::Via, false) | (_, true) => {}
            (_, false) => self.add(
                &format!("{path}.via"),
                "`via` goes with the transport `via` only",
                Some("write: transport = \"via\""),
            ),
        }
        match (host.transport, &host.ssh_destination) {
            (Transport::Ssh, None) => self.add(
                &format!("{path}.transport"),
                "the transport `ssh` needs `ssh_destination`",
                Some("such as: ssh_destination = \"root@mail.siroe.com\""),
            ),
            (Transport::Ssh, Some(destination)) if destination.starts_with('-') => self.add(
                &format!("{path}.ssh_destination"),
                "an ssh destination does not begin with `-`",
                None,
            ),
            _ => {}
        }
        if site.label == Label::Practice {
            self.practice(host, path);
        }
    }

    /// A practice site never reaches anything but its launcher and loopback.
    fn practice(&mut self, host: &SiteHost, path: &str) {
        if host.transport != Transport::Via {
            self.add(
                &format!("{path}.transport"),
                "a practice site reaches its hosts by the transport `via` only",
                Some("for real hosts write: label = \"live\""),
            );
        }
        let loopback = host
            .address
            .as_ref()
            .and_then(|address| address.parse::<IpAddr>().ok())
            .is_some_and(|address| address.is_loopback());
        if !loopback {
            self.add(
                &format!("{path}.address"),
                "a host of a practice site needs a loopback address",
                Some("for real hosts write: label = \"live\""),
            );
        }
    }

    fn batches(&mut self, site: &Site) {
        let Some(batches) = &site.batches else {
            return;
        };
        if batches.own.is_empty() && !(1..=200).contains(&batches.number) {
            self.add(
                "batches.number",
                format!("{} is not a number of batches", batches.number),
                Some("from 1 to 200"),
            );
        }
        for (index, batch) in batches.own.iter().enumerate() {
            let path = format!("batches.own[{index}]");
            let named = is_label(&batch.name) && batch.name != scenario::batches::LATE;
            if !named {
                self.add(
                    &format!("{path}.name"),
                    format!("`{}` is not a name for a batch", batch.name),
                    Some("letters, digits and hyphens; `late` is for those who come later"),
                );
            }
            let twins = |other: &&super::OwnBatch| other.name == batch.name;
            if batches.own.iter().filter(twins).count() > 1 {
                self.add(
                    &format!("{path}.name"),
                    format!("two batches are called `{}`", batch.name),
                    None,
                );
            }
            if batch.filter.is_some() != batch.users.is_empty() {
                self.add(
                    &path,
                    "a batch has either `filter` or `users`",
                    Some("such as: filter = \"(departmentNumber=7)\""),
                );
            }
        }
    }

    fn changes(&mut self, site: &Site) {
        if site.changes.is_empty() {
            return;
        }
        match site.procedure() {
            // Named where the scenario is.
            Ok(_) | Err(ProcedureError::Scenario(_)) => {}
            Err(ProcedureError::Change { key, message, hint }) => {
                self.add(&key, message, hint.as_deref());
            }
            Err(error) => {
                let hint = error.hints().into_iter().next();
                self.add("changes", error.to_string(), hint.as_deref());
            }
        }
    }

    fn directory(&mut self, site: &Site) {
        let directory = &site.directory;
        for (path, dn) in [
            ("directory.base_dn", &directory.base_dn),
            ("directory.bind_dn", &directory.bind_dn),
            ("directory.default_domain_dn", &directory.default_domain_dn),
            ("new.config_suffix", &site.new.config_suffix),
        ] {
            if !is_dn(dn) {
                self.add(
                    path,
                    format!("`{dn}` is not a DN"),
                    Some("attribute=value parts with commas between, such as `dc=siroe,dc=com,o=internet`"),
                );
            }
        }
        let below = normal(&directory.default_domain_dn);
        let base = normal(&directory.base_dn);
        if below != base && !below.ends_with(&format!(",{base}")) {
            self.add(
                "directory.default_domain_dn",
                format!(
                    "`{}` is not below the base DN `{}`",
                    directory.default_domain_dn, directory.base_dn
                ),
                None,
            );
        }
    }

    fn paths(&mut self, site: &Site) {
        for (path, value) in [
            ("directory.server_root", &site.directory.server_root),
            ("directory.instance_root", &site.directory.instance_root),
            ("directory.schema_files", &site.directory.schema_files),
            ("old.sbin", &site.old.sbin),
            ("old.imbackup", &site.old.imbackup),
            ("old.store_root", &site.old.store_root),
            ("old.queue_root", &site.old.queue_root),
            ("old.config", &site.old.config),
            ("new.server_root", &site.new.server_root),
            ("new.instance_root", &site.new.instance_root),
            ("new.installer", &site.new.installer),
            ("store.tape_device", &site.store.tape_device),
        ] {
            if !value.starts_with('/') {
                self.add(
                    path,
                    format!("`{value}` is not an absolute path"),
                    Some("begin it with `/`"),
                );
            } else if value.len() > 1 && value.ends_with('/') {
                self.add(
                    path,
                    format!("`{value}` ends with `/`"),
                    Some("leave it out"),
                );
            } else if value == "/" || value.split('/').any(|part| part == "..") {
                self.add(path, format!("`{value}` is not a path to work in"), None);
            }
        }
        if !site
            .new
            .instance_root
            .starts_with(&format!("{}/msg-", site.new.server_root))
        {
            self.add(
                "new.instance_root",
                format!(
                    "`{}` is not an instance below `{}`",
                    site.new.instance_root, site.new.server_root
                ),
                Some("it is `msg-` and the host's short name below `new.server_root`"),
            );
        }
    }

    fn ports(&mut self, site: &Site) {
        let offset = site.hosts.iter().map(|host| host.port_offset).max();
        for (path, port) in [
            ("directory.port", site.directory.port),
            ("old.smtp_port", site.old.smtp_port),
            ("old.imap_port", site.old.imap_port),
            ("old.pop_port", site.old.pop_port),
            ("new.config_directory_port", site.new.config_directory_port),
            ("new.smtp_port", site.new.smtp_port),
            ("new.imap_port", site.new.imap_port),
            ("new.pop_port", site.new.pop_port),
            ("new.http_port", site.new.http_port),
        ] {
            if port == 0 {
                self.add(path, "0 is not a port", None);
            } else if port.checked_add(offset.unwrap_or(0)).is_none() {
                self.add(
                    path,
                    "the port and a host's `port_offset` are over 65535",
                    None,
                );
            }
        }
        let new = site.host(crate::scenario::Role::New);
        let directory = site.host(crate::scenario::Role::Directory);
        if let (Some(new), Some(directory)) = (new, directory)
            && new.name == directory.name
            && site.new.config_directory_port == site.directory.port
        {
            self.add(
                "new.config_directory_port",
                format!(
                    "port {} is the users' directory on the same host",
                    site.directory.port
                ),
                Some("take another, such as 390"),
            );
        }
    }

    fn rest(&mut self, site: &Site) {
        if let Some(separator) = &site.old.login_separator
            && (separator.chars().count() != 1 || separator.chars().any(char::is_alphanumeric))
        {
            self.add(
                "old.login_separator",
                format!("`{separator}` is not a login separator"),
                Some("one character: \"@\" or \"+\", without quotation marks inside"),
            );
        }
        for (path, name) in [
            ("new.mail_user", &site.new.mail_user),
            ("new.mail_group", &site.new.mail_group),
            ("old.store_user", &site.old.store_user),
        ] {
            if !is_label(name) {
                self.add(path, format!("`{name}` is not a user or group name"), None);
            }
        }
        if !is_hostname(&site.new.default_domain) {
            self.add(
                "new.default_domain",
                format!("`{}` is not a domain", site.new.default_domain),
                Some("such as `siroe.com`"),
            );
        }
        if site.store.sessions > 64 {
            self.add(
                "store.sessions",
                format!("{} sessions are too many", site.store.sessions),
                Some("0 lets the wizard choose; the guide advises 10 to 15"),
            );
        }
        for (index, network) in site.relay.networks.iter().enumerate() {
            if !is_network(network) {
                self.add(
                    &format!("relay.networks[{index}]"),
                    format!("`{network}` is not an IPv4 network"),
                    Some("an address, or an address and a prefix such as `192.0.2.0/24`"),
                );
            }
        }
        if let Some(resolver) = &site.dns.resolver
            && resolver.parse::<std::net::SocketAddr>().is_err()
        {
            self.add(
                "dns.resolver",
                format!("`{resolver}` is not an address and a port"),
                Some("such as `192.0.2.53:53`"),
            );
        }
        if let Some(window) = &site.window {
            let time = |text: &str| text.parse::<jiff::civil::DateTime>().ok();
            let hint = Some("local time, such as `2026-11-28T22:00`");
            match (time(&window.begin), time(&window.end)) {
                (None, _) => self.add(
                    "window.begin",
                    format!("`{}` is not a time", window.begin),
                    hint,
                ),
                (_, None) => self.add(
                    "window.end",
                    format!("`{}` is not a time", window.end),
                    hint,
                ),
                (Some(begin), Some(end)) if end <= begin => {
                    self.add("window.end", "the window ends before it begins", None);
                }
                _ => {}
            }
        }
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_hostname(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_network(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
    address.parse::<std::net::Ipv4Addr>().is_ok()
        && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 32)
}

/// Says whether a text has the form of a DN: `attribute=value`, commas between; `\,` is no comma.
fn is_dn(text: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, parts.last_mut()) {
            (',', _) => parts.push(String::new()),
            ('\\', Some(part)) => part.extend(['\\'].into_iter().chain(chars.next())),
            (c, Some(part)) => part.push(c),
            (_, None) => return false,
        }
    }
    parts.iter().all(|part| {
        part.split_once('=').is_some_and(|(attribute, value)| {
            let attribute = attribute.trim();
            attribute.starts_with(|c: char| c.is_ascii_alphanumeric())
                && attribute
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
                && !value.trim().is_empty()
        })
    })
}

fn normal(dn: &str) -> String {
    dn.split(',')
        .map(|part| part.trim().to_ascii_lowercase())
        .collect::<Vec<_>>()
        .join(",")
}
