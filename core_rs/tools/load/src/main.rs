//! A load client that costs a tenth of what a Python one does, so that what it measures is the server.
//!
//! Orders come as JSON lines on stdin and results go out as JSON lines (see `order`): the same ones as
//! `loadtests/bench/load_client.py` takes, whose place this program takes where there is cargo.
//! Run as `descargo-load DEMO_FOLDER CORPUS CLIENT_NO CLIENTS`.

mod answers;
mod connection;
mod load;
mod order;
mod requests;
mod schedule;

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use connection::{Connection, Door};
use order::{Order, Ready, Told};
use requests::{Corpus, Requests};
use serde::Serialize;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [demo, corpus, client_no, clients] = arguments.as_slice() else {
        return Err("usage: descargo-load DEMO_FOLDER CORPUS CLIENT_NO CLIENTS".into());
    };
    let corpus = Corpus::read(Path::new(corpus))?;
    let requests = Requests::new(corpus, client_no.parse()?, clients.parse()?)?;
    // One thread: what is measured shares this machine.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(PathBuf::from(demo), requests))
}

/// Takes orders until stdin ends. Between orders nothing is under way, so reading stdin may block.
async fn serve(demo: PathBuf, mut requests: Requests) -> Result<(), Box<dyn Error>> {
    let mut connections: HashMap<(String, String, usize), Connection> = HashMap::new();
    while let Some(line) = next_line()? {
        let order: Order = serde_json::from_str(&line)?;
        let door = Door::new(&demo, &order)?;
        for place in 0..order.connections {
            let key = (order.target.clone(), order.caller.clone(), place);
            // The server closes idle connections; then an order begins with fresh ones.
            if connections.get(&key).is_none_or(Connection::is_closed) {
                connections.insert(key, door.connect().await?);
            }
        }
        let lanes: Vec<Connection> = (0..order.connections)
            .filter_map(|place| {
                connections.get(&(order.target.clone(), order.caller.clone(), place)).cloned()
            })
            .collect();
        let method = door.method();
        if order.warm_up_s > 0.0 {
            (_, requests) = load::window(&order, method, &lanes, requests, order.warm_up_s).await?;
        }
        tell(&Ready { ready: true })?;
        if next_line()?.is_none() {
            return Ok(());
        }
        let window;
        (window, requests) = load::window(&order, method, &lanes, requests, order.window_s).await?;
        tell(&Told::of(window, &order.expect))?;
    }
    Ok(())
}

fn next_line() -> std::io::Result<Option<String>> {
    let mut line = String::new();
    Ok((std::io::stdin().lock().read_line(&mut line)? != 0).then_some(line))
}

fn tell(message: &impl Serialize) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, message)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}
