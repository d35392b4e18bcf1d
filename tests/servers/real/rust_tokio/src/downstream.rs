// SPDX-License-Identifier: BSD-2-Clause

//! The ways to call the mock downstream.

use hyper::client::HttpConnector;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, Semaphore};

type Failure = Box<dyn std::error::Error + Send + Sync>;
pub type Outcome = Result<(), Failure>;
type Connection = BufReader<TcpStream>;

pub struct Downstream {
    ports: HashMap<String, u16>,
    way: Way,
}

enum Way {
    /// A connection per call.
    New,
    /// As many as are needed at once; none is ever shared by two calls in flight.
    Kept(Mutex<HashMap<String, Vec<Connection>>>),
    /// So many connections, all to the database; who finds none free waits for one.
    Pool(Semaphore, Mutex<Vec<Connection>>),
    /// One connection to the database for all; answers come in any order.
    Mux(Mux),
    /// hyper's client, with the pool that it has.
    Client(hyper::Client<HttpConnector>),
}

async fn connect(port: u16) -> Result<Connection, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

fn question(id: u64, hold_us: u64) -> String {
    format!("Q {id} {hold_us}\n")
}

async fn ask(connection: &mut Connection, id: u64, hold_us: u64) -> Outcome {
    connection.write_all(question(id, hold_us).as_bytes()).await?;
    let mut line = String::new();
    match connection.read_line(&mut line).await? {
        0 => Err("downstream closed the connection".into()),
        _ => Ok(()),
    }
}

struct Mux {
    writer: tokio::sync::Mutex<OwnedWriteHalf>,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>,
}

impl Mux {
    async fn open(port: u16) -> Mux {
        let (reader, writer) = connect(port).await.expect("downstream").into_inner().into_split();
        let waiting = Arc::new(Mutex::new(HashMap::new()));
        tokio::spawn(Mux::hand_out(reader, waiting.clone()));
        Mux { writer: tokio::sync::Mutex::new(writer), waiting }
    }

    /// The task that reads all answers, "R <id> ok", and wakes those who wait.
    async fn hand_out(reader: OwnedReadHalf, waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>) {
        let mut lines = BufReader::new(reader).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let id = line.split(' ').nth(1).and_then(|id| id.parse().ok()).unwrap_or(0);
            if let Some(caller) = waiting.lock().expect("mux").remove(&id) {
                let _ = caller.send(());
            }
        }
    }

    async fn call(&self, id: u64, hold_us: u64) -> Outcome {
        let (sender, answered) = oneshot::channel();
        self.waiting.lock().expect("mux").insert(id, sender);
        self.writer.lock().await.write_all(question(id, hold_us).as_bytes()).await?;
        Ok(answered.await?)
    }
}

impl Downstream {
    pub async fn new(way: &str, ports: HashMap<String, u16>, limit: usize) -> Downstream {
        let way = match way {
            "new" => Way::New,
            "kept" => Way::Kept(Mutex::default()),
            "pool" => Way::Pool(Semaphore::new(limit), Mutex::default()),
            "mux" => Way::Mux(Mux::open(ports["db"]).await),
            "client" => Way::Client(hyper::Client::new()),
            other => panic!("--calls {other}"),
        };
        Downstream { ports, way }
    }

    async fn call_kept(&self, all: &Mutex<HashMap<String, Vec<Connection>>>, peer: &str, id: u64, hold_us: u64) -> Outcome {
        let idle = all.lock().expect("kept").entry(peer.to_string()).or_default().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect(self.ports[peer]).await?,
        };
        ask(&mut connection, id, hold_us).await?;
        all.lock().expect("kept").entry(peer.to_string()).or_default().push(connection);
        Ok(())
    }

    async fn call_pooled(&self, places: &Semaphore, all: &Mutex<Vec<Connection>>, id: u64, hold_us: u64) -> Outcome {
        let _place = places.acquire().await?;
        let idle = all.lock().expect("pool").pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect(self.ports["db"]).await?,
        };
        ask(&mut connection, id, hold_us).await?;
        all.lock().expect("pool").push(connection);
        Ok(())
    }

    pub async fn call(&self, peer: &str, id: u64, hold_us: u64) -> Outcome {
        match &self.way {
            Way::New => ask(&mut connect(self.ports[peer]).await?, id, hold_us).await,
            Way::Kept(idle) => self.call_kept(idle, peer, id, hold_us).await,
            Way::Pool(places, idle) => self.call_pooled(places, idle, id, hold_us).await,
            Way::Mux(mux) => mux.call(id, hold_us).await,
            Way::Client(client) => {
                let uri = format!("http://127.0.0.1:{}/{id}/{hold_us}", self.ports[peer]).parse()?;
                hyper::body::to_bytes(client.get(uri).await?.into_body()).await?;
                Ok(())
            }
        }
    }
}
