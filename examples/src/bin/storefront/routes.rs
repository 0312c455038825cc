//! The shop over HTTP. Whatever comes back is JSON.
//!
//! ```text
//! GET    /products/{id}                                                   a product
//! GET    /products/{id}/recommendations                                   products like it
//! PUT    /products/{id}/price              {"cents": 1250}                sets its price
//! GET    /carts/{customer}                                                a cart, empty if there is none
//! POST   /carts/{customer}/items           {"id": "..", "product": 7, "quantity": 1}
//! DELETE /carts/{customer}/items/{product}
//! POST   /carts/{customer}/checkout        {"id": ".."}                   an order
//! GET    /orders/{id}                                                     an order
//! GET    /downloads/{file}                                                leads to the file, on the file lane's port
//! ```
//!
//! What takes GET takes HEAD too. The ids of additions and of orders are the client's: a request that was not answered can be sent again.
//!
//! When there is more to do than is done, requests are refused with 503 and `Retry-After`, recommendations first and
//! check-outs last. `/health`, `/ready`, `/metrics` and `/_ostraca` are never refused.

use actix_web::dev::ServiceRequest;
use actix_web::http::header;
use actix_web::web::{self, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard};
use ostraca::http::{Deadline, Json, JsonLenMax, Overload};
use ostraca::overload::{Limit, Priority};
use ostraca::{ActorRef, Pool, Shards};
use serde::Deserialize;

use crate::carts::{Add, Carts};
use crate::catalog::Catalog;
use crate::failure::Failure;
use crate::model::{CustomerId, Line, OrderId, ProductId};
use crate::orders::Orders;
use crate::recommendations::Recommender;

/// References to the shop's actors.
#[derive(Clone)]
pub(crate) struct Doors {
    pub(crate) catalog: Shards<Catalog>,
    pub(crate) carts: Shards<Carts>,
    pub(crate) orders: ActorRef<Orders>,
    pub(crate) recommenders: Pool<Recommender>,
    pub(crate) downloads_port: u16,
}

/// Adds the shop's routes.
pub(crate) fn configure(app: &mut ServiceConfig, doors: Doors, limit: Limit) {
    let overload = Overload::new(limit).priority(priority);
    let port = doors.downloads_port;
    app.app_data(doors.catalog)
        .app_data(doors.carts)
        .app_data(doors.orders)
        .app_data(doors.recommenders)
        .app_data(JsonLenMax(BODY_LEN_MAX))
        // A path whose number is none is the path of nothing.
        .app_data(web::PathConfig::default().error_handler(|_, request| nothing_at(request.path()).into()))
        .service(
            web::scope("")
                .wrap(overload)
                .service(at("/products/{id}", "GET, HEAD", read().to(product)))
                .service(at("/products/{id}/recommendations", "GET, HEAD", read().to(recommendations)))
                .service(at("/products/{id}/price", "PUT", web::put().to(reprice)))
                .service(at("/carts/{customer}", "GET, HEAD", read().to(cart)))
                .service(at("/carts/{customer}/items", "POST", web::post().to(add)))
                .service(at("/carts/{customer}/items/{product}", "DELETE", web::delete().to(remove)))
                .service(at("/carts/{customer}/checkout", "POST", web::post().to(check_out)))
                .service(at("/orders/{id}", "GET, HEAD", read().to(order)))
                .service(at(
                    "/downloads/{file:.*}",
                    "GET, HEAD",
                    read().to(move |request| download(request, port)),
                ))
                .default_service(web::to(nothing)),
        );
}

/// Who is refused first: a page without recommendations is a page, an order that is not placed is none.
fn priority(request: &ServiceRequest) -> Priority {
    match request.path().rsplit('/').next() {
        Some("recommendations") => Priority::Low,
        Some("checkout") => Priority::High,
        _ => Priority::Normal,
    }
}

fn at(path: &str, allow: &'static str, route: Route) -> Resource {
    let other = web::to(move |request: HttpRequest| no_method(request, allow));
    web::resource(path).route(route).default_service(other)
}

/// GET, and HEAD, whose answer's body actix-web leaves out.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

type Answer = actix_web::Result<HttpResponse>;

async fn product(catalog: Shards<Catalog>, id: Path<ProductId>, deadline: Deadline) -> Answer {
    let product = catalog.product(*id).by(deadline).await?;
    let product = product.ok_or_else(|| Failure::NotFound(format!("there is no product {id}")))?;
    Ok(HttpResponse::Ok().json(&*product))
}

async fn recommendations(recommenders: Pool<Recommender>, id: Path<ProductId>, deadline: Deadline) -> Answer {
    let products = recommenders.like(*id).by(deadline).await?;
    Ok(HttpResponse::Ok().json(products.iter().map(|product| &**product).collect::<Vec<_>>()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    cents: i64,
}

async fn reprice(
    catalog: Shards<Catalog>,
    id: Path<ProductId>,
    price: Json<Price>,
    deadline: Deadline,
) -> Answer {
    within("cents", price.0.cents, 0, CENTS_MAX)?;
    catalog.reprice(*id, price.0.cents).by(deadline).await?;
    product(catalog, id, deadline).await
}

async fn cart(carts: Shards<Carts>, customer: Path<CustomerId>, deadline: Deadline) -> Answer {
    let cart = carts.cart(*customer).by(deadline).await?;
    Ok(HttpResponse::Ok().json(cart))
}

async fn add(
    carts: Shards<Carts>,
    customer: Path<CustomerId>,
    line: Json<Line>,
    deadline: Deadline,
) -> Answer {
    let Json(line) = line;
    within("id", line.id.len() as i64, 1, ID_LEN_MAX)?;
    within("quantity", i64::from(line.quantity), 1, QUANTITY_MAX)?;
    let cart = carts.add(Add { customer: *customer, line }).by(deadline).await?;
    Ok(HttpResponse::Ok().json(cart))
}

async fn remove(carts: Shards<Carts>, path: Path<(CustomerId, ProductId)>, deadline: Deadline) -> Answer {
    let (customer, product) = *path;
    let cart = carts.remove(customer, product).by(deadline).await?;
    Ok(HttpResponse::Ok().json(cart))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckOut {
    id: OrderId,
}

/// Has no deadline: see [`Carts`]' `check_out`.
async fn check_out(carts: Shards<Carts>, customer: Path<CustomerId>, order: Json<CheckOut>) -> Answer {
    let Json(CheckOut { id }) = order;
    within("id", id.len() as i64, 1, ID_LEN_MAX)?;
    let order = carts.check_out(*customer, id).await?;
    Ok(HttpResponse::Ok().json(order))
}

async fn order(orders: ActorRef<Orders>, id: Path<OrderId>, deadline: Deadline) -> Answer {
    let order = orders.order(&*id).by(deadline).await?;
    let order = order.ok_or_else(|| Failure::NotFound(format!("there is no order {id}")))?;
    Ok(HttpResponse::Ok().json(&*order))
}

/// The lane answers for the file, and for that there is none.
async fn download(request: HttpRequest, port: u16) -> Answer {
    let connection = request.connection_info();
    // Without its port; an IPv6 address keeps its brackets.
    let host = connection.host();
    let host = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(host, _)| host);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let there = format!("http://{host}:{port}{path}");
    Ok(HttpResponse::TemporaryRedirect().insert_header((header::LOCATION, there)).finish())
}

async fn nothing(request: HttpRequest) -> Answer {
    Err(nothing_at(request.path()).into())
}

fn nothing_at(path: &str) -> Failure {
    Failure::NotFound(format!("there is nothing at {path}"))
}

async fn no_method(request: HttpRequest, allow: &'static str) -> Answer {
    let (path, method) = (request.path().to_owned(), request.method().to_string());
    Err(Failure::MethodNotAllowed { path, method, allow }.into())
}

/// In bytes; the longest body that the shop has use for is below 200.
const BODY_LEN_MAX: usize = 16 * 1024;
/// In bytes.
const ID_LEN_MAX: i64 = 64;
const CENTS_MAX: i64 = 100_000_000;
const QUANTITY_MAX: i64 = 1_000;

fn within(field: &str, value: i64, min: i64, max: i64) -> Result<(), Failure> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let what = if field == "id" { "its length is" } else { "it is" };
    Err(Failure::BadRequest(format!("{field}: {what} from {min} to {max}, not {value}")))
}
