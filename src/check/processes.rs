//! Which processes of a list belong to the old server and which to the new one.
//!
//! Both have a `dispatcher` and a `job_controller`, and off-line both are on one host: the path
//! tells them apart, then the user they run as.

use crate::host::Process;
use crate::site::Site;

/// Names only SIMS has.
const SIMS: &[&str] = &[
    "imaccessd",
    "ims_master",
    "<SMTP>",
    "<SMTP_SUBMIT>",
    "mt.scheduler",
];
/// Names of Netscape's server.
const NMS: &[&str] = &["smtpd", "imapd", "popd"];
/// Names only iMS has.
const IMS: &[&str] = &[
    "stored",
    "imapd",
    "popd",
    "mshttpd",
    "enpd",
    "tcp_smtp_server",
    "imsched",
];
/// Names both have.
const BOTH: &[&str] = &["dispatcher", "job_controller"];

/// Whether a process belongs to the old server.
pub fn is_old(process: &Process, site: &Site) -> bool {
    let name = process.name();
    if let Some(root) = &site.old.server_root {
        let first = process.command.split_whitespace().next().unwrap_or("");
        let ours = first.starts_with(&format!("{root}/bin/msg/"));
        return ours || (NMS.contains(&name) && by_user(process, &site.old.store_user));
    }
    if process.command.contains("/SUNWmail/") {
        return SIMS.contains(&name) || BOTH.contains(&name) || name == "httpd";
    }
    SIMS.contains(&name)
        || (BOTH.contains(&name)
            && !new_by_path(process, site)
            && !by_user(process, &site.new.mail_user))
}

/// Whether a process belongs to the new server (its directory server does not).
pub fn is_new(process: &Process, site: &Site) -> bool {
    let name = process.name();
    let is_nms = site.old.server_root.is_some() && is_old(process, site);
    if is_nms || process.command.contains("/SUNWmail/") {
        return false;
    }
    IMS.contains(&name)
        || (BOTH.contains(&name)
            && (new_by_path(process, site) || by_user(process, &site.new.mail_user)))
}

fn new_by_path(process: &Process, site: &Site) -> bool {
    let first = process.command.split_whitespace().next().unwrap_or("");
    first.starts_with(&site.new.server_root) || first.starts_with("imta/bin/")
}

fn by_user(process: &Process, user: &str) -> bool {
    process.user == user
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::site;

    #[test]
    fn the_path_tells_old_from_new_and_then_the_user_does() {
        let site = site("/tmp", 0);
        let process = |user: &str, command: &str| Process {
            user: user.to_owned(),
            pid: 7,
            parent: 1,
            command: command.to_owned(),
        };
        let of = |user, command| {
            let process = process(user, command);
            (is_old(&process, &site), is_new(&process, &site))
        };
        let (old, new, neither) = ((true, false), (false, true), (false, false));
        assert_eq!(of("inetmail", "/opt/SUNWmail/imta//lib/dispatcher"), old);
        assert_eq!(of("inetmail", "<SMTP>"), old);
        assert_eq!(of("root", "dispatcher -x"), old);
        assert_eq!(of("root", "/opt/SUNWmail/ims/lib/imaccessd -d"), old);
        assert_eq!(of("mailsrv", "imta/bin/dispatcher"), new);
        assert_eq!(of("mailsrv", "job_controller"), new);
        assert_eq!(
            of(
                "mailsrv",
                "/usr/iplanet/server5/bin/msg/store/bin/stored -d"
            ),
            new
        );
        assert_eq!(of("nobody", "./ns-slapd -f /x"), neither);
        assert_eq!(of("root", "grep dispatcher"), neither);
    }
}
