//! Who gets the next call: the strategies, over whatever is picked. Knows no actor.
//!
//! ```text
//!   pick: strategy ──> a few members' loads ──> the best in service ──> begin
//!   end:  the call's time and outcome ──> that member's load; too many failures in a row ──> ejected for a while
//! ```
//!
//! **Guarantees.** A pick never waits and takes no lock. A member that is ejected is not picked while another is in
//! service, and the last one that is in service is never ejected. What is picked is a member of the roster at some
//! moment of the pick.
//!
//! **Cost.** A load of the roster, the looks of the strategy, and a reference count: `compare pools`. An ejection and
//! a change of the roster take a lock, which no pick does.
//!
//! | strategy | looks at | source |
//! |---|---|---|
//! | round robin | a counter | |
//! | weighted | a counter, a table | nginx's smooth weighted round robin |
//! | least loaded | all of up to [`SCAN_MAX`] members, [`SAMPLES`] of more | Envoy's least request is two of any number, which leaves one of few idle ([#4481]) |
//! | power of two | two | Mitzenmacher, "The power of two choices in randomized load balancing" (2001) |
//! | adaptive | all of up to [`SCAN_MAX`] members, [`SAMPLES`] of more | Finagle's peak-EWMA, with repairs: below |
//! | by key | the key's slot; others while that is too full | Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (2018) |
//!
//! **Repairs of peak-EWMA.** A failure counts as a long call, so that who fails fast draws no load (linkerd2-proxy).
//! A look writes nothing. Who is not known yet is taken to be as quick as the quickest of those looked at, not as
//! slow as a default, and gets one call until it has answered or the others are as busy (tower). Calls under way
//! count by their age, so that who hangs is avoided before a call of its own has ended.
//! Where members handle one call at a time, which actors do and Finagle's servers do not, a call counts by its part of
//! the wait: else a queue would count twice, in the estimate and in the number of calls.
//!
//! [#4481]: https://github.com/envoyproxy/envoy/issues/4481

mod load;
mod pick;
mod roster;
mod settings;

use std::sync::Arc;

use arc_swap::ArcSwap;

pub use load::{Load, LoadNumbers, Outcome};
pub use pick::Balance;
#[cfg(doc)]
use pick::{SAMPLES, SCAN_MAX};
pub(crate) use roster::MEMBERS_MAX;
pub use roster::Member;
use roster::Roster;
pub use settings::Settings;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering};

/// Members and the strategy by which one of them is picked.
pub struct Balancer<T> {
    balance: Balance,
    settings: Settings,
    roster: ArcSwap<Roster<T>>,
    /// Taken to change who is in service.
    changes: Mutex<()>,
    next_turn: AtomicU32,
    /// Calls under way at all members. Counted only where a bound asks for it.
    in_flight: AtomicU32,
}

/// A call that was picked for a member, until it ends.
#[derive(Debug)]
pub struct Call<T> {
    member: Arc<Member<T>>,
    began: u64,
    behind: u32,
}

impl<T> Call<T> {
    /// What was picked.
    pub fn target(&self) -> &T {
        &self.member.target
    }

    /// Which member.
    pub fn member(&self) -> &Arc<Member<T>> {
        &self.member
    }
}

impl<T> Balancer<T> {
    /// # Panics
    ///
    /// When there is no member, or more than 1,024.
    pub fn new(balance: Balance, settings: Settings, members: Vec<Member<T>>) -> Self {
        let members = members.into_iter().map(Arc::new).collect();
        let roster = Roster::new(members, None, balance.takes_turns(), balance.is_by_key());
        Balancer {
            balance,
            settings,
            roster: ArcSwap::from_pointee(roster),
            changes: Mutex::new(()),
            next_turn: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
        }
    }

    /// Picks a member for a call that begins. `now` is in nanoseconds since whenever, but not 0; `key` is the hash of the
    /// call's key, `random` is random, and `queued` says what waits at a member besides the calls that were picked for
    /// it.
    pub fn begin(&self, now: u64, key: u64, random: u64, queued: impl Fn(&T) -> u32) -> Call<T> {
        loop {
            let roster = self.roster.load();
            let member = &roster.members[self.pick(&roster, now, key, random, &queued)];
            if let Some(call) = self.begin_at(member, now) {
                return call;
            }
            // It leaves, and has left the roster before it said so.
        }
    }

    /// The place of the member that a call would begin at; no call begins. What a pick costs by itself, for the bench.
    pub fn choose(&self, now: u64, key: u64, random: u64, queued: impl Fn(&T) -> u32) -> usize {
        let roster = self.roster.load();
        self.pick(&roster, now, key, random, queued)
    }

    /// Begins a call at this member, unless it leaves.
    pub fn begin_at(&self, member: &Arc<Member<T>>, now: u64) -> Option<Call<T>> {
        let behind = member.load.begin(now)?;
        if self.balance.is_by_key() {
            // ORDERING: Relaxed; a sum.
            self.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        Some(Call { member: member.clone(), began: now, behind })
    }

    /// A call ended.
    pub fn end(&self, call: &Call<T>, now: u64, outcome: Outcome) {
        self.count_out();
        if call.member.load.end(call.began, call.behind, now, outcome, &self.settings) {
            self.eject(&call.member, now);
        }
    }

    /// A call was not sent after all: as if it had not been picked.
    pub fn take_back(&self, call: &Call<T>, now: u64) {
        self.count_out();
        call.member.load.take_back(call.began, now);
    }

    /// A message that nobody waits for was sent.
    pub fn told(&self, call: &Call<T>, now: u64) {
        self.count_out();
        call.member.load.told(call.began, now);
    }

    fn count_out(&self) {
        if self.balance.is_by_key() {
            // ORDERING: Relaxed; a sum.
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Takes a member out of service for a while, unless it is the last, or half of them are out already.
    #[cold]
    fn eject(&self, member: &Member<T>, now: u64) {
        let _locked = self.changes.lock();
        let roster = self.roster.load();
        let out = roster.members.iter().filter(|other| other.load.is_out(now)).count();
        if !member.load.is_out(now) && 2 * (out + 1) <= roster.members.len() {
            member.load.eject(now, &self.settings);
        }
    }

    /// Exchanges the members. Those that stay keep what is known of them.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn change(&self, change: impl FnOnce(&mut Vec<Arc<Member<T>>>)) {
        let _locked = self.changes.lock();
        let before = self.roster.load_full();
        let mut members = before.members.to_vec();
        change(&mut members);
        let roster =
            Roster::new(members, Some(&before), self.balance.takes_turns(), self.balance.is_by_key());
        self.roster.store(Arc::new(roster));
    }

    /// The members.
    pub fn members(&self) -> Vec<Arc<Member<T>>> {
        self.roster.load().members.to_vec()
    }

    /// How many members; at least one.
    pub fn count(&self) -> usize {
        self.roster.load().members.len()
    }
}

#[cfg(test)]
mod tests;
