use std::time::{Duration, Instant};

use super::ChildState::{Down, Restarting, Starting, Stopping, Up};
use super::Command::{Abort, Answer, Arm, Close, Disarm, Ended, Forget, Kill, Start, Stop};
use super::{
    ChildError, ChildId, ChildState, Command, Core, End, Event, Outcome, Request, StopCause, Ticket, Timer,
};
use crate::actor::Restart;
use crate::supervisor::plan::{AutoShutdown, ChildSpec, Plan, StopLimit, Strategy};

const SECOND: Duration = Duration::from_secs(1);
const A: ChildId = ChildId(0);
const B: ChildId = ChildId(1);
const C: ChildId = ChildId(2);

/// A core and what it said.
struct Desk {
    core: Core,
    now: Instant,
    out: Vec<Command>,
}

impl Desk {
    fn new(plan: Plan, specs: impl IntoIterator<Item = ChildSpec>) -> Self {
        let given = (0..).map(ChildId).zip(specs).collect();
        Desk { core: Core::new(plan, given), now: Instant::now(), out: Vec::new() }
    }

    /// With three permanent children that run.
    fn with_three(plan: Plan) -> Self {
        let mut desk = Desk::new(plan, vec![ChildSpec::permanent(); 3]);
        assert_eq!(desk.says(Event::Start), [Start(A)]);
        assert_eq!(desk.says(Event::Started(A)), [Start(B)]);
        assert_eq!(desk.says(Event::Started(B)), [Start(C)]);
        assert_eq!(desk.says(Event::Started(C)), [Command::Up]);
        desk
    }

    fn says(&mut self, event: Event) -> Vec<Command> {
        self.core.handle(event, self.now, 0, &mut self.out);
        std::mem::take(&mut self.out)
    }

    fn fails(&mut self, key: ChildId) -> Vec<Command> {
        self.says(Event::Ended(key, End::Badly))
    }

    fn state(&self) -> Vec<ChildState> {
        self.core.children().map(|(_, _, state)| state).collect()
    }
}

fn plan(strategy: Strategy) -> Plan {
    Plan::new(strategy, Restart::new(2, 10 * SECOND))
}

fn timer(commands: &[Command]) -> Timer {
    let armed = commands.iter().find_map(|command| match command {
        Arm(timer, _) => Some(*timer),
        _ => None,
    });
    armed.expect("a timer is armed")
}

#[test]
fn one_for_one_starts_the_one_that_failed() {
    let mut desk = Desk::with_three(plan(Strategy::OneForOne));
    assert_eq!(desk.fails(B), [Start(B)]);
    assert_eq!(desk.state(), [Up, Starting, Up]);
    assert_eq!(desk.says(Event::Started(B)), []);
}

#[test]
fn one_for_all_stops_the_others_newest_first_and_starts_all_in_order() {
    let mut desk = Desk::with_three(plan(Strategy::OneForAll));
    let said = desk.fails(B);
    assert!(matches!(said[..], [Stop(C, StopCause::Sibling), Arm(..)]), "{said:?}");
    let said = desk.says(Event::Ended(C, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Stop(A, StopCause::Sibling), Arm(..)]), "{said:?}");
    let said = desk.says(Event::Ended(A, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Start(A)]), "{said:?}");
    assert_eq!(desk.says(Event::Started(A)), [Start(B)]);
    assert_eq!(desk.says(Event::Started(B)), [Start(C)]);
}

#[test]
fn rest_for_one_leaves_those_before_alone() {
    let mut desk = Desk::with_three(plan(Strategy::RestForOne));
    let said = desk.fails(B);
    assert!(matches!(said[..], [Stop(C, _), Arm(..)]), "{said:?}");
    let said = desk.says(Event::Ended(C, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Start(B)]), "{said:?}");
    assert_eq!(desk.says(Event::Started(B)), [Start(C)]);
    assert_eq!(desk.state(), [Up, Up, Starting]);
}

#[test]
fn one_restart_too_many_stops_all_and_gives_up() {
    let mut desk = Desk::with_three(plan(Strategy::OneForOne));
    for _ in 0..2 {
        assert_eq!(desk.fails(B), [Start(B)]);
        desk.says(Event::Started(B));
    }
    desk.now += 10 * SECOND;
    let said = desk.fails(A);
    assert!(
        matches!(said[..], [Stop(C, StopCause::End), Arm(..)]),
        "ten seconds later both still count: {said:?}"
    );
    desk.says(Event::Ended(C, End::InOrder));
    let said = desk.says(Event::Ended(B, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Ended(Outcome::GaveUp(A))]), "{said:?}");
}

#[test]
fn who_does_not_stop_in_time_is_killed() {
    let mut desk = Desk::with_three(plan(Strategy::OneForAll));
    let said = desk.fails(A);
    assert_eq!(said[1], Arm(timer(&said), 5 * SECOND));
    assert_eq!(desk.says(Event::Timer(timer(&said))), [Kill(C)]);
    assert_eq!(desk.state(), [Down, Up, Stopping]);
    let said = desk.says(Event::Ended(C, End::Badly));
    assert!(matches!(said[..], [Stop(B, _), Arm(..)]), "{said:?}");
}

#[test]
fn a_wait_doubles_and_the_siblings_are_down_meanwhile() {
    let restart = Restart::new(5, 10 * SECOND).backoff(SECOND, 4 * SECOND);
    let spec = ChildSpec::permanent().stop(StopLimit::Kill);
    let mut desk = Desk::new(Plan::new(Strategy::OneForAll, restart), vec![spec; 2]);
    desk.says(Event::Start);
    desk.says(Event::Started(A));
    desk.says(Event::Started(B));
    for wait in [SECOND, 2 * SECOND, 4 * SECOND, 4 * SECOND] {
        assert_eq!(desk.fails(A), [Kill(B)]);
        let said = desk.says(Event::Ended(B, End::Badly));
        assert_eq!(said, [Arm(timer(&said), wait)]);
        assert_eq!(desk.state(), [Restarting, Down]);
        assert_eq!(desk.says(Event::Timer(timer(&said))), [Start(A)]);
        desk.says(Event::Started(A));
        desk.says(Event::Started(B));
    }
}

#[test]
fn a_start_that_fails_again_is_counted_and_waits_its_turn() {
    let mut desk = Desk::with_three(plan(Strategy::OneForOne));
    assert_eq!(desk.fails(B), [Start(B)]);
    assert_eq!(desk.says(Event::Ended(C, End::Badly)), []);
    // C's end was there first; then B is tried again, and is the third restart.
    assert_eq!(desk.says(Event::Ended(B, End::Badly)), [Start(C)]);
    let said = desk.says(Event::Started(C));
    assert!(matches!(said[..], [Stop(C, _), Arm(..)]), "{said:?}");
}

#[test]
fn an_end_that_waits_is_taken_out_when_its_child_is_stopped() {
    let mut desk = Desk::with_three(plan(Strategy::OneForAll));
    assert!(matches!(desk.fails(B)[..], [Stop(C, _), Arm(..)]));
    assert_eq!(desk.fails(A), []);
    let said = desk.says(Event::Ended(C, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Start(A)]), "A is down already: {said:?}");
    desk.says(Event::Started(A));
    desk.says(Event::Started(B));
    assert_eq!(desk.says(Event::Started(C)), [], "and A's end is no second restart");
    assert_eq!(desk.state(), [Up, Up, Up]);
}

#[test]
fn a_restart_that_is_called_off_closes_those_that_waited_for_it() {
    let restart = Restart::new(5, 10 * SECOND).backoff(SECOND, SECOND);
    let spec = ChildSpec::permanent().stop(StopLimit::Kill);
    let mut desk = Desk::new(Plan::new(Strategy::OneForAll, restart), vec![spec; 2]);
    desk.says(Event::Start);
    desk.says(Event::Started(A));
    desk.says(Event::Started(B));
    desk.fails(A);
    let wait = timer(&desk.says(Event::Ended(B, End::Badly)));
    let ticket = Ticket(1);
    let said = desk.says(Event::Request(ticket, Request::Restart(A)));
    assert_eq!(said, [Answer(ticket, Err(ChildError::Restarting))]);
    let said = desk.says(Event::Request(ticket, Request::Terminate(A)));
    assert_eq!(said, [Disarm(wait), Close(A), Close(B), Answer(ticket, Ok(()))]);
    assert_eq!(desk.says(Event::Timer(wait)), [], "it came all the same");
}

#[test]
fn temporary_children_are_forgotten_when_they_end_and_when_a_sibling_fails() {
    let specs = [ChildSpec::temporary(), ChildSpec::permanent(), ChildSpec::temporary()];
    let mut desk = Desk::new(plan(Strategy::OneForAll), specs);
    desk.says(Event::Start);
    for key in [A, B, C] {
        desk.says(Event::Started(key));
    }
    assert_eq!(desk.fails(A), [Close(A), Forget(A)]);
    desk.fails(B);
    let said = desk.says(Event::Ended(C, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Close(C), Forget(C), Start(B)]), "{said:?}");
}

#[test]
fn a_significant_child_that_ends_by_itself_takes_the_supervisor_along() {
    let worker = ChildSpec::transient().significant();
    let plan = plan(Strategy::OneForOne).auto_shutdown(AutoShutdown::AllSignificant);
    let mut desk = Desk::new(plan, [worker.clone(), worker, ChildSpec::permanent()]);
    desk.says(Event::Start);
    for key in [A, B, C] {
        desk.says(Event::Started(key));
    }
    assert_eq!(desk.says(Event::Ended(A, End::InOrder)), [Close(A)], "one is left");
    let said = desk.says(Event::Ended(B, End::InOrder));
    assert!(matches!(said[..], [Close(B), Stop(C, _), Arm(..)]), "{said:?}");
    let said = desk.says(Event::Ended(C, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Ended(Outcome::AutoShutdown(B))]), "{said:?}");
}

#[test]
fn a_significant_child_that_is_terminated_does_not() {
    let worker = ChildSpec::transient().significant().stop(StopLimit::Kill);
    let plan = plan(Strategy::OneForOne).auto_shutdown(AutoShutdown::AnySignificant);
    let mut desk = Desk::new(plan, [worker]);
    desk.says(Event::Start);
    desk.says(Event::Started(A));
    let ticket = Ticket(7);
    assert_eq!(desk.says(Event::Request(ticket, Request::Terminate(A))), [Kill(A)]);
    assert_eq!(desk.says(Event::Ended(A, End::Badly)), [Close(A), Answer(ticket, Ok(()))]);
    let permanent = Request::Add(B, ChildSpec::permanent().significant());
    let said = desk.says(Event::Request(ticket, permanent));
    assert_eq!(said, [Forget(B), Answer(ticket, Err(ChildError::Significant))]);
}

#[test]
fn a_supervisor_that_starts_again_has_the_children_it_was_given() {
    let mut desk = Desk::new(plan(Strategy::OneForOne), [ChildSpec::temporary()]);
    desk.says(Event::Start);
    desk.says(Event::Started(A));
    desk.says(Event::Request(Ticket(1), Request::Add(B, ChildSpec::permanent())));
    desk.says(Event::Started(B));
    desk.fails(A);
    desk.says(Event::Stop);
    let said = desk.says(Event::Ended(B, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Ended(Outcome::Stopped)]), "{said:?}");
    let said = desk.says(Event::Request(Ticket(2), Request::Terminate(B)));
    assert_eq!(said, [Answer(Ticket(2), Err(ChildError::Stopping))]);
    assert_eq!(desk.says(Event::Start), [Close(B), Forget(B), Start(A)]);
}

#[test]
fn a_first_start_that_fails_stops_those_that_run() {
    let mut desk = Desk::new(plan(Strategy::OneForOne), vec![ChildSpec::permanent(); 2]);
    desk.says(Event::Start);
    desk.says(Event::Started(A));
    let said = desk.says(Event::Ended(B, End::Badly));
    assert!(matches!(said[..], [Stop(A, _), Arm(..)]), "{said:?}");
    let said = desk.says(Event::Ended(A, End::InOrder));
    assert!(matches!(said[..], [Disarm(_), Ended(Outcome::NotStarted(B))]), "{said:?}");
}

#[test]
fn a_start_over_its_limit_is_ended_and_has_failed() {
    let limited = ChildSpec::permanent().start_within(SECOND);
    let mut desk = Desk::new(plan(Strategy::OneForOne), [limited]);
    let said = desk.says(Event::Start);
    assert!(matches!(said[..], [Start(A), Arm(_, limit)] if limit == SECOND), "{said:?}");
    assert_eq!(desk.says(Event::Timer(timer(&said))), [Abort(A)]);
    assert_eq!(desk.says(Event::Timer(timer(&said))), [], "once");
    assert_eq!(desk.fails(A), [Ended(Outcome::NotStarted(A))]);
}

#[test]
fn a_start_within_its_limit_has_none_any_more() {
    let limited = ChildSpec::permanent().start_within(SECOND);
    let mut desk = Desk::new(plan(Strategy::OneForOne), [limited]);
    let limit = timer(&desk.says(Event::Start));
    assert_eq!(desk.says(Event::Started(A)), [Disarm(limit), Command::Up]);
    assert_eq!(desk.says(Event::Timer(limit)), []);
    let said = desk.fails(A);
    assert!(matches!(said[..], [Start(A), Arm(..)]), "again at each start: {said:?}");
    let again = timer(&said);
    assert_eq!(desk.says(Event::Timer(limit)), [], "the old one");
    assert_eq!(desk.says(Event::Timer(again)), [Abort(A)]);
    let said = desk.fails(A);
    assert!(matches!(said[..], [Start(A), Arm(..)]), "counted, and tried again: {said:?}");
}
