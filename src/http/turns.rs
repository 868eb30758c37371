//! Turns at what only a few may do at a time: reading a long report, adding up totals, making a download.
//!
//! Who holds many turns waits while others have fewer: the next free turn goes round by holder, not by request, and nobody
//! holds all of them. So one token that asks for a hundred reports takes none of another's share.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::store::{Lane, TokenKey};

/// Who takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A program.
    Token(TokenKey),
    /// A person.
    Person(Uuid),
}

/// Hands out as many turns as the lane of long work has connections.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<Shares>>);

#[derive(Default)]
struct Shares {
    held: HashMap<Holder, usize>,
    /// By holder, in the order of their turns.
    waiting: VecDeque<(Holder, VecDeque<oneshot::Sender<Turn>>)>,
}

/// A turn, until it is dropped.
pub struct Turn {
    turns: Turns,
    holder: Holder,
}

/// So many there are, and so many of them one holder may have.
const ALL: usize = Lane::Long.size();
const SHARE: usize = ALL - 1;

impl Turns {
    /// A turn, once it is the holder's.
    pub async fn take(&self, holder: Holder) -> Turn {
        loop {
            let waiting = {
                let mut shares = self.lock();
                if shares.may_take(holder) {
                    return self.grant(&mut shares, holder);
                }
                let (sender, receiver) = oneshot::channel();
                shares.wait(holder, sender);
                receiver
            };
            // The sender is only dropped with all turns, which this one keeps.
            if let Ok(turn) = waiting.await {
                return turn;
            }
        }
    }

    /// A turn, if nobody has to wait for it.
    #[must_use]
    pub fn take_now(&self, holder: Holder) -> Option<Turn> {
        let mut shares = self.lock();
        shares.may_take(holder).then(|| self.grant(&mut shares, holder))
    }

    /// Whether somebody waits for a turn.
    #[must_use]
    pub fn are_wanted(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    fn grant(&self, shares: &mut Shares, holder: Holder) -> Turn {
        *shares.held.entry(holder).or_default() += 1;
        Turn { turns: self.clone(), holder }
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shares {
    fn may_take(&self, holder: Holder) -> bool {
        self.held.values().sum::<usize>() < ALL && self.held.get(&holder).is_none_or(|held| *held < SHARE)
    }

    fn wait(&mut self, holder: Holder, sender: oneshot::Sender<Turn>) {
        match self.waiting.iter_mut().find(|(known, _)| *known == holder) {
            Some((_, senders)) => senders.push_back(sender),
            None => self.waiting.push_back((holder, VecDeque::from([sender]))),
        }
    }

    /// The first that waits and may take a turn; its holder goes behind the others.
    fn next(&mut self) -> Option<(Holder, oneshot::Sender<Turn>)> {
        for (_, senders) in &mut self.waiting {
            senders.retain(|sender| !sender.is_closed());
        }
        self.waiting.retain(|(_, senders)| !senders.is_empty());
        let at = self.waiting.iter().position(|(holder, _)| self.may_take(*holder))?;
        let (holder, mut senders) = self.waiting.remove(at)?;
        let sender = senders.pop_front()?;
        if !senders.is_empty() {
            self.waiting.push_back((holder, senders));
        }
        Some((holder, sender))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shares = self.turns.lock();
        if let Some(held) = shares.held.get_mut(&self.holder) {
            *held -= 1;
            if *held == 0 {
                shares.held.remove(&self.holder);
            }
        }
        let next = shares.next().map(|(holder, sender)| (sender, self.turns.grant(&mut shares, holder)));
        drop(shares);
        if let Some((sender, turn)) = next {
            // Who left meanwhile drops the turn, and so hands it on.
            drop(sender.send(turn));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn token(key: i64) -> Holder {
        Holder::Token(key.into())
    }

    #[test]
    fn nobody_holds_all_turns() {
        let turns = Turns::default();
        let held: Vec<_> = std::iter::from_fn(|| turns.take_now(token(1))).collect();
        assert_eq!(held.len(), ALL - 1);
        let other = turns.take_now(Holder::Person(Uuid::nil()));
        assert!(other.is_some() && turns.take_now(token(2)).is_none());
        drop(held);
        assert!(turns.take_now(token(1)).is_some());
    }

    #[test]
    fn turns_go_round_by_holder() {
        let turns = Turns::default();
        let mut held: Vec<_> = std::iter::from_fn(|| turns.take_now(token(1))).collect();
        held.extend(turns.take_now(token(2)));
        let mut many: Vec<_> = (0..50).map(|_| Box::pin(turns.take(token(1)))).collect();
        assert!(many.iter_mut().all(|waits| waits.now_or_never().is_none()) && turns.are_wanted());
        let mut last = Box::pin(turns.take(token(3)));
        assert!((&mut last).now_or_never().is_none());
        // One of the fifty was first in the line; then it is the other's turn.
        held.pop();
        held.pop();
        let served = many.iter_mut().filter_map(|waits| waits.now_or_never()).collect::<Vec<_>>();
        assert_eq!(served.len(), 1);
        assert!(last.now_or_never().is_some());
    }

    #[test]
    fn who_left_is_passed_over() {
        let turns = Turns::default();
        let mut held: Vec<_> = std::iter::from_fn(|| turns.take_now(token(1))).collect();
        held.extend(turns.take_now(token(2)));
        let mut left = Box::pin(turns.take(token(3)));
        let mut stays = Box::pin(turns.take(token(3)));
        assert!((&mut left).now_or_never().is_none() && (&mut stays).now_or_never().is_none());
        drop(left);
        held.pop();
        assert!(stays.now_or_never().is_some());
    }
}
