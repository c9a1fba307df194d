//! `imsdaaci`: an LDIF with the groups and ACIs that Delegated Administrator needs.
//!
//! That it only writes a file, and what for, is the guide's (`domain/directory.md` 2). Inferred: the
//! options, the base from `local.ugldapbasedn`, the classes of the groups, and that both groups are
//! below one `ou=Groups` of the base. The ACIs follow the first ones of the Provisioning Guide.

use super::{ToolContext, getopt, place};
use crate::base::display_safe;
use crate::lab::ldap::ldif::write_value;
use crate::lab::world::LabError;

const USAGE: &str =
    "usage: imsdaaci [-b baseDN] [-o file | file]\n       writes LDIF; load it with ldapmodify -a";

/// Runs the command.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(context: &mut ToolContext<'_>, args: &[String]) -> Result<u8, LabError> {
    let options = match getopt::parse(args, "b:o:") {
        Ok(options) => options,
        Err(message) => {
            let asked = args.iter().any(|arg| arg == "-?");
            let text = if asked {
                USAGE.to_owned()
            } else {
                format!("{message}\n{USAGE}")
            };
            return Ok(complain(context, &text, 2));
        }
    };
    let file = match (options.value('o'), options.operands.as_slice()) {
        (Some(file), []) => Some(file.to_owned()),
        (None, [file]) => Some(file.clone()),
        (None, []) => None,
        _ => return Ok(complain(context, USAGE, 2)),
    };
    let base = match options.value('b') {
        Some(base) => base.to_owned(),
        None => match place::instance(context).and_then(|i| i.local("local.ugldapbasedn")) {
            Ok(Some(base)) if !base.is_empty() => base,
            Ok(_) => {
                let message = "error: local.ugldapbasedn is not set; name the base with -b";
                return Ok(complain(context, message, 1));
            }
            Err(e) => return Ok(complain(context, &format!("error: {e}"), 1)),
        },
    };
    if !base.contains('=') {
        let message = format!("error: invalid base DN {}", display_safe(&base));
        return Ok(complain(context, &message, 1));
    }
    let text = ldif(&base);
    match file {
        None => context
            .out
            .write_all(&text)
            .map_err(LabError::file("standard output"))?,
        Some(file) => {
            if let Err(e) = std::fs::write(context.real(&file), &text) {
                let message = format!("error: cannot write {}: {e}", display_safe(&file));
                return Ok(complain(context, &message, 1));
            }
        }
    }
    Ok(0)
}

fn ldif(base: &str) -> Vec<u8> {
    let groups = format!("ou=Groups,{base}");
    let service = format!("cn=Service Administrators,{groups}");
    let domain = format!("cn=Domain Administrators,{groups}");
    let mut text = Vec::new();
    record(
        &mut text,
        &groups,
        "add",
        &[
            ("objectClass", "top"),
            ("objectClass", "organizationalUnit"),
            ("ou", "Groups"),
        ],
    );
    for (dn, name, role) in [
        (&service, "Service Administrators", "Service Administrator"),
        (&domain, "Domain Administrators", "Domain Administrator"),
    ] {
        record(
            &mut text,
            dn,
            "add",
            &[
                ("objectClass", "top"),
                ("objectClass", "groupOfUniqueNames"),
                ("objectClass", "inetAdmin"),
                ("cn", name),
                ("adminRole", role),
                ("uniqueMember", dn),
            ],
        );
    }
    let acis = acis(base, &service, &domain);
    let mut lines: Vec<(&str, &str)> = vec![("add", "aci")];
    lines.extend(acis.iter().map(|aci| ("aci", aci.as_str())));
    record(&mut text, base, "modify", &lines);
    text
}

fn record(text: &mut Vec<u8>, dn: &str, change: &str, lines: &[(&str, &str)]) {
    write_value(text, "dn", dn.as_bytes());
    write_value(text, "changetype", change.as_bytes());
    for (name, value) in lines {
        write_value(text, name, value.as_bytes());
    }
    // An empty line closes it, also the last one: a file that was cut has none.
    text.push(b'\n');
}

/// The ACIs; their names are how an installation of them is recognised.
fn acis(base: &str, service: &str, domain: &str) -> Vec<String> {
    let agent = format!("userdn=\"ldap:///uid=NDAUser,ou=config,{base}\"");
    let members = |group: &str| format!("groupdn=\"ldap:///{group}\"");
    let rules = [
        (
            "NDAUser access",
            "(targetattr=\"*\")",
            "read,search",
            agent.clone(),
        ),
        (
            "NDAUser counters",
            "(targetattr=\"nsNumUsers || nsNumDepts || nsNumMailLists || nsNumDomains\")",
            "write",
            agent,
        ),
        (
            "Service Administrators access",
            "(targetattr=\"*\")",
            "all",
            members(service),
        ),
        (
            "Domain Administrators access",
            "(targetattr!=\"aci\")",
            "read,search,compare,write,add,delete",
            members(domain),
        ),
    ];
    (1..)
        .zip(rules)
        .map(|(number, (name, target, rights, who))| {
            format!(
                "{target}(version 3.0; acl \"{name} - product=ims5.0,class=nda,num={number},version=1\"; \
                 allow ({rights}) {who};)"
            )
        })
        .collect()
}

fn complain(context: &mut ToolContext<'_>, message: &str, status: u8) -> u8 {
    // When standard error is gone nobody is left to be told.
    let _ = writeln!(context.err, "imsdaaci: {message}");
    status
}

#[cfg(test)]
mod tests {
    use super::ldif;
    use crate::lab::ldap::ldif::{Change, parse};

    #[test]
    fn the_ldif_has_parents_first_two_groups_and_the_acis_all_below_the_base() {
        let records = parse(&ldif("o=internet")).unwrap();
        assert_eq!(records.len(), 4);
        assert!(records.iter().all(|r| r.dn.ends_with("o=internet")));
        assert_eq!(records[0].dn, "ou=Groups,o=internet");
        assert!(matches!(&records[1].change, Change::Add(e) if e.is_a("groupOfUniqueNames")));
        let Change::Modify(mods) = &records[3].change else {
            panic!("no ACIs");
        };
        assert_eq!(mods[0].values.len(), 4);
    }
}
