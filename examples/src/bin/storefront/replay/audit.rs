//! What the service acknowledged, against what can be found in it afterwards.
//!
//! Every addition and every check-out has an id of its own, so each can be looked for: an addition is in its
//! customer's cart or in one of the customer's orders, an order is there as it was answered.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Cart, CustomerId, Line, Order, OrderId};

/// What is known of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate<T> {
    /// The service said that it was done, and this is what it did.
    Acknowledged(T),
    /// The answer was an error or did not come: it was done once or not at all.
    Unknown,
}

/// The writes of one customer.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) lines: BTreeMap<String, Fate<Line>>,
    pub(super) orders: BTreeMap<OrderId, Fate<Order>>,
}

/// What a reader found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) carts: Vec<Cart>,
    pub(super) orders: Vec<Order>,
    /// Customers of whom not everything could be read; nothing is said about them.
    pub(super) unread: BTreeSet<CustomerId>,
}

/// The comparison's result; all is well if both numbers are 0.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Audit {
    /// Acknowledged writes that are not there, or not as they were acknowledged.
    pub(super) lost: u64,
    /// Writes that are there more than once, or that nobody sent.
    pub(super) duplicated: u64,
    /// Writes that were answered with an error and yet were done.
    pub(super) done_unanswered: u64,
    /// A sentence for each of the first few that are wrong.
    pub(super) wrong: Vec<String>,
}

impl Audit {
    /// Compares the books with what was found. Lines and orders whose id has another prefix than `run` belong
    /// to somebody else and are passed over.
    pub(super) fn of(books: &BTreeMap<CustomerId, Book>, found: &Found, run: &str) -> Self {
        let mut audit = Self::default();
        let shelf = Shelf::new(found, run);
        let empty = Book::default();
        let customers: BTreeSet<CustomerId> =
            books.keys().chain(shelf.lines.keys()).chain(shelf.orders.keys()).copied().collect();
        for customer in customers.difference(&found.unread) {
            let book = books.get(customer).unwrap_or(&empty);
            audit.compare("addition", *customer, &book.lines, shelf.lines.get(customer));
            audit.compare("order", *customer, &book.orders, shelf.orders.get(customer));
        }
        audit
    }

    fn compare<T: PartialEq>(
        &mut self,
        what: &str,
        customer: CustomerId,
        sent: &BTreeMap<String, Fate<T>>,
        found: Option<&BTreeMap<String, Vec<T>>>,
    ) {
        let none = BTreeMap::new();
        let found = found.unwrap_or(&none);
        for (id, fate) in sent {
            let places = found.get(id).map_or(&[][..], Vec::as_slice);
            match fate {
                Fate::Acknowledged(done) if !places.contains(done) => {
                    self.lost += 1;
                    self.tell(format!("{what} {id} of customer {customer} is lost"));
                }
                Fate::Acknowledged(_) => {}
                Fate::Unknown => self.done_unanswered += u64::from(!places.is_empty()),
            }
        }
        for (id, places) in found {
            let extra = if sent.contains_key(id) { places.len() - 1 } else { places.len() };
            if extra > 0 {
                self.duplicated += extra as u64;
                self.tell(format!("{what} {id} of customer {customer} is there {extra} times too often"));
            }
        }
    }

    fn tell(&mut self, sentence: String) {
        const WRONG_LEN_MAX: usize = 10;
        if self.wrong.len() < WRONG_LEN_MAX {
            self.wrong.push(sentence);
        }
    }
}

/// What was found, by customer and id.
struct Shelf {
    lines: BTreeMap<CustomerId, BTreeMap<String, Vec<Line>>>,
    orders: BTreeMap<CustomerId, BTreeMap<String, Vec<Order>>>,
}

impl Shelf {
    fn new(found: &Found, run: &str) -> Self {
        let mut shelf = Self { lines: BTreeMap::new(), orders: BTreeMap::new() };
        for cart in &found.carts {
            for line in &cart.lines {
                shelf.put_line(cart.customer, line.clone(), run);
            }
        }
        for order in &found.orders {
            for line in &order.lines {
                let (id, product, quantity) = (line.id.clone(), line.product, line.quantity);
                shelf.put_line(order.customer, Line { id, product, quantity }, run);
            }
            if order.id.starts_with(run) {
                let orders = shelf.orders.entry(order.customer).or_default();
                orders.entry(order.id.clone()).or_default().push(order.clone());
            }
        }
        shelf
    }

    fn put_line(&mut self, customer: CustomerId, line: Line, run: &str) {
        if line.id.starts_with(run) {
            self.lines.entry(customer).or_default().entry(line.id.clone()).or_default().push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OrderLine;

    fn line(id: &str) -> Line {
        Line { id: id.to_owned(), product: 5, quantity: 1 }
    }

    fn order(id: &str, lines: &[&str]) -> Order {
        let lines: Vec<OrderLine> = lines
            .iter()
            .map(|id| OrderLine { id: (*id).to_owned(), product: 5, quantity: 1, cents: 10 })
            .collect();
        Order { id: id.to_owned(), customer: 1, cents: 10 * lines.len() as i64, lines }
    }

    /// Customer 1 added a, b and c (c without an answer) and ordered o, which took a.
    fn books() -> BTreeMap<CustomerId, Book> {
        let mut book = Book::default();
        for id in ["r-a", "r-b"] {
            book.lines.insert(id.to_owned(), Fate::Acknowledged(line(id)));
        }
        book.lines.insert("r-c".to_owned(), Fate::Unknown);
        book.orders.insert("r-o".to_owned(), Fate::Acknowledged(order("r-o", &["r-a"])));
        BTreeMap::from([(1, book)])
    }

    fn found(cart: &[&str], orders: &[Order]) -> Found {
        let lines = cart.iter().map(|id| line(id)).collect();
        Found { carts: vec![Cart { customer: 1, lines }], orders: orders.to_vec(), unread: BTreeSet::new() }
    }

    fn verdict(found: &Found) -> (u64, u64, u64) {
        let audit = Audit::of(&books(), found, "r-");
        (audit.lost, audit.duplicated, audit.done_unanswered)
    }

    #[test]
    fn all_in_its_place_is_neither_lost_nor_duplicated() {
        assert_eq!(verdict(&found(&["r-b"], &[order("r-o", &["r-a"])])), (0, 0, 0));
    }

    #[test]
    fn an_unanswered_write_may_be_done_once() {
        assert_eq!(verdict(&found(&["r-b", "r-c"], &[order("r-o", &["r-a"])])), (0, 0, 1));
        assert_eq!(verdict(&found(&["r-b", "r-c", "r-c"], &[order("r-o", &["r-a"])])), (0, 1, 1));
    }

    #[test]
    fn a_missing_addition_and_a_missing_order_are_lost() {
        assert_eq!(verdict(&found(&[], &[order("r-o", &["r-a"])])), (1, 0, 0));
        assert_eq!(verdict(&found(&["r-a", "r-b"], &[])), (1, 0, 0));
        assert_eq!(verdict(&found(&[], &[])), (3, 0, 0));
    }

    #[test]
    fn an_order_that_differs_from_its_answer_is_lost() {
        assert_eq!(verdict(&found(&[], &[order("r-o", &["r-a", "r-b"])])), (1, 0, 0));
    }

    #[test]
    fn a_line_that_was_ordered_and_is_still_in_the_cart_is_duplicated() {
        assert_eq!(verdict(&found(&["r-a", "r-b"], &[order("r-o", &["r-a"])])), (0, 1, 0));
        let twice = [order("r-o", &["r-a"]), order("r-o", &["r-a"])];
        assert_eq!(verdict(&found(&["r-b"], &twice)), (0, 2, 0));
    }

    #[test]
    fn what_nobody_sent_is_a_duplicate_unless_it_is_of_another_run() {
        assert_eq!(verdict(&found(&["r-b", "r-x"], &[order("r-o", &["r-a"])])), (0, 1, 0));
        assert_eq!(verdict(&found(&["r-b", "s-x"], &[order("r-o", &["r-a"])])), (0, 0, 0));
    }

    #[test]
    fn a_customer_who_could_not_be_read_is_passed_over() {
        let unread = Found { unread: BTreeSet::from([1]), ..found(&[], &[]) };
        assert_eq!(verdict(&unread), (0, 0, 0));
    }
}
