//! Users divided into sessions: disjoint, balanced by bytes, the same every time.

use super::user::StoreUser;
use std::cmp::Reverse;

/// How many sessions there are where there are users enough: the guide says 10 to 15.
pub const SESSIONS: usize = 12;

/// The users of one `imbackup | imsrestore` pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who is moved, by store id.
    pub users: Vec<StoreUser>,
    /// The bytes of their mailboxes, as far as known.
    pub bytes: u64,
}

/// Returns how many sessions `users` users get when nobody says otherwise.
pub fn default_sessions(users: usize) -> usize {
    users.min(SESSIONS)
}

/// Divides users with their mailbox sizes into at most `sessions` sessions, none of them empty.
///
/// The largest first, each to the session that has least so far: no session has more than the mean
/// and the largest mailbox together.
pub fn balance(users: &[(StoreUser, u64)], sessions: usize) -> Vec<Session> {
    let count = sessions.clamp(1, 1000).min(users.len());
    let mut all: Vec<_> = users.iter().collect();
    all.sort_by(|(a, x), (b, y)| (Reverse(x), a).cmp(&(Reverse(y), b)));
    let mut parts: Vec<Session> = (0..count)
        .map(|_| Session {
            users: Vec::new(),
            bytes: 0,
        })
        .collect();
    for (user, bytes) in all {
        if let Some(least) = parts.iter_mut().min_by_key(|s| (s.bytes, s.users.len())) {
            least.users.push(user.clone());
            least.bytes = least.bytes.saturating_add(*bytes);
        }
    }
    // Mailboxes of no size follow the least bytes, not the fewest users, so all could be in one.
    while let Some(empty) = parts.iter().position(|s| s.users.is_empty()) {
        let moved = parts
            .iter_mut()
            .max_by_key(|s| s.users.len())
            .and_then(|s| s.users.pop());
        let (Some(user), Some(part)) = (moved, parts.get_mut(empty)) else {
            break;
        };
        part.users.push(user);
    }
    for part in &mut parts {
        part.users.sort_by(|a, b| a.store_id.cmp(&b.store_id));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn users(sizes: &[u64]) -> Vec<(StoreUser, u64)> {
        let user = |i: usize| StoreUser::new(&format!("uid=u{i:05}"), &format!("u{i:05}"), None);
        sizes
            .iter()
            .enumerate()
            .map(|(i, s)| (user(i), *s))
            .collect()
    }

    #[test]
    fn few_users_get_few_sessions_and_none_get_none() {
        assert_eq!(default_sessions(3), 3);
        assert_eq!(default_sessions(200), 12);
        assert_eq!(balance(&users(&[5, 5, 5]), 12).len(), 3);
        assert_eq!(balance(&[], 12), []);
        assert_eq!(balance(&users(&[1, 2]), 0).len(), 1);
    }

    #[test]
    fn a_large_mailbox_is_alone_with_small_ones_elsewhere() {
        let sessions = balance(&users(&[100, 10, 10, 10, 10]), 2);
        let bytes: Vec<_> = sessions.iter().map(|s| s.bytes).collect();
        assert_eq!(bytes, [100, 40]);
    }

    proptest! {
        #[test]
        fn everybody_is_in_exactly_one_session_and_the_load_is_balanced(
            sizes in proptest::collection::vec(prop_oneof![Just(0), 0..1_000_000_u64], 1..200),
            wanted in 1..20_usize,
            seed in any::<u64>(),
        ) {
            let mut all = users(&sizes);
            let sessions = balance(&all, wanted);
            prop_assert_eq!(sessions.len(), wanted.min(all.len()));
            prop_assert!(sessions.iter().all(|s| !s.users.is_empty()));
            let ids: Vec<_> = sessions.iter().flat_map(|s| &s.users).map(|u| &u.store_id).collect();
            let set: BTreeSet<_> = ids.iter().collect();
            prop_assert_eq!((ids.len(), set.len()), (all.len(), all.len()));
            let total: u64 = sizes.iter().sum();
            prop_assert_eq!(sessions.iter().map(|s| s.bytes).sum::<u64>(), total);
            let bound = total / sessions.len() as u64 + sizes.iter().max().unwrap() + 1;
            prop_assert!(sessions.iter().all(|s| s.bytes <= bound));
            // The order in which the directory gave them does not matter.
            let at = usize::try_from(seed % all.len() as u64).unwrap();
            all.rotate_left(at);
            prop_assert_eq!(balance(&all, wanted), sessions);
        }
    }
}
