//! Tests of the job controller, step by step without a clock.

use super::super::mta::tests::side;
use super::super::presence::Presence;
use super::*;
use crate::lab::ims::ImsStore;
use crate::lab::people::Rules;
use crate::lab::people::fake::Fake;
use crate::lab::queue::{HOLD, OLD_LOCAL, enqueue, list};
use crate::lab::sims::SimsStore;
use std::sync::Arc;

fn put(side: &Side, channel: &str, to: &[&str], state: State) {
    let envelope = Envelope {
        from: "x@else.org".to_owned(),
        to: to.iter().map(|t| (*t).to_owned()).collect(),
        arrived: 1_017_993_600,
        hops: 0,
    };
    enqueue(
        &side.queue,
        channel,
        &envelope,
        b"Subject: s\n\nhi\n",
        state,
    )
    .unwrap();
}

fn drain(jobs: &mut Jobs) {
    while jobs.step().unwrap() {}
}

fn names(side: &Side) -> Vec<(String, String)> {
    let queued = list(&side.queue).unwrap();
    queued.into_iter().map(|q| (q.channel, q.name)).collect()
}

fn inbox(side: &Side, user: &str) -> usize {
    let store = SimsStore::open(&side.host_root).unwrap();
    let folders = store.folders(user).unwrap();
    folders.first().map_or(0, |f| f.messages.len())
}

#[test]
fn the_queue_drains_into_the_store_with_the_time_of_arrival() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Sims);
    put(&side, OLD_LOCAL, &["ann@siroe.com"], State::Ready);
    put(&side, OLD_LOCAL, &["ANN@siroe.com", "ann"], State::Ready);
    drain(&mut Jobs::new(side.clone(), "none"));
    assert_eq!(names(&side), []);
    let store = SimsStore::open(&side.host_root).unwrap();
    let inbox = &store.folders("ann").unwrap()[0];
    assert_eq!(
        inbox.messages.len(),
        2,
        "one for each message, not for each recipient"
    );
    assert_eq!(inbox.messages[0].date, 1_017_993_600);
    let counted = counters::read(&side.counters).unwrap().unwrap()[OLD_LOCAL];
    assert_eq!((counted.received.messages, counted.stored.messages), (2, 0));
    assert_eq!(counted.delivered.recipients, 3);
}

#[test]
fn held_messages_and_other_machines_stay_and_a_held_user_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Sims);
    put(&side, HOLD, &["ann@siroe.com"], State::Held);
    put(
        &side,
        OLD_LOCAL,
        &["all@siroe.com", "far@away.org", "nobody@siroe.com"],
        State::Ready,
    );
    let mut jobs = Jobs::new(side.clone(), "none");
    drain(&mut jobs);
    let left = names(&side);
    let of = |channel: &str, end: &str| {
        left.iter()
            .filter(|(c, n)| c == channel && n.ends_with(end))
            .count()
    };
    assert_eq!(
        (of(HOLD, ".HELD"), of(REMOTE, ".00"), of(OLD_LOCAL, ".HELD")),
        (2, 1, 1),
        "{left:?}"
    );
    assert_eq!(left.len(), 4);
    assert_eq!((inbox(&side, "ann"), inbox(&side, "bob")), (1, 0));
    let counted = counters::read(&side.counters).unwrap().unwrap();
    assert_eq!(counted[REMOTE].stored.messages, 1);
}

#[test]
fn counters_of_an_earlier_life_miss_what_was_queued_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Sims);
    counters::create(&side.counters).unwrap();
    put(&side, OLD_LOCAL, &["ann"], State::Ready);
    assert_eq!(
        counters::read(&side.counters)
            .unwrap()
            .unwrap()
            .get(OLD_LOCAL),
        None
    );
    drain(&mut Jobs::new(side.clone(), "none"));
    let counted = counters::read(&side.counters).unwrap().unwrap()[OLD_LOCAL];
    assert_eq!(counted.stored.messages, -1);
}

#[test]
fn a_delivery_cut_off_before_its_end_is_not_done_twice() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Sims);
    put(&side, OLD_LOCAL, &["ann"], State::Ready);
    let queued = list(&side.queue).unwrap().remove(0);
    // What a power cut after the delivery leaves: marked as tried, delivered, still there.
    std::fs::rename(
        &queued.path,
        queued.path.with_file_name(queue::next_name(&queued.name)),
    )
    .unwrap();
    side.store
        .deliver("Ann", b"Subject: s\n\nhi\n", 1_017_993_600)
        .unwrap();
    drain(&mut Jobs::new(side.clone(), "none"));
    assert_eq!(names(&side), []);
    assert_eq!(inbox(&side, "ann"), 1);
}

#[test]
fn the_old_queue_stands_while_mail_comes_in_and_new_mail_passes() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Sims);
    for _ in 0..3 {
        put(&side, OLD_LOCAL, &["ann"], State::Ready);
    }
    let dispatcher = Presence::new(&side.host_root, "the-dispatcher");
    let mut jobs = Jobs::new(side.clone(), "the-dispatcher");
    jobs.started = SystemTime::now() + Duration::from_secs(5);
    drain(&mut jobs);
    assert_eq!(names(&side).len(), 3);
    jobs.started = SystemTime::UNIX_EPOCH;
    assert!(
        jobs.step().unwrap(),
        "what came after the start goes at once"
    );
    jobs.started = SystemTime::now() + Duration::from_secs(5);
    drop(dispatcher);
    drain(&mut jobs);
    assert_eq!(names(&side), []);
}

#[test]
fn nothing_goes_into_the_new_store_without_stored() {
    let dir = tempfile::tempdir().unwrap();
    let side = side(dir.path(), Rules::Ims);
    put(&side, queue::NEW_LOCAL, &["ann"], State::Ready);
    let mut jobs = Jobs::new(side.clone(), "none");
    drain(&mut jobs);
    assert_eq!(names(&side).len(), 1);
    let _stored = Presence::new(&side.host_root, super::super::STORED);
    drain(&mut jobs);
    assert_eq!(names(&side), []);
    let store = ImsStore::open(&dir.path().join("host/msg-mail")).unwrap();
    assert_eq!(store.messages("Ann", "INBOX").unwrap().len(), 1);
}

#[test]
fn who_is_at_home_on_another_host_gets_one_message_there_with_all_others_of_that_host() {
    let dir = tempfile::tempdir().unwrap();
    let mut side = side(dir.path(), Rules::Sims);
    let mut known = Fake::default();
    for uid in ["ann", "bob"] {
        known.add(
            &format!("uid={uid},dc=siroe,dc=com,o=internet"),
            &[
                "objectClass: inetMailUser",
                &format!("uid: {uid}"),
                &format!("mail: {uid}@siroe.com"),
                "mailHost: new.siroe.com",
            ],
        );
    }
    side.known = Arc::new(known);
    put(
        &side,
        OLD_LOCAL,
        &["ann@siroe.com", "bob@siroe.com"],
        State::Ready,
    );
    let mut jobs = Jobs::new(side.clone(), "none");
    assert!(jobs.step().unwrap());
    let queued = list(&side.queue).unwrap();
    let channels: Vec<&str> = queued.iter().map(|q| q.channel.as_str()).collect();
    assert_eq!(channels, [REMOTE]);
    let (envelope, _) = queue::read(&queued[0].path).unwrap();
    let there = [
        "@new.siroe.com:ann@siroe.com",
        "@new.siroe.com:bob@siroe.com",
    ];
    assert_eq!(envelope.to, there);

    // The domain's own router decides before anything else is looked at.
    let mut known = Fake::default();
    known.add(
        "dc=siroe,dc=com,o=internet",
        &["objectClass: mailDomain", "mailRoutingHosts: new.siroe.com"],
    );
    let mut side = side;
    side.known = Arc::new(known);
    let targets = side.targets("anybody@siroe.com").unwrap().unwrap();
    let target = Target::Elsewhere("new.siroe.com".to_owned(), "anybody@siroe.com".to_owned());
    assert_eq!(targets, BTreeSet::from([target]));
}
