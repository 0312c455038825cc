//! The macros of [ostraca](https://docs.rs/ostraca): [`#[actor]`](macro@actor) and
//! [`#[derive(Message)]`](macro@Message). Use them through `ostraca::prelude`.
//!
//! **What they are.** Writers of code that could be written by hand: everything they make implements public traits
//! of `ostraca` and is a thin shim over them.
//!
//! **What they guarantee.** A mistake is told on the token that is wrong, with what to write instead, all of them
//! at once and without follow-up errors: the impl stands, and callers elsewhere compile. Items that are made have
//! documentation, the user's where there is any, and cause no lints.
//!
//! **What they are bad at.** They see names and not what these mean: a `Result` or `Context` is known by its last
//! name, and an alias of `Result` by another name has to say so (`reply = result`).

mod actor;
mod duration;
mod errors;
mod generics;
mod message;
mod names;
mod options;
mod types;

use proc_macro::TokenStream;

/// Makes an actor of an impl block: its state is the struct, each marked method is a message.
///
/// ```
/// use ostraca::prelude::*;
///
/// pub(crate) struct Insufficient;
///
/// /// Money paid in; answered with the new balance.
/// #[derive(Message)]
/// #[message(reply = i64)]
/// struct Deposit { #[key] id: u64, cents: i64 }
///
/// struct Account { id: u64, cents: i64 }
///
/// #[actor(mailbox(len_max = 4096), restart(max = 5, within = "10s", backoff = "50ms..5s"))]
/// impl Account {
///     #[start]
///     async fn start(ctx: &mut Context<Self>, id: u64) -> Result<Self, StartError> {
///         Ok(Account { id, cents: 0 })
///     }
///
///     #[handler(invalidates(balance))]
///     fn withdraw(&mut self, #[key] id: u64, cents: i64) -> Result<i64, Insufficient> {
///         if self.cents < cents { return Err(Insufficient) }
///         self.cents -= cents;
///         Ok(self.cents)
///     }
///
///     #[handler(batch(len_max = 256), invalidates(balance))]
///     async fn deposit(&mut self, batch: Batch<Deposit>) {
///         for item in batch {
///             self.cents += item.cents;
///             item.reply(self.cents);
///         }
///     }
///
///     #[handler]
///     fn audit(&mut self, reply: ReplyTo<i64>, ctx: &mut Context<Self>) {
///         let cents = self.cents;
///         ctx.spawn(async move { reply.reply(cents) });
///     }
///
///     #[cached(ttl = "5s")]
///     fn balance(&self, #[key] id: u64) -> i64 { self.cents }
///
///     #[cached]
///     fn is_solvent(&self) -> bool { self.cents >= 0 }
/// }
///
/// async fn caller(account: ActorRef<Account>) {
///     let _ = account.withdraw(7, 500).await; // Result<i64, AskError<Insufficient>>
///     let _ = account.deposit(Deposit { id: 7, cents: 900 }).tell();
///     let _ = account.balance(7).await; // Result<i64, AskError>
///     let _ = account.is_solvent(); // Option<bool>: None before the first start
/// }
/// ```
///
/// # Options of `#[actor(..)]`
///
/// | option | default | what it says |
/// |---|---|---|
/// | `mailbox(len_max = 4096)` | 1,024 | the mailbox's bound, in messages; a number or a constant |
/// | `mailbox(overflow = reject)` | `reject` | a full mailbox gives a tell back (`reject`) or drops the oldest message (`drop_oldest`) |
/// | `mailbox(unbounded)` | | no bound: for actors whose messages something else bounds |
/// | `restart(max = 5)` | 5 | failures within the window that are restarted; 0: none |
/// | `restart(within = "10s")` | `"10s"` | the sliding window |
/// | `restart(backoff = "50ms..5s")` | `"50ms..5s"` | the shortest and the longest wait before a restart |
/// | `inline = auto` | `auto` | whether an ask of an idle actor runs on the asker's thread: `auto`, `always`, `never` |
/// | `limit(min = 1, max = 1000)` | none | messages beyond a limit that is learned from how long they take are refused when they are sent: `Shed` |
/// | `shed(target = "5ms", interval = "100ms")` | none | while for a whole interval nothing waited for less than the target, what waited longer does not run: `Shed`; nor what nobody waits for any more |
///
/// With `limit` or `shed` an ask goes through the mailbox even if the actor is idle. Both heed `priority`. In a batch
/// only the first message is looked at.
///
/// A duration is a whole number and one of `ns`, `us`, `ms`, `s`, `m` (minutes), `h`.
///
/// # Methods
///
/// A method without one of these attributes is a method and nothing else.
///
/// **`#[start]`**, on one method: makes the actor, at spawn and again at every restart. `fn` or `async fn`; takes
/// `ctx: &mut Context<Self>` if it likes, and arguments, which are `Clone + Send + Sync` and become
/// `Actor::Args`: `()` for none, the type for one, a tuple for several. Returns `Self` or a `Result<Self, E>`
/// whose error turns into `StartError`.
///
/// **`#[stop]`**, on at most one method: runs after the last message. `fn stop(&mut self)`, async or not; takes
/// `ctx: &mut Context<Self>` and `reason: &StopReason` if it likes. Returns nothing.
///
/// **`#[handler]`**: a message. `fn` runs to its end where it is called; `async fn` holds the actor across its
/// awaits. Takes `&mut self`, or `&self` when it changes nothing that views show. Its other parameters:
///
/// | parameter | what it is |
/// |---|---|
/// | `name: T` | a field of the message. Owned: a message outlives its sender |
/// | `#[key] name: T` | the field that picks the shard; at most one |
/// | `#[message] name: M` | the whole message, of a type of your own; instead of fields |
/// | `ctx: &mut Context<Self>` | the actor's context; not part of the message |
/// | `reply: ReplyTo<T, E>` | where the answer goes: the handler answers when it likes, and returns nothing |
/// | `batch: Batch<M>` | a run of queued messages `M`; instead of fields, with `#[handler(batch)]` |
///
/// What it returns is the answer. A `Result<T, E>` is split: `Ok` is the reply, `Err` the refusal, which the asker
/// gets as `AskError::Refused` and which does not harm the actor.
///
/// | option of `#[handler(..)]` | default | what it says |
/// |---|---|---|
/// | `message = Name` | the method's name in camel case | the name of the message's struct |
/// | `reply = result` | | the answer's type is an alias of `Result`. An alias named `Result` needs no mark |
/// | `batch(len_max = 1024)` | 1,024 | takes a `Batch` of up to so many. Returns nothing, or a `Result<(), E>` whose error, the message's refusal, answers the items that are left |
/// | `invalidates(balance, ..)` | | the keyed `#[cached]` methods that lose this message's key, after the handler and before the answer |
/// | `updates(balance, ..)` | | those whose value for this message's key is made anew and cached, likewise |
/// | `priority = high` | `normal` | who is refused first by the actor's `limit` and `shed`: `low`, `normal`, `high` |
/// | `breaker(failures = 5)` | none; 5 | opens after so many errors in a row, or when half of 20 in 10 s failed; then the message is refused: `Shed`. The handler returns a `Result`; a panic is an error |
/// | `breaker(open = "1s..60s")` | `"1s..60s"` | for how long, the first time and at most; each time in a row twice as long |
/// | `breaker(trials = 1, trial_max = "10s")` | 1, `"10s"` | then so many messages are tried, which must be answered within that time |
/// | `breaker(slow = "10s")` | `"10s"` | what takes longer is slow; 9 slow of 10 open it as well |
///
/// **`#[cached]`** without arguments: a view. `fn` with `&self` that returns a `Clone + PartialEq + Send + Sync`
/// value; published after every turn that may have changed it, before that turn's answers; read without a message,
/// as an `Option` that is `None` until the actor has started.
///
/// **`#[cached(..)]`** with one `#[key]` argument: a keyed read through a cache that the actor fills. The key is
/// `Clone + Eq + Hash + Send + Sync`, the value `Clone + Send + Sync`; a `Result` is a value like another.
///
/// | option of `#[cached(..)]` with a key | default | what it says |
/// |---|---|---|
/// | `ttl = "5s"` | must be written | how old a value may get that the memory serves; a tier behind it serves one for as long as the system's builder says |
/// | `capacity = 10_000` | 10,000 | the most values that one actor keeps in memory |
/// | `tiers`, `tiers(disk, ..)` | memory only | the tiers behind the memory: all that the system's builder was given, or those of these names. Key and value are serde's `Serialize` and `DeserializeOwned`; needs the feature `codec` |
/// | `stale = "60s"` | none | how long after its `ttl` a value is served while the owner is asked |
/// | `negative = "5s"` | the `ttl` | how old a `None` may get; of a method that returns an `Option` |
/// | `message = Name` | the method's name in camel case | the name of the message's struct |
///
/// # What it makes
///
/// Of the example, shortened; `R` is a route, such as that of one actor or that of all its shards:
///
/// ```text
/// pub(crate) struct Withdraw { pub(crate) id: u64, pub(crate) cents: i64 }    + Clone if its fields are
/// impl Message for Withdraw { type Reply = i64; type Refusal = Insufficient; }
/// impl Keyed for Withdraw { type Key = u64; .. }
///
/// pub enum AccountMessage { Withdraw(Envelope<Withdraw>), Deposit(Envelope<Deposit>), .. }   hidden
/// impl Handles<Withdraw> for Account { .. }                                   one a message
///
/// pub struct AccountMethods<R> { route: R }            what ActorRef<Account> and Shards<Account> deref to
/// impl<R: Route<Account>> AccountMethods<R> {
///     pub(crate) fn withdraw<Request>(&self, id: u64, cents: i64) -> Request
///     where R: Carries<Account, Withdraw, Request = Request>;
///     pub(crate) fn balance<B: Borrow<u64>>(&self, id: B) -> Cached<Account, Balance, B>
///     where R: Finds<Account, u64>;
///     pub(crate) fn is_solvent<Value>(&self) -> Value
///     where R: Reads<Account, Read<Option<bool>> = Value>;
///     ..
/// }
///
/// pub struct AccountViews { balance: KeyedCache<u64, i64>, is_solvent: View<bool> }          hidden
/// impl Actor for Account { .. }
/// ```
///
/// **Visibility.** A message and its method are as visible as the handler: `pub fn`, `pub(super) fn`. For a plain
/// `fn` they are `pub(crate)`, so that every module can send them; types in the answer must be as visible
/// (E0446). A library's actor has `pub fn` handlers.
///
/// **Generics.** `impl<S: Store> Ledger<S>` works, with constants and `where` too. A message has those parameters
/// that its fields and its answer mention. A lifetime, and a handler with parameters of its own, do not work.
#[proc_macro_attribute]
pub fn actor(attr: TokenStream, item: TokenStream) -> TokenStream {
    actor::expand(attr.into(), item.into()).into()
}

/// Makes a message of a struct or an enum.
///
/// ```
/// use ostraca::prelude::*;
///
/// struct Insufficient;
///
/// #[derive(Message)]
/// #[message(reply = Result<i64, Insufficient>)]
/// struct Withdraw {
///     #[key]
///     id: u64,
///     cents: i64,
/// }
///
/// fn is_message<M: ostraca::Message<Reply = i64, Refusal = Insufficient> + ostraca::Keyed<Key = u64>>() {}
/// is_message::<Withdraw>();
/// ```
///
/// | attribute | default | what it says |
/// |---|---|---|
/// | `#[message(reply = T)]` | `()` | what its handler answers; a `Result<T, E>` is split into the reply and the refusal |
/// | `#[key]` on a field | | the field that picks the shard; at most one, and none in an enum |
///
/// It makes `impl Message`, and with a key `impl Keyed`; type parameters get the bounds `Send + 'static`.
#[proc_macro_derive(Message, attributes(message, key))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    message::derive(input.into()).into()
}
