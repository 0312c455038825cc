//! A room full of WebSockets: an actor a connection, and a topic between them.
//!
//! ```text
//! ada hears: ada: hello
//! alan hears: ada: hello
//! ada hears: alan: good morning
//! alan hears: alan: good morning
//! both connections are closed by the stop: true
//! ```

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{Message as Frame, Session};
use futures_util::{SinkExt as _, StreamExt as _};
use ostraca::prelude::*;
use ostraca::{Lag, Phase, Topic, http};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as ClientFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// To everybody in the room.
#[derive(Clone, Message)]
enum News {
    Said(Arc<str>),
    Closing,
}

/// One connection. It is told what the others say, and says it to its client.
struct Guest {
    session: Session,
}

#[actor(restart(max = 0))] // a connection cannot be started again
impl Guest {
    #[start]
    fn start(ctx: &mut Context<Self>, session: Session, room: Topic<News>) -> Self {
        // A client that is a hundred lines behind loses the connection.
        room.subscribe(&ctx.me(), Lag::Disconnect { len_max: 100 });
        Guest { session }
    }

    #[handler]
    async fn news(&mut self, ctx: &mut Context<Self>, #[message] news: News) {
        let is_heard = match news {
            News::Said(line) => self.session.text(line.to_string()).await.is_ok(),
            News::Closing => false,
        };
        if !is_heard {
            ctx.stop(); // the client has gone, or is to go
        }
    }

    #[stop]
    async fn stop(&mut self) {
        // The client may have closed it.
        let _ = self.session.clone().close(None).await;
    }
}

async fn enter(
    request: HttpRequest,
    body: web::Payload,
    name: web::Path<String>,
    system: web::Data<System>,
    room: web::Data<Topic<News>>,
) -> actix_web::Result<HttpResponse> {
    let (response, session, mut frames) = actix_ws::handle(&request, body)?;
    let room = room.as_ref().clone();
    let guest = system.spawn::<Guest>((session, room.clone())).await;
    let guest = guest.map_err(actix_web::error::ErrorServiceUnavailable)?;
    // What the client says is published; when it goes, its actor does.
    actix_web::rt::spawn(async move {
        while let Some(Ok(Frame::Text(line))) = frames.next().await {
            room.publish(News::Said(format!("{name}: {line}").into()));
        }
        ActorRef::stop(&guest);
    });
    Ok(response)
}

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn join(address: SocketAddr, name: &str) -> Result<Client, Box<dyn std::error::Error>> {
    Ok(connect_async(format!("ws://{address}/rooms/{name}")).await?.0)
}

/// The next line that a client hears; none when the connection is closed.
async fn hear(client: &mut Client) -> Option<String> {
    match client.next().await?.ok()? {
        ClientFrame::Text(line) => Some(line.to_string()),
        _ => None,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::start()?;
    let room = Topic::<News>::new("room");
    // Beside the server's own part of a stop, which waits for its connections to end.
    let closing = room.clone();
    system.on_stop(Phase::Intake, "room", async move {
        closing.publish(News::Closing);
    });
    let room = web::Data::new(room);
    let shared = web::Data::new(system.clone());
    let address = http::serve(&system, TcpListener::bind("127.0.0.1:0")?, move |app| {
        app.app_data(room.clone()).app_data(shared.clone()).route("/rooms/{name}", web::get().to(enter));
    })?;

    let mut ada = join(address, "ada").await?;
    let mut alan = join(address, "alan").await?;
    ada.send(ClientFrame::text("hello")).await?;
    println!("ada hears: {}", hear(&mut ada).await.unwrap_or_default());
    println!("alan hears: {}", hear(&mut alan).await.unwrap_or_default());
    alan.send(ClientFrame::text("good morning")).await?;
    println!("ada hears: {}", hear(&mut ada).await.unwrap_or_default());
    println!("alan hears: {}", hear(&mut alan).await.unwrap_or_default());

    let (stopped, ada, alan) = tokio::join!(system.stop(), hear(&mut ada), hear(&mut alan));
    println!(
        "both connections are closed by the stop: {}",
        stopped.is_clean() && (ada, alan) == (None, None)
    );
    Ok(())
}
