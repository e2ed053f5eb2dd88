//! Calls of a server: each has a deadline, and is repeated if that may help.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use tokio::time::{self, Instant};
use tonic::{Code, Status};

/// The first wait before a call is repeated; later ones are longer.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long a server may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the answer to a call.
    pub call: Duration,
    /// For a call with all of its repetitions.
    pub repeated: Duration,
    /// For the next action that ends on any worker.
    pub execution: Duration,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// The server does not have it.
    NotFound,
    /// What the server has is not what it should be.
    Corrupt(String),
    /// The server lacks something that this needs.
    Precondition(String),
    /// The server does not do this.
    Refused(String),
    /// There is no connection, or the credentials are wrong, so no other call will succeed either.
    Unreachable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotFound => f.write_str("the server does not have it"),
            Failure::Corrupt(message)
            | Failure::Precondition(message)
            | Failure::Refused(message)
            | Failure::Unreachable(message) => f.write_str(message),
        }
    }
}

impl Failure {
    /// The failure that `status` means once there are no more repetitions.
    pub fn of(status: &Status) -> Failure {
        let message = message(status);
        match status.code() {
            Code::NotFound => Failure::NotFound,
            Code::FailedPrecondition => Failure::Precondition(message),
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Unauthenticated => Failure::Unreachable(message),
            _ => Failure::Refused(message),
        }
    }
}

/// The status with its causes.
fn message(status: &Status) -> String {
    let mut text = format!("{}: {}", status.code(), status.message());
    let mut cause = status.source();
    while let Some(error) = cause {
        let error_text = error.to_string();
        if !text.contains(&error_text) {
            text += &format!(": {error_text}");
        }
        cause = error.source();
    }
    text
}

/// Whether the same call may succeed later.
pub fn is_transient(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::Unknown => !is_tls_error(status),
        Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Aborted
        | Code::Internal
        | Code::ResourceExhausted => true,
        _ => false,
    }
}

/// rustls reports wrong certificates as invalid data.
fn is_tls_error(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::InvalidData
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What says to a server who calls.
pub trait Credentials {
    /// Changes with them.
    fn version(&self) -> u64;
    /// Looks for newer ones.
    fn renew(&self);
}

/// Makes a call until it succeeds or cannot.
pub async fn repeat<T, F: Future<Output = Result<T, Status>>>(
    limits: Limits,
    credentials: &impl Credentials,
    mut call: impl FnMut() -> F,
) -> Result<T, Failure> {
    let end = Instant::now() + limits.repeated;
    let mut wait = FIRST_WAIT;
    let mut renewed = false;
    loop {
        let version = credentials.version();
        let answer = time::timeout(limits.call, call()).await;
        let status = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(status)) => status,
            Err(_) => Status::deadline_exceeded(format!(
                "no answer within {} s",
                limits.call.as_secs_f32()
            )),
        };
        if status.code() == Code::Unauthenticated && !renewed {
            credentials.renew();
            // Another call may have renewed them.
            renewed = credentials.version() != version;
            if renewed {
                continue;
            }
        }
        if !is_transient(&status) || Instant::now() + wait > end {
            return Err(Failure::of(&status));
        }
        tracing::debug!(%status, "repeat a call");
        time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LIMITS: Limits = Limits {
        call: Duration::from_secs(30),
        repeated: Duration::from_secs(10),
        execution: Duration::from_secs(300),
    };

    /// Credentials that can be renewed so many times.
    struct Renewals(Cell<u64>);

    impl Credentials for Renewals {
        fn version(&self) -> u64 {
            self.0.get()
        }

        fn renew(&self) {
            self.0.set(self.0.get().saturating_sub(1));
        }
    }

    /// The number of calls, the seconds, and the result, if each call has the next of `codes`, the last
    /// one for ever.
    async fn calls(codes: &[Code], renewals: u64) -> (usize, f32, Result<(), Failure>) {
        let count = Cell::new(0);
        let start = Instant::now();
        let renewals = Renewals(Cell::new(renewals));
        let result = repeat(LIMITS, &renewals, || {
            let code = codes[count.get().min(codes.len() - 1)];
            count.set(count.get() + 1);
            async move {
                match code {
                    Code::Ok => Ok(()),
                    code => Err(Status::new(code, "said so")),
                }
            }
        });
        let result = result.await;
        (count.get(), start.elapsed().as_secs_f32(), result)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_may_come_back() {
        let codes = [
            Code::Unavailable,
            Code::Internal,
            Code::Unavailable,
            Code::Ok,
        ];
        let (count, _, result) = calls(&codes, 0).await;
        assert!(count == 4 && result.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_away_is_given_up() {
        let (count, seconds, result) = calls(&[Code::Unavailable], 0).await;
        assert!(count > 4 && seconds < 10.1, "{count} calls, {seconds} s");
        assert!(matches!(result, Err(Failure::Unreachable(_))));
        // One that is full answers, so other calls may succeed.
        let (count, _, result) = calls(&[Code::ResourceExhausted], 0).await;
        assert!(count > 4 && matches!(result, Err(Failure::Refused(_))));
        let start = Instant::now();
        let never = std::future::pending::<Result<(), Status>>;
        let result = repeat(LIMITS, &Renewals(Cell::new(0)), never).await;
        let Err(Failure::Unreachable(message)) = result else {
            panic!("there is no answer");
        };
        assert!(message.contains("no answer within 30 s"), "{message}");
        assert!(start.elapsed() < Duration::from_secs(31));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_succeed_is_not_repeated() {
        let (count, _, result) = calls(&[Code::NotFound], 0).await;
        assert!(count == 1 && matches!(result, Err(Failure::NotFound)));
        let (count, _, result) = calls(&[Code::PermissionDenied], 1).await;
        assert!(count == 1 && matches!(result, Err(Failure::Refused(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn new_credentials_are_tried_once() {
        let (count, _, result) = calls(&[Code::Unauthenticated, Code::Ok], 1).await;
        assert!(count == 2 && result.is_ok());
        let (count, _, result) = calls(&[Code::Unauthenticated], 5).await;
        assert!(count == 2 && matches!(result, Err(Failure::Unreachable(_))));
        let (count, _, _) = calls(&[Code::Unauthenticated, Code::Ok], 0).await;
        assert_eq!(count, 1);
    }
}
