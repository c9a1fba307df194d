//! Who gets a message and whose mailbox a login opens, by the directory's entries.
//!
//! The rules of both products (`domain/directory.md` 4.1–4.4): which classes count, which
//! attributes are addresses, what the delivery options and states mean. Where entries come from is
//! a [`Directory`]'s business.

pub mod kept;
pub mod ldap;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The directory does not answer, or refuses to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory does not answer: {0}")]
pub struct Unreachable(pub String);

/// An entry as these rules need it: names in lower case, values that are text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its name.
    pub dn: String,
    /// Its values by attribute name in lower case.
    pub values: BTreeMap<String, Vec<String>>,
}

impl Found {
    /// All values of an attribute (its name in lower case).
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).iter().any(|v| v.eq_ignore_ascii_case(value))
    }
}

/// How deep a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The entry itself.
    Base,
    /// The entry and everything below it.
    Subtree,
}

/// Where entries come from.
pub trait Directory: Send + Sync {
    /// Finds entries; a base that is not there has none.
    ///
    /// # Errors
    /// When the directory does not answer or refuses.
    fn search(&self, base: &str, depth: Depth, filter: &str) -> Result<Vec<Found>, Unreachable>;
    /// Returns whether this is the password of an entry.
    ///
    /// # Errors
    /// When the directory does not answer.
    fn check(&self, dn: &str, password: &str) -> Result<bool, Unreachable>;
}

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// SIMS 4.0: `inetMailUser`, `rfc822MailAlias`.
    Sims,
    /// iMS 5.2: `inetLocalMailRecipient` + `inetMailUser`, `mailAlternateAddress`.
    Ims,
    /// Netscape Messaging Server 4.x: `mailRecipient` + `nsMessagingServerUser`.
    Nms,
}

/// The class that only Netscape's users have.
const NMS_USER: &str = "nsMessagingServerUser";

/// A service that people log in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// IMAP.
    Imap,
    /// POP.
    Pop,
}

/// What a mail server knows of its site.
#[derive(Clone, Debug)]
pub struct Site {
    /// Whose rules hold.
    pub rules: Rules,
    /// Whose entries are taken besides, while schemas are mixed.
    pub also: Option<Rules>,
    /// The suffix of all users.
    pub suffix: String,
    /// The root of the domain tree; the suffix where users are in that tree.
    pub dc_root: String,
    /// The entry of the default domain.
    pub default_dn: String,
    /// The server's own full name, which `mailHost` has to be.
    pub host: String,
    /// Whether iMS also takes entries that were not upgraded: by its tags where people log in, and
    /// always where the entries come from dirsync, which went by them.
    pub multi: bool,
    /// Whether every host counts as this one: to tell whose a message is, wherever the mailbox.
    pub everywhere: bool,
    /// Other names that it takes for its own.
    pub aliases: Vec<String>,
    /// What may stand between user and domain in a login.
    pub separators: Vec<char>,
}

/// Where a message for an address goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Into the mailbox of this store id (its case as in the directory).
    Mailbox(String),
    /// On hold, for the user with this address.
    Hold(String),
    /// To another host of the site, which this name means, for the user with this address.
    Elsewhere(String, String),
    /// To another machine.
    Remote(String),
    /// Nowhere yet: the user is not active.
    Later(String),
}

/// Why a login failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No such user, or not the password.
    Credentials,
    /// The user may not use this service here and now.
    Closed,
    /// The user's mailbox is on this host, and not here.
    Elsewhere(String),
    /// The directory does not answer.
    Directory,
}

impl Site {
    /// Returns the name of the default domain.
    pub fn default_domain(&self) -> String {
        domain_of(&self.default_dn)
    }

    /// Returns whether mail for a domain is this site's.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub fn is_local(&self, directory: &dyn Directory, domain: &str) -> Result<bool, Unreachable> {
        if self.is_own_name(domain) || domain.eq_ignore_ascii_case(&self.default_domain()) {
            return Ok(true);
        }
        let filter = match self.rules {
            Rules::Sims => "(objectClass=mailDomain)",
            Rules::Ims => "(|(objectClass=inetDomain)(objectClass=mailDomain))",
            // No domain tree: a domain is local when somebody has an address in it.
            Rules::Nms => {
                let plain: String = domain
                    .chars()
                    .filter(|c| c.is_alphanumeric() || ".-".contains(*c))
                    .collect();
                let filter = format!("(|(mail=*@{plain})(mailAlternateAddress=*@{plain}))");
                let found = directory.search(&self.suffix, Depth::Subtree, &filter)?;
                return Ok(!found.is_empty());
            }
        };
        let found = directory.search(&self.domain_dn(domain), Depth::Base, filter)?;
        Ok(!found.is_empty())
    }

    /// Finds the entry that an address belongs to; `None` when there is none under these rules.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub fn find(
        &self,
        directory: &dyn Directory,
        address: &str,
    ) -> Result<Option<Found>, Unreachable> {
        let address = escape(&self.full(address));
        for rules in std::iter::once(self.rules).chain(self.also) {
            let filter = self.addressed(rules, &address);
            let found = directory.search(&self.suffix, Depth::Subtree, &filter)?;
            if let Some(first) = found.into_iter().next() {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// The filter for who has an address, under the rules of one product.
    fn addressed(&self, rules: Rules, address: &str) -> String {
        match rules {
            Rules::Sims => format!(
                "(&(|(objectClass=inetMailUser)(objectClass=inetMailGroup))(|(mail={address})(rfc822MailAlias={address})))"
            ),
            Rules::Ims if self.multi => format!(
                "(&(|(objectClass=inetMailUser)(objectClass=inetMailGroup))(|(mail={address})(mailAlternateAddress={address})(rfc822MailAlias={address})))"
            ),
            Rules::Ims => format!(
                "(&(objectClass=inetLocalMailRecipient)(|(objectClass=inetMailUser)(objectClass=inetMailGroup))(|(mail={address})(mailAlternateAddress={address})))"
            ),
            Rules::Nms => format!(
                "(&(|(objectClass={NMS_USER})(objectClass=mailGroup))(|(mail={address})(mailAlternateAddress={address})))"
            ),
        }
    }

    /// Returns where a message for a local address goes, groups opened; `None` for nobody.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub fn targets(
        &self,
        directory: &dyn Directory,
        address: &str,
    ) -> Result<Option<BTreeSet<Target>>, Unreachable> {
        let Some(entry) = self.find(directory, address)? else {
            return Ok(None);
        };
        let mut targets = BTreeSet::new();
        let mut seen = BTreeSet::new();
        self.follow(directory, &entry, &mut targets, &mut seen)?;
        Ok(Some(targets))
    }

    /// Lets somebody in and returns the store id (its case as in the directory).
    ///
    /// # Errors
    /// Why not.
    pub fn login(
        &self,
        directory: &dyn Directory,
        service: Service,
        user: &str,
        password: &str,
    ) -> Result<String, Denied> {
        let (uid, base) = match user.rsplit_once(|c| self.separators.contains(&c)) {
            Some((uid, domain)) if self.rules != Rules::Nms => {
                let base = self.users_of(directory, domain);
                (uid, base.map_err(|_| Denied::Directory)?)
            }
            // Netscape's users log in with the whole uid, wherever they are.
            _ if self.rules == Rules::Nms => (user, self.suffix.clone()),
            _ => (user, self.default_dn.clone()),
        };
        // An empty password would be an anonymous bind, which succeeds.
        if uid.is_empty() || password.is_empty() {
            return Err(Denied::Credentials);
        }
        let (uid, whole) = (escape(uid), escape(user));
        let mut found = Vec::new();
        for rules in std::iter::once(self.rules).chain(self.also) {
            let classes = match rules {
                Rules::Sims => "(objectClass=inetMailUser)".to_owned(),
                Rules::Ims if self.multi => "(objectClass=inetMailUser)".to_owned(),
                Rules::Ims => {
                    "(objectClass=inetMailUser)(objectClass=inetLocalMailRecipient)".to_owned()
                }
                Rules::Nms => format!("(objectClass=mailRecipient)(objectClass={NMS_USER})"),
            };
            let filter = format!("(&{classes}(|(uid={uid})(uid={whole})))");
            let more = directory
                .search(&base, Depth::Subtree, &filter)
                .map_err(|_| Denied::Directory)?;
            let known = |new: &Found| found.iter().all(|f: &Found| f.dn != new.dn);
            let more: Vec<Found> = more.into_iter().filter(known).collect();
            found.extend(more);
        }
        let [entry] = found.as_slice() else {
            return Err(Denied::Credentials);
        };
        match directory.check(&entry.dn, password) {
            Ok(true) => {}
            Ok(false) => return Err(Denied::Credentials),
            Err(_) => return Err(Denied::Directory),
        }
        if let (false, Some(host)) = (self.is_here(entry), entry.first("mailhost")) {
            return Err(Denied::Elsewhere(host.to_owned()));
        }
        if self.is_here(entry) && self.is_active(entry) && self.may_use(entry, service) {
            self.store_id(entry).ok_or(Denied::Credentials)
        } else {
            Err(Denied::Closed)
        }
    }

    fn follow(
        &self,
        directory: &dyn Directory,
        entry: &Found,
        targets: &mut BTreeSet<Target>,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Unreachable> {
        if !seen.insert(entry.dn.to_lowercase()) {
            return Ok(());
        }
        let address = entry.first("mail").unwrap_or_default().to_owned();
        if is_user(entry) {
            targets.extend(self.user_targets(entry, address));
            return Ok(());
        }
        if !self.is_here(entry) {
            targets.insert(elsewhere(entry, address));
            return Ok(());
        }
        for dn in entry.all("uniquemember") {
            let filter = "(objectClass=*)";
            if let Some(member) = directory.search(dn, Depth::Base, filter)?.first() {
                self.follow(directory, member, targets, seen)?;
            }
        }
        let attributes: &[&str] = match self.rules {
            Rules::Sims => &["rfc822mailmember"],
            Rules::Ims | Rules::Nms => &["mgrprfc822mailmember", "rfc822mailmember"],
        };
        for member in attributes.iter().flat_map(|name| entry.all(name)) {
            match self.find(directory, member)? {
                Some(member) => self.follow(directory, &member, targets, seen)?,
                None => {
                    targets.insert(Target::Remote(member.clone()));
                }
            }
        }
        Ok(())
    }

    fn user_targets(&self, entry: &Found, address: String) -> Vec<Target> {
        if !self.is_here(entry) {
            return vec![elsewhere(entry, address)];
        }
        let held = entry.has("maildeliveryoption", "hold") || entry.has("mailuserstatus", "hold");
        if held {
            return vec![Target::Hold(address)];
        }
        let Some(id) = self.store_id(entry).filter(|_| self.is_active(entry)) else {
            return vec![Target::Later(address)];
        };
        let mut targets = Vec::new();
        let options = entry.all("maildeliveryoption");
        // An address to forward to is enough for Netscape.
        let forwards = !entry.all("mailforwardingaddress").is_empty() && is_nms_only(entry);
        let unsaid = options.is_empty() && !forwards;
        if unsaid || entry.has("maildeliveryoption", "mailbox") {
            targets.push(Target::Mailbox(id));
        }
        if forwards || entry.has("maildeliveryoption", "forward") {
            let addresses = entry.all("mailforwardingaddress").iter().cloned();
            targets.extend(addresses.map(Target::Remote));
        }
        targets
    }

    /// Returns the store id of an entry: `uid`, or `uid@domain` outside the default domain, where the
    /// uid does not carry the domain already.
    pub fn store_id(&self, entry: &Found) -> Option<String> {
        let uid = entry.first("uid")?;
        let domain = domain_of(&entry.dn).to_lowercase();
        let carries = uid.rsplit_once('@');
        let carries = carries.is_some_and(|(_, d)| d.eq_ignore_ascii_case(&domain));
        Some(
            if carries || domain.eq_ignore_ascii_case(&self.default_domain()) {
                uid.to_owned()
            } else {
                format!("{uid}@{domain}")
            },
        )
    }

    fn is_here(&self, entry: &Found) -> bool {
        match (entry.first("mailhost"), self.rules) {
            (Some(host), _) => self.everywhere || self.is_own_name(host),
            (None, Rules::Sims | Rules::Nms) => true,
            // Without mailHost iMS does not know a user as local.
            (None, Rules::Ims) => !is_user(entry),
        }
    }

    /// Returns the host that decides where the mail of a domain goes, where that is another one.
    ///
    /// Documented: the hosts in `mailRoutingHosts` route a domain's mail; without the attribute
    /// every host does.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub fn router(
        &self,
        directory: &dyn Directory,
        domain: &str,
    ) -> Result<Option<String>, Unreachable> {
        let dn = self.domain_dn(domain);
        let found = directory.search(&dn, Depth::Base, "(objectClass=*)")?;
        let hosts = found
            .first()
            .map_or(&[][..], |entry| entry.all("mailroutinghosts"));
        if hosts.iter().any(|host| self.is_own_name(host)) {
            return Ok(None);
        }
        Ok(hosts.first().cloned())
    }

    /// Returns whether a name means this host.
    pub fn is_own_name(&self, name: &str) -> bool {
        let mut own = std::iter::once(&self.host).chain(&self.aliases);
        own.any(|own| own.eq_ignore_ascii_case(name))
    }

    fn is_active(&self, entry: &Found) -> bool {
        let general = match self.rules {
            Rules::Ims
                if entry.has("objectclass", "inetLocalMailRecipient")
                    || self.also == Some(Rules::Nms) =>
            {
                "inetuserstatus"
            }
            Rules::Nms => "inetuserstatus",
            Rules::Sims | Rules::Ims => "inetsubscriberstatus",
        };
        [general, "mailuserstatus"].iter().all(|name| {
            entry
                .first(name)
                .is_none_or(|v| v.eq_ignore_ascii_case("active"))
        })
    }

    fn may_use(&self, entry: &Found, service: Service) -> bool {
        if is_nms_only(entry) {
            let word = match service {
                Service::Imap => "imap",
                Service::Pop => "pop",
            };
            let refused = entry.all("nsmsgdisallowaccess").iter();
            let mut refused = refused.flat_map(|v| v.split([',', ' ']));
            return !refused.any(|v| v.eq_ignore_ascii_case(word));
        }
        match self.rules {
            Rules::Sims => {
                let word = match service {
                    Service::Imap => "imap",
                    Service::Pop => "pop3",
                };
                let locked = entry.has("mailfoldermap", "LOCK");
                let services = entry.all("inetauthorizedservices");
                !locked && (services.is_empty() || entry.has("inetauthorizedservices", word))
            }
            Rules::Ims | Rules::Nms => {
                let word = match service {
                    Service::Imap => "imap",
                    Service::Pop => "pop",
                };
                let rules = entry.all("mailallowedserviceaccess");
                rules.is_empty() || rules.iter().any(|rule| allows(rule, word))
            }
        }
    }

    /// Below which entry the users of a domain are, as its node in the domain tree says.
    fn users_of(&self, directory: &dyn Directory, domain: &str) -> Result<String, Unreachable> {
        let node = self.domain_dn(domain);
        if self.rules != Rules::Ims || node == self.default_dn {
            return Ok(node);
        }
        let found = directory.search(&node, Depth::Base, "(objectClass=*)")?;
        let base = found.first().and_then(|e| e.first("inetdomainbasedn"));
        Ok(base.map_or(node, str::to_owned))
    }

    /// The entry of a domain in the DC tree.
    fn domain_dn(&self, domain: &str) -> String {
        if domain.eq_ignore_ascii_case(&self.default_domain()) {
            return self.default_dn.clone();
        }
        let mut dn = String::new();
        for part in domain.split('.') {
            let plain = part.chars().filter(|c| c.is_alphanumeric() || *c == '-');
            dn.push_str("dc=");
            dn.extend(plain);
            dn.push(',');
        }
        dn + &self.dc_root
    }

    /// An address with its domain; a bare name and the host's own name mean the default domain.
    fn full(&self, address: &str) -> String {
        match address.rsplit_once('@') {
            Some((local, domain)) if self.is_own_name(domain) => {
                format!("{local}@{}", self.default_domain())
            }
            Some(_) => address.to_owned(),
            None => format!("{address}@{}", self.default_domain()),
        }
    }
}

fn elsewhere(entry: &Found, address: String) -> Target {
    match entry.first("mailhost") {
        Some(host) => Target::Elsewhere(host.to_owned(), address),
        None => Target::Remote(address),
    }
}

/// Whether an entry is a user's, of either generation.
fn is_user(entry: &Found) -> bool {
    entry.has("objectclass", "inetMailUser") || entry.has("objectclass", NMS_USER)
}

/// Whether an entry is one of Netscape's that was not upgraded.
fn is_nms_only(entry: &Found) -> bool {
    entry.has("objectclass", NMS_USER) && !entry.has("objectclass", "inetLocalMailRecipient")
}

/// The domain that the `dc` parts of a DN spell, or without such parts the nearest organization that
/// is named like one.
pub fn domain_of(dn: &str) -> String {
    let parts: Vec<&str> = dn
        .split(',')
        .filter_map(|rdn| {
            let (name, value) = rdn.trim().split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("dc")
                .then_some(value.trim())
        })
        .collect();
    if !parts.is_empty() {
        return parts.join(".");
    }
    let organization = dn.split(',').find_map(|rdn| {
        let (name, value) = rdn.trim().split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("o") && value.contains('.');
        named.then(|| value.trim().to_owned())
    });
    organization.unwrap_or_default()
}

/// Writes a value so that it is itself in a filter (RFC 4515): whatever is not plain as `\xx`.
pub fn escape(value: &str) -> String {
    let mut safe = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"@._-".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "\\{byte:02x}");
        }
    }
    safe
}

/// Whether a rule such as `+imap:ALL$+pop:ALL` lets a service in; one that only refuses lets in what
/// it does not name.
fn allows(rule: &str, service: &str) -> bool {
    let named = |sign: char| {
        rule.split('$').any(|part| {
            part.strip_prefix(sign).is_some_and(|part| {
                let services = part.split(':').next().unwrap_or_default();
                services
                    .split(',')
                    .any(|s| s.eq_ignore_ascii_case(service) || s.eq_ignore_ascii_case("all"))
            })
        })
    };
    if rule.split('$').any(|part| part.starts_with('+')) {
        named('+')
    } else {
        !named('-')
    }
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
