// SPDX-License-Identifier: BSD-2-Clause

//! hyper's server on tokio, with some endpoints of the C samples; downstream calls by the ways of downstream.rs.

mod downstream;
mod truth;

use downstream::{Downstream, Outcome};
use hyper::service::{make_service_fn, service_fn};
use hyper::{Body, Request, Response, Server};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use truth::{Truth, Work};

const BODY: &str = "{\"status\":\"ok\"}\n";
const TYPICAL: [&str; 5] = ["db", "cache", "db", "mail", "db"];

struct Options(HashMap<String, String>);

impl Options {
    /// `--name value` pairs.
    fn read() -> Options {
        let words: Vec<String> = std::env::args().skip(1).collect();
        Options(words.chunks(2).filter(|pair| pair.len() == 2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
    }

    fn text<'a>(&'a self, name: &str, otherwise: &'a str) -> &'a str {
        self.0.get(name).map_or(otherwise, String::as_str)
    }

    fn number(&self, name: &str, otherwise: usize) -> usize {
        self.0.get(name).map_or(otherwise, |value| value.parse().expect("a number"))
    }
}

fn number_of(query: &str, key: &str) -> u64 {
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key);
    value.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

async fn typical(work: &mut Work, downstream: &Downstream) -> Outcome {
    for peer in TYPICAL {
        downstream.call(peer, work.next_call_id(), 50_000).await?;
    }
    work.burn(10_000_000);
    Ok(())
}

/// A task for each call.
async fn parallel(work: &mut Work, downstream: &Arc<Downstream>) -> Outcome {
    let spawn = |peer| {
        let (downstream, id) = (downstream.clone(), work.next_call_id());
        tokio::spawn(async move { downstream.call(peer, id, 50_000).await })
    };
    let calls: Vec<_> = TYPICAL.into_iter().map(spawn).collect();
    for call in calls {
        call.await??;
    }
    work.burn(10_000_000);
    Ok(())
}

/// Calls one after another, the CPU in equal parts before, between and behind them.
async fn paced(work: &mut Work, downstream: &Downstream, query: &str) -> Outcome {
    let calls = number_of(query, "calls");
    let slice_ns = number_of(query, "cpu") * 1000 / (calls + 1);
    work.burn(slice_ns);
    for i in 0..calls {
        let peer = TYPICAL[i as usize % TYPICAL.len()];
        downstream.call(peer, work.next_call_id(), number_of(query, "hold")).await?;
        work.burn(slice_ns);
    }
    Ok(())
}

async fn carry_out(work: &mut Work, downstream: &Arc<Downstream>, path: &str, query: &str) -> u16 {
    let outcome = match path {
        "/json" => Ok(()),
        "/cpu" | "/block" => {
            work.burn(100_000_000);
            Ok(())
        }
        "/typical" => typical(work, downstream).await,
        "/parallel" => parallel(work, downstream).await,
        "/sleep" => {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok(())
        }
        "/work" => paced(work, downstream, query).await,
        _ => return 404,
    };
    match outcome {
        Ok(()) => 200,
        Err(error) => {
            eprintln!("{path}: request {}: {error}", work.id);
            502
        }
    }
}

/// hyper writes the response after this returns: the end that is logged is the handler's.
async fn serve(request: Request<Body>, downstream: Arc<Downstream>, truth: Arc<Truth>) -> Result<Response<Body>, Infallible> {
    let id = request.headers().get("x-id").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let path = request.uri().path();
    let mut work = Work::new(id, path);
    let status = carry_out(&mut work, &downstream, path, request.uri().query().unwrap_or("")).await;
    truth.add(&work);
    Ok(Response::builder().status(status).header("X-Id", id).body(Body::from(BODY)).expect("a response"))
}

async fn run(options: Options) {
    let ports = options.text("--downstream", "").split(',').filter_map(|pair| pair.split_once('='));
    let ports = ports.map(|(peer, port)| (peer.to_string(), port.parse().expect("a port"))).collect();
    let downstream = Arc::new(Downstream::new(options.text("--calls", "kept"), ports, options.number("--pool", 2)).await);
    let truth = Arc::new(Truth::default());
    let told = truth.clone();
    let make = make_service_fn(move |_| {
        let (downstream, truth) = (downstream.clone(), truth.clone());
        async move { Ok::<_, Infallible>(service_fn(move |request| serve(request, downstream.clone(), truth.clone()))) }
    });
    let address = ([127, 0, 0, 1], options.number("--port", 0) as u16).into();
    let server = Server::bind(&address).tcp_nodelay(true).serve(make);
    println!("READY port={} pid={}", server.local_addr().port(), std::process::id());
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("SIGTERM");
    tokio::select! {
        ended = server => ended.expect("server"),
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    if let Some(path) = options.0.get("--truth") {
        told.write(path).expect("truth");
    }
    std::process::exit(0); // connections that wait for their clients need not be closed
}

fn main() {
    let options = Options::read();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(options.number("--threads", 2)).enable_all().build().expect("runtime");
    runtime.block_on(run(options));
}
