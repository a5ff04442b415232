//! The APIs' listener.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::router::router;
use super::state::Api;

/// Serves the APIs until `stopped`, and then what is under way.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stopped).await
}
