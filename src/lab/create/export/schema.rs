//! What an export uses and the lab's schema lacks goes into the lab's user schema, as a site's own
//! definitions do: case-ignore strings, and classes that allow whatever their entries hold.
//!
//! An export that has names of the new product's schema comes from a directory into which that was
//! merged: so it is in the lab.

use crate::base::display_safe;
use crate::lab::ldap::config::Config;
use crate::lab::ldap::entry::{Entry, base};
use crate::lab::ldap::ldif::{Change, Record};
use crate::lab::ldap::schema::{
    AttributeType, ObjectClass, Origin, Schema, Syntax, check, conf, is_operational,
};
use crate::lab::world::LabError;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Adds to the schema of the instance what the records need; where they break it all the same, it
/// is no longer enforced. `cd` has the merged schema. Returns what was done, for people.
///
/// # Errors
/// When the configuration cannot be read or written, or a name is none.
pub(in crate::lab::create) fn supplement(
    file: &Path,
    instance: &Path,
    root: &Path,
    cd: &Path,
    records: &[Record],
) -> Result<Vec<String>, LabError> {
    let entries = || {
        records.iter().filter_map(|r| match &r.change {
            Change::Content(entry) => Some((r.line, entry)),
            _ => None,
        })
    };
    let mut notes = Vec::new();
    let mut config = Config::of_instance(instance, root);
    let mut added = Added::find(&config.schema, entries().map(|(_, e)| e));
    if !added.is_empty() && added.is_known_to(&merged(instance, cd)?) {
        merge(instance, cd)?;
        notes.push(
            "its entries use the merged schema already, so the lab's directory has it".to_owned(),
        );
        config = Config::of_instance(instance, root);
        added = Added::find(&config.schema, entries().map(|(_, e)| e));
    }
    if !added.is_empty() {
        for (line, name) in entries().flat_map(|(line, e)| names(e).map(move |n| (line, n))) {
            if !conf::is_name(name) {
                return Err(LabError::Data {
                    path: file.to_path_buf(),
                    line: Some(line),
                    reason: format!(
                        "`{}` cannot be the name of an attribute or a class",
                        display_safe(name)
                    ),
                });
            }
        }
        added.write(&config)?;
        notes.push(added.note());
    }
    let config = Config::of_instance(instance, root);
    if let Some(problem) = config.problems.first() {
        return Err(LabError::Other(format!(
            "the schema that the export needs cannot be added: {problem}"
        )));
    }
    let broken: Vec<_> = entries()
        .filter_map(|(line, entry)| Some((line, check::check(&config.schema, entry).err()?)))
        .collect();
    if let Some((line, reason)) = broken.first() {
        let path = instance.join("config/slapd.conf");
        let text = std::fs::read_to_string(&path).map_err(LabError::file(&path))?;
        let text = text.replace("schemacheck on\n", "schemacheck off\n");
        crate::base::places::write_private(&path, text.as_bytes())
            .map_err(LabError::file(&path))?;
        notes.push(format!(
            "{} entries break the schema, so the lab's directory does not enforce it (schemacheck \
             off); first line {line}: {}",
            broken.len(),
            display_safe(&reason.to_string())
        ));
    }
    Ok(notes)
}

/// The attributes and classes an entry names.
fn names(entry: &Entry) -> impl Iterator<Item = &str> {
    let attributes = entry.attributes.iter().map(|a| base(&a.name));
    attributes.chain(entry.texts("objectClass"))
}

/// Definitions to add.
#[derive(Default)]
struct Added {
    attributes: Vec<AttributeType>,
    classes: Vec<ObjectClass>,
}

impl Added {
    fn find<'a>(schema: &Schema, entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut attributes: BTreeMap<String, AttributeType> = BTreeMap::new();
        let mut unknown: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
        for entry in entries {
            let mut allowed: BTreeSet<String> = BTreeSet::new();
            let mut own: Vec<&str> = Vec::new();
            for class in entry.texts("objectClass") {
                if schema.class(class).is_some() {
                    allow(schema, class, &mut allowed);
                } else {
                    own.push(class);
                }
            }
            let held = entry.attributes.iter().map(|a| base(&a.name));
            for name in held.filter(|n| !is_operational(n)) {
                let lower = name.to_lowercase();
                if schema.attribute(name).is_none() {
                    let defined = || AttributeType {
                        names: vec![name.to_owned()],
                        oid: format!("{name}-oid"),
                        syntax: Syntax::Cis,
                        single: false,
                        origin: Origin::User,
                    };
                    attributes.entry(lower.clone()).or_insert_with(defined);
                }
                for class in &own {
                    let (_, allows) = unknown
                        .entry(class.to_lowercase())
                        .or_insert_with(|| ((*class).to_owned(), BTreeSet::new()));
                    if !allowed.contains(&lower) && lower != "objectclass" {
                        allows.insert(name.to_owned());
                    }
                }
            }
        }
        let own = unknown.into_values().map(|(name, allows)| ObjectClass {
            oid: format!("{name}-oid"),
            name,
            superior: Some("top".to_owned()),
            requires: Vec::new(),
            allows: allows.into_iter().collect(),
            origin: Origin::User,
        });
        Self {
            attributes: attributes.into_values().collect(),
            classes: own.collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.classes.is_empty()
    }

    /// Whether one of them is in a schema.
    fn is_known_to(&self, schema: &Schema) -> bool {
        let attribute = |a: &AttributeType| schema.attribute(a.name()).is_some();
        let class = |c: &ObjectClass| schema.class(&c.name).is_some();
        self.attributes.iter().any(attribute) || self.classes.iter().any(class)
    }

    fn write(&self, config: &Config) -> Result<(), LabError> {
        let both = [
            (
                &config.user_at,
                conf::write_attributes(self.attributes.iter()),
            ),
            (&config.user_oc, conf::write_classes(self.classes.iter())),
        ];
        for (path, text) in both {
            let Some(path) = path else {
                return Err(LabError::Other(
                    "the lab's directory has no files for added schema".to_owned(),
                ));
            };
            std::fs::write(path, text).map_err(LabError::file(path))?;
        }
        Ok(())
    }

    fn note(&self) -> String {
        let attributes: Vec<&str> = self.attributes.iter().map(AttributeType::name).collect();
        let classes: Vec<&str> = self.classes.iter().map(|c| c.name.as_str()).collect();
        let list = |what: &str, names: &[&str]| match names.len() {
            0 => format!("no {what}"),
            count => format!("{count} {what} ({})", display_safe(&names.join(", "))),
        };
        format!(
            "added to the lab's schema, which did not know them: {}, {}",
            list("classes", &classes),
            list("attributes", &attributes)
        )
    }
}

/// Notes what a class and those above it allow, in lower case.
fn allow(schema: &Schema, class: &str, allowed: &mut BTreeSet<String>) {
    let mut next = Some(class);
    while let Some(class) = next.and_then(|name| schema.class(name)) {
        for name in class.requires.iter().chain(&class.allows) {
            allowed.extend(schema.names_of(name));
        }
        next = class.superior.as_deref().filter(|s| *s != class.name);
    }
}

/// Puts the merged schema where the stock mail schema was, as the migration guide has it.
fn merge(instance: &Path, cd: &Path) -> Result<(), LabError> {
    let config = instance.join("config");
    let mut includes = String::from("# The merged schema; it has what was included here before\n");
    for name in ["merged.at.conf", "merged.oc.conf"] {
        let to = config.join(name);
        let text = std::fs::read(cd.join(name)).map_err(LabError::file(cd.join(name)))?;
        std::fs::write(&to, text).map_err(LabError::file(&to))?;
        let _ = writeln!(includes, "include \"{name}\"");
    }
    let path = config.join("ns-schema.conf");
    std::fs::write(&path, includes).map_err(LabError::file(&path))
}

/// The schema of the standard files and the merged ones.
fn merged(instance: &Path, cd: &Path) -> Result<Schema, LabError> {
    let mut file = tempfile::NamedTempFile::new().map_err(LabError::file("a temporary file"))?;
    let config = instance.join("config");
    for path in [
        config.join("slapd.at.conf"),
        config.join("slapd.oc.conf"),
        cd.join("merged.at.conf"),
        cd.join("merged.oc.conf"),
    ] {
        writeln!(file, "include \"{}\"", path.display()).map_err(LabError::file(path))?;
    }
    let read = Config::load(file.path(), Path::new("/"));
    match read.problems.first() {
        Some(problem) => Err(LabError::Other(format!("the merged schema: {problem}"))),
        None => Ok(read.schema),
    }
}
