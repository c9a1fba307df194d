//! The zone of a lab with several hosts: addresses, names of addresses, where mail goes.

use super::shape::NAMES;
use crate::lab::dns;
use crate::lab::world::{HostConfig, Lab, LabError};
use std::fmt::Write as _;
use std::fs;

/// How long others may keep an answer: an hour, so that a change is seen within an evening.
const TTL: u32 = 3600;

/// Writes the zone file; a lab that has no host for names gets none.
///
/// # Errors
/// When it cannot be written, or a domain is no name.
pub(super) fn fill(lab: &Lab, domains: &[String]) -> Result<(), LabError> {
    let Ok(names) = lab.host_with_role(NAMES) else {
        return Ok(());
    };
    let folder = lab.dir.join(dns::FOLDER);
    fs::create_dir_all(&folder).map_err(LabError::file(&folder))?;
    let text = text(lab, names, domains)?;
    let path = folder.join(format!("{}.zone", lab.config.default_domain));
    fs::write(&path, text).map_err(LabError::file(path))
}

fn text(lab: &Lab, names: &HostConfig, domains: &[String]) -> Result<String, LabError> {
    let mut text = format!(
        "; The names of this lab: NAME TTL TYPE VALUE, one record a line. What is changed here holds\n\
         ; at once. As on a name server, by command:\n\
         ;   imsmigrate lab shell DIR {} /usr/sbin/nsupdate\n",
        names.name
    );
    let mut record = |name: &str, kind: &str, value: &str| {
        let _ = writeln!(text, "{name}. {TTL} {kind} {value}");
    };
    let mut origins: Vec<&str> = domains.iter().map(String::as_str).collect();
    let default = lab.config.default_domain.as_str();
    let outside = |host: &HostConfig| {
        let fqdn = host.fqdn.to_lowercase();
        !domains
            .iter()
            .any(|d| fqdn.ends_with(&format!(".{}", d.to_lowercase())))
    };
    let parents = lab.config.hosts.iter().filter(|h| outside(h));
    origins.extend(parents.filter_map(|h| Some(h.fqdn.split_once('.')?.1)));
    origins.push("127.in-addr.arpa");
    origins.sort_unstable();
    origins.dedup();
    for origin in origins {
        let start = format!("{}. hostmaster.{default}. 1 3600 900 604800 60", names.fqdn);
        record(origin, "SOA", &start);
        record(origin, "NS", &format!("{}.", names.fqdn));
    }
    let old = lab.host_with_role("old")?;
    for domain in domains {
        record(domain, "MX", &format!("10 {}.", old.fqdn));
    }
    for host in &lab.config.hosts {
        record(&host.fqdn, "A", &host.address.to_string());
        let [a, b, c, d] = host.address.octets();
        let back = format!("{d}.{c}.{b}.{a}.in-addr.arpa");
        record(&back, "PTR", &format!("{}.", host.fqdn));
    }
    for line in text.lines() {
        dns::record(line).map_err(LabError::Other)?;
    }
    Ok(text)
}
