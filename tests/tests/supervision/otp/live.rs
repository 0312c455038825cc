//! The same case on a system with real actors, in paused time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::prelude::*;
use ostraca::{ChildId, ChildState, SpawnError, SupervisorRef, SupervisorSpec};
use tokio::time::Instant;

use super::model::Told;
use super::pure::{answer_of, standing_of};
use super::tree::{Act, Answer, Case, Group, How, Id, Note, ROOT, Standing, Story, What, Why, Wish, Worker};

pub(crate) fn tell(case: &Case, told: &Told) -> Story {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(run(case, told))
}

/// What of OTP's story can be seen from outside: the workers.
pub(crate) fn visible(story: &Story) -> Story {
    let mut story = story.clone();
    story.notes.retain(|(_, note)| !matches!(note, Note::Up(_) | Note::Gone(..)));
    story
}

async fn run(case: &Case, told: &Told) -> Story {
    let system = System::start().unwrap();
    let world = World::new();
    let spec = system.supervisor(case.root.strategy, case.root.restart());
    let spec =
        case.root.children.iter().fold(
            spec.auto_shutdown(case.root.auto_shutdown),
            |spec, child| match &child.what {
                What::Worker(worker) => spec.child_as::<Hand>(child.spec(), world.plan(child.id, *worker)),
                What::Group(group) => spec.supervisor_as(child.spec(), nested(group, &world)),
            },
        );
    let root = match spec.start().await {
        Ok(root) => root,
        Err(SpawnError::NotStarted { .. }) => {
            world.lock().story.end = Some(Why::NotStarted);
            return world.finish();
        }
        Err(error) => panic!("{error}"),
    };
    let groups = Groups { root: root.clone(), parents: parents(&case.root, ROOT) };
    for (at, number, act) in &told.acts {
        tokio::time::sleep_until(world.at(*at)).await;
        apply(&world, &groups, *number, act);
    }
    tokio::time::sleep_until(world.at(told.stop_at)).await;
    let reason = ActorRef::stop_reason(root.as_actor());
    world.lock().story.end = match reason {
        None => None,
        Some(StopReason::GaveUp(_)) => Some(Why::GaveUp),
        Some(StopReason::AutoShutdown) => Some(Why::AutoShutdown),
        Some(reason) => panic!("{reason}"),
    };
    if ActorRef::stop_reason(root.as_actor()).is_none() {
        let mut left = Vec::new();
        look(&root, ROOT, &mut left);
        left.sort_by_key(|(id, _)| *id);
        world.lock().story.left = left;
    }
    root.stop();
    root.wait_stopped().await;
    world.finish()
}

fn nested(group: &Group, world: &World) -> SupervisorSpec {
    let spec = SupervisorSpec::new(group.strategy, group.restart()).auto_shutdown(group.auto_shutdown);
    group.children.iter().fold(spec, |spec, child| match &child.what {
        What::Worker(worker) => spec.child_as::<Hand>(child.spec(), world.plan(child.id, *worker)),
        What::Group(group) => spec.supervisor_as(child.spec(), nested(group, world)),
    })
}

fn apply(world: &World, groups: &Groups, number: usize, act: &Act) {
    match act {
        Act::End(id, how) => {
            let hand = world.lock().hands[id].clone();
            match how {
                How::Normal => hand.quit().tell().unwrap(),
                How::Crash => hand.crash().tell().unwrap(),
                How::Killed => ActorRef::kill(&hand),
            }
        }
        Act::EndAtOnce(_) => unreachable!("the case was made without"),
        Act::Stop(id) => groups.find(*id).stop(),
        Act::Ask(id, wish) => {
            let (group, wish, world) = (groups.find(*id), wish.clone(), world.clone());
            tokio::spawn(async move {
                let answer = ask(&group, wish, &world).await;
                world.lock().story.answers.push((number, answer));
            });
        }
    }
}

async fn ask(group: &SupervisorRef, wish: Wish, world: &World) -> Answer {
    let of = |id: Id| {
        let name = id.to_string();
        let found = group.children().into_iter().find(|child| child.name.as_deref() == Some(&*name));
        found.map_or(ChildId(u32::MAX), |child| child.id)
    };
    answer_of(match wish {
        Wish::Terminate(child) => group.terminate(of(child)).await,
        Wish::Restart(child) => group.restart(of(child)).await,
        Wish::Remove(child) => group.remove(of(child)).await,
        Wish::Add(child) => {
            let What::Worker(worker) = child.what else { panic!("only workers are added") };
            group.add::<Hand>(child.spec(), world.plan(child.id, worker)).await.map(drop)
        }
    })
}

/// The children of a supervisor that runs, and of those below.
fn look(group: &SupervisorRef, id: Id, left: &mut Vec<(Id, Vec<(Id, Standing)>)>) {
    let children = group.children();
    let id_of = |name: &Option<Arc<str>>| -> Id { name.as_deref().unwrap().parse().unwrap() };
    left.push((id, children.iter().map(|child| (id_of(&child.name), standing_of(child.state))).collect()));
    for child in children.iter().filter(|child| child.state == ChildState::Up) {
        if let Some(group) = group.supervisor_of(child.id) {
            look(&group, id_of(&child.name), left);
        }
    }
}

/// The supervisors of a tree.
struct Groups {
    root: SupervisorRef,
    parents: HashMap<Id, Id>,
}

fn parents(group: &Group, id: Id) -> HashMap<Id, Id> {
    let mut all = HashMap::new();
    for child in &group.children {
        all.insert(child.id, id);
        if let What::Group(group) = &child.what {
            all.extend(parents(group, child.id));
        }
    }
    all
}

impl Groups {
    fn find(&self, id: Id) -> SupervisorRef {
        match self.parents.get(&id) {
            None => self.root.clone(),
            Some(&parent) => self.find(parent).supervisor_named(&id.to_string()).unwrap(),
        }
    }
}

#[derive(Clone)]
struct World {
    began: Instant,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    story: Story,
    starts: HashMap<Id, u32>,
    hands: HashMap<Id, ActorRef<Hand>>,
}

impl World {
    fn new() -> Self {
        World { began: Instant::now(), seen: Arc::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn at(&self, millis: u64) -> Instant {
        self.began + Duration::from_millis(millis)
    }

    fn note(&self, note: Note) {
        let at = self.began.elapsed().as_millis() as u64;
        self.lock().story.notes.push((at, note));
    }

    fn plan(&self, id: Id, worker: Worker) -> Plan {
        Plan { world: self.clone(), id, worker }
    }

    fn finish(&self) -> Story {
        // They keep the world, and it keeps them.
        self.lock().hands.clear();
        std::mem::take(&mut self.lock().story)
    }
}

#[derive(Clone)]
struct Plan {
    world: World,
    id: Id,
    worker: Worker,
}

/// A worker that is real.
struct Hand {
    plan: Plan,
    quits: bool,
}

#[actor]
impl Hand {
    #[start]
    fn start(ctx: &mut Context<Self>, plan: Plan) -> Result<Self, StartError> {
        let number = {
            let mut seen = plan.world.lock();
            seen.hands.insert(plan.id, ctx.me());
            let starts = seen.starts.entry(plan.id).or_default();
            *starts += 1;
            *starts - 1
        };
        if plan.worker.bad_starts >> (number % 32) & 1 == 1 {
            plan.world.note(Note::NotStarted(plan.id));
            return Err(StartError::new("as planned"));
        }
        plan.world.note(Note::Started(plan.id));
        Ok(Hand { plan, quits: false })
    }

    #[stop]
    async fn stop(&mut self) {
        if !self.quits {
            tokio::time::sleep(Duration::from_millis(self.plan.worker.stop_ms)).await;
        }
    }

    #[handler]
    fn quit(&mut self, ctx: &mut Context<Self>) {
        self.quits = true;
        ctx.stop();
    }

    /// Without the panic's message, of which there would be thousands.
    #[handler]
    fn crash(&mut self) {
        std::panic::resume_unwind(Box::new("as planned"));
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.plan.world.note(Note::Down(self.plan.id));
    }
}
