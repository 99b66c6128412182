//! The ports of the API and the status page: opened before anything is promised, served by the workers, closed in order.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::api;
use crate::api::Api;
use crate::api::Readiness;
use crate::io::doorway::Doorway;
use crate::io::holder;
use crate::server::error::ServeError;
use crate::store::writer::Writer;

/// Requests that run when the server ends get this long.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

pub(super) struct Door {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

/// The door while it is open.
pub(super) struct Closing {
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Door {
    pub(super) fn open(listen: SocketAddr) -> Result<Door, ServeError> {
        let fault = |why: io::Error| explain(listen, why);
        let listener = std::net::TcpListener::bind(listen).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        Ok(Door { listener, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn serve(self, api: Api, workers: &Handle) -> Closing {
        self.serve_by("the API", Doorway::for_programs, api::router(api), workers)
    }

    /// For everybody: so many at a time, and none for long.
    pub(super) fn serve_strangers(self, router: Router, workers: &Handle) -> Closing {
        self.serve_by("the status page", Doorway::for_strangers, router, workers)
    }

    fn serve_by(
        self,
        what: &'static str,
        way: fn(TcpListener) -> Doorway,
        router: Router,
        workers: &Handle,
    ) -> Closing {
        let (end, mut ended) = watch::channel(false);
        let task = workers.spawn(async move {
            let asked_to_end = async move {
                // An error means that the other side is gone, which is an end as well.
                let _ = ended.wait_for(|end| *end).await;
            };
            let served = match TcpListener::from_std(self.listener) {
                Ok(listener) => axum::serve(way(listener), router).with_graceful_shutdown(asked_to_end).await,
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                tracing::error!(%error, "{what} has ended");
            }
        });
        Closing { end, task }
    }
}

impl Closing {
    pub(super) async fn close(self) {
        let _ = self.end.send(true);
        if timeout(CLOSED_WITHIN, self.task).await.is_err() {
            tracing::debug!("a request was still running when the API was closed");
        }
    }
}

/// Not ready while nothing can be kept: calls go on, but their records may be lost.
pub(super) fn readiness(writer: &Writer) -> Box<dyn Fn() -> Readiness + Send + Sync> {
    let writer = writer.clone();
    Box::new(move || {
        let figures = writer.figures();
        match figures.in_trouble {
            false => Readiness::Ready,
            true => {
                let waiting = figures.waiting;
                Readiness::NotReady(vec![format!("the database cannot be written; {waiting} things wait in memory")])
            }
        }
    })
}

fn explain(address: SocketAddr, why: io::Error) -> ServeError {
    match why.kind() {
        io::ErrorKind::AddrInUse => {
            ServeError::ApiTaken { address, holder: holder::in_words(holder::Protocol::Tcp, address.port()) }
        }
        _ => ServeError::Api { address, why },
    }
}
