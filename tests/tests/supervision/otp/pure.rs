//! The same case on the framework's decisions alone: a world of pretended workers around `Core`s.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use ostraca::__internals::supervisor::{Command, Core, End, Event, Outcome, Request, Ticket, Timer};
use ostraca::{ChildError, ChildId, ChildState};

use super::model::Told;
use super::tree::{Act, Answer, Case, Child, Group, How, Id, Note, ROOT, Standing, Story, What, Why, Wish};

pub(crate) fn tell(case: &Case, told: &Told) -> Story {
    let mut world = World::new();
    world.enter(ROOT, &case.root, None);
    world.queue.push_back((ROOT, Event::Start));
    world.drive();
    for (at, number, act) in &told.acts {
        world.pass(*at);
        world.apply(*number, act);
        world.drive();
    }
    world.pass(told.stop_at);
    world.story.left = world.left();
    if world.groups[&ROOT].is_up {
        world.queue.push_back((ROOT, Event::Stop));
    }
    world.drive();
    world.pass(u64::MAX);
    world.story
}

struct World {
    base: Instant,
    now: u64,
    groups: BTreeMap<Id, Node>,
    workers: BTreeMap<Id, Pretended>,
    queue: VecDeque<(Id, Event)>,
    /// By time, then in the order in which they were set.
    timers: BTreeMap<(u64, u64), Alarm>,
    timers_set: u64,
    story: Story,
}

struct Node {
    core: Core,
    parent: Option<(Id, ChildId)>,
    /// By their `ChildId`.
    children: Vec<Child>,
    is_up: bool,
}

struct Pretended {
    parent: (Id, ChildId),
    starts: u32,
    is_alive: bool,
    is_stopping: bool,
}

enum Alarm {
    Core(Id, Timer),
    /// A worker has stopped, if it still is the incarnation of this number.
    Stopped(Id, u32),
}

impl World {
    fn new() -> Self {
        World {
            base: Instant::now(),
            now: 0,
            groups: BTreeMap::new(),
            workers: BTreeMap::new(),
            queue: VecDeque::new(),
            timers: BTreeMap::new(),
            timers_set: 0,
            story: Story::default(),
        }
    }

    fn enter(&mut self, id: Id, group: &Group, parent: Option<(Id, ChildId)>) {
        let specs = (0..).map(ChildId).zip(group.children.iter().map(Child::spec)).collect();
        let core = Core::new(group.plan(), specs);
        self.groups.insert(id, Node { core, parent, children: group.children.clone(), is_up: false });
    }

    fn note(&mut self, note: Note) {
        self.story.notes.push((self.now, note));
    }

    fn set(&mut self, after: u64, alarm: Alarm) {
        self.timers_set += 1;
        self.timers.insert((self.now + after, self.timers_set), alarm);
    }

    /// Time passes.
    fn pass(&mut self, until: u64) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= until) {
            self.now = entry.key().0;
            match entry.remove() {
                Alarm::Core(id, timer) => self.queue.push_back((id, Event::Timer(timer))),
                Alarm::Stopped(id, incarnation) => {
                    if self.workers[&id].starts == incarnation {
                        self.down(id, End::InOrder);
                    }
                }
            }
            self.drive();
        }
        if until != u64::MAX {
            self.now = until;
        }
    }

    fn drive(&mut self) {
        let mut commands = Vec::new();
        while let Some((id, event)) = self.queue.pop_front() {
            let now = self.base + Duration::from_millis(self.now);
            let node = self.groups.get_mut(&id).expect("it was entered");
            node.core.handle(event, now, 0, &mut commands);
            for command in commands.drain(..) {
                self.carry_out(id, command);
            }
        }
    }

    fn carry_out(&mut self, id: Id, command: Command) {
        match command {
            Command::Start(key) => self.start(id, key),
            Command::Stop(key, _) => {
                let child = self.child(id, key);
                match &child.what {
                    What::Group(_) => self.queue.push_back((child.id, Event::Stop)),
                    What::Worker(plan) => {
                        let worker = self.workers.get_mut(&child.id).expect("it was started");
                        if worker.is_alive {
                            worker.is_stopping = true;
                            let alarm = Alarm::Stopped(child.id, worker.starts);
                            self.set(plan.stop_ms, alarm);
                        }
                    }
                }
            }
            Command::Kill(key) => {
                let child = self.child(id, key);
                self.down(child.id, End::Badly);
            }
            Command::Arm(timer, after) => self.set(after.as_millis() as u64, Alarm::Core(id, timer)),
            Command::Answer(Ticket(number), answer) => {
                self.story.answers.push((number as usize, answer_of(answer)));
            }
            Command::Up => {
                self.note(Note::Up(id));
                let node = self.groups.get_mut(&id).expect("it was entered");
                node.is_up = true;
                if let Some((parent, key)) = node.parent {
                    self.queue.push_back((parent, Event::Started(key)));
                }
            }
            Command::Ended(outcome) => self.ended(id, outcome),
            Command::Abort(_) => unreachable!("no start of these trees has a limit, as in OTP"),
            // A timer that is not needed comes all the same: the core is to know.
            Command::Disarm(_) | Command::Close(_) | Command::Forget(_) => {}
        }
    }

    fn start(&mut self, id: Id, key: ChildId) {
        let child = self.child(id, key);
        match &child.what {
            What::Group(group) => {
                if !self.groups.contains_key(&child.id) {
                    self.enter(child.id, group, Some((id, key)));
                }
                self.queue.push_back((child.id, Event::Start));
            }
            What::Worker(plan) => {
                let new = Pretended { parent: (id, key), starts: 0, is_alive: false, is_stopping: false };
                let worker = self.workers.entry(child.id).or_insert(new);
                let number = worker.starts;
                worker.starts += 1;
                worker.is_alive = plan.bad_starts >> (number % 32) & 1 == 0;
                worker.is_stopping = false;
                if worker.is_alive {
                    self.note(Note::Started(child.id));
                    self.queue.push_back((id, Event::Started(key)));
                } else {
                    self.note(Note::NotStarted(child.id));
                    self.queue.push_back((id, Event::Ended(key, End::Badly)));
                }
            }
        }
    }

    fn down(&mut self, id: Id, end: End) {
        // It may not be there, where the model makes a mistake.
        if let Some(worker) = self.workers.get_mut(&id)
            && std::mem::take(&mut worker.is_alive)
        {
            let (parent, key) = worker.parent;
            self.note(Note::Down(id));
            self.queue.push_back((parent, Event::Ended(key, end)));
        }
    }

    fn ended(&mut self, id: Id, outcome: Outcome) {
        let (why, end) = match outcome {
            Outcome::Stopped => (Why::Stopped, End::InOrder),
            Outcome::NotStarted(_) => (Why::NotStarted, End::Badly),
            Outcome::GaveUp(_) => (Why::GaveUp, End::InOrder),
            Outcome::AutoShutdown(_) => (Why::AutoShutdown, End::InOrder),
        };
        self.note(Note::Gone(id, why));
        let node = self.groups.get_mut(&id).expect("it was entered");
        node.is_up = false;
        match node.parent {
            Some((parent, key)) => self.queue.push_back((parent, Event::Ended(key, end))),
            None => self.story.end = (why != Why::Stopped).then_some(why),
        }
    }

    fn apply(&mut self, number: usize, act: &Act) {
        match act {
            Act::End(id, how) => self.down(*id, end_of(*how)),
            Act::EndAtOnce(ends) => ends.iter().for_each(|(id, how)| self.down(*id, end_of(*how))),
            Act::Stop(id) if self.groups.contains_key(id) => self.queue.push_back((*id, Event::Stop)),
            Act::Stop(_) => {}
            Act::Ask(id, wish) => {
                let Some(node) = self.groups.get_mut(id) else { return };
                if let Wish::Add(child) = wish {
                    node.children.push(child.clone());
                }
                let key = |wanted: &Id| {
                    let place = node.children.iter().position(|child| child.id == *wanted);
                    ChildId(place.map_or(u32::MAX, |place| place as u32))
                };
                let request = match wish {
                    Wish::Terminate(child) => Request::Terminate(key(child)),
                    Wish::Restart(child) => Request::Restart(key(child)),
                    Wish::Remove(child) => Request::Remove(key(child)),
                    Wish::Add(child) => Request::Add(key(&child.id), child.spec()),
                };
                self.queue.push_back((*id, Event::Request(Ticket(number as u64), request)));
            }
        }
    }

    fn child(&self, id: Id, key: ChildId) -> Child {
        self.groups[&id].children[key.0 as usize].clone()
    }

    fn left(&self) -> Vec<(Id, Vec<(Id, Standing)>)> {
        let running = self.groups.iter().filter(|(_, node)| node.is_up);
        let of_group = |(id, node): (&Id, &Node)| {
            let child =
                |(key, _, state): (ChildId, _, _)| (node.children[key.0 as usize].id, standing_of(state));
            (*id, node.core.children().map(child).collect())
        };
        running.map(of_group).collect()
    }
}

fn end_of(how: How) -> End {
    if how == How::Normal { End::InOrder } else { End::Badly }
}

pub(crate) fn standing_of(state: ChildState) -> Standing {
    match state {
        ChildState::Down => Standing::Down,
        ChildState::Restarting => Standing::Restarting,
        ChildState::Up => Standing::Up,
        ChildState::Starting | ChildState::Exited | ChildState::Stopping => Standing::Busy,
    }
}

pub(crate) fn answer_of(answer: Result<(), ChildError>) -> Answer {
    match answer {
        Ok(()) => Answer::Done,
        Err(ChildError::NotFound) => Answer::NotFound,
        Err(ChildError::Running) => Answer::Running,
        Err(ChildError::Restarting) => Answer::Restarting,
        Err(ChildError::NotStarted) => Answer::NotStarted,
        Err(ChildError::Stopping) => Answer::Stopping,
        Err(error) => panic!("{error}"),
    }
}
