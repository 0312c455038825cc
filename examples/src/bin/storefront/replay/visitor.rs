//! The visitors behind one connection: they look at pages, fill carts and check out, and keep book of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use hyper::body::Bytes;
use serde_json::json;

use super::audit::{Book, Fate};
use super::client::{Answer, Client, TransportError};
use super::plan::{self, Then};
use super::tally::Tally;
use crate::model::{Cart, CustomerId, Line, Order, Product, ProductId};
use crate::trace::Trace;

/// What all connections of a replay share.
pub(super) struct Tour {
    pub(super) trace: Trace,
    /// The trace's next record that no connection has taken yet.
    pub(super) next: AtomicUsize,
    pub(super) products: HashMap<ProductId, Product>,
    pub(super) seed: u64,
    /// What every id of this run begins with, so that runs on one database do not meet.
    pub(super) run: String,
}

/// One connection, the customers whose writes go over it, and what became of them.
pub(super) struct Visitor {
    tour: Arc<Tour>,
    client: Client,
    number: u16,
    random: fastrand::Rng,
    customers: Vec<CustomerId>,
    /// Acknowledged lines that no order has taken yet.
    open: BTreeMap<CustomerId, Vec<Line>>,
    ids: u32,
    pub(super) books: BTreeMap<CustomerId, Book>,
    pub(super) tally: Tally,
}

/// Customers of a connection. A customer writes over one connection only, so that its writes have an order.
const CUSTOMERS: u16 = 32;

impl Visitor {
    pub(super) fn new(tour: Arc<Tour>, client: Client, number: u16) -> Self {
        let random = fastrand::Rng::with_seed(tour.seed.wrapping_add(u64::from(number)));
        let mut visitor = Self {
            tour,
            client,
            number,
            random,
            customers: Vec::new(),
            open: BTreeMap::new(),
            ids: 0,
            books: BTreeMap::new(),
            tally: Tally::default(),
        };
        for _ in 0..CUSTOMERS {
            visitor.welcome();
        }
        visitor
    }

    /// Takes records of the trace until there are no more.
    pub(super) async fn browse(mut self) -> Self {
        loop {
            let index = self.tour.next.fetch_add(1, Ordering::Relaxed);
            let Some(&page) = self.tour.trace.pages().get(index) else { return self };
            self.view(page).await;
            match plan::after(self.tour.seed, index) {
                Then::Browse => {}
                Then::Add => self.add(page).await,
                Then::CheckOut => self.check_out(page).await,
            }
        }
    }

    async fn view(&mut self, page: ProductId) {
        self.tally.requests += 1;
        let begun = Instant::now();
        let answer = self.client.fetch(&format!("/products/{page}")).await;
        let Some(body) = self.accept(begun, answer) else { return };
        let shown = serde_json::from_slice::<Product>(&body).ok();
        if shown.is_none() || shown.as_ref() != self.tour.products.get(&page) {
            self.tally.wrong_answer(format!("page {page} shows {}", String::from_utf8_lossy(&body)));
        }
    }

    async fn add(&mut self, product: ProductId) {
        let customer = self.customers[self.random.usize(0..self.customers.len())];
        let line = Line { id: self.next_id("line"), product, quantity: self.random.u32(1..=3) };
        self.book(customer).lines.insert(line.id.clone(), Fate::Unknown);
        self.tally.writes += 1;
        let begun = Instant::now();
        let answer = self.client.post(&format!("/carts/{customer}/items"), &line).await;
        let Some(body) = self.accept(begun, answer) else { return };
        if !serde_json::from_slice::<Cart>(&body).is_ok_and(|cart| cart.lines.contains(&line)) {
            self.tally.wrong_answer(format!("adding {} shows {}", line.id, String::from_utf8_lossy(&body)));
        }
        self.open.entry(customer).or_default().push(line.clone());
        self.book(customer).lines.insert(line.id.clone(), Fate::Acknowledged(line));
    }

    /// Checks out one of the carts that have something; if none has, puts `product` into one first.
    async fn check_out(&mut self, product: ProductId) {
        if self.open.is_empty() {
            self.add(product).await;
        }
        let nth = self.random.usize(0..self.open.len().max(1));
        let Some((customer, lines)) = self.open.iter().nth(nth) else { return };
        let (customer, lines) = (*customer, lines.clone());
        let id = self.next_id("order");
        self.book(customer).orders.insert(id.clone(), Fate::Unknown);
        self.open.remove(&customer);
        self.tally.writes += 1;
        let begun = Instant::now();
        let answer = self.client.post(&format!("/carts/{customer}/checkout"), &json!({ "id": id })).await;
        let Some(body) = self.accept(begun, answer) else {
            // Whether the cart is empty now is not known, so nothing can be asked of this customer any more.
            self.customers.retain(|other| *other != customer);
            return self.welcome();
        };
        let order = serde_json::from_slice::<Order>(&body).ok();
        match order.filter(|order| order.id == id && self.is_order_of(order, customer, &lines)) {
            Some(order) => drop(self.book(customer).orders.insert(id, Fate::Acknowledged(order))),
            None => self.tally.wrong_answer(format!("order {id} shows {}", String::from_utf8_lossy(&body))),
        }
    }

    /// Whether an order takes what the cart was known to hold, nothing that was not sent, and adds up.
    fn is_order_of(&self, order: &Order, customer: CustomerId, open: &[Line]) -> bool {
        let sent = self.books.get(&customer);
        let is_known = |id: &String| {
            !id.starts_with(&self.tour.run) || sent.is_some_and(|book| book.lines.contains_key(id))
        };
        let holds = |line: &Line| {
            let same = |other: &&crate::model::OrderLine| other.id == line.id;
            order.lines.iter().find(same).is_some_and(|other| {
                let cents = self.tour.products.get(&line.product).map(|product| product.cents);
                (other.product, other.quantity, Some(other.cents)) == (line.product, line.quantity, cents)
            })
        };
        let sum: i64 = order.lines.iter().map(|line| i64::from(line.quantity) * line.cents).sum();
        order.customer == customer
            && order.cents == sum
            && order.lines.iter().all(|line| is_known(&line.id))
            && open.iter().all(holds)
    }

    /// Notes the time an exchange took and what came of it; gives the body of a 200.
    fn accept(&mut self, begun: Instant, answer: Result<Answer, TransportError>) -> Option<Bytes> {
        self.tally.took(begun.elapsed());
        match answer {
            Ok(answer) if answer.status == hyper::StatusCode::OK => Some(answer.body),
            Ok(answer) => {
                self.tally.refused(answer.status, &answer.body);
                None
            }
            Err(error) => {
                self.tally.broken(&error);
                None
            }
        }
    }

    /// Adds a customer nobody has heard of.
    fn welcome(&mut self) {
        let seen = self.ids;
        self.ids += 1;
        self.customers.push((u32::from(self.number) << 16) + seen);
    }

    fn book(&mut self, customer: CustomerId) -> &mut Book {
        self.books.entry(customer).or_default()
    }

    fn next_id(&mut self, what: &str) -> String {
        self.ids += 1;
        format!("{}{what}-{}-{}", self.tour.run, self.number, self.ids)
    }
}
