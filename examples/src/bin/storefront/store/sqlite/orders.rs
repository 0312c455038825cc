//! The rows of orders.

use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::model::{CustomerId, Order, OrderLine};
use crate::store::{NotPlaced, StoreError};

/// Turns what is in the customer's cart into an order and empties the cart, both in the caller's transaction:
/// each line is in the cart or in one order, whatever happens. An order that is there already is given as it is.
pub(crate) fn place(
    connection: &Connection,
    id: &str,
    customer: CustomerId,
) -> Result<Result<Order, NotPlaced>, StoreError> {
    if let Some(order) = find(connection, id)? {
        return Ok(if order.customer == customer { Ok(order) } else { Err(NotPlaced::IdTaken) });
    }
    let lines = priced_cart(connection, customer)?;
    if lines.is_empty() {
        return Ok(Err(NotPlaced::EmptyCart));
    }
    let cents = lines.iter().map(|line| i64::from(line.quantity) * line.cents).sum();
    connection
        .prepare_cached("INSERT INTO orders (id, customer, cents) VALUES (?1, ?2, ?3)")?
        .execute((id, customer, cents))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO order_lines (order_id, number, customer, id, product, quantity, cents)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (number, line) in lines.iter().enumerate() {
        let number = number as i64;
        insert.execute((id, number, customer, &line.id, line.product, line.quantity, line.cents))?;
    }
    connection.prepare_cached("DELETE FROM cart_lines WHERE customer = ?1")?.execute([customer])?;
    Ok(Ok(Order { id: id.to_owned(), customer, cents, lines }))
}

fn priced_cart(connection: &Connection, customer: CustomerId) -> Result<Vec<OrderLine>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT cart_lines.id, product, quantity, cents
         FROM cart_lines JOIN products ON products.id = product WHERE customer = ?1 ORDER BY number",
    )?;
    Ok(select.query_map([customer], order_line)?.collect::<Result<_, _>>()?)
}

/// The order of this name.
pub(crate) fn find(connection: &Connection, id: &str) -> Result<Option<Order>, StoreError> {
    let mut select = connection.prepare_cached("SELECT id, customer, cents FROM orders WHERE id = ?1")?;
    let Some(mut order) = select.query_row([id], order).optional()? else { return Ok(None) };
    order.lines = lines(connection, id)?;
    Ok(Some(order))
}

/// Every order.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Order>, StoreError> {
    let mut select = connection.prepare_cached("SELECT id, customer, cents FROM orders ORDER BY id")?;
    let mut orders: Vec<Order> = select.query_map([], order)?.collect::<Result<_, _>>()?;
    for order in &mut orders {
        order.lines = lines(connection, &order.id)?;
    }
    Ok(orders)
}

fn lines(connection: &Connection, id: &str) -> Result<Vec<OrderLine>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT id, product, quantity, cents FROM order_lines WHERE order_id = ?1 ORDER BY number",
    )?;
    Ok(select.query_map([id], order_line)?.collect::<Result<_, _>>()?)
}

fn order(row: &Row<'_>) -> rusqlite::Result<Order> {
    Ok(Order { id: row.get(0)?, customer: row.get(1)?, cents: row.get(2)?, lines: Vec::new() })
}

fn order_line(row: &Row<'_>) -> rusqlite::Result<OrderLine> {
    Ok(OrderLine { id: row.get(0)?, product: row.get(1)?, quantity: row.get(2)?, cents: row.get(3)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Line, Product};
    use crate::store::sqlite::carts;
    use crate::store::sqlite::tests::database;

    #[test]
    fn placing_empties_the_cart_and_placing_again_gives_the_same_order() {
        let (_folder, database) = database();
        let work = |connection: &Connection| {
            carts::add(connection, 1, &Line { id: "a".to_owned(), product: 2, quantity: 3 })?;
            carts::add(connection, 1, &Line { id: "b".to_owned(), product: 4, quantity: 1 })?;
            let order = place(connection, "o", 1)?.unwrap();
            assert_eq!(carts::find(connection, 1)?.lines, []);
            assert_eq!(place(connection, "o", 1)?, Ok(order.clone()));
            assert_eq!(place(connection, "o", 2)?, Err(NotPlaced::IdTaken));
            assert_eq!(place(connection, "p", 1)?, Err(NotPlaced::EmptyCart));
            Ok(order)
        };
        let order = database.write(work).unwrap();
        assert_eq!(order.cents, 3 * Product::generated(2).cents + Product::generated(4).cents);
        let ids: Vec<&str> = order.lines.iter().map(|line| line.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(all(&database.reader().unwrap()).unwrap(), [order]);
    }
}
