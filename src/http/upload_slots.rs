//! Uploads under way: how many there may be, and the room on the disk that is kept for each before its body comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{ClientError, ErrorKind};
use super::turns::Holder;
use crate::store::Store;

/// Uploads at a time, of one holder and of all.
const OF_ONE: usize = 4;
const OF_ALL: usize = 16;

/// When to come back for a place.
const LATER_SECONDS: u64 = 10;

/// What uploads take.
#[derive(Clone, Default)]
pub struct UploadSlots(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    by_holder: HashMap<Holder, usize>,
    /// Bytes that are still to come.
    reserved: u64,
}

/// An upload's place, until it is dropped.
pub struct UploadSlot {
    slots: UploadSlots,
    holder: Holder,
    reserved: u64,
}

impl UploadSlots {
    /// A place for an upload of at most so many bytes. Looks at the disk, so it blocks for a moment.
    pub fn take(&self, holder: Holder, bytes: u64, store: &Store) -> Result<UploadSlot, ClientError> {
        let mut taken = self.lock();
        let own = taken.by_holder.get(&holder).copied().unwrap_or_default();
        if own >= OF_ONE || taken.by_holder.values().sum::<usize>() >= OF_ALL {
            let whose = if own >= OF_ONE { "with this token" } else { "to this server" };
            let message = format!("Too many uploads {whose} at a time. Send them one after the other.");
            return Err(ClientError::later(ErrorKind::TooManyRequests, LATER_SECONDS, message));
        }
        store.ensure_free_space_for(taken.reserved.saturating_add(bytes))?;
        *taken.by_holder.entry(holder).or_default() += 1;
        taken.reserved += bytes;
        Ok(UploadSlot { slots: self.clone(), holder, reserved: bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UploadSlot {
    /// So many bytes have come: the disk shows them now.
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
        if let Some(count) = taken.by_holder.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.by_holder.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_room_are_bounded_and_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let slots = UploadSlots::default();
        let token = |key: i64| Holder::Token(key.into());
        let mut held: Vec<_> = (0..OF_ONE).map(|_| slots.take(token(1), 1000, &store).ok().unwrap()).collect();
        assert!(slots.take(token(1), 1, &store).is_err(), "one token has its share");
        held.push(slots.take(token(2), 5, &store).ok().unwrap());
        held[0].came(400);
        assert_eq!(slots.lock().reserved, 3605);
        held[0].came(4000);
        assert_eq!(slots.lock().reserved, 3005);
        assert!(slots.take(token(3), u64::MAX / 4, &store).is_err(), "more than the disk has");
        drop(held);
        assert!(slots.lock().reserved == 0 && slots.lock().by_holder.is_empty());
    }
}
