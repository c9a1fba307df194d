//! The two files a session needs: whom to back up, and what to call them in the new store.
//!
//! Both are given with `-u`, left and right of the pipe, and mean different things; so they are
//! made here and nowhere else.

use super::user::{IdProblem, StoreUser, id_problems};
use std::collections::BTreeMap;

/// Which mailboxes get another name when they are restored: old id to new id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenameMap(BTreeMap<String, String>);

/// A rename file that cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {why}")]
pub struct BadMap {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Makes the rename map for `users`: a line for each whose id has an upper-case letter.
///
/// # Errors
/// Ids that the old store cannot tell apart, and ids that the new store does not take and a line of
/// this file cannot carry either.
pub fn rename_map(users: &[StoreUser]) -> Result<RenameMap, Vec<IdProblem>> {
    let problems: Vec<_> = id_problems(users)
        .into_iter()
        .filter(|problem| match problem {
            IdProblem::Collision { .. } => true,
            IdProblem::Invalid { id, .. } => !fits_a_line(id),
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let renamed = users.iter().filter(|u| u.needs_rename());
    Ok(RenameMap(
        renamed
            .map(|u| (u.old_id(), u.new_id().to_owned()))
            .collect(),
    ))
}

/// Makes the file of those to back up: old ids, one a line.
pub fn user_file<'a>(users: impl IntoIterator<Item = &'a StoreUser>) -> String {
    users
        .into_iter()
        .map(|u| u.old_id() + "\n")
        .collect::<String>()
}

impl RenameMap {
    /// Whether no mailbox needs another name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many mailboxes get another name.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the name that the mailboxes of `old` have after the restore.
    pub fn new_id<'a>(&'a self, old: &'a str) -> &'a str {
        self.0.get(old).map_or(old, String::as_str)
    }

    /// Returns the file `imsrestore -u` reads: `old=new`, one a line, sorted.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (old, new) in &self.0 {
            text.extend([old, "=", new, "\n"]);
        }
        text
    }

    /// Reads such a file back.
    ///
    /// # Errors
    /// A line without `=`, with an empty side, with names that are not one name in two cases, or
    /// one that names somebody twice.
    pub fn parse(text: &str) -> Result<Self, BadMap> {
        let mut map = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let bad = |why| BadMap { line: at + 1, why };
            let (old, new) = line.split_once('=').ok_or(bad("there is no `=` in it"))?;
            if old.is_empty() || new.is_empty() {
                return Err(bad("a side is empty"));
            }
            if new.to_lowercase() != old {
                return Err(bad("the sides are not the same name, lower case first"));
            }
            if map.insert(old.to_owned(), new.to_owned()).is_some() {
                return Err(bad("the name was there before"));
            }
        }
        Ok(Self(map))
    }
}

fn fits_a_line(id: &str) -> bool {
    !id.is_empty() && !id.contains('=') && !id.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn user(uid: &str, domain: Option<&str>) -> StoreUser {
        StoreUser::new(&format!("uid={uid}"), uid, domain)
    }

    #[test]
    fn the_guide_s_example_comes_out() {
        let users = [
            user("Kolander", None),
            user("barnes", None),
            user("Anderson", None),
            user("Lee", Some("hosted.com")),
            user("kim", Some("hosted.com")),
        ];
        let map = rename_map(&users).unwrap();
        assert_eq!(
            map.render(),
            "anderson=Anderson\nkolander=Kolander\nlee@hosted.com=Lee@hosted.com\n"
        );
        assert_eq!(map.new_id("anderson"), "Anderson");
        assert_eq!(map.new_id("barnes"), "barnes");
        assert_eq!(
            user_file(&users),
            "kolander\nbarnes\nanderson\nlee@hosted.com\nkim@hosted.com\n"
        );
    }

    #[test]
    fn a_collision_makes_no_map() {
        let problems = rename_map(&[user("Joe", None), user("JOE", None)]).unwrap_err();
        assert!(
            problems[0].to_string().contains("JOE, Joe"),
            "{}",
            problems[0]
        );
        assert!(rename_map(&[user("A\nroot", None)]).is_err());
    }

    #[test]
    fn a_user_file_is_not_taken_for_a_rename_map() {
        let bad = RenameMap::parse("anderson=Anderson\nbarnes\n").unwrap_err();
        assert_eq!(bad.line, 2);
        assert!(RenameMap::parse("Anderson=anderson").is_err());
        assert!(RenameMap::parse("a=A\na=A").is_err());
    }

    proptest! {
        #[test]
        fn a_map_reads_back_as_it_was(
            uids in proptest::collection::btree_set("[a-zA-Z][a-zA-Z0-9.]{0,8}", 0..20)
        ) {
            let users: Vec<_> = uids.iter().map(|u| user(u, None)).collect();
            if let Ok(map) = rename_map(&users) {
                prop_assert_eq!(RenameMap::parse(&map.render()), Ok(map.clone()));
                for user in &users {
                    let old = user.old_id();
                    prop_assert_eq!(map.new_id(&old), user.new_id());
                }
            }
        }

        #[test]
        fn reading_a_map_never_panics(text in "\\PC{0,80}\n?\\PC{0,20}") {
            let _ = RenameMap::parse(&text);
        }
    }
}
