//! Slots for uploads: how many may arrive at a time, and the disk space that is reserved for each beforehand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{ClientError, ErrorKind};
use super::turns::Claim;
use crate::store::Store;

/// The most uploads at a time: per holder, per network, and in all. A holder's first upload only needs a slot of all.
const OF_ONE: usize = 4;
const OF_NETWORK: usize = 8;
const OF_ALL: usize = 16;
const FIRST_ONES: usize = 64;

/// When to try again for a slot.
const LATER_SECONDS: u64 = 10;

/// The slots of current uploads.
#[derive(Clone, Default)]
pub struct UploadSlots(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    held: Vec<Claim>,
    /// Bytes that are still expected.
    reserved: u64,
}

/// An upload's slot; free again when it is dropped.
pub struct UploadSlot {
    slots: UploadSlots,
    claim: Claim,
    reserved: u64,
}

impl Taken {
    /// Why there is no slot: whether the holder, the network or all have too many.
    fn refusal(&self, claim: Claim) -> Option<&'static str> {
        let own = self.held.iter().filter(|held| held.holder == claim.holder).count();
        let near = self.held.iter().filter(|held| held.network == claim.network).count();
        match own {
            0 => (self.held.len() >= FIRST_ONES).then_some("to this server"),
            own if own >= OF_ONE => Some("by you"),
            _ if near >= OF_NETWORK => Some("from your address"),
            _ => (self.held.len() >= OF_ALL).then_some("to this server"),
        }
    }
}

impl UploadSlots {
    /// Takes a slot for an upload of at most `bytes` bytes. Checks the disk, so it blocks for a moment.
    ///
    /// A holder with an upload already must leave as much disk space as they take, so that others find some.
    pub fn take(&self, claim: Claim, bytes: u64, store: &Store) -> Result<UploadSlot, ClientError> {
        let mut taken = self.lock();
        if let Some(whose) = taken.refusal(claim) {
            let message = format!("Too many uploads {whose} at a time. Send them one after the other.");
            return Err(ClientError::later(ErrorKind::TooManyRequests, LATER_SECONDS, message));
        }
        let is_first = taken.held.iter().all(|held| held.holder != claim.holder);
        let wanted = if is_first { bytes } else { bytes.saturating_mul(2) };
        store.ensure_free_space_for(taken.reserved.saturating_add(wanted))?;
        taken.held.push(claim);
        taken.reserved += bytes;
        Ok(UploadSlot { slots: self.clone(), claim, reserved: bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UploadSlot {
    /// `bytes` more bytes have arrived and are now used on the disk.
    pub(super) fn came(&mut self, bytes: u64) {
        let bytes = bytes.min(self.reserved);
        self.reserved -= bytes;
        self.slots.lock().reserved -= bytes;
    }
}

impl Drop for UploadSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        taken.reserved -= self.reserved;
        if let Some(at) = taken.held.iter().position(|held| *held == self.claim) {
            taken.held.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::turns::Holder;

    fn at(key: u8, address: [u8; 4]) -> Claim {
        Claim::new(Holder::Token(i64::from(key).into()), address.into())
    }

    #[test]
    fn places_and_room_are_bounded_and_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let slots = UploadSlots::default();
        let token = |key: u8| at(key, [192, 0, 2, key]);
        let mut held: Vec<_> = (0..OF_ONE).map(|_| slots.take(token(1), 1000, &store).ok().unwrap()).collect();
        assert!(slots.take(token(1), 1, &store).is_err(), "one token has its share");
        held.push(slots.take(token(2), 5, &store).ok().unwrap());
        held[0].came(400);
        assert_eq!(slots.lock().reserved, 3605);
        held[0].came(4000);
        assert_eq!(slots.lock().reserved, 3005);
        assert!(slots.take(token(3), u64::MAX / 4, &store).is_err(), "more than the disk has");
        drop(held);
        assert!(slots.lock().reserved == 0 && slots.lock().held.is_empty());
    }

    #[test]
    fn many_tokens_at_one_address_take_no_slot_from_others() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let slots = UploadSlots::default();
        let crowd = |key: u8| at(key, [198, 51, 100, 1]);
        let claims = (1..=3).flat_map(|key| [crowd(key); OF_ONE]);
        let mut held: Vec<_> = claims.filter_map(|claim| slots.take(claim, 1, &store).ok()).collect();
        assert_eq!(held.len(), OF_NETWORK + 1, "eight of the first two, and the first of the third");
        held.push(slots.take(crowd(4), 1, &store).ok().unwrap());
        assert!(slots.take(crowd(4), 1, &store).is_err(), "the address has its share");
        held.extend((0..3).map(|_| slots.take(at(5, [192, 0, 2, 5]), 1, &store).ok().unwrap()));
        for key in 6..50 {
            held.push(slots.take(crowd(key), 1, &store).ok().unwrap());
        }
        assert!(held.len() > OF_ALL, "each token has its first");
    }
}
