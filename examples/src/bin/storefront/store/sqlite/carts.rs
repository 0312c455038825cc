//! The rows of carts: one an addition, until it is removed or ordered.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use crate::model::{Cart, CustomerId, Line, ProductId};
use crate::store::{Added, LINES_LEN_MAX, StoreError};

/// Adds a line to a customer's cart, once however often it is asked.
pub(crate) fn add(connection: &Connection, customer: CustomerId, line: &Line) -> Result<Added, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO cart_lines (customer, id, product, quantity)
         SELECT ?1, ?2, id, ?4 FROM products WHERE id = ?3
            AND NOT EXISTS (SELECT 1 FROM order_lines WHERE customer = ?1 AND id = ?2)
            AND (SELECT count(*) FROM cart_lines WHERE customer = ?1) < ?5
         ON CONFLICT (customer, id) DO NOTHING",
    )?;
    if insert.execute((customer, &line.id, line.product, line.quantity, LINES_LEN_MAX as i64))? == 1 {
        return Ok(Added::New);
    }
    let mut select = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM products WHERE id = ?3),
            EXISTS (SELECT 1 FROM cart_lines WHERE customer = ?1 AND id = ?2)
            OR EXISTS (SELECT 1 FROM order_lines WHERE customer = ?1 AND id = ?2)",
    )?;
    let (has_product, is_known): (bool, bool) =
        select.query_row((customer, &line.id, line.product), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match (has_product, is_known) {
        (false, _) => Added::NoSuchProduct,
        (true, true) => Added::Known,
        (true, false) => Added::Full,
    })
}

/// Takes a customer's lines of one product out of the cart.
pub(crate) fn remove(
    connection: &Connection,
    customer: CustomerId,
    product: ProductId,
) -> Result<(), StoreError> {
    let mut delete =
        connection.prepare_cached("DELETE FROM cart_lines WHERE customer = ?1 AND product = ?2")?;
    delete.execute((customer, product))?;
    Ok(())
}

/// One customer's cart, empty if there is none.
pub(crate) fn find(connection: &Connection, customer: CustomerId) -> Result<Cart, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT id, product, quantity, customer FROM cart_lines WHERE customer = ?1 ORDER BY number",
    )?;
    let lines = select.query_map([customer], line)?.collect::<Result<_, _>>()?;
    Ok(Cart { customer, lines })
}

/// Every cart that is not empty.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Cart>, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT id, product, quantity, customer FROM cart_lines ORDER BY number")?;
    let rows = select.query_map([], |row| Ok((row.get(3)?, line(row)?)))?;
    let mut carts = BTreeMap::<CustomerId, Vec<Line>>::new();
    for row in rows {
        let (customer, line) = row?;
        carts.entry(customer).or_default().push(line);
    }
    Ok(carts.into_iter().map(|(customer, lines)| Cart { customer, lines }).collect())
}

fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line { id: row.get(0)?, product: row.get(1)?, quantity: row.get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::orders;
    use crate::store::sqlite::tests::database;

    fn line(id: &str, product: ProductId) -> Line {
        Line { id: id.to_owned(), product, quantity: 2 }
    }

    #[test]
    fn an_addition_counts_once_even_after_it_was_ordered() {
        let (_folder, database) = database();
        let work = |connection: &Connection| {
            assert_eq!(add(connection, 8, &line("a", 1))?, Added::New);
            assert_eq!(add(connection, 8, &line("a", 1))?, Added::Known);
            assert_eq!(add(connection, 9, &line("a", 1))?, Added::New);
            assert_eq!(add(connection, 8, &line("b", 77))?, Added::NoSuchProduct);
            orders::place(connection, "first", 8)?.unwrap();
            assert_eq!(add(connection, 8, &line("a", 1))?, Added::Known);
            Ok(())
        };
        database.write(work).unwrap();
        let carts = all(&database.reader().unwrap()).unwrap();
        assert_eq!(carts, [Cart { customer: 9, lines: vec![line("a", 1)] }]);
    }

    #[test]
    fn a_full_cart_takes_no_more_but_still_knows_what_it_has() {
        let (_folder, database) = database();
        let work = |connection: &Connection| {
            for number in 0..LINES_LEN_MAX {
                assert_eq!(add(connection, 1, &line(&number.to_string(), 1))?, Added::New);
            }
            assert_eq!(add(connection, 1, &line("more", 1))?, Added::Full);
            assert_eq!(add(connection, 1, &line("7", 1))?, Added::Known);
            Ok(())
        };
        database.write(work).unwrap();
    }

    #[test]
    fn removing_takes_every_line_of_the_product_and_no_other() {
        let (_folder, database) = database();
        let work = |connection: &Connection| {
            for (customer, id, product) in [(1, "a", 1), (1, "b", 2), (1, "c", 1), (2, "d", 1)] {
                add(connection, customer, &line(id, product))?;
            }
            remove(connection, 1, 1)
        };
        database.write(work).unwrap();
        let reader = database.reader().unwrap();
        assert_eq!(find(&reader, 1).unwrap().lines, [line("b", 2)]);
        assert_eq!(find(&reader, 2).unwrap().lines, [line("d", 1)]);
        assert_eq!(find(&reader, 3).unwrap().lines, []);
    }
}
