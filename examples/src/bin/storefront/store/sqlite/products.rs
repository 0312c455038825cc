//! The catalog's rows.

use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::model::{Product, ProductId};
use crate::store::StoreError;

/// Makes the products that are not there yet; those that are keep their prices.
pub(crate) fn generate(
    connection: &Connection,
    products: impl IntoIterator<Item = ProductId>,
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO products (id, name, cents) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for product in products.into_iter().map(Product::generated) {
        insert.execute((product.id, product.name, product.cents))?;
    }
    Ok(())
}

/// The product with this number.
pub(crate) fn find(connection: &Connection, id: ProductId) -> Result<Option<Product>, StoreError> {
    let mut select = connection.prepare_cached("SELECT id, name, cents FROM products WHERE id = ?1")?;
    Ok(select.query_row([id], product).optional()?)
}

/// Every product.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Product>, StoreError> {
    let mut select = connection.prepare_cached("SELECT id, name, cents FROM products ORDER BY id")?;
    Ok(select.query_map([], product)?.collect::<Result<_, _>>()?)
}

/// Sets a price, and says whether there is such a product.
pub(crate) fn reprice(connection: &Connection, id: ProductId, cents: i64) -> Result<bool, StoreError> {
    let mut update = connection.prepare_cached("UPDATE products SET cents = ?2 WHERE id = ?1")?;
    Ok(update.execute((id, cents))? == 1)
}

fn product(row: &Row<'_>) -> rusqlite::Result<Product> {
    Ok(Product { id: row.get(0)?, name: row.get(1)?, cents: row.get(2)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::tests::database;

    #[test]
    fn generating_again_adds_what_is_missing_and_keeps_prices() {
        let (_folder, database) = database();
        let again = |connection: &Connection| {
            assert!(reprice(connection, 4, 1)?);
            assert!(!reprice(connection, 5, 1)?);
            generate(connection, [4, 9])
        };
        database.write(again).unwrap();
        let reader = database.reader().unwrap();
        assert_eq!(find(&reader, 4).unwrap().unwrap().cents, 1);
        assert_eq!(find(&reader, 9).unwrap().unwrap(), Product::generated(9));
        assert_eq!(find(&reader, 5).unwrap(), None);
        assert_eq!(all(&reader).unwrap().len(), 6);
    }
}
