//! Turns for work that only a few requests may do at a time: reading a long report, adding up totals, making a download.
//!
//! The next free turn goes to the network that has the fewest, and within a network to each holder in order, not to each
//! request. No holder and no network can have all turns. So neither a token that asks for a hundred reports, nor a hundred
//! tokens at one address, take another's share; and holders at the same address, as behind a proxy, each get their turn.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::domain::client_network;
use crate::store::{FeedKey, Lane, TokenKey};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    Token(TokenKey),
    /// A reader of a feed.
    Feed(FeedKey),
    Person(Uuid),
}

/// A holder, and the network of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub(super) holder: Holder,
    pub(super) network: IpAddr,
}

impl Claim {
    /// A holder at this address.
    #[must_use]
    pub fn new(holder: Holder, address: IpAddr) -> Self {
        Self { holder, network: client_network(address) }
    }
}

/// Hands out as many turns as the lane for long work has connections.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<Shares>>);

#[derive(Default)]
struct Shares {
    held: Vec<Claim>,
    /// The queue: by claim, in the order of their turns.
    waiting: VecDeque<(Claim, VecDeque<oneshot::Sender<Turn>>)>,
}

/// A turn; ends when it is dropped.
pub struct Turn {
    turns: Turns,
    claim: Claim,
}

/// The number of turns, and how many of them one holder or one network may have.
const ALL: usize = Lane::Long.size();
const SHARE: usize = ALL - 1;

impl Turns {
    /// Waits for the holder's turn.
    pub async fn take(&self, claim: Claim) -> Turn {
        loop {
            let waiting = {
                let mut shares = self.lock();
                if shares.may_take(claim) {
                    return self.grant(&mut shares, claim);
                }
                let (sender, receiver) = oneshot::channel();
                shares.wait(claim, sender);
                receiver
            };
            // The sender is only dropped together with all turns, which this one keeps alive.
            if let Ok(turn) = waiting.await {
                return turn;
            }
        }
    }

    /// A turn, if nobody is waiting.
    #[must_use]
    pub fn take_now(&self, claim: Claim) -> Option<Turn> {
        let mut shares = self.lock();
        shares.may_take(claim).then(|| self.grant(&mut shares, claim))
    }

    /// Whether somebody is waiting for a turn.
    #[must_use]
    pub fn are_wanted(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    fn grant(&self, shares: &mut Shares, claim: Claim) -> Turn {
        shares.held.push(claim);
        Turn { turns: self.clone(), claim }
    }

    fn lock(&self) -> MutexGuard<'_, Shares> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shares {
    fn may_take(&self, claim: Claim) -> bool {
        let own = self.held.iter().filter(|held| held.holder == claim.holder).count();
        self.held.len() < ALL && own < SHARE && self.of_network(claim) < SHARE
    }

    fn of_network(&self, claim: Claim) -> usize {
        self.held.iter().filter(|held| held.network == claim.network).count()
    }

    fn wait(&mut self, claim: Claim, sender: oneshot::Sender<Turn>) {
        match self.waiting.iter_mut().find(|(known, _)| *known == claim) {
            Some((_, senders)) => senders.push_back(sender),
            None => self.waiting.push_back((claim, VecDeque::from([sender]))),
        }
    }

    /// Who gets the next turn: the first of those whose network has the fewest; it then goes to the end of the queue.
    fn next(&mut self) -> Option<(Claim, oneshot::Sender<Turn>)> {
        for (_, senders) in &mut self.waiting {
            senders.retain(|sender| !sender.is_closed());
        }
        self.waiting.retain(|(_, senders)| !senders.is_empty());
        let claims = self.waiting.iter().map(|(claim, _)| *claim).enumerate();
        let (at, _) =
            claims.filter(|(_, claim)| self.may_take(*claim)).min_by_key(|(_, claim)| self.of_network(*claim))?;
        let (claim, mut senders) = self.waiting.remove(at)?;
        let sender = senders.pop_front()?;
        if !senders.is_empty() {
            self.waiting.push_back((claim, senders));
        }
        Some((claim, sender))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut shares = self.turns.lock();
        if let Some(at) = shares.held.iter().position(|held| *held == self.claim) {
            shares.held.swap_remove(at);
        }
        let next = shares.next().map(|(claim, sender)| (sender, self.turns.grant(&mut shares, claim)));
        drop(shares);
        if let Some((sender, turn)) = next {
            // If the receiver is gone, dropping the turn passes it on.
            drop(sender.send(turn));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// A token at an address of its own.
    fn token(key: u8) -> Claim {
        at(key, [192, 0, 2, key])
    }

    fn at(key: u8, address: [u8; 4]) -> Claim {
        Claim::new(Holder::Token(i64::from(key).into()), address.into())
    }

    #[test]
    fn nobody_holds_all_turns() {
        let turns = Turns::default();
        let held: Vec<_> = std::iter::from_fn(|| turns.take_now(token(1))).collect();
        assert_eq!(held.len(), ALL - 1);
        let other = turns.take_now(Claim::new(Holder::Person(Uuid::nil()), [192, 0, 2, 9].into()));
        assert!(other.is_some() && turns.take_now(token(2)).is_none());
        drop(held);
        assert!(turns.take_now(token(1)).is_some());
    }

    #[test]
    fn turns_rotate_by_holder() {
        let turns = Turns::default();
        let mut held: Vec<_> = std::iter::from_fn(|| turns.take_now(token(1))).collect();
        held.extend(turns.take_now(token(2)));
        let mut many: Vec<_> = (0..50).map(|_| Box::pin(turns.take(token(1)))).collect();
        assert!(many.iter_mut().all(|waits| waits.now_or_never().is_none()) && turns.are_wanted());
        let mut last = Box::pin(turns.take(token(3)));
        assert!((&mut last).now_or_never().is_none());
        // The first in the queue was one of the fifty; the next turn is the other's.
        held.pop();
        held.pop();
        let served = many.iter_mut().filter_map(|waits| waits.now_or_never()).collect::<Vec<_>>();
        assert_eq!(served.len(), 1);
        assert!(last.now_or_never().is_some());
    }

    #[test]
    fn a_waiter_that_left_is_skipped() {
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

    #[test]
    fn a_network_with_many_tokens_keeps_no_other_waiting() {
        let turns = Turns::default();
        let crowd = |key: u8| at(key, [198, 51, 100, 1]);
        let mut held: Vec<_> = (1..=50).filter_map(|key| turns.take_now(crowd(key))).collect();
        assert_eq!(held.len(), SHARE, "a network holds not all of them");
        held.push(turns.take_now(token(100)).unwrap());
        let mut many: Vec<_> = (1..=50).map(|key| Box::pin(turns.take(crowd(key)))).collect();
        assert!(many.iter_mut().all(|waits| waits.now_or_never().is_none()));
        let mut last = Box::pin(turns.take(token(101)));
        assert!((&mut last).now_or_never().is_none());
        held.remove(0);
        assert!((&mut last).now_or_never().is_some(), "fifty were before it, all at one address");
    }

    #[test]
    fn holders_at_one_address_each_get_their_turn() {
        let turns = Turns::default();
        let shared = |key: u8| at(key, [198, 51, 100, 1]);
        let mut held: Vec<_> = std::iter::from_fn(|| turns.take_now(shared(1))).collect();
        let mut many: Vec<_> = (0..50).map(|_| Box::pin(turns.take(shared(1)))).collect();
        assert!(many.iter_mut().all(|waits| waits.now_or_never().is_none()));
        let mut other = Box::pin(turns.take(shared(2)));
        assert!((&mut other).now_or_never().is_none());
        held.pop();
        held.pop();
        assert!((&mut other).now_or_never().is_some(), "fifty requests of one token were before it");
    }
}
