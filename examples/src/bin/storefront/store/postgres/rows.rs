//! The rows of PostgreSQL: many with one statement each.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::{Client, GenericClient};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{Added, NotPlaced, StoreError};
use crate::model::{CustomerId, Line, Order, OrderId, OrderLine, Product, ProductId};
use crate::store::LINES_LEN_MAX;

type Value<'a> = &'a (dyn ToSql + Sync);

/// Makes the products that are not there yet; those that are keep their prices.
pub(super) async fn generate(client: &mut Client, products: Vec<ProductId>) -> Result<(), StoreError> {
    let products: Vec<Product> = products.into_iter().map(Product::generated).collect();
    let ids: Vec<i64> = products.iter().map(|product| product.id.into()).collect();
    let names: Vec<&str> = products.iter().map(|product| product.name.as_str()).collect();
    let cents: Vec<i64> = products.iter().map(|product| product.cents).collect();
    let insert = "INSERT INTO products SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[])
        ON CONFLICT DO NOTHING";
    client.execute(insert, &[&ids, &names, &cents]).await?;
    Ok(())
}

pub(super) fn number(row: &Row, column: usize) -> Result<u32, StoreError> {
    let number: i64 = row.try_get(column)?;
    u32::try_from(number).map_err(|_| StoreError(format!("{number} is out of range").into()))
}

pub(super) fn product(row: &Row) -> Result<Product, StoreError> {
    Ok(Product { id: number(row, 0)?, name: row.try_get(1)?, cents: row.try_get(2)? })
}

pub(super) fn line(row: &Row) -> Result<Line, StoreError> {
    Ok(Line { id: row.try_get(0)?, product: number(row, 1)?, quantity: number(row, 2)? })
}

fn order_line(row: &Row) -> Result<OrderLine, StoreError> {
    let Line { id, product, quantity } = line(row)?;
    Ok(OrderLine { id, product, quantity, cents: row.try_get(3)? })
}

/// Adds lines to customers' carts. A customer's cart is changed by one shard, one batch after the other, so what is
/// read here does not change meanwhile.
pub(super) async fn add_lines(
    client: &mut Client,
    lines: &[(CustomerId, Line)],
) -> Result<Vec<Added>, StoreError> {
    let customers: Vec<i64> = lines.iter().map(|(customer, _)| (*customer).into()).collect();
    let ids: Vec<&str> = lines.iter().map(|(_, line)| line.id.as_str()).collect();
    let products: Vec<i64> = lines.iter().map(|(_, line)| line.product.into()).collect();
    let transaction = client.transaction().await?;
    let known_products = "SELECT id FROM products WHERE id = ANY($1)";
    let known_lines = "
        SELECT customer, id FROM cart_lines WHERE customer = ANY($1) AND id = ANY($2)
        UNION ALL SELECT customer, id FROM order_lines WHERE customer = ANY($1) AND id = ANY($2)";
    let lengths = "SELECT customer, count(*) FROM cart_lines WHERE customer = ANY($1) GROUP BY customer";
    let known_products = transaction.prepare_cached(known_products).await?;
    let known_lines = transaction.prepare_cached(known_lines).await?;
    let lengths = transaction.prepare_cached(lengths).await?;
    let of_products: [Value<'_>; 1] = [&products];
    let of_lines: [Value<'_>; 2] = [&customers, &ids];
    let of_customers: [Value<'_>; 1] = [&customers];
    let (known_products, known_lines, lengths) = tokio::try_join!(
        transaction.query(&known_products, &of_products),
        transaction.query(&known_lines, &of_lines),
        transaction.query(&lengths, &of_customers),
    )?;
    let known_products =
        known_products.iter().map(|row| number(row, 0)).collect::<Result<HashSet<_>, _>>()?;
    let mut known = HashSet::new();
    for row in &known_lines {
        known.insert((number(row, 0)?, row.try_get::<_, String>(1)?));
    }
    let mut lens = HashMap::new();
    for row in &lengths {
        lens.insert(number(row, 0)?, row.try_get::<_, i64>(1)? as usize);
    }
    let mut add = |(customer, line): &(CustomerId, Line)| {
        let len = lens.entry(*customer).or_default();
        match () {
            () if !known_products.contains(&line.product) => Added::NoSuchProduct,
            () if known.contains(&(*customer, line.id.clone())) => Added::Known,
            () if *len >= LINES_LEN_MAX => Added::Full,
            () => {
                *len += 1;
                known.insert((*customer, line.id.clone()));
                Added::New
            }
        }
    };
    let added: Vec<Added> = lines.iter().map(&mut add).collect();
    let new = || lines.iter().zip(&added).filter(|(_, added)| **added == Added::New).map(|(line, _)| line);
    let customers: Vec<i64> = new().map(|(customer, _)| (*customer).into()).collect();
    let ids: Vec<&str> = new().map(|(_, line)| line.id.as_str()).collect();
    let products: Vec<i64> = new().map(|(_, line)| line.product.into()).collect();
    let quantities: Vec<i64> = new().map(|(_, line)| line.quantity.into()).collect();
    let insert = "INSERT INTO cart_lines (customer, id, product, quantity)
        SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int8[])";
    let insert = transaction.prepare_cached(insert).await?;
    transaction.execute(&insert, &[&customers, &ids, &products, &quantities]).await?;
    transaction.commit().await?;
    Ok(added)
}

/// Turns carts into orders.
pub(super) async fn place(
    client: &mut Client,
    places: &[(OrderId, CustomerId)],
) -> Result<Vec<Result<Order, NotPlaced>>, StoreError> {
    let transaction = client.transaction().await?;
    let ids: Vec<OrderId> = places.iter().map(|(id, _)| id.clone()).collect();
    let mut known: HashMap<OrderId, Order> =
        orders(&transaction, Some(&ids)).await?.into_iter().map(|order| (order.id.clone(), order)).collect();
    let mut carts = priced_carts(&transaction, places).await?;
    let mut new = Vec::new();
    let mut placed = Vec::with_capacity(places.len());
    for (id, customer) in places {
        placed.push(match (known.get(id), carts.remove(customer)) {
            (Some(order), cart) => {
                // It was not for this order.
                carts.extend(cart.map(|cart| (*customer, cart)));
                if order.customer == *customer { Ok(order.clone()) } else { Err(NotPlaced::IdTaken) }
            }
            (None, None) => Err(NotPlaced::EmptyCart),
            (None, Some(lines)) => {
                let cents = lines.iter().map(|line| i64::from(line.quantity) * line.cents).sum();
                let order = Order { id: id.clone(), customer: *customer, cents, lines };
                known.insert(id.clone(), order.clone());
                new.push(order.clone());
                Ok(order)
            }
        });
    }
    insert(&transaction, &new).await?;
    transaction.commit().await?;
    Ok(placed)
}

async fn priced_carts(
    client: &impl GenericClient,
    places: &[(OrderId, CustomerId)],
) -> Result<HashMap<CustomerId, Vec<OrderLine>>, StoreError> {
    let select = "
        SELECT cart_lines.id, product, quantity, cents, customer
        FROM cart_lines JOIN products ON products.id = product WHERE customer = ANY($1) ORDER BY number";
    let select = client.prepare_cached(select).await?;
    let customers: Vec<i64> = places.iter().map(|(_, customer)| (*customer).into()).collect();
    let mut carts = HashMap::<CustomerId, Vec<OrderLine>>::new();
    for row in client.query(&select, &[&customers]).await? {
        carts.entry(number(&row, 4)?).or_default().push(order_line(&row)?);
    }
    Ok(carts)
}

/// Inserts orders, and empties the carts that they were.
async fn insert(client: &impl GenericClient, new: &[Order]) -> Result<(), StoreError> {
    let ids: Vec<&str> = new.iter().map(|order| order.id.as_str()).collect();
    let customers: Vec<i64> = new.iter().map(|order| order.customer.into()).collect();
    let cents: Vec<i64> = new.iter().map(|order| order.cents).collect();
    let lines = || {
        new.iter().flat_map(|order| order.lines.iter().enumerate().map(move |line| (order, line.0, line.1)))
    };
    let of_orders: Vec<&str> = lines().map(|(order, ..)| order.id.as_str()).collect();
    let numbers: Vec<i64> = lines().map(|(_, number, _)| number as i64).collect();
    let of_customers: Vec<i64> = lines().map(|(order, ..)| order.customer.into()).collect();
    let line_ids: Vec<&str> = lines().map(|(.., line)| line.id.as_str()).collect();
    let products: Vec<i64> = lines().map(|(.., line)| line.product.into()).collect();
    let quantities: Vec<i64> = lines().map(|(.., line)| line.quantity.into()).collect();
    let line_cents: Vec<i64> = lines().map(|(.., line)| line.cents).collect();
    let order_rows = "INSERT INTO orders SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[])";
    let line_rows =
        "INSERT INTO order_lines SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::text[],
        $5::int8[], $6::int8[], $7::int8[])";
    let order_rows = client.prepare_cached(order_rows).await?;
    let line_rows = client.prepare_cached(line_rows).await?;
    let emptied = client.prepare_cached("DELETE FROM cart_lines WHERE customer = ANY($1)").await?;
    client.execute(&order_rows, &[&ids, &customers, &cents]).await?;
    let values: [Value<'_>; 7] =
        [&of_orders, &numbers, &of_customers, &line_ids, &products, &quantities, &line_cents];
    client.execute(&line_rows, &values).await?;
    client.execute(&emptied, &[&customers]).await?;
    Ok(())
}

/// The orders of these names, or every order, by name.
pub(super) async fn orders(
    client: &impl GenericClient,
    ids: Option<&[OrderId]>,
) -> Result<Vec<Order>, StoreError> {
    let select =
        "SELECT id, customer, cents FROM orders WHERE $1::text[] IS NULL OR id = ANY($1) ORDER BY id";
    let lines = "
        SELECT id, product, quantity, cents, order_id FROM order_lines
        WHERE $1::text[] IS NULL OR order_id = ANY($1) ORDER BY order_id, number";
    let (select, lines) = (client.prepare_cached(select).await?, client.prepare_cached(lines).await?);
    let rows = client.query(&select, &[&ids]).await?;
    // The lines after: an order that is seen has all of its own.
    let mut of_orders = HashMap::<OrderId, Vec<OrderLine>>::new();
    for row in client.query(&lines, &[&ids]).await? {
        of_orders.entry(row.try_get(4)?).or_default().push(order_line(&row)?);
    }
    let mut orders = Vec::new();
    for row in rows {
        let id: OrderId = row.try_get(0)?;
        let lines = of_orders.remove(&id).unwrap_or_default();
        orders.push(Order { id, customer: number(&row, 1)?, cents: row.try_get(2)?, lines });
    }
    Ok(orders)
}
