//! A gRPC connection of its own: HTTP/2, with a lane's certificate or without TLS.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{Method, Request, Uri};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::order::Order;

/// The message of an answer, or why there is none.
pub(crate) type Answer = Result<Bytes, String>;

/// More than any answer, so that no answer waits for credit.
const WINDOW_BYTES: u32 = 1 << 24;
/// One byte that says "not compressed", and the message's length.
const PREFIX_BYTES: usize = 5;
const TIMEOUT: &str = "30S";
const RETRIES_FOR: Duration = Duration::from_secs(30);
const RETRY_AFTER: Duration = Duration::from_millis(1);

/// How to get in: where to connect, and whose certificate to show.
pub(crate) struct Door {
    target: String,
    method: Uri,
    tls: Option<TlsConnector>,
}

impl Door {
    /// Reads the caller's certificate and key in the demo folder.
    pub(crate) fn new(demo: &Path, order: &Order) -> Result<Self, Box<dyn Error>> {
        let scheme = if order.caller.is_empty() { "http" } else { "https" };
        let method = format!("{scheme}://{}{}", order.target, order.method).parse()?;
        let tls = match order.caller.as_str() {
            "" => None,
            caller => Some(TlsConnector::from(Arc::new(client_config(demo, caller)?))),
        };
        Ok(Self { target: order.target.clone(), method, tls })
    }

    /// Opens a connection; its task ends with it.
    pub(crate) async fn connect(&self) -> Result<Connection, Box<dyn Error>> {
        let stream = TcpStream::connect(&self.target).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return shaken(stream).await };
        let host = self.target.rsplit_once(':').map_or(self.target.as_str(), |(host, _)| host);
        shaken(tls.connect(ServerName::try_from(host.to_owned())?, stream).await?).await
    }

    /// Where a method is called.
    pub(crate) fn method(&self) -> &Uri {
        &self.method
    }
}

fn client_config(demo: &Path, caller: &str) -> Result<ClientConfig, Box<dyn Error>> {
    let tls = demo.join("tls");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(tls.join("ca.pem"))? {
        roots.add(certificate?)?;
    }
    let chain: Vec<_> = CertificateDer::pem_file_iter(tls.join(format!("{caller}.pem")))?
        .collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(tls.join(format!("{caller}.key")))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

async fn shaken<T>(stream: T) -> Result<Connection, Box<dyn Error>>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .handshake::<_, Bytes>(stream)
        .await?;
    let closed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&closed);
    tokio::spawn(async move {
        // Whoever waits for an answer learns of the error there.
        let _ended = connection.await;
        seen.store(true, Ordering::Relaxed);
    });
    Ok(Connection { sender, closed })
}

/// A handle on one connection; clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    sender: SendRequest<Bytes>,
    closed: Arc<AtomicBool>,
}

impl Connection {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// One unary call. A stream that the server refused before it looked at it is opened again, as
    /// every gRPC client does; the wait counts, since the call's time began before.
    pub(crate) async fn call(self, method: Uri, message: Vec<u8>) -> Answer {
        let began = Instant::now();
        loop {
            let error = match self.clone().answer(method.clone(), &message).await {
                Ok(answer) => return answer,
                Err(error) => error,
            };
            let refused = error
                .downcast_ref::<h2::Error>()
                .is_some_and(|error| error.reason() == Some(h2::Reason::REFUSED_STREAM));
            if !refused || began.elapsed() > RETRIES_FOR {
                return Err(format!("connection: {error}"));
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn answer(self, method: Uri, message: &[u8]) -> Result<Answer, Box<dyn Error>> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(method)
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .header("grpc-timeout", TIMEOUT)
            .body(())?;
        let mut sender = self.sender.ready().await?;
        let (response, mut body) = sender.send_request(request, false)?;
        body.send_data(framed(message)?, true)?;
        let response = response.await?;
        let headers = response.headers().clone();
        let mut incoming = response.into_body();
        let mut whole = BytesMut::new();
        while let Some(chunk) = incoming.data().await {
            let chunk = chunk?;
            incoming.flow_control().release_capacity(chunk.len())?;
            whole.put(chunk);
        }
        // A refusal has its status in the headers: it has no message and no trailers.
        let trailers = incoming.trailers().await?.unwrap_or(headers);
        let header = |name: &str| {
            trailers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let status = header("grpc-status");
        if status != "0" {
            return Ok(Err(format!("grpc-status {status}: {}", header("grpc-message"))));
        }
        if whole.len() < PREFIX_BYTES {
            return Ok(Err("an answer without a message".into()));
        }
        Ok(Ok(whole.freeze().split_off(PREFIX_BYTES)))
    }
}

/// A message as gRPC frames it.
fn framed(message: &[u8]) -> Result<Bytes, std::num::TryFromIntError> {
    let mut frame = BytesMut::with_capacity(message.len().saturating_add(PREFIX_BYTES));
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len())?);
    frame.put_slice(message);
    Ok(frame.freeze())
}
