//! Bounds the processes on this machine, together with the make or cargo that started this one.

use std::io;
use std::num::NonZero;
use std::sync::Arc;

use anyhow::Context;
use jobserver::{Acquired, Client, HelperThread};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// The tokens for processes.
pub struct Tokens {
    slots: Arc<Semaphore>,
    server: Option<Server>,
}

/// A job server, of which this process holds one token from the start.
struct Server {
    own: Arc<Semaphore>,
    requests: HelperThread,
    granted: Mutex<UnboundedReceiver<io::Result<Acquired>>>,
}

/// The right to run a process, until it is dropped.
pub struct Token {
    _slot: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
    _granted: Option<Acquired>,
}

impl Tokens {
    /// At most `jobs` tokens, and no more than the job server in the environment has.
    pub fn new(jobs: NonZero<usize>) -> anyhow::Result<Tokens> {
        // SAFETY: no other code of this process opens or uses the file descriptors that the
        // environment names.
        #[allow(unsafe_code)]
        let client = unsafe { Client::from_env() };
        Tokens::with(jobs, client)
    }

    fn with(jobs: NonZero<usize>, client: Option<Client>) -> anyhow::Result<Tokens> {
        let server = client.map(|client| -> anyhow::Result<_> {
            let (sender, granted) = mpsc::unbounded_channel();
            let requests = client
                .into_helper_thread(move |token| drop(sender.send(token)))
                .context("cannot start the thread of the job server")?;
            Ok(Server {
                own: Arc::new(Semaphore::new(1)),
                requests,
                granted: Mutex::new(granted),
            })
        });
        Ok(Tokens {
            slots: Arc::new(Semaphore::new(jobs.get())),
            server: server.transpose()?,
        })
    }

    /// Waits for a token.
    pub async fn take(&self) -> anyhow::Result<Token> {
        let mut token = Token {
            _slot: self.slots.clone().acquire_owned().await?,
            _own: None,
            _granted: None,
        };
        if let Some(server) = &self.server {
            match server.own.clone().try_acquire_owned() {
                Ok(own) => token._own = Some(own),
                Err(_) => {
                    server.requests.request_token();
                    tokio::select! {
                        own = server.own.clone().acquire_owned() => token._own = Some(own?),
                        granted = server.granted() => token._granted = Some(granted?),
                    }
                }
            }
        }
        Ok(token)
    }
}

impl Server {
    async fn granted(&self) -> anyhow::Result<Acquired> {
        let granted = self.granted.lock().await.recv().await;
        let granted = granted.context("the thread of the job server ended")?;
        granted.context("cannot get a token of the job server")
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::Poll;

    use super::*;

    fn tokens(jobs: usize, client: Option<&Client>) -> Tokens {
        Tokens::with(NonZero::new(jobs).unwrap(), client.cloned()).unwrap()
    }

    /// Whether a future is not ready after others had their turn.
    async fn waits(future: &mut (impl Future + Unpin)) -> bool {
        tokio::task::yield_now().await;
        std::future::poll_fn(|context| {
            Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
        })
        .await
    }

    #[tokio::test]
    async fn there_are_no_more_tokens_than_jobs() {
        let tokens = tokens(2, None);
        let first = tokens.take().await.unwrap();
        let _second = tokens.take().await.unwrap();
        let mut third = Box::pin(tokens.take());
        assert!(waits(&mut third).await);
        drop(first);
        third.await.unwrap();
    }

    #[tokio::test]
    async fn tokens_of_the_job_server_are_returned() {
        let client = Client::new(1).unwrap();
        let tokens = tokens(8, Some(&client));
        // One is this process's own, and one the server's.
        let own = tokens.take().await.unwrap();
        let granted = tokens.take().await.unwrap();
        assert!(own._own.is_some() && granted._granted.is_some());
        let mut third = Box::pin(tokens.take());
        assert!(waits(&mut third).await);
        drop(granted);
        let third = third.await.unwrap();
        drop((own, third, tokens));
        assert_eq!(client.available().unwrap(), 1);
    }
}
