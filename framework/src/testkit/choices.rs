//! Every decision of a run, as numbers: made from a seed, or read from a list.
//!
//! Each kind of decision has a list of its own, so that to leave one out moves none of another kind. 0 is what happens
//! when nobody interferes: the oldest runs next, nothing goes wrong. What a list does not have is 0.

use std::fmt;
use std::str::FromStr;

use crate::runtime::SplitMix64;

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What the test asks for: how many, which.
    Draw,
    /// Which of those that are ready runs next, counted from the oldest.
    Pick,
    /// How soon awaits let others run; 0: not before they must.
    Pace,
    /// Whether a cell makes way after this message.
    Turn,
    /// Whether the next ask runs elsewhere.
    Elsewhere,
    /// How many messages of others this one overtakes.
    Overtake,
    /// What is added to a backoff's chance.
    Jitter,
    Panic,
    Full,
    /// How many milliseconds a turn is late.
    Slow,
    Cancel,
}

impl Kind {
    pub(super) const ALL: [Kind; 11] = [
        Kind::Draw,
        Kind::Pick,
        Kind::Pace,
        Kind::Turn,
        Kind::Elsewhere,
        Kind::Overtake,
        Kind::Jitter,
        Kind::Panic,
        Kind::Full,
        Kind::Slow,
        Kind::Cancel,
    ];

    pub(super) fn is_fault(self) -> bool {
        matches!(self, Kind::Overtake | Kind::Panic | Kind::Full | Kind::Slow | Kind::Cancel)
    }

    /// Who runs when, and how far.
    fn is_order(self) -> bool {
        matches!(self, Kind::Pick | Kind::Pace | Kind::Turn | Kind::Elsewhere)
    }

    /// In a written list.
    fn letter(self) -> char {
        char::from(b"dptyeojxfsc"[self as usize])
    }

    fn of_letter(letter: char) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.letter() == letter)
    }
}

/// The decisions of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choices {
    lists: [Vec<u64>; Kind::ALL.len()],
}

impl Choices {
    pub(super) fn list(&self, kind: Kind) -> &[u64] {
        &self.lists[kind as usize]
    }

    pub(super) fn list_mut(&mut self, kind: Kind) -> &mut Vec<u64> {
        &mut self.lists[kind as usize]
    }

    /// Leaves out the zeros at the ends.
    pub(super) fn trim(&mut self) {
        for list in &mut self.lists {
            let len = list.iter().rposition(|&choice| choice != 0).map_or(0, |last| last + 1);
            list.truncate(len);
        }
    }

    /// How many decisions of the kinds that `wanted` likes are not 0.
    pub(super) fn count(&self, wanted: impl Fn(Kind) -> bool) -> usize {
        let lists = Kind::ALL.into_iter().filter(|&kind| wanted(kind)).map(|kind| self.list(kind));
        lists.map(|list| list.iter().filter(|&&choice| choice != 0).count()).sum()
    }
}

/// `p3:1.9:2,x0:1`: of each kind, by its letter, the places that are not 0.
impl fmt::Display for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = 0;
        for kind in Kind::ALL {
            let made = self.list(kind).iter().enumerate().filter(|(_, choice)| **choice != 0);
            for (number, (at, choice)) in made.enumerate() {
                match (number, parts) {
                    (0, 0) => write!(f, "{}", kind.letter())?,
                    (0, _) => write!(f, ",{}", kind.letter())?,
                    _ => f.write_str(".")?,
                }
                write!(f, "{at}:{choice}")?;
                parts += 1;
            }
        }
        if parts == 0 { f.write_str("none") } else { Ok(()) }
    }
}

impl FromStr for Choices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut choices = Choices::default();
        if text == "none" {
            return Ok(choices);
        }
        for part in text.split(',') {
            let wrong = || format!("{part:?} is no list of choices, as `p3:1.9:2`");
            let mut letters = part.chars();
            let kind = letters.next().and_then(Kind::of_letter).ok_or_else(wrong)?;
            for place in letters.as_str().split('.') {
                let (at, choice) = place.split_once(':').ok_or_else(wrong)?;
                let at: usize = at.parse().map_err(|_| wrong())?;
                let list = choices.list_mut(kind);
                if list.len() <= at {
                    list.resize(at + 1, 0);
                }
                list[at] = choice.parse().map_err(|_| wrong())?;
            }
        }
        Ok(choices)
    }
}

/// Where a run's decisions come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Seed(u64),
    List(Box<Choices>),
    /// A list, but for the order of things, which a seed decides.
    ListInOrderOf(Box<Choices>, u64),
}

/// Decides, and notes what was decided.
pub(super) struct Chooser {
    rng: SplitMix64,
    list: Option<Choices>,
    /// The order is the seed's, though there is a list.
    orders_anew: bool,
    made: Choices,
    /// Of 16 schedule decisions, how many are free; the others are 0. Drawn once a seed.
    freedom: u64,
}

impl Chooser {
    pub(super) fn new(source: Source) -> Self {
        let (seed, list, orders_anew) = match source {
            Source::Seed(seed) => (seed, None, false),
            Source::List(list) => (0, Some(*list), false),
            Source::ListInOrderOf(list, seed) => (seed, Some(*list), true),
        };
        let mut rng = SplitMix64::new(seed);
        let freedom = [16, 16, 8, 2][(rng.next() % 4) as usize];
        Chooser { rng, list, orders_anew, made: Choices::default(), freedom }
    }

    /// A number below `below`, uniform.
    pub(super) fn below(&mut self, kind: Kind, below: u64) -> u64 {
        self.choose(kind, below, |rng| rng.next() % below)
    }

    /// A number below `below`: of this seed's freedom uniform, else 0.
    pub(super) fn deviates(&mut self, kind: Kind, below: u64) -> u64 {
        let freedom = self.freedom;
        self.choose(kind, below, |rng| if rng.next() % 16 < freedom { rng.next() % below } else { 0 })
    }

    /// True as often as `rate` says. Not a decision if that is never.
    pub(super) fn strikes(&mut self, kind: Kind, rate: f64) -> bool {
        rate > 0.0 && self.choose(kind, 2, |rng| u64::from(is_hit(rng, rate))) == 1
    }

    /// 0, or as often as `rate` says a number from 1 to `max`.
    pub(super) fn strikes_by(&mut self, kind: Kind, rate: f64, max: u64) -> u64 {
        if rate <= 0.0 || max == 0 {
            return 0;
        }
        self.choose(kind, max + 1, |rng| if is_hit(rng, rate) { 1 + rng.next() % max } else { 0 })
    }

    pub(super) fn any(&mut self, kind: Kind) -> u64 {
        self.choose(kind, u64::MAX, SplitMix64::next)
    }

    fn choose(&mut self, kind: Kind, below: u64, fresh: impl FnOnce(&mut SplitMix64) -> u64) -> u64 {
        let made = self.made.list_mut(kind);
        let choice = match &self.list {
            None => fresh(&mut self.rng),
            Some(_) if self.orders_anew && kind.is_order() => fresh(&mut self.rng),
            Some(list) => list.list(kind).get(made.len()).map_or(0, |&choice| choice.min(below - 1)),
        };
        made.push(choice);
        choice
    }

    /// What was decided so far.
    pub(super) fn made(&self) -> Choices {
        let mut made = self.made.clone();
        made.trim();
        made
    }
}

fn is_hit(rng: &mut SplitMix64, rate: f64) -> bool {
    // 53 bits, as many as an f64 holds.
    (rng.next() >> 11) as f64 / (1u64 << 53) as f64 <= rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written() {
        let mut choices = Choices::default();
        choices.list_mut(Kind::Draw).extend([0, 4, 0, 1]);
        choices.list_mut(Kind::Cancel).push(1);
        assert_eq!(choices.to_string(), "d1:4.3:1,c0:1");
        assert_eq!("d1:4.3:1,c0:1".parse(), Ok(choices));
        assert_eq!("none".parse(), Ok(Choices::default()));
        assert!("d1".parse::<Choices>().is_err() && "q1:1".parse::<Choices>().is_err());
    }

    #[test]
    fn every_kind_has_a_letter_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_letter(kind.letter()), Some(kind));
        }
    }

    #[test]
    fn what_a_list_does_not_have_is_0_and_what_is_too_large_is_the_largest() {
        let mut chooser = Chooser::new(Source::List(Box::new("p0:9,x0:1".parse().unwrap())));
        assert_eq!(chooser.deviates(Kind::Pick, 3), 2);
        assert_eq!(chooser.deviates(Kind::Pick, 3), 0);
        assert!(chooser.strikes(Kind::Panic, 0.5));
        assert!(!chooser.strikes(Kind::Panic, 1.0));
        assert_eq!(chooser.made().to_string(), "p0:2,x0:1");
    }
}
