//! Actions on the server's workers.

use std::sync::Mutex;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::longrunning::{Operation, operation};
use bazel_remote_apis::google::rpc;
use prost::Message;
use reapi::digest_function;
use reapi::execution_client::ExecutionClient;
use tokio::time::{self, Duration, Instant};
use tonic::{Code, Status, Streaming};

use super::call::{Failure, Limits, is_transient, repeat};
use super::connection::{Authorized, Token};
use crate::action::OUTPUT;

/// The largest answer, with an object that is inlined.
const MOST_MESSAGE_BYTES: usize = 16 << 20;
/// How often an action is run if the server says that another time may help.
const TRIES: usize = 3;
/// Between the end of a stream and the next one.
const WAIT: Duration = Duration::from_millis(200);

/// A server that runs actions.
pub struct Execution {
    client: ExecutionClient<Authorized>,
    instance: String,
    token: Token,
    limits: Limits,
    /// When an action was started on an idle server, or ended.
    progress: Mutex<Progress>,
}

struct Progress {
    running: usize,
    last: Instant,
}

impl Execution {
    /// The server behind a connection.
    pub fn new(
        connection: &Authorized,
        instance: &str,
        token: &Token,
        limits: Limits,
    ) -> Execution {
        let client = ExecutionClient::new(connection.clone());
        Execution {
            client: client.max_decoding_message_size(MOST_MESSAGE_BYTES),
            instance: instance.to_owned(),
            token: token.clone(),
            limits,
            progress: Mutex::new(Progress {
                running: 0,
                last: Instant::now(),
            }),
        }
    }

    /// Runs an action, the blobs of which the server has. With `again`, not from the server's cache.
    pub async fn run(
        &self,
        action: &reapi::Digest,
        again: bool,
    ) -> Result<reapi::ActionResult, Failure> {
        let _running = Running::of(&self.progress);
        let request = reapi::ExecuteRequest {
            instance_name: self.instance.clone(),
            skip_cache_lookup: again,
            action_digest: Some(action.clone()),
            inline_stderr: true,
            inline_output_files: vec![OUTPUT.to_owned()],
            digest_function: digest_function::Value::Sha256.into(),
            ..reapi::ExecuteRequest::default()
        };
        let mut tries = 1;
        loop {
            let status = match self.operation(&request).await? {
                Ok(result) => return Ok(result),
                Err(status) => status,
            };
            if tries >= TRIES || !is_transient(&status) {
                // The server answers, even if it says that it is not available.
                return Err(match Failure::of(&status) {
                    Failure::Unreachable(message) => Failure::Refused(message),
                    failure => failure,
                });
            }
            tries += 1;
        }
    }

    /// Waits for the end of an operation, also if the connection ends before.
    async fn operation(
        &self,
        request: &reapi::ExecuteRequest,
    ) -> Result<Result<reapi::ActionResult, Status>, Failure> {
        let mut name: Option<String> = None;
        loop {
            let mut stream = match &name {
                None => self.execute(request).await?,
                Some(name) => match self.wait(name).await {
                    // A server that was restarted may not know it.
                    Err(Failure::NotFound) => self.execute(request).await?,
                    opened => opened?,
                },
            };
            loop {
                match self.in_time(stream.message()).await? {
                    Ok(Some(operation)) if operation.done => return Ok(response(operation)),
                    Ok(Some(operation)) => name = Some(operation.name),
                    Err(status) if !is_transient(&status) => return Ok(Err(status)),
                    Ok(None) | Err(_) => break,
                }
            }
            self.in_time(time::sleep(WAIT)).await?;
        }
    }

    async fn execute(
        &self,
        request: &reapi::ExecuteRequest,
    ) -> Result<Streaming<Operation>, Failure> {
        let call = || {
            let (mut client, request) = (self.client.clone(), request.clone());
            async move { Ok(client.execute(request).await?.into_inner()) }
        };
        repeat(self.limits, &self.token, call).await
    }

    async fn wait(&self, name: &str) -> Result<Streaming<Operation>, Failure> {
        let call = || {
            let mut client = self.client.clone();
            let name = name.to_owned();
            async move {
                let request = reapi::WaitExecutionRequest { name };
                Ok(client.wait_execution(request).await?.into_inner())
            }
        };
        repeat(self.limits, &self.token, call).await
    }

    /// The output of `future`, unless no action ends for too long. Actions may be in a queue, so the
    /// time of one of them does not matter.
    async fn in_time<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
        let mut future = std::pin::pin!(future);
        loop {
            let last = self.progress.lock().expect("its holders do not panic").last;
            let end = last + self.limits.execution;
            if let Ok(output) = time::timeout_at(end, &mut future).await {
                return Ok(output);
            }
            let now = self.progress.lock().expect("its holders do not panic").last;
            if now == last {
                let seconds = self.limits.execution.as_secs_f32();
                let message = format!("no action ended within {seconds} s");
                return Err(Failure::Refused(message));
            }
        }
    }
}

/// An action that has not ended.
struct Running<'a>(&'a Mutex<Progress>);

impl<'a> Running<'a> {
    fn of(progress: &'a Mutex<Progress>) -> Running<'a> {
        let mut now = progress.lock().expect("its holders do not panic");
        if now.running == 0 {
            now.last = Instant::now();
        }
        now.running += 1;
        Running(progress)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut now = self.0.lock().expect("its holders do not panic");
        now.running -= 1;
        now.last = Instant::now();
    }
}

/// The result in an operation that is done.
fn response(operation: Operation) -> Result<reapi::ActionResult, Status> {
    let of_status = |status: rpc::Status| Status::new(Code::from(status.code), status.message);
    let response = match operation.result {
        Some(operation::Result::Response(any)) => reapi::ExecuteResponse::decode(&*any.value)
            .map_err(|error| Status::data_loss(format!("an unknown answer: {error}")))?,
        Some(operation::Result::Error(status)) => return Err(of_status(status)),
        None => return Err(Status::internal("an operation without a result")),
    };
    let status = of_status(response.status.unwrap_or_default());
    match (status.code(), response.result) {
        (Code::Ok, Some(result)) => Ok(result),
        (Code::Ok, None) => Err(Status::internal("an answer without a result")),
        _ => Err(status),
    }
}
