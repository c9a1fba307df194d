//! Reads the terminal on a thread of its own, except while somebody else has it.

use super::app::Message;
use super::input::{Assembler, PIECES};
use crate::base::crash;
use crossterm::event::{Event, KeyCode, KeyModifiers};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The reader.
pub struct Reader(Arc<(Mutex<Turn>, Condvar)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Reading,
    AskedToPause,
    Paused,
    Ended,
}

/// How long a request to pause waits at most.
const LOOK: Duration = Duration::from_millis(50);

impl Reader {
    /// Begins to read; what is read goes `into` the channel.
    pub fn start(into: Sender<Message>) -> Self {
        let turn = Arc::new((Mutex::new(Turn::Reading), Condvar::new()));
        let shared = Arc::clone(&turn);
        std::thread::spawn(move || {
            read(&shared, &into);
            set(&shared, Turn::Ended);
            let _ = into.send(Message::HungUp);
        });
        Self(turn)
    }

    /// Returns when nothing is read any more.
    pub fn pause(&self) {
        let (turn, changed) = &*self.0;
        let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        if *turn == Turn::Reading {
            *turn = Turn::AskedToPause;
        }
        while *turn == Turn::AskedToPause {
            turn = changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Reads on.
    pub fn resume(&self) {
        let (turn, changed) = &*self.0;
        let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        if *turn != Turn::Ended {
            *turn = Turn::Reading;
        }
        changed.notify_all();
    }
}

fn set(shared: &(Mutex<Turn>, Condvar), to: Turn) {
    let (turn, changed) = shared;
    *turn.lock().unwrap_or_else(PoisonError::into_inner) = to;
    changed.notify_all();
}

/// Reads until the terminal or the other end of the channel is gone.
fn read(shared: &(Mutex<Turn>, Condvar), into: &Sender<Message>) {
    let mut assembler = Assembler::default();
    loop {
        wait_for_turn(shared);
        let patience = if assembler.is_holding() { PIECES } else { LOOK };
        let events = match crossterm::event::poll(patience) {
            Ok(false) => assembler.rest(),
            Ok(true) => match crossterm::event::read() {
                Ok(event) => {
                    crash_if_asked(&event);
                    assembler.take(event)
                }
                Err(_) => return,
            },
            Err(_) => return,
        };
        for event in events {
            if into.send(Message::Terminal(event)).is_err() {
                return;
            }
        }
    }
}

/// Tests see what becomes of the terminal when this thread panics: Ctrl-L is its cue.
fn crash_if_asked(event: &Event) {
    if let Event::Key(key) = event
        && key.code == KeyCode::Char('l')
        && key.modifiers == KeyModifiers::CONTROL
    {
        crash::panic_point("reader");
    }
}

fn wait_for_turn(shared: &(Mutex<Turn>, Condvar)) {
    let (turn, changed) = shared;
    let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    while *turn != Turn::Reading {
        *turn = Turn::Paused;
        changed.notify_all();
        turn = changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
    }
}
