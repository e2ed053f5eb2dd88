//! A connection to a server, with its certificates and the token.

use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use helped::Helped;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use super::call::Credentials;
use crate::settings::Settings;

const CONNECT: Duration = Duration::from_secs(5);
/// A connection is closed if the server does not answer this often.
const PING: Duration = Duration::from_secs(20);

/// The address of a server: `grpc://HOST:PORT`, or `grpcs://` with TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    tls: bool,
    rest: String,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Address> {
        let (scheme, rest) = text.split_once("://").context("there is no `grpc://`")?;
        let tls = scheme == "grpcs";
        ensure!(
            tls || scheme == "grpc",
            "it has to start with `grpc://` or `grpcs://`"
        );
        ensure!(
            !rest.is_empty() && !rest.contains('/'),
            "it has to end with HOST:PORT"
        );
        let rest = rest.to_owned();
        Ok(Address { tls, rest })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "grpcs" } else { "grpc" };
        write!(f, "{scheme}://{}", self.rest)
    }
}

impl Address {
    fn is_loopback(&self) -> bool {
        let host = self
            .rest
            .rsplit_once(':')
            .map_or(&*self.rest, |(host, _)| host);
        let address = host.parse::<Ipv4Addr>();
        host == "localhost" || host == "[::1]" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// A channel that adds the token to each call.
pub type Authorized = InterceptedService<Channel, Token>;

/// Opens a connection when it is first used. All calls share it.
pub fn open(address: &Address, settings: &Settings, token: &Token) -> anyhow::Result<Authorized> {
    let scheme = if address.tls { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{}", address.rest))
        .with_context(|| format!("{address} is not the address of a server"))?
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .tcp_nodelay(true);
    if address.tls {
        endpoint = endpoint
            .tls_config(tls(settings)?)
            .context("the certificates cannot be used")?;
    } else if token.0.is_some() && !address.is_loopback() {
        let message = format!("the token would be readable on the way to {address}");
        return Err(Helped::new(message, "use `grpcs://`").into());
    }
    Ok(InterceptedService::new(
        endpoint.connect_lazy(),
        token.clone(),
    ))
}

fn tls(settings: &Settings) -> anyhow::Result<ClientTlsConfig> {
    let read = |path: &Path| {
        fs::read(path).with_context(|| format!("cannot read the certificate {}", path.display()))
    };
    let mut tls = ClientTlsConfig::new();
    tls = match &settings.remote_ca {
        Some(path) => tls.ca_certificate(Certificate::from_pem(read(path)?)),
        None => tls.with_native_roots(),
    };
    match (&settings.remote_certificate, &settings.remote_key) {
        (Some(certificate), Some(key)) => {
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        (None, None) => {}
        _ => bail!("there is only one of `remote-certificate` and `remote-key`"),
    }
    Ok(tls)
}

/// The bearer token in a file, if there is one.
#[derive(Clone)]
pub struct Token(Option<Arc<TokenFile>>);

struct TokenFile {
    path: PathBuf,
    header: RwLock<MetadataValue<Ascii>>,
    version: AtomicU64,
}

impl Token {
    /// Reads the token of `settings`.
    pub fn read(settings: &Settings) -> anyhow::Result<Token> {
        let file = settings.remote_token_file.clone().map(|path| {
            let header = RwLock::new(header(&path)?);
            let version = AtomicU64::new(0);
            anyhow::Ok(Arc::new(TokenFile {
                path,
                header,
                version,
            }))
        });
        Ok(Token(file.transpose()?))
    }
}

impl Credentials for Token {
    fn version(&self) -> u64 {
        let version = |file: &Arc<TokenFile>| file.version.load(Ordering::Relaxed);
        self.0.as_ref().map_or(0, version)
    }

    /// Reads the file again.
    fn renew(&self) {
        if let Some(file) = &self.0
            && let Ok(new) = header(&file.path)
        {
            let mut header = file.header.write().expect("its writers do not panic");
            if *header != new {
                *header = new;
                file.version.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn header(path: &Path) -> anyhow::Result<MetadataValue<Ascii>> {
    let token = fs::read_to_string(path)
        .with_context(|| format!("cannot read the token in {}", path.display()))?;
    let header = format!("Bearer {}", token.trim()).parse();
    let mut header: MetadataValue<Ascii> =
        header.with_context(|| format!("{} is not a token", path.display()))?;
    header.set_sensitive(true);
    Ok(header)
}

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(file) = &self.0 {
            let header = file
                .header
                .read()
                .expect("its writers do not panic")
                .clone();
            request.metadata_mut().insert("authorization", header);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;

    #[test]
    fn addresses_have_a_scheme_and_a_host() {
        for good in ["grpc://127.0.0.1:8980", "grpcs://cache.example.com"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        for wrong in ["localhost:1", "http://x", "grpc://", "grpc://x/y"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
        let loopback = |text: &str| text.parse::<Address>().unwrap().is_loopback();
        assert!(loopback("grpc://127.0.0.1:1") && loopback("grpc://localhost:1"));
        assert!(loopback("grpc://[::1]:1") && !loopback("grpc://example.com:1"));
        assert!(!loopback("grpc://127.0.0.1.example.com:1"));
    }

    #[tokio::test]
    async fn a_token_is_not_sent_in_the_clear() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "secret\n").unwrap();
        let mut settings = Settings::local(dir.path(), NonZero::<usize>::MIN);
        settings.remote_token_file = Some(path.clone());
        let token = Token::read(&settings).unwrap();
        let open = |address: &str| open(&address.parse().unwrap(), &settings, &token).map(|_| ());
        open("grpc://localhost:1").unwrap();
        open("grpcs://example.com").unwrap();
        let error = open("grpc://example.com").unwrap_err().to_string();
        assert!(error.ends_with("to grpc://example.com"), "{error}");
        // It is read again.
        token.renew();
        assert_eq!(token.version(), 0);
        fs::write(&path, "other").unwrap();
        token.renew();
        token.renew();
        assert_eq!(token.version(), 1);
        let request = token.clone().call(Request::new(())).unwrap();
        let header = request.metadata().get("authorization").unwrap();
        assert_eq!(header, "Bearer other");
        // Other lines would be other headers.
        fs::write(&path, "a\nb").unwrap();
        token.renew();
        assert_eq!(token.version(), 1);
        assert!(Token::read(&settings).is_err());
    }
}
